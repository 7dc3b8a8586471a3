"""Approvals, closing, the outbox, recovery: the engine's pure rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from judgify.kit.errors import Conflict, Denied, Invalid
from judgify.response import fold, outbox, paging
from judgify.response import timeline as t
from judgify.response.incident import Incident
from judgify.response.model import (
    ENGINE,
    ActionItem,
    Actor,
    Approval,
    Check,
    Delivery,
    IncidentKey,
    Operation,
    Page,
    RenderedOperation,
    RootCause,
    Signal,
    Vote,
)
from judgify.response.policy import PlannedRow
from judgify.response.recovery import STALE, Checks, Recovered, recovered
from judgify.response.rule import decide_vote, missing_to_close, said

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
MINSU = Actor(kind="person", name="minsu")
JIWON = Actor(kind="person", name="jiwon")
CLI = Actor(kind="cli", name="cli")


def second(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def signal(**fields: Any) -> Signal:
    values = {"id": "sig_1", "service": "judgment", "signal": "service_down", "source": "probe", "own": True}
    return Signal.model_validate({**values, "observed_at": NOW, "received_at": NOW, **fields})


def incident(*events: t.Event, first: Signal | None = None, severity: str = "P1") -> Incident:
    opened = t.IncidentOpened.model_validate(
        {
            "id": "INC-2026-0001",
            "key": IncidentKey(root="judgment", failure_class="service"),
            "title": "t",
            "severity": severity,
            "rule": "r",
            "reason": "r",
            "signal": first or signal(),
            "started_at": NOW,
        }
    )
    return fold.fold(
        t.Entry(number=n, incident_id="INC-2026-0001", seq=n, at=NOW, actor=ENGINE, event=event)
        for n, event in enumerate([opened, *events], start=1)
    )


def approval(needed: int = 2, **fields: Any) -> Approval:
    rendered = RenderedOperation(operation=Operation(kind="restart", unit="x"), risk="dangerous", will={}, command="c")
    values: dict[str, Any] = {
        "id": "apr_1",
        "incident_id": None,
        "run_id": "run_1",
        "step": "s",
        "digest": rendered.digest,
    }
    values |= {"rendered": rendered, "asked_by": ENGINE, "asked_at": NOW, "lapses_at": second(900), "needed": needed}
    return Approval.model_validate({**values, **fields})


def vote(actor: Actor, *, approve: bool = True) -> Vote:
    return Vote(actor=actor, at=NOW, approve=approve)


def test_the_digest_changes_with_every_detail_of_the_operation() -> None:
    first = approval().rendered
    other = first.model_copy(update={"operation": Operation(kind="restart", unit="y")})
    assert first.digest != other.digest
    assert first.digest == first.model_copy().digest


def test_two_persons_and_neither_asked() -> None:
    once = decide_vote(approval(), vote(MINSU), NOW)
    assert once.state == "waiting"
    assert decide_vote(once, vote(JIWON), NOW).state == "granted"
    with pytest.raises(Conflict):
        decide_vote(once, vote(MINSU), NOW)
    with pytest.raises(Denied):
        decide_vote(approval(), vote(CLI), NOW)
    with pytest.raises(Denied):
        decide_vote(approval(asked_by=MINSU), vote(MINSU), NOW)
    with pytest.raises(Denied):
        decide_vote(approval(1), vote(ENGINE), NOW)


def test_one_approval_may_come_from_the_keyboard_and_anyone_may_refuse() -> None:
    assert decide_vote(approval(1), vote(CLI), NOW).state == "granted"
    assert decide_vote(approval(2), vote(CLI, approve=False), NOW).state == "rejected"


def test_an_approval_that_is_over_takes_no_vote() -> None:
    for over in (approval(state="used"), approval(state="rejected")):
        with pytest.raises(Conflict):
            decide_vote(over, vote(MINSU), NOW)
    with pytest.raises(Conflict, match="lapsed"):
        decide_vote(approval(), vote(MINSU), second(900))


def test_what_a_closing_needs_depends_on_the_severity() -> None:
    assert missing_to_close(incident()) == ["root_cause", "owner", "action_items"]
    assert missing_to_close(incident(severity="P2")) == []
    action = ActionItem(id="a", incident_id=None, text="x", owner="y", due=NOW, created_at=NOW)
    full = incident(
        t.RootCauseRecorded(root_cause=RootCause(text="OOM")),
        t.IncidentAssigned(person="minsu"),
        t.ActionAdded(action=action),
    )
    assert missing_to_close(full) == []


def test_a_text_has_something_in_it_and_an_end() -> None:
    assert said("  가나다 ") == "가나다"
    with pytest.raises(Invalid):
        said("   ")
    with pytest.raises(Invalid):
        said("x" * 5_000)


def page(**fields: Any) -> Page:
    values = {"id": "pg_1", "incident_id": "INC-2026-0001", "kind": "page", "person": "p", "role": "r"}
    return Page.model_validate({**values, "channel": "c", "row": "0", "due_at": NOW, "created_at": NOW, **fields})


def test_what_a_try_makes_of_a_page() -> None:
    claimed = outbox.claimed(page(), NOW, second(20))
    assert claimed is not None
    assert outbox.tried(claimed, Delivery(outcome="sent"), NOW).state == "sent"
    assert outbox.tried(claimed, Delivery(outcome="refused"), NOW).state == "failed"
    later = outbox.tried(claimed, Delivery(outcome="refused", retry_after_s=5), NOW)
    assert (later.state, later.due_at, later.possibly_repeat) == ("due", second(5), False)
    assert outbox.tried(claimed, Delivery(outcome="unknown", retry_after_s=5), NOW).possibly_repeat
    # A person who must be told of a fault is tried for good; a notice, and a page without an incident, are not.
    tired = claimed.model_copy(update={"attempt": outbox.MAX_ATTEMPTS})
    assert outbox.tried(tired, Delivery(outcome="refused", retry_after_s=5), NOW).state == "due"
    for other in ({"kind": "notice"}, {"incident_id": None}):
        ends = tired.model_copy(update=other)
        assert outbox.tried(ends, Delivery(outcome="refused", retry_after_s=5), NOW).state == "failed"


def test_a_page_is_claimed_when_it_is_due_and_again_when_its_lease_ran_out() -> None:
    assert outbox.claimed(page(due_at=second(1)), NOW, second(20)) is None
    assert outbox.claimed(page(state="sent"), NOW, second(20)) is None
    held = page(state="claimed", token=1, lease_until=second(20))
    assert outbox.claimed(held, NOW, second(20)) is None
    assert outbox.claimed(outbox.released(held), NOW, second(20)) is not None


def test_acknowledging_stops_what_is_due_and_turns_the_rest_into_information() -> None:
    pages = [
        page(id="due"),
        page(id="later", due_at=second(900)),
        page(id="repeat", due_at=second(300), repeat=1),
        page(id="retry", due_at=second(5), attempt=1, outcome="unknown"),
        page(id="given-back", due_at=second(900), attempt=1),
        page(id="under-way", state="claimed"),
        page(id="report", kind="report"),
    ]
    stopped, changed = paging.on_acknowledge(pages, NOW)
    assert [p.id for p in stopped] == ["due", "repeat", "retry"]
    assert [(p.id, p.kind) for p in changed] == [("later", "information"), ("given-back", "information")]


def test_what_is_settled_is_owed_no_more_but_announcements_are() -> None:
    pages = [page(id="a"), page(id="b", payload={"announcement": "internal"}), page(id="c", state="sent")]
    assert [p.id for p in paging.on_settled(pages, "over")] == ["a"]


def row(person: str, minute: int = 0, kind: str = "page") -> PlannedRow:
    values = {"kind": kind, "person": person, "role": "r", "channel": "c", "row": str(minute)}
    return PlannedRow.model_validate({**values, "due_at": second(minute * 60)})


def test_planning_anew_tells_nobody_twice_and_nothing_late() -> None:
    old = [page(id="told", person="p", state="sent"), page(id="owed", person="q"), page(id="s", state="withdrawn")]
    now = second(600)
    gone, fresh = paging.replan(incident(), old, [row("p"), row("new"), row("later", 15), row("n", 0, "report")], now)
    assert [p.id for p in gone] == ["owed"]
    assert [(p.person, p.due_at, p.kind) for p in fresh] == [
        ("new", now, "page"),
        ("later", second(900), "page"),
        ("n", now, "report"),
    ]
    _, informing = paging.replan(incident(t.IncidentAcknowledged()), [], [row("new")], now)
    assert informing[0].kind == "information"


def test_what_is_still_owed() -> None:
    taken = incident(t.IncidentAcknowledged())
    over = incident(t.IncidentResolved(reason="x"))
    assert paging.still_owed(page(), None) is None
    assert paging.still_owed(page(), incident()) is None
    assert paging.still_owed(page(), taken) == "acknowledged"
    assert paging.still_owed(page(kind="information"), taken) is None
    assert paging.still_owed(page(), over) == "the incident is resolved"
    assert paging.still_owed(page(payload={"test": True}), over) is None


def good(checks: Checks, *seconds: float, service: str = "judgment", ok: bool = True) -> None:
    for at in seconds:
        checks.take(Check(service=service, ok=ok, at=second(at)))


def test_recovered_is_an_unbroken_stretch_of_good_answers() -> None:
    checks = Checks()
    assert checks.last("judgment") is None
    assert recovered(incident(), checks, 60, NOW) is None
    good(checks, 0, ok=False)
    assert recovered(incident(), checks, 60, NOW) is None
    good(checks, 10, 20, 30)
    assert recovered(incident(), checks, 60, second(30)) == second(70)
    good(checks, 40, ok=False)
    good(checks, 50, 60, 70, 80, 90, 100, 110)
    assert recovered(incident(), checks, 60, second(110)) == Recovered(second(50), 60.0, ("judgment",))


def test_a_gap_begins_the_stretch_anew_and_an_old_answer_says_nothing() -> None:
    checks = Checks()
    good(checks, 0, 5)
    assert checks.good_since("judgment", second(5) + STALE) == NOW
    assert checks.good_since("judgment", second(6) + STALE) is None
    good(checks, 100)
    assert checks.good_since("judgment", second(100)) == second(100)


def test_every_affected_service_has_to_hold() -> None:
    both = incident(t.SignalJoined(signal=signal(service="workflow"), reason="depends"))
    checks = Checks()
    good(checks, 0, 10)
    assert recovered(both, checks, 5, second(10)) is None
    good(checks, 4, 10, service="workflow")
    assert recovered(both, checks, 5, second(10)) == Recovered(second(4), 6.0, ("judgment", "workflow"))
    assert recovered(incident(t.IncidentResolved(reason="x")), checks, 5, second(10)) is None


def test_what_a_person_reports_after_all_was_good_again_waits_for_a_person() -> None:
    said = signal(source="person", own=False, signal="reported", observed_at=second(8))
    reported = incident(t.SignalJoined(signal=said, reason="reported"))
    checks = Checks()
    good(checks, 0, ok=False)
    good(checks, 4, 10, 20, 30)
    # Good since second 4, reported at second 8: our checks do not see what the person sees.
    assert recovered(reported, checks, 5, second(30)) is None
    good(checks, 32, ok=False)
    good(checks, 34, 40)
    assert recovered(reported, checks, 5, second(40)) == Recovered(second(34), 6.0, ("judgment",))
    said_again = t.SignalJoined(signal=said.model_copy(update={"observed_at": second(38)}), reason="reported")
    again = incident(t.SignalJoined(signal=said, reason="reported"), said_again)
    assert recovered(again, checks, 5, second(40)) is None


def test_what_only_others_saw_has_to_be_cleared_by_them() -> None:
    outside = signal(source="alertmanager", own=False)
    checks = Checks()
    good(checks, -20, -10, 0, 10)
    assert recovered(incident(first=outside), checks, 5, second(10)) is None
    cleared = incident(t.SignalCleared(service="judgment", signal="service_down", source="alertmanager"), first=outside)
    assert recovered(cleared, checks, 5, second(10)) == Recovered(NOW, 10.0, ("judgment",))
    # One that came back after its all-clear is not cleared.
    again = incident(
        t.SignalCleared(service="judgment", signal="service_down", source="alertmanager"),
        t.SignalJoined(signal=outside, reason="again"),
        first=outside,
    )
    assert len(again.signals) == 1
    assert recovered(again, checks, 5, second(10)) is None
