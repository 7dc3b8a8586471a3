"""A page is prepared while its transaction is on its way to the disk, and goes out only once that is durable."""

import asyncio
import sqlite3
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.response_world import World, default_guide

from judgify.kit.errors import Unavailable
from judgify.notify.fence import pass_fence
from judgify.response.delivery import Deliveries
from judgify.response.guide.schema import Guide
from judgify.response.incident import Incident
from judgify.response.model import Delivery, Page


@dataclass
class WaitingPager:
    """Notes what was prepared and what went out."""

    can_wait: bool = True
    prepared: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def prepares(self, _: Page) -> bool:
        return self.can_wait

    async def deliver(self, page: Page, incident: Incident | None) -> Delivery:
        self.prepared.append(page.id)
        self.begun.set()
        await pass_fence()
        self.sent.append(page.id)
        return Delivery(outcome="sent")


class Disk:
    """Holds up or refuses the commits of a store."""

    def __init__(self, store: Any) -> None:
        self._door = store._group._door
        self._commit = self._door.commit
        self._door.commit = self.commit
        self.free = threading.Event()
        self.waited = threading.Event()
        self.refusals = 0

    def commit(self) -> None:
        self.waited.set()
        assert self.free.wait(30)
        if self.refusals:
            self.refusals -= 1
            raise sqlite3.OperationalError("disk I/O error")
        self._commit()


def waking_guide() -> Guide:
    guide = default_guide()
    mailbox = guide.channels["mailbox"].model_copy(update={"wakes": True})
    return replace(guide, channels={**guide.channels, "mailbox": mailbox})


async def at_work(folder: Path, *, can_wait: bool = True) -> tuple[World, Deliveries, WaitingPager, Disk]:
    world = await World(folder, sqlite=True, guide=waking_guide()).up()
    pager = WaitingPager(can_wait)
    deliveries = Deliveries(world.core.desk, pager, world.core.figures)
    world.core.desk.sender = deliveries
    return world, deliveries, pager, Disk(world.core.desk.store)


async def waking(world: World, incident_id: str, states: set[str]) -> set[str]:
    return {page.id for page in await world.pages(incident_id) if page.wakes and page.state in states}


async def test_all_but_the_sending_is_done_before_the_commit_and_the_sending_after_it(tmp_path: Path) -> None:
    world, deliveries, pager, disk = await at_work(tmp_path)
    opening = asyncio.create_task(world.fails("judgment"))
    await pager.begun.wait()
    assert await asyncio.to_thread(disk.waited.wait, 30)
    assert not opening.done()
    assert pager.prepared
    assert pager.sent == []
    disk.free.set()
    incident_id = await opening
    assert incident_id is not None
    await deliveries.finish()
    assert len(pager.sent) == len(set(pager.sent))
    assert set(pager.sent) == await waking(world, incident_id, {"sent"})
    assert pager.sent
    await world.down()


async def test_a_transaction_that_came_to_nothing_sends_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    world, deliveries, pager, disk = await at_work(tmp_path)
    disk.refusals = 1
    disk.free.set()
    with pytest.raises(Unavailable):
        await world.fails("judgment")
    await deliveries.finish()
    assert pager.prepared
    assert pager.sent == []
    assert deliveries._holds == {}
    incident_id = await world.fails("judgment")
    assert incident_id is not None
    await deliveries.finish()
    assert set(pager.sent) == await waking(world, incident_id, {"sent"}) != set()
    await world.down()


async def test_a_command_that_is_run_again_sends_what_the_durable_run_planned(tmp_path: Path) -> None:
    world, deliveries, pager, disk = await at_work(tmp_path)
    # Both wait while the first commit is held up; so they share a transaction, whose commit is refused, and run again.
    held = asyncio.create_task(world.core.desk.command(lambda _: None))
    assert await asyncio.to_thread(disk.waited.wait, 30)
    opening = asyncio.create_task(world.fails("judgment"))
    other = asyncio.create_task(world.core.desk.command(lambda _: None))
    async with asyncio.timeout(30):
        while len(world.core.desk.store._group._waiting) < 2:  # type: ignore[attr-defined] # noqa: ASYNC110 - the store tells nobody who waits
            await asyncio.sleep(0)
    real, tries = disk._commit, []

    def second_fails() -> None:
        tries.append(1)
        if len(tries) == 2:
            raise sqlite3.OperationalError("disk I/O error")
        real()

    disk._commit = second_fails
    disk.free.set()
    incident_id = await opening
    await asyncio.gather(held, other)
    assert incident_id is not None
    await deliveries.finish()
    assert len(tries) >= 4
    assert len(pager.prepared) > len(pager.sent)
    assert len(pager.sent) == len(set(pager.sent))
    assert set(pager.sent) == await waking(world, incident_id, {"sent"}) != set()
    await world.down()


async def test_a_channel_that_cannot_wait_is_used_after_the_commit(tmp_path: Path) -> None:
    world, deliveries, pager, disk = await at_work(tmp_path, can_wait=False)
    opening = asyncio.create_task(world.fails("judgment"))
    assert await asyncio.to_thread(disk.waited.wait, 30)
    await asyncio.sleep(0)
    assert pager.prepared == []
    disk.free.set()
    incident_id = await opening
    assert incident_id is not None
    await deliveries.finish()
    assert set(pager.sent) == await waking(world, incident_id, {"sent"}) != set()
    await world.down()


async def test_a_store_without_a_thread_of_its_own_sends_once(tmp_path: Path) -> None:
    world = await World(tmp_path, guide=waking_guide()).up()
    pager = WaitingPager()
    deliveries = Deliveries(world.core.desk, pager, world.core.figures)
    world.core.desk.sender = deliveries
    incident_id = await world.fails("judgment")
    assert incident_id is not None
    await asyncio.sleep(0)
    await deliveries.finish()
    assert len(pager.sent) == len(set(pager.sent))
    assert set(pager.sent) == await waking(world, incident_id, {"sent"}) != set()
    await world.down()
