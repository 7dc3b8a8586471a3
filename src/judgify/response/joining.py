"""Which incident a signal belongs to: root naming, joining, reopening (see semantics: signal → incident). Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from judgify.response.incident import Incident
from judgify.response.model import UNSETTLED, Classification, Drill, IncidentKey, Signal
from judgify.response.policy import Policy

DOWN: Final = "service_down"
"""The signal of a process that is gone or hangs."""


@dataclass(frozen=True, slots=True)
class Open:
    """A new incident under this key."""

    key: IncidentKey


@dataclass(frozen=True, slots=True)
class Join:
    """Part of this incident; `reopen` when it had recovered or was resolved."""

    incident: Incident
    reason: str
    reopen: bool = False


@dataclass(frozen=True, slots=True)
class Reroot:
    """Part of this incident, and its root from now on; `merge` are others that turn out to have the same root."""

    incident: Incident
    key: IncidentKey
    reason: str
    merge: tuple[Incident, ...] = ()


Place = Open | Join | Reroot
WellSince = Callable[[str], datetime | None]
"""Since when our own check has found a service good without a break; None where it is not, or nobody looks."""
BLAMES: Final = "blames"
"""Label of our own probe's signal: the dependency that the service itself names as what fails."""


def never_seen(_: str) -> None:
    """Know of no service that it is well: every open incident of a root then takes its dependents' signals."""


def place(
    signal: Signal,
    kind: Classification,
    recent: Sequence[Incident],
    policy: Policy,
    now: datetime,
    *,
    well_since: WellSince = never_seen,
) -> Place:
    """Say where a signal belongs, given the incidents that are not settled or recovered lately.

    A dependent joins the incident of its root only while the root may be the cause: not well, or well for less than
    the guide's settling time. A dependent whose own process is gone while its root is well has an incident of its own.
    """
    service = signal.service
    blamed = _blamed(signal, policy)
    key = IncidentKey(root=blamed or service, failure_class=kind.failure_class, drill=signal.drill)

    def explains(incident: Incident) -> bool:
        root = incident.key.root
        if root in {service, blamed}:
            return True
        well = well_since(root)
        if well is None:
            return True
        own_fault = signal.own and signal.source == "probe" and signal.signal == DOWN
        return not own_fault and now - well <= timedelta(seconds=policy.settling_s())

    related = [
        incident
        for incident in recent
        if incident.drill == signal.drill
        and incident.merged_into is None
        and policy.may_join(kind.failure_class, incident.key.failure_class)
    ]
    ongoing = sorted((i for i in related if i.ongoing), key=lambda incident: (incident.started_at, incident.id))
    for incident in ongoing:
        known = service in incident.service_names()
        if service == incident.key.root or (known and (_told(incident, signal) or explains(incident))):
            return Join(incident, f"{service} is already part of this incident")
    needs = policy.roots_behind(service, signal.signal)
    behind = [incident for incident in ongoing if incident.key.root in needs and explains(incident)]
    if behind:
        deepest = _deepest(behind, policy)
        return Join(deepest, f"{service} depends on {deepest.key.root}")
    reopened = _reopening(service, key, [incident for incident in related if explains(incident)], policy, now)
    if reopened is not None:
        return reopened
    young = timedelta(seconds=policy.reroot_within_s())
    deeper = [i for i in ongoing if _shows(i, key.root, policy) and now - i.started_at <= young]
    if deeper:
        first, *others = deeper
        reason = f"{first.key.root} depends on {key.root}, which fails too"
        return Reroot(first, key, reason, tuple(others))
    return Open(key)


def _blamed(signal: Signal, policy: Policy) -> str | None:
    """Give the dependency that a living service names as what fails; only our own probe is believed."""
    named = signal.labels.get(BLAMES) if signal.own and signal.signal != DOWN else None
    return named if named is not None and named in policy.roots_behind(signal.service, signal.signal) else None


def _told(incident: Incident, signal: Signal) -> bool:
    """Tell whether an incident has this kind of signal already: a repeat is nothing new."""
    return any((seen.service, seen.signal) == (signal.service, signal.signal) for seen in incident.signals)


def _deepest(behind: Sequence[Incident], policy: Policy) -> Incident:
    """Give the incident behind whose root no other of them lies; the oldest of several."""
    roots = {incident.key.root for incident in behind}
    signals = {incident.id: incident.signals[0].signal for incident in behind}
    first = [
        incident for incident in behind if not roots & policy.roots_behind(incident.key.root, signals[incident.id])
    ]
    return (first or list(behind))[0]


def _shows(incident: Incident, service: str, policy: Policy) -> bool:
    """Tell whether what the root of an incident shows may come from this service."""
    root = incident.key.root
    return any(service in policy.roots_behind(root, seen.signal) for seen in incident.signals if seen.service == root)


def _reopening(
    service: str, key: IncidentKey, related: Sequence[Incident], policy: Policy, now: datetime
) -> Join | None:
    within = timedelta(seconds=policy.reopen_within_s())
    for incident in sorted(related, key=lambda i: i.started_at, reverse=True):
        if incident.ongoing or incident.recovered_at is None:
            continue
        same = incident.key == key or (incident.state in UNSETTLED and service in incident.service_names())
        if same and incident.state != "closed" and now - incident.recovered_at <= within:
            return Join(incident, f"{service} failed again after it had recovered", reopen=True)
    return None


def drill_of(service: str, signal: str, drills: Sequence[Drill], policy: Policy, now: datetime) -> str | None:
    """Give the id of the running drill that touches a service, or something that the service depends on."""
    touched = {service, *policy.roots_behind(service, signal)}
    for drill in drills:
        if drill.finished_at is None and drill.started_at <= now < drill.expires_at and touched & set(drill.services):
            return drill.id
    return None
