"""Stories of an engine that is killed: whatever was committed goes on, whatever was not never happened."""

import asyncio

import pytest
from tests.support.response_world import JIWON, MINSU, World

from judgify.kit.errors import Conflict, Denied
from judgify.response.incident import Incident
from judgify.response.model import ENGINE, Delivery, Page


async def test_killed_after_every_step_the_incident_still_ends_closed(stored_world: World) -> None:
    world = stored_world
    incident_id = await world.fails("judgment") or ""
    await world.crash()
    assert (await world.incident(incident_id)).state == "open"
    await world.tick()
    assert world.told() != set()
    sent = len(world.pager.sent)
    await world.crash()
    await world.tick()
    assert len(world.pager.sent) == sent
    await world.core.engine.acknowledge(incident_id, MINSU)
    await world.crash()
    assert (await world.incident(incident_id)).acknowledged_by == MINSU
    world.works("judgment")
    await world.passing(30)
    await world.crash()
    # The stretch begins anew: what nobody watched does not count.
    await world.passing(50)
    assert (await world.incident(incident_id)).ongoing
    await world.passing(20)
    assert (await world.incident(incident_id)).state == "recovered"
    await world.crash()
    await world.passing(16 * 60)
    assert (await world.incident(incident_id)).state == "resolved"
    started = [kind for kind in await world.types(None) if kind == "engine-started"]
    assert len(started) == 6


async def test_a_page_caught_between_claim_and_outcome_is_sent_again_and_says_so(stored_world: World) -> None:
    world = stored_world
    reached = asyncio.Event()
    deliver = world.pager.deliver

    async def hang(page: Page, incident: Incident | None) -> Delivery:
        reached.set()
        await asyncio.Event().wait()
        return await deliver(page, incident)

    world.pager.deliver = hang  # type: ignore[method-assign]
    await world.fails("judgment")
    await world.core.conductor.tick()
    await reached.wait()
    await world.core.conductor.stop()
    world.pager.deliver = deliver  # type: ignore[method-assign]
    await world.crash()
    await world.tick()
    assert world.pager.sent
    assert all(page.possibly_repeat for page in world.pager.sent if page.kind == "page" and page.attempt == 2)
    assert any(page.possibly_repeat for page in world.pager.sent)
    assert len({page.id for page in world.pager.sent}) == len(world.pager.sent)


async def test_an_approval_is_asked_for_before_the_crash_and_given_after_it(stored_world: World) -> None:
    world = stored_world
    world.runner.needed, world.runner.risk = 2, "dangerous"
    incident_id = await world.fails("database") or ""
    await world.tick()
    approval = (await world.incident(incident_id)).approvals[0]
    assert approval.digest == approval.rendered.digest
    await world.crash()
    await world.tick()
    assert [known.id for known in (await world.incident(incident_id)).approvals] == [approval.id]
    with pytest.raises(Denied):
        await world.core.engine.vote(approval.id, ENGINE, approve=True)
    await world.core.engine.vote(approval.id, MINSU, approve=True)
    with pytest.raises(Conflict):
        await world.core.engine.vote(approval.id, MINSU, approve=True)
    await world.crash()
    await world.tick()
    assert world.runner.performed == []
    granted = await world.core.engine.vote(approval.id, JIWON, approve=True)
    assert granted.state == "granted"
    await world.crash()
    await world.tick()
    assert world.runner.performed == ["database"]
    assert (await world.incident(incident_id)).approvals[0].state == "used"


async def test_an_approval_lapses_after_fifteen_minutes(world: World) -> None:
    world.runner.needed = 1
    incident_id = await world.fails("judgment") or ""
    await world.tick()
    approval = (await world.incident(incident_id)).approvals[0]
    await world.passing(15 * 60)
    assert (await world.incident(incident_id)).approvals[0].state == "lapsed"
    with pytest.raises(Conflict, match="lapsed"):
        await world.core.engine.vote(approval.id, MINSU, approve=True)
    assert world.runner.performed == []


async def test_what_was_asked_for_is_taken_back_when_it_has_recovered_without(world: World) -> None:
    world.runner.needed = 1
    incident_id = await world.fails("judgment") or ""
    await world.tick()
    approval = (await world.incident(incident_id)).approvals[0]
    world.works("judgment")
    await world.passing(70)
    recovered = await world.incident(incident_id)
    assert (recovered.state, recovered.approvals[0].state) == ("recovered", "lapsed")
    with pytest.raises(Conflict, match="lapsed"):
        await world.core.engine.vote(approval.id, MINSU, approve=True)
    runs = await world.core.desk.ask(lambda tx: tx.runs(incident_id))
    assert [run.state for run in runs] == ["stopped"]


async def test_a_refused_page_is_tried_again_and_an_unknown_outcome_is_marked(world: World) -> None:
    answers = iter(["unknown", "refused"])

    def answer(page: Page) -> Delivery:
        outcome = next(answers, "sent")
        return Delivery.model_validate({"outcome": outcome, "retry_after_s": None if outcome == "sent" else 5})

    world.pager.answer = answer
    await world.fails("judgment")
    await world.passing(20)
    tries = [page.attempt for page in world.pager.sent]
    assert 2 in tries
    assert any(page.possibly_repeat for page in world.pager.sent)
