"""Stories of one service that goes down, told with a clock that moves only when told to."""

from datetime import datetime, timedelta

import pytest
from tests.support.response_world import CLI, JIWON, MINSU, WEDNESDAY, World

from judgify.kit.clock import SEOUL, show
from judgify.kit.errors import Conflict, Denied
from judgify.response.model import ENGINE, RootCause
from judgify.response.timeline import IncidentAcknowledged


@pytest.mark.guide("G03", "G08", "G21", "G23")
async def test_from_the_first_signal_to_the_closed_incident(world: World) -> None:
    incident_id = await world.fails("judgment")
    assert incident_id == "INC-2026-0001"
    await world.tick()
    opened = await world.incident(incident_id)
    assert (opened.state, opened.severity, opened.severity_rule) == ("mitigating", "P1", "judgment-down")
    assert opened.key.root == "judgment"
    assert opened.responder is not None
    assert world.told() != set()
    assert world.told("report") != set()
    assert opened.scope is not None
    assert opened.announcements[0].sent_at is not None
    assert {"responder_named", "receipt_confirmed", "scope_attached", "announced"} <= set(opened.checklist)
    assert world.runner.performed == ["judgment"]

    await world.passing(60)
    taken = await world.core.engine.acknowledge(incident_id, MINSU, "console")
    assert taken.acknowledged_by == MINSU
    assert taken.state == "mitigating"

    world.works("judgment")
    restored = world.clock.now()
    await world.passing(55)
    assert (await world.incident(incident_id)).state == "mitigating"
    await world.passing(10)
    recovered = await world.incident(incident_id)
    assert recovered.state == "recovered"
    assert recovered.restored_at == restored
    assert recovered.phase == 3

    await world.passing(15 * 60)
    resolved = await world.incident(incident_id)
    assert (resolved.state, resolved.resolved_by) == ("resolved", ENGINE)

    with pytest.raises(Conflict) as refused:
        await world.core.engine.close(incident_id, MINSU)
    assert refused.value.fields["missing"] == ["root_cause", "action_items"]
    await world.core.engine.root_cause(incident_id, RootCause(text="메모리 누수로 인한 OOM Kill"), MINSU)
    due = world.clock.now() + timedelta(days=7)
    await world.core.office.add_action(incident_id, "누수 수정", "dev-lead", due, horizon="week", actor=MINSU)
    closed = await world.core.engine.close(incident_id, MINSU)
    assert closed.state == "closed"
    await world.tick()
    assert (world.folder / "documents" / incident_id / "postmortem.ko.md").exists()
    assert (await world.incident(incident_id)).written_for == "closed"
    assert show(closed.started_at) == "2026-03-04 10:00:00 KST"


@pytest.mark.guide("G22")
async def test_nobody_answers_and_the_matrix_goes_on(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    incident_id = await world.fails("gateway")
    await world.tick()
    first = world.told()
    assert "team-lead" not in {page.role for page in world.pager.sent}
    await world.passing(15 * 60 + 1)
    assert "team-lead" in {page.role for page in world.pager.sent if page.kind == "page"}
    await world.passing(15 * 60)
    assert "dev-lead" in {page.role for page in world.pager.sent if page.kind == "page"}
    assert (await world.incident(incident_id)).phase == 2
    await world.passing(30 * 60)
    assert {"cto", "ceo"} <= {page.role for page in world.pager.sent}
    repeats = [page for page in world.pager.sent if page.repeat > 0 and page.person in first]
    assert repeats
    for page in world.pager.sent:
        assert page.due_at <= world.clock.now()
    late = [page for page in world.pager.sent if page.row.startswith("60:")]
    assert all(page.due_at == WEDNESDAY + timedelta(minutes=60) for page in late if page.repeat == 0)


async def test_acknowledging_stops_repeats_and_later_rows_only_inform(world: World) -> None:
    incident_id = await world.fails("gateway")
    await world.tick()
    await world.core.engine.acknowledge(incident_id or "", MINSU)
    before = len(world.pager.sent)
    await world.passing(14 * 60)
    # Of a step of the first 15 minutes that is late a notice is told, once; nothing else.
    assert [page for page in world.pager.sent[before:] if "checklist" not in page.payload] == []
    await world.passing(2 * 60)
    later = [page for page in world.pager.sent[before:] if "checklist" not in page.payload]
    assert later
    assert {page.kind for page in later} == {"information"}
    assert all(page.repeat == 0 for page in later)
    withdrawn = [page for page in await world.pages(incident_id) if page.state == "withdrawn"]
    assert withdrawn


async def test_only_a_person_acknowledges(world: World) -> None:
    incident_id = await world.fails("gateway") or ""
    with pytest.raises(Denied):
        await world.core.engine.acknowledge(incident_id, ENGINE)
    taken = await world.core.engine.acknowledge(incident_id, CLI)
    assert str(taken.acknowledged_by) == "cli (OS user root)"
    again = await world.core.engine.acknowledge(incident_id, JIWON)
    assert again.acknowledged_by == again.holder == CLI
    entries = await world.core.desk.ask(lambda tx: tx.entries(incident_id))
    taken_by = [(e.actor, e.event.also) for e in entries if isinstance(e.event, IncidentAcknowledged)]
    assert taken_by == [(CLI, False), (JIWON, True)]
    # Whoever asks twice is told twice, and is on the timeline once.
    for who in (JIWON, CLI, JIWON):
        await world.core.engine.acknowledge(incident_id, who)
    assert (await world.types(incident_id)).count("incident-acknowledged") == 2


@pytest.mark.guide("G03")
async def test_a_person_overrides_the_severity_and_what_is_due_is_planned_anew(world: World) -> None:
    incident_id = await world.fails("logging") or ""
    await world.tick()
    assert (await world.incident(incident_id)).severity == "P2"
    await world.passing(16 * 60)
    changed = await world.core.engine.severity(incident_id, "P0", "고객 데이터가 사라짐", MINSU)
    assert (changed.severity, changed.severity_by) == ("P0", MINSU)
    await world.tick()
    assert {"response-team", "team-lead"} <= {page.role for page in world.pager.sent if page.kind == "page"}
    minute_30 = [page for page in await world.pages(incident_id) if page.row.startswith("30:") and page.state == "due"]
    assert {page.due_at for page in minute_30} == {changed.started_at + timedelta(minutes=30)}
    # No signal changes what a person has decided.
    await world.core.engine.severity(incident_id, "P3", "문제없음", MINSU)
    await world.fails("logging", "not_ready")
    assert (await world.incident(incident_id)).severity == "P3"


async def test_it_fails_again_within_half_an_hour_and_is_the_same_incident(world: World) -> None:
    incident_id = await world.fails("judgment") or ""
    await world.tick()
    await world.core.engine.acknowledge(incident_id, MINSU)
    world.works("judgment")
    await world.passing(80)
    assert (await world.incident(incident_id)).state == "recovered"
    before = len(world.pager.sent)
    assert await world.fails("judgment") == incident_id
    reopened = await world.incident(incident_id)
    assert (reopened.ongoing, reopened.reopened, reopened.restored_at) == (True, 1, None)
    await world.tick()
    assert {page.kind for page in world.pager.sent[before:]} >= {"page"}
    assert world.runner.performed == ["judgment", "judgment"]
    world.works("judgment")
    await world.passing(80 + 15 * 60)
    assert (await world.incident(incident_id)).state == "resolved"
    await world.passing(31 * 60)
    assert await world.fails("judgment") == "INC-2026-0002"


@pytest.mark.guide("G23")
async def test_the_year_changes_in_seoul(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("midnight")
    world = await World(folder, start=datetime(2026, 12, 31, 23, 59, 30, tzinfo=SEOUL)).up()
    assert await world.fails("judgment") == "INC-2026-0001"
    await world.clock.advance(60)
    assert await world.fails("logging") == "INC-2027-0001"
    # The incident of the old year goes on under its name.
    assert await world.fails("judgment", "not_ready") == "INC-2026-0001"
    await world.down()


async def test_an_outside_all_clear_alone_ends_nothing(world: World) -> None:
    incident_id = await world.send("workflow", "high_error_rate", value=0.2)
    world.works("workflow")
    await world.passing(120)
    assert (await world.incident(incident_id)).ongoing
    await world.send("workflow", "high_error_rate", status="resolved")
    assert "signal-cleared" in await world.types(incident_id)
    assert (await world.incident(incident_id)).ongoing
    # Our own check has to hold as well; then it has recovered, and is resolved no earlier than 15 min later.
    cleared = world.clock.now()
    await world.passing(55)
    assert (await world.incident(incident_id)).ongoing
    await world.passing(15)
    assert (await world.incident(incident_id)).restored_at == cleared
    await world.passing(14 * 60)
    assert (await world.incident(incident_id)).state == "recovered"
