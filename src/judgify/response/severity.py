"""Severity of a signal (guide 1.1), and from signals to incidents: folding, naming the root, recovery order (1.2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from judgify.response.guide.catalogue import FailureClass
from judgify.response.guide.classify import (
    NO_RULE,
    NOT_EVALUABLE,
    UNKNOWN_SERVICE,
    Classification,
    canonical_service,
    classify,
)
from judgify.response.guide.schema import Guide

__all__ = [
    "NOT_EVALUABLE",
    "NO_RULE",
    "UNKNOWN_SERVICE",
    "Classification",
    "Join",
    "Open",
    "OpenIncident",
    "Reroot",
    "attach",
    "canonical_service",
    "classify",
    "order_of_recovery",
    "root_of",
]


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """What folding needs to know of an incident that is not yet resolved. `root_signals`: seen on its root so far."""

    id: str
    root: str
    failure_class: FailureClass
    drill: str | None
    opened_at: datetime
    root_signals: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Join:
    """The signal is part of this incident."""

    incident: str


@dataclass(frozen=True, slots=True)
class Reroot:
    """The signal is part of this young incident, and its service is what lies behind it: name it as the root."""

    incident: str
    root: str


@dataclass(frozen=True, slots=True)
class Open:
    """The signal opens an incident on this service."""

    root: str


def attach(
    guide: Guide,
    *,
    service: str,
    signal: str,
    failure_class: FailureClass,
    drill: str | None,
    open_incidents: Sequence[OpenIncident],
    now: datetime,
) -> Join | Reroot | Open:
    """Say which incident a signal belongs to.

    It joins the incident of its own service or of one that this service depends on; a signal that a well-running
    service shows for another also that of one it reflects. A young incident is renamed when the signal comes from
    something that its root depends on. Drills and other classes of failure stay apart.
    """
    joins = guide.intake.failure_classes[failure_class].joins
    near = [each for each in open_incidents if each.drill == drill and each.failure_class in joins]
    own = [each for each in near if each.root == service]
    if own:
        return Join(min(own, key=_age).id)
    behind = guide.roots_behind(service, reflected=_reflected(guide, {signal}))
    causes = {each.root: each for each in sorted(near, key=_age, reverse=True) if each.root in behind}
    if causes:
        return Join(causes[root_of(guide, causes)].id)
    young = [
        each
        for each in near
        if now - each.opened_at <= timedelta(seconds=guide.intake.reroot_within_s)
        and service in guide.roots_behind(each.root, reflected=_reflected(guide, each.root_signals))
    ]
    return Reroot(min(young, key=_age).id, service) if young else Open(service)


def _age(incident: OpenIncident) -> tuple[datetime, str]:
    return incident.opened_at, incident.id


def _reflected(guide: Guide, signals: Iterable[str]) -> bool:
    """Say whether all signals are such as a well-running service shows for another; no signal at all is not."""
    entries = [guide.signals.signals.get(signal) for signal in signals]
    return bool(entries) and all(entry is not None and entry.reflected for entry in entries)


def root_of(guide: Guide, services: Iterable[str]) -> str:
    """Name the root among services that fail together: none of what it depends on fails; of several, 1.2's first.

    At least one service must be given.
    """
    failing = set(services)
    roots = [name for name in failing if not guide.roots_behind(name, reflected=True) & failing]
    return min(roots, key=lambda name: _priority(guide, name))


def order_of_recovery(guide: Guide, services: Iterable[str]) -> tuple[str, ...]:
    """Give services in the order of recovery: what one needs comes before it, the rest as in section 1.2.

    Services that the catalogue lacks come last, by name.
    """
    waiting = sorted(set(services), key=lambda name: _priority(guide, name))
    ordered: list[str] = []
    while waiting:
        following = next(name for name in waiting if not guide.needs(name) & set(waiting))
        waiting.remove(following)
        ordered.append(following)
    return tuple(ordered)


def _priority(guide: Guide, service: str) -> tuple[int, int, str]:
    names = list(guide.services)
    if service not in guide.services:
        return 100, 0, service
    return guide.services[service].priority, names.index(service), service
