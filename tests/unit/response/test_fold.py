"""From timeline to incident: what each kind of entry amounts to."""

import typing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from judgify.kit.errors import Invalid
from judgify.response import fold, operation_entry
from judgify.response import timeline as t
from judgify.response.incident import Incident
from judgify.response.model import (
    ENGINE,
    ActionItem,
    Actor,
    Announcement,
    Approval,
    Finding,
    IncidentKey,
    Operation,
    OperationResult,
    OperationRun,
    RenderedOperation,
    RootCause,
    Scope,
    Signal,
    Vote,
)

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
MINSU = Actor(kind="person", name="minsu")
RENDERED = RenderedOperation(operation=Operation(kind="restart", unit="x"), risk="guarded", will={}, command="c")


def signal(**fields: Any) -> Signal:
    values = {"id": "sig_1", "service": "judgment", "signal": "service_down", "source": "probe", "own": True}
    return Signal.model_validate({**values, "observed_at": NOW, "received_at": NOW, **fields})


OPENED = t.IncidentOpened(
    id="INC-2026-0001",
    key=IncidentKey(root="judgment", failure_class="service"),
    title="t",
    severity="P1",
    rule="r",
    reason="r",
    signal=signal(),
    started_at=NOW,
)
APPROVAL = Approval(
    id="apr_1",
    incident_id="INC-2026-0001",
    run_id="run_1",
    step="s",
    rendered=RENDERED,
    digest=RENDERED.digest,
    needed=1,
    asked_by=ENGINE,
    asked_at=NOW,
    lapses_at=NOW,
)
OPERATION = OperationRun(id="op_1", run_id="run_1", step="s", rendered=RENDERED, by=ENGINE, started_at=NOW)


def entry(event: t.Event, seq: int, actor: Actor = ENGINE) -> t.Entry:
    at = NOW + timedelta(seconds=seq)
    return t.Entry(number=seq, incident_id="INC-2026-0001", seq=seq, at=at, actor=actor, event=event)


def after(*events: t.Event, actor: Actor = ENGINE) -> Incident:
    return fold.fold(entry(event, seq, actor) for seq, event in enumerate([OPENED, *events], start=1))


def test_a_timeline_begins_with_one_opening() -> None:
    wrongs: list[list[t.Event]] = [[], [t.NoteAdded(text="x")], [OPENED, OPENED]]
    for wrong in wrongs:
        with pytest.raises(Invalid):
            fold.fold(entry(event, seq) for seq, event in enumerate(wrong, start=1))
    earlier = OPENED.model_copy(update={"signal": signal(observed_at=NOW - timedelta(minutes=2))})
    assert fold.fold([entry(earlier, 1)]).occurred_at == NOW - timedelta(minutes=2)


def test_acknowledging_is_recorded_once_and_changes_the_state_only_of_an_open_incident() -> None:
    taken = after(t.IncidentAcknowledged(), t.IncidentAcknowledged(), actor=MINSU)
    assert (taken.state, taken.acknowledged_at, taken.held) == ("acknowledged", NOW + timedelta(seconds=2), True)
    acting = after(t.MitigationStarted(reason="x"), t.IncidentAcknowledged())
    assert (acting.state, acting.held) == ("mitigating", True)
    assert after(t.IncidentAcknowledged(), t.MitigationStarted(reason="x")).state == "mitigating"
    over = after(
        t.RecoveryObserved(restored_at=NOW, held_s=60, services=("judgment",)), t.MitigationStarted(reason="x")
    )
    assert over.state == "recovered"


def test_recovered_resolved_closed_and_open_again() -> None:
    recovered = t.RecoveryObserved(restored_at=NOW, held_s=60, services=("judgment",))
    closed = after(recovered, t.IncidentResolved(reason="x"), t.IncidentClosed(), actor=MINSU)
    assert (closed.state, closed.resolved_by, closed.restored_at) == ("closed", MINSU, NOW)
    again = after(t.IncidentAcknowledged(), recovered, t.IncidentReopened(reason="x", signal=signal(service="w")))
    assert (again.state, again.held, again.reopened, again.restored_at) == ("open", False, 1, None)
    assert again.acknowledged_at is not None
    assert again.service_names() == ("judgment", "w")
    assert after(recovered, t.IncidentReopened(reason="a person says so")).service_names() == ("judgment",)


def test_signals_services_and_confirmation() -> None:
    unseen = OPENED.model_copy(update={"signal": signal(own=False, source="alertmanager")})
    entries = [entry(unseen, 1), entry(t.SignalJoined(signal=signal(), reason="x"), 2)]
    assert not fold.fold(entries[:1]).confirmed
    assert fold.fold(entries).confirmed
    joined = after(t.SignalJoined(signal=signal(service="w", own=False), reason="x"), t.SignalsCounted(count=100))
    assert [service.confirmed for service in joined.services] == [True, False]
    assert joined.signal_count == 100


def test_root_severity_life_responder_phase() -> None:
    key = IncidentKey(root="database", failure_class="service", drill="d")
    changed = after(
        t.IncidentRerooted(previous=OPENED.key, key=key, title="db", reason="x"),
        t.SeverityChanged(previous="P1", severity="P0", rule="person", reason="x"),
        t.LifeAtRiskDeclared(),
        t.ResponderNamed(person="dev-lead", role="owner", reason="x"),
        t.IncidentAssigned(person="jiwon"),
        t.PhaseEntered(phase=2, reason="clock"),
        actor=MINSU,
    )
    assert (changed.key.root, changed.title, changed.severity, changed.severity_by) == ("database", "db", "P0", MINSU)
    assert (changed.life_at_risk, changed.responder, changed.phase, changed.drill) == (True, "jiwon", 2, "d")
    merged = after(t.IncidentMerged(into="INC-2026-0002", reason="x"))
    assert (merged.state, merged.merged_into) == ("closed", "INC-2026-0002")


def test_operations_and_their_approvals() -> None:
    vote = Vote(actor=MINSU, at=NOW, approve=True)
    other = APPROVAL.model_copy(update={"id": "apr_2"})
    approved = OPERATION.model_copy(update={"approval_id": "apr_1"})
    second = OPERATION.model_copy(update={"id": "op_2"})
    done = after(
        operation_entry.ApprovalRequested(approval=APPROVAL),
        operation_entry.ApprovalRequested(approval=other),
        operation_entry.ApprovalVoted(approval_id="apr_1", vote=vote, state="granted"),
        operation_entry.OperationStarted(operation=approved),
        operation_entry.OperationStarted(operation=second),
        operation_entry.OperationFinished(operation_id="op_1", result=OperationResult(ok=True)),
        operation_entry.OperationVerified(operation_id="op_1", ok=False, detail="still down"),
        operation_entry.ApprovalLapsed(approval_id="apr_2"),
    )
    assert [approval.state for approval in done.approvals] == ["used", "lapsed"]
    assert done.approvals[0].votes == (vote,)
    first, later = done.operations
    assert (first.verified, first.verify_detail, later.result) == (False, "still down", None)
    assert done.state == "mitigating"
    over = after(t.IncidentResolved(reason="x"), operation_entry.OperationStarted(operation=OPERATION))
    assert over.state == "resolved"


def test_what_is_written_down() -> None:
    drafted = Announcement(audience="internal", text={"ko": "가"}, drafted_at=NOW)
    customers = drafted.model_copy(update={"audience": "customers"})
    action = ActionItem(id="act_1", incident_id=None, text="x", owner="y", due=NOW, created_at=NOW)
    written = after(
        t.ScopeCaptured(scope=Scope(at=NOW, units_down=("judgment",))),
        t.ImpactMeasured(impact={"final": True}),
        t.FindingRecorded(finding=Finding(id="f", step="s", title="t", at=NOW)),
        t.AnnouncementDrafted(announcement=drafted),
        t.AnnouncementDrafted(announcement=drafted),
        t.AnnouncementDrafted(announcement=customers),
        t.AnnouncementSent(audience="internal", text={"ko": "나"}),
        t.ChecklistDone(item="announced", how="machine"),
        t.RootCauseRecorded(root_cause=RootCause(text="OOM")),
        t.NoteAdded(text="<b>"),
        t.ActionAdded(action=action),
        t.ActionAdded(action=action.model_copy(update={"id": "act_2"})),
        t.ActionDone(action_id="act_1"),
        t.DocumentWritten(kind="log", lang="ko", path="p", digest="d"),
        t.EntryCorrected(seq=1, text="x"),
        actor=MINSU,
    )
    assert [(a.audience, a.sent_by) for a in written.announcements] == [("internal", MINSU), ("customers", None)]
    assert written.announcements[0].text == {"ko": "나"}
    assert [action.done_by for action in written.actions] == [MINSU, None]
    assert written.checklist["announced"].how == "machine"
    assert (written.written_for, written.notes[0].text, written.last_seq) == ("open", "<b>", 16)
    assert written.root_cause == RootCause(text="OOM")


def test_a_signal_that_was_cleared_and_came_back_is_not_clear() -> None:
    cleared = t.SignalCleared(service="judgment", signal="service_down", source="probe")
    assert list(after(cleared).cleared) == ["probe|judgment|service_down"]
    assert not after(cleared, t.SignalJoined(signal=signal(), reason="again")).cleared


def test_every_kind_of_entry_can_be_written_and_read_back() -> None:
    union, _ = typing.get_args(t.Event)
    kinds = [kind.model_fields["type"].default for kind in typing.get_args(union)]
    assert len(set(kinds)) == len(kinds) > 40
    assert t.EVENT.validate_json(OPENED.model_dump_json()) == OPENED
    with pytest.raises(ValueError, match="does not match any"):
        t.EVENT.validate_python({"type": "incident-vanished"})


def test_names_of_actors_for_people() -> None:
    assert str(MINSU) == "minsu"
    assert str(Actor(kind="cli", name="cli", detail="root")) == "cli (OS user root)"
    assert str(Actor(kind="cli", name="cli")) == "cli (OS user unknown)"
    assert [ENGINE.may_acknowledge, MINSU.may_acknowledge, MINSU.is_person] == [False, True, True]


def test_repeats_share_a_fold_key() -> None:
    assert signal().fold_key == "probe|judgment|service_down"
    assert signal(fingerprint="f").fold_key == "f"
