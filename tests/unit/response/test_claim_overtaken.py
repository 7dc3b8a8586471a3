"""A claim whose answer comes back from the store after an acknowledgement that was committed later: nobody is paged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.response_world import MINSU, World

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
