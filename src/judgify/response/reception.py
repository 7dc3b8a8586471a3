"""What a signal does: fold, join, reopen, re-root, open. Runs inside one command's transaction; no I/O of its own."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from judgify.kit.clock import SEOUL
from judgify.kit.errors import NotFound
from judgify.kit.ids import new_id
from judgify.response import heartbeat, paging, standing, tidings
from judgify.response import timeline as t
from judgify.response.desk import Work
from judgify.response.heartbeat import Heartbeat
from judgify.response.incident import Incident
from judgify.response.joining import DOWN, Join, Open, Reroot, drill_of, place
from judgify.response.journal import SignalSuppressed
from judgify.response.model import (
    ENGINE,
    SEVERITIES,
    UNSETTLED,
    Actor,
    Classification,
    Lang,
    RunbookRun,
    Severity,
    Signal,
)
from judgify.response.planning import plan_anew, plan_pages

OLDEST_EVIDENCE: Final = timedelta(days=7)
"""A signal that says it began earlier than this before it came is taken to have begun when it came."""
TOLD_ONE_BY_ONE: Final = 20
"""Signals of a kind that is known already get entries of their own up to this many; the store keeps and counts all."""
KINDS_TOLD: Final = 200
"""Kinds of signals from outside that get an entry; whoever sends a new name each time fills no timeline."""
UNKNOWN: Final = "unknown"
"""The service of signals that name none, or one of too many that the guide does not know."""
CALMER: Final = timedelta(seconds=60)
"""A service that wavers without going down gets a new run of its runbook no sooner than this after the last."""
RunbookOf = Callable[[str], str | None]


def receive(work: Work, signal: Signal, runbook_of: RunbookOf, declared_by: Actor | None = None) -> str | None:
    """Take one signal: give the incident it belongs to, or None when it opens nothing (suppressed, all-clear)."""
    beating = work.policy.heartbeat_of(signal)
    if beating is not None:
        if signal.status == "firing":
            beat(work, beating)
        return None
    begun_at = signal.observed_at
    signal = _settle(work, signal)
    if not standing.counts(signal):
        return _clear(work, signal) if signal.status == "resolved" else _fire(work, signal, runbook_of, declared_by)
    if signal.status == "resolved":
        return _ended_outside(work, signal)
    state, alert = standing.fired(work, signal, begun_at)
    if state == "over" and alert.incident_id:
        # An old word that came late: it counts, and changes nothing.
        work.tally.record(signal, alert.incident_id)
        return alert.incident_id
    incident_id = _fire(work, signal, runbook_of, declared_by)
    if incident_id is None:
        return None
    if state != "repeat" or alert.incident_id != incident_id:
        alert = alert.model_copy(update={"incident_id": incident_id})
        standing.save(work, alert)
    if state == "over":
        _cleared(work, alert, signal)
    return incident_id


def _shared(work: Work, signal: Signal) -> Signal:
    """Give a signal of a made-up service to the one incident of all such, once there are too many of them."""
    name = signal.service
    if signal.source == "person" or work.policy.service(name) is not None or work.recent_of(name):
        return signal
    if name == UNKNOWN or work.strange() < work.policy.strange_roots():
        return signal
    labels = {**signal.labels, "service_named": name}
    return signal.model_copy(update={"service": UNKNOWN, "labels": labels})


def beat(work: Work, name: str) -> Heartbeat:
    """Take a beat of a dead man's switch, and the end of its silence; `NotFound` when nobody knows the name."""
    known = heartbeat.load(work, name)
    if known is None:
        raise NotFound(f"there is no heartbeat {name[:60]!r}; name it in intake.yaml, or register it")
    beating = known.model_copy(update={"last_at": work.now, "missing": False})
    heartbeat.save(work, beating)
    if known.missing:
        _ended_outside(work, _settle(work, known.back(work.now)))
    return beating


def fall_silent(work: Work, name: str, listening_since: datetime, runbook_of: RunbookOf) -> None:
    """Tell of a heartbeat that did not come, once; nothing when it has come meanwhile."""
    known = heartbeat.load(work, name)
    due = None if known is None else known.missing_at(listening_since)
    if known is None or due is None or due > work.now:
        return
    heartbeat.save(work, known.model_copy(update={"missing": True}))
    receive(work, known.silent(work.now), runbook_of)


def _ended_outside(work: Work, signal: Signal) -> str | None:
    alert = standing.over(work, signal)
    return _cleared(work, alert, signal) if alert.incident_id and not alert.stands else alert.incident_id or None


def _cleared(work: Work, alert: standing.Standing, signal: Signal) -> str | None:
    """Say that no alert of this kind stands any more, if so; the incident goes on until our own checks say more."""
    incident = work.tx.incident(alert.incident_id)
    while incident is not None and incident.merged_into is not None:
        incident = work.tx.incident(incident.merged_into)
    if incident is None:
        return None
    if incident.state in UNSETTLED and alert.kind not in incident.cleared and not standing.others_stand(work, alert):
        event = t.SignalCleared(service=alert.service, signal=alert.signal, source=alert.source)
        work.append(incident.id, event, actor=_sender(signal))
    return incident.id


def _fire(work: Work, signal: Signal, runbook_of: RunbookOf, declared_by: Actor | None) -> str | None:
    rollout = next((r for r in work.rollouts() if r.service == signal.service), None)
    if rollout is not None and rollout.starts_at <= work.now and declared_by is None:
        reason = f"planned rollout of {rollout.service} until {rollout.ends_at.isoformat()}: {rollout.reason}"
        if work.tally.record(signal, None, reason) == 1:
            work.journal(SignalSuppressed(signal=signal, reason=reason))
        return None
    signal = _shared(work, signal)
    kind = work.policy.classify(signal)
    recent = work.recent(signal.service)
    where = place(signal, kind, recent, work.policy, work.now, well_since=work.well_since)
    if isinstance(where, Open):
        incident_id = _open(work, signal, kind, where, declared_by)
        start_run(work, incident_id, signal.service, runbook_of)
        return incident_id
    if isinstance(where, Reroot):
        return _reroot(work, signal, kind, where, runbook_of)
    return _join(work, signal, kind, where, runbook_of)


def start_run(work: Work, incident_id: str, service: str, runbook_of: RunbookOf, by: Actor = ENGINE) -> None:
    """Put the runbook of a service to work on an incident, unless one is at it already."""
    runbook = runbook_of(service)
    if runbook is None or any(r.service == service for r in work.tx.runs(incident_id, active=True)):
        return
    run = RunbookRun(
        id=new_id("run"),
        incident_id=incident_id,
        runbook=runbook,
        service=service,
        asked_by=by,
        created_at=work.now,
        due_at=work.now,
    )
    work.tx.save_run(run)
    work.append(incident_id, t.RunbookStarted(run_id=run.id, runbook=runbook, service=service))


def convene(work: Work, incident_id: str, severity: Severity) -> None:
    """Call the response team together where the guide wants it for this severity (1.1: P0 and P1), once."""
    incident = work.incident(incident_id)
    team = work.duty.team(severity, incident.key.root, work.now)
    if team is not None and incident.team != team.persons:
        work.append(incident_id, t.TeamConvened(role=team.role, persons=team.persons))


def change_severity(work: Work, incident: Incident, event: t.SeverityChanged, actor: Actor = ENGINE) -> Incident:
    """Set another severity and plan what is due anew."""
    incident = work.append(incident.id, event, actor=actor)
    if not incident.ongoing:
        return incident
    convene(work, incident.id, event.severity)
    return plan_anew(work, incident, f"severity {event.previous} → {event.severity}")


def withdraw_all(work: Work, incident: Incident, reason: str) -> None:
    """Withdraw what is still to come of an incident that is settled."""
    gone = paging.on_settled(work.tx.pages(incident.id), reason)
    work.save_pages(gone)
    if gone:
        work.append(incident.id, t.PagesWithdrawn(page_ids=tuple(page.id for page in gone), reason=reason))


def _settle(work: Work, signal: Signal) -> Signal:
    name = work.policy.service(signal.service)
    observed = min(signal.observed_at, work.now)
    # A clock that was never set, or a made-up beginning, is no evidence of when it began.
    if work.now - observed > OLDEST_EVIDENCE:
        observed = work.now
    update: dict[str, object] = {"received_at": work.now, "observed_at": observed}
    if name is not None:
        # One that the guide does not know keeps the name it came with, and still reaches a person.
        update["service"] = name
    settled = signal.model_copy(update=update)
    drill = drill_of(settled.service, settled.signal, work.drills(), work.policy, work.now)
    return settled.model_copy(update={"drill": drill})


def _clear(work: Work, signal: Signal) -> str | None:
    name = f"{signal.source}|{signal.service}|{signal.signal}"
    for incident in work.recent():
        same = any(f"{seen.source}|{seen.service}|{seen.signal}" == name for seen in incident.signals)
        # Our own figures are in order whatever drill was running when they were told of.
        if same and name not in incident.cleared and (signal.own or incident.drill == signal.drill):
            event = t.SignalCleared(service=signal.service, signal=signal.signal, source=signal.source)
            work.append(incident.id, event, actor=_sender(signal))
            return incident.id
    return None


def _sender(signal: Signal) -> Actor:
    if signal.own:
        return ENGINE
    return Actor(kind="outside", name=signal.source)


def _open(
    work: Work,
    signal: Signal,
    kind: Classification,
    where: Open,
    declared_by: Actor | None,
) -> str:
    year = work.now.astimezone(SEOUL).year
    incident_id = f"INC-{year}-{work.tx.next_number(year):04d}"
    work.tally.record(signal, incident_id)
    opened = t.IncidentOpened(
        id=incident_id,
        key=where.key,
        title=work.policy.title(where.key.root, signal.signal),
        severity=kind.severity,
        rule=kind.rule,
        reason=kind.reason,
        known=kind.known,
        life_at_risk=kind.life_at_risk,
        signal=signal,
        started_at=work.now,
        declared_by=declared_by,
    )
    incident = work.append(incident_id, opened, t.PhaseEntered(phase=1, reason="opened"))
    who = work.duty.responder(kind.severity, signal.service, work.now)
    if who is not None:
        named = t.ResponderNamed(person=who.person, role=who.role, reason=who.reason)
        work.append(incident_id, named, t.ChecklistDone(item="responder_named", how="machine", detail=who.person))
    convene(work, incident_id, kind.severity)
    tidings.on_opening(work, incident_id, signal.service)
    plan_pages(work, incident, "opened")
    return incident_id


def _join(work: Work, signal: Signal, kind: Classification, where: Join, runbook_of: RunbookOf) -> str:
    incident = where.incident
    count = work.tally.record(signal, incident.id)
    name = f"{signal.source}|{signal.service}|{signal.signal}"
    if where.reopen:
        incident = work.append(incident.id, t.IncidentReopened(reason=where.reason, signal=signal))
        incident = plan_pages(work, incident, "reopened")
        for service in incident.service_names():
            start_run(work, incident.id, service, runbook_of)
    elif name in incident.cleared or (count == 1 and _worth_an_entry(incident, signal)):
        new = signal.service not in incident.service_names()
        incident = work.append(incident.id, t.SignalJoined(signal=signal, reason=where.reason))
        if new or _ended(work, incident.id, signal):
            start_run(work, incident.id, signal.service, runbook_of)
    elif _ended(work, incident.id, signal):
        start_run(work, incident.id, signal.service, runbook_of)
    elif count >= 10 and str(count).rstrip("0") == "1":
        incident = work.append(incident.id, t.SignalsCounted(count=count))
    _worsen(work, incident, kind)
    return incident.id


def _worth_an_entry(incident: Incident, signal: Signal) -> bool:
    """Tell whether a signal that was not there yet is told by itself: a storm must not bury the timeline."""
    kind = (signal.source, signal.service, signal.signal)
    known = any((seen.source, seen.service, seen.signal) == kind for seen in incident.signals)
    if signal.source == "person" or (signal.own and not known):
        return True
    return incident.joined < (TOLD_ONE_BY_ONE if known else KINDS_TOLD)


def _ended(work: Work, incident_id: str, signal: Signal) -> bool:
    """Tell whether our own probe saw a service fail anew after its runbook had come to an end, whatever the end was.

    A figure that stays bad (an error share over five minutes) tells itself again and is nothing new. Where the last
    run gave up, only a new fall begins another: persons were called, and the service must have been up in between.
    """
    if not signal.own or signal.source != "probe":
        return False
    runs = [
        run
        for run in work.tx.runs(incident_id)
        if run.service == signal.service and run.step is None and not run.dry_run
    ]
    if not runs or signal.signal == DOWN:
        return bool(runs)
    return runs[-1].state == "done" and work.now - runs[-1].created_at >= CALMER


def _reroot(work: Work, signal: Signal, kind: Classification, where: Reroot, runbook_of: RunbookOf) -> str:
    previous = where.incident.key
    target = where.incident.id
    work.tally.record(signal, target)
    work.tally.flush()
    title = work.policy.title(where.key.root, signal.signal)
    incident = work.append(
        target,
        t.SignalJoined(signal=signal, reason=where.reason),
        t.IncidentRerooted(previous=previous, key=where.key, title=title, reason=where.reason),
    )
    start_run(work, target, signal.service, runbook_of)
    for other in where.merge:
        for row in work.tx.signals(other.id):
            # The merged incident keeps its own row, so this is a row of its own, too.
            moved = row.signal.model_copy(update={"id": new_id("sig")})
            work.tally.record(moved, target)
            work.append(target, t.SignalJoined(signal=moved, reason=f"{other.id} has the same root"))
        withdraw_all(work, other, f"merged into {target}")
        for run in work.tx.runs(other.id, active=True):
            work.tx.save_run(run.model_copy(update={"state": "stopped", "outcome": f"merged into {target}"}))
            why: dict[Lang, str] = {"ko": f"{target}에 병합됨", "en": f"merged into {target}"}
            work.append(other.id, t.RunbookFinished(run_id=run.id, outcome="stopped", reason=why["en"], reasons=why))
            start_run(work, target, run.service, runbook_of)
        work.append(other.id, t.IncidentMerged(into=target, reason=where.reason))
        incident = work.incident(target)
    # Another root has another owner: whoever that is hears of it now.
    incident = plan_anew(work, work.incident(target), f"root {where.key.root}")
    _worsen(work, incident, kind)
    return target


def _worsen(work: Work, incident: Incident, kind: Classification) -> None:
    worse = SEVERITIES.index(kind.severity) < SEVERITIES.index(incident.severity)
    # What a person has decided, no signal changes.
    if worse and incident.severity_by.kind == "engine":
        change_severity(
            work,
            incident,
            t.SeverityChanged(previous=incident.severity, severity=kind.severity, rule=kind.rule, reason=kind.reason),
        )
    if kind.life_at_risk and not incident.life_at_risk:
        work.append(incident.id, t.LifeAtRiskDeclared(reason=kind.reason))
