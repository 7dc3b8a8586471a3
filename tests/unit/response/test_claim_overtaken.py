"""A claim whose answer comes back from the store after an acknowledgement that was committed later: nobody is paged."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.response_world import MINSU, World

from judgify.response.claim import claim_due
from judgify.response.delivery import Deliveries
from judgify.response.desk import Desk


class Overtaken:
    """Commands of which the first one's answer arrives only after `meanwhile` is durable and told."""

    def __init__(self, desk: Desk, meanwhile: Callable[[], Any]) -> None:
        self._command = desk.command
        self._meanwhile: Callable[[], Any] | None = meanwhile

    async def __call__(self, work: Any, **how: Any) -> Any:
        answer = await self._command(work, **how)
        if self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            await meanwhile()
        return answer


async def world_with_an_incident(folder: Path) -> tuple[World, Deliveries, str]:
    world = await World(folder).up()
    incident_id = await world.fails("judgment")
    assert incident_id is not None
    deliveries = Deliveries(world.core.desk, world.pager, world.core.figures)
    world.core.desk.sender = deliveries
    return world, deliveries, incident_id


async def test_a_claim_that_was_overtaken_by_an_acknowledgement_pages_nobody(tmp_path: Path, monkeypatch: Any) -> None:
    world, deliveries, incident_id = await world_with_an_incident(tmp_path)
    overtaken = Overtaken(world.core.desk, lambda: world.core.engine.acknowledge(incident_id, MINSU))
    monkeypatch.setattr(world.core.desk, "command", overtaken)
    assert await deliveries.begin() > 0
    await deliveries.finish()
    assert world.told("page") == set()
    assert world.told("report"), "what needs no acknowledgement is told all the same"
    now = world.clock.now()
    due = [page for page in await world.pages(incident_id) if page.kind == "page" and page.due_at <= now]
    assert due
    assert {page.state for page in due} == {"withdrawn"}
    await world.down()


async def test_a_claim_that_nothing_overtook_pages(tmp_path: Path) -> None:
    world, deliveries, incident_id = await world_with_an_incident(tmp_path)
    assert await deliveries.begin() > 0
    await deliveries.finish()
    assert world.told("page")
    await world.core.engine.acknowledge(incident_id, MINSU)
    await world.down()


async def test_what_was_learnt_is_not_taken_for_newer_than_what_was_claimed_after_it(tmp_path: Path) -> None:
    world, deliveries, incident_id = await world_with_an_incident(tmp_path)
    old = await world.incident(incident_id)
    await world.core.engine.acknowledge(incident_id, MINSU)
    await world.core.engine.note(incident_id, "reopened by hand", MINSU)
    deliveries.learn([old])
    assert await deliveries.begin() >= 0
    await deliveries.finish()
    assert world.told("page") == set()
    await world.down()


async def claimed_ahead(world: World) -> set[str]:
    """Claim what is due within the hour, as an engine does that dies before the moment comes; give the rows' pages."""
    desk = world.core.desk
    now = world.clock.now()
    found = await desk.command(lambda job: claim_due(job, timedelta(hours=1), {}, frozenset()))
    return {page.id for page, _ in found.taken if page.kind == "page" and not page.repeat and page.due_at > now}


@pytest.mark.parametrize("deaths", [1, 2])
async def test_a_row_whose_engine_died_after_the_acknowledgement_comes_as_information(
    tmp_path: Path, deaths: int
) -> None:
    world = await World(tmp_path).up()
    incident_id = await world.fails("judgment")
    assert incident_id is not None
    await world.tick()
    for _ in range(deaths - 1):
        assert await claimed_ahead(world)
        await world.crash()
    rows = await claimed_ahead(world)
    assert rows
    await world.clock.advance(1.0)
    await world.core.engine.acknowledge(incident_id, MINSU)
    await world.crash()
    await world.passing(3700)
    later = [page for page in await world.pages(incident_id) if page.id in rows]
    assert {(page.kind, page.state, page.possibly_repeat) for page in later} == {("information", "sent", True)}
    await world.down()
