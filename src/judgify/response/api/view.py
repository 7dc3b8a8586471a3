"""How the API shows things. Text from outside stays as it came: JSON carries it, pages escape it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from judgify.kit.clock import iso, show
from judgify.response import receipt
from judgify.response.incident import Incident
from judgify.response.model import ONGOING, ActionItem, Approval, Check, Lang, Page, RunbookRun, SignalRow
from judgify.response.policy import Policy
from judgify.response.subscriber import SUBSCRIBER, Subscriber
from judgify.response.timeline import Entry

SIGNALS_SHOWN: Final = 200
"""How many of an incident's signals are shown, the last ones; all of them are counted."""


def incident_row(incident: Incident, now: datetime) -> dict[str, Any]:
    """Give an incident as a row of a list."""
    return {
        "id": incident.id,
        "title": incident.title,
        "severity": incident.severity,
        "state": incident.state,
        "root": incident.key.root,
        "services": list(incident.service_names()),
        "drill": incident.drill,
        "responder": incident.responder,
        "started_at": iso(incident.started_at),
        "shown_at": show(incident.started_at),
        "acknowledged_at": _iso(incident.acknowledged_at),
        "restored_at": _iso(incident.restored_at),
        "resolved_at": _iso(incident.resolved_at),
        "duration_s": ((incident.restored_at or incident.resolved_at or now) - incident.occurred_at).total_seconds(),
        "merged_into": incident.merged_into,
    }


def incident_full(
    incident: Incident,
    *,
    now: datetime,
    lang: Lang,
    policy: Policy,
    pages: Sequence[Page],
    runs: Sequence[RunbookRun],
    signals: Sequence[SignalRow],
) -> dict[str, Any]:
    """Give everything about an incident; clocks are in seconds from its start."""
    duty = policy.duty(incident.severity)
    target_s = float(duty.get("target_minutes", 0)) * 60
    response_s = None
    if incident.acknowledged_at is not None:
        response_s = (incident.acknowledged_at - incident.started_at).total_seconds()
    end = incident.restored_at or incident.resolved_at or now
    respond_by, solve_from = policy.deadlines(incident.severity, incident.started_at)
    return {
        **incident_row(incident, now),
        "key": incident.key.model_dump(mode="json"),
        "severity_rule": incident.severity_rule,
        "severity_reason": incident.severity_reason,
        "severity_by": str(incident.severity_by),
        "known": incident.known,
        "life_at_risk": incident.life_at_risk,
        "duty": duty,
        "occurred_at": iso(incident.occurred_at),
        "detected_by": incident.detected_by,
        "acknowledged_by": None if incident.acknowledged_by is None else str(incident.acknowledged_by),
        "held_by": None if incident.holder is None else str(incident.holder),
        "recovered_at": _iso(incident.recovered_at),
        "closed_at": _iso(incident.closed_at),
        "reopened": incident.reopened,
        "phase": incident.phase,
        "phases": policy.phases(incident, now, lang),
        "checklist": policy.checklist(incident, now, lang),
        "clocks": {
            "since_start_s": (end - incident.started_at).total_seconds(),
            "response_s": response_s,
            "response_target_s": target_s,
            "respond_by": iso(respond_by),
            "solve_from": iso(solve_from),
            "response_late": (response_s if response_s is not None else (now - incident.started_at).total_seconds())
            > target_s,
        },
        "scope": None if incident.scope is None else incident.scope.model_dump(mode="json"),
        "impact": incident.impact,
        "findings": [finding.model_dump(mode="json") for finding in incident.findings],
        "steps": [
            {**operation.model_dump(mode="json"), "digest": operation.rendered.digest}
            for operation in incident.operations
        ],
        "approvals": [approval_view(approval, now) for approval in incident.approvals],
        "announcements": [item.model_dump(mode="json") for item in incident.announcements],
        "notes": [{**note.model_dump(mode="json"), "by": str(note.actor)} for note in incident.notes],
        "root_cause": None if incident.root_cause is None else incident.root_cause.model_dump(mode="json"),
        "actions": [action_view(action, now) for action in incident.actions],
        "team": list(incident.team),
        "receipts": receipt.view(receipt.receipts(incident, pages, now)),
        "pages": [page_view(page) for page in pages],
        "runs": [run.model_dump(mode="json", exclude={"memory"}) for run in runs],
        "signals": [
            {**row.model_dump(mode="json", exclude={"signal"}), **row.signal.model_dump(mode="json")}
            for row in signals[-SIGNALS_SHOWN:]
        ],
        "signal_count": sum(row.count for row in signals),
    }


def approval_view(approval: Approval, now: datetime) -> dict[str, Any]:
    """Give a request for approval with its state as of now."""
    return {**approval.model_dump(mode="json"), "state": approval.state_at(now), "asked_by": str(approval.asked_by)}


def page_view(page: Page) -> dict[str, Any]:
    """Give a page. What is owed to a subscriber is shown without address and words: both are nobody else's."""
    shown = page.model_dump(mode="json", exclude={"token", "lease_until"})
    return {**shown, "address": "", "payload": {}} if page.person.startswith(SUBSCRIBER) else shown


def subscriber_view(one: Subscriber) -> dict[str, Any]:
    """Give a subscriber; enough of the address to know it again, not to write to it."""
    return {
        "id": one.id,
        "kind": one.kind,
        "address": one.shown,
        "lang": one.lang,
        "state": "pending" if one.confirmed_at is None else "confirmed",
        "created_at": iso(one.created_at),
        "confirmed_at": _iso(one.confirmed_at),
    }


def action_view(action: ActionItem, now: datetime) -> dict[str, Any]:
    """Give an action item."""
    return {**action.model_dump(mode="json"), "overdue": action.done_at is None and action.due < now}


def entry_view(entry: Entry, text: str = "") -> dict[str, Any]:
    """Give a line of the timeline: UTC for programs, the zone named and one sentence for people."""
    return {
        "text": text,
        "number": entry.number,
        "incident_id": entry.incident_id,
        "seq": entry.seq,
        "at": iso(entry.at),
        "shown_at": show(entry.at),
        "actor": str(entry.actor),
        "actor_kind": entry.actor.kind,
        "type": entry.event.type,
        "event": entry.event.model_dump(mode="json", exclude={"type"}),
    }


def status(incidents: Sequence[Incident], services: Sequence[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """Give what the public may know: which services are affected since when; no names, addresses or free text."""
    affected: dict[str, str] = {}
    for incident in incidents:
        for name in incident.service_names():
            state = "outage" if incident.state in ONGOING else "monitoring"
            affected[name] = "outage" if "outage" in {state, affected.get(name)} else state
    parts = [
        {
            "service": service["service"],
            "label": service["label"],
            "state": affected.get(service["service"], "operational"),
        }
        for service in services
    ]
    states = {part["state"] for part in parts}
    overall = "outage" if "outage" in states else "monitoring" if "monitoring" in states else "operational"
    return {
        "status": overall,
        "at": iso(now),
        "shown_at": show(now),
        "services": parts,
        "incidents": [
            {
                "id": incident.id,
                "title": incident.title,
                "severity": incident.severity,
                "state": incident.state,
                "started_at": iso(incident.started_at),
                "restored_at": _iso(incident.restored_at),
                "drill": incident.drill is not None,
            }
            for incident in incidents
        ],
    }


def next_starts(
    incidents: Sequence[Incident], policy: dict[str, Any], units: Sequence[str], now: datetime
) -> dict[str, str | None]:
    """Give for each unit when the engine may start it by itself again; None means now."""
    minutes = next((rule.get("per_minutes") for rule in policy["by_itself"] if rule["operation"] == "start"), None)
    allowed: dict[str, str | None] = dict.fromkeys(units)
    for incident in incidents:
        for operation in incident.operations:
            what = operation.rendered.operation
            if what.kind != "start" or operation.by.kind != "engine" or operation.approval_id is not None:
                continue
            again = operation.started_at + timedelta(minutes=minutes or 0)
            known = allowed.get(what.unit)
            if again > now and what.unit in allowed and (known is None or known < iso(again)):
                allowed[what.unit] = iso(again)
    return allowed


def check_view(check: Check | None) -> dict[str, Any] | None:
    """Give the newest answer of a check, without its detail's addresses."""
    return None if check is None else {"ok": check.ok, "at": iso(check.at), "detail": check.detail}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
