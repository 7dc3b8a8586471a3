"""When the store is asked before a send, how often, and what happens while it does not answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from judgify.kit.clock import FakeClock
from judgify.kit.errors import Unavailable
from judgify.response.desk import Desk
from judgify.response.guide.loader import default_guide_dir, load_guide
from judgify.response.guide_policy import GuidePolicy
from judgify.response.hold import Hold, Standing
from judgify.response.incident import Incident
from judgify.response.last_look import AHEAD, ANSWER_S, AWAY_S, FRESH_S, LastLook
from judgify.response.model import Page
from judgify.response.stores.memory import MemoryStore

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
OURS = Standing(token=1, lease_s=10.0)


def hold(name: str = "pg_1") -> Hold:
    values = {"incident_id": None, "kind": "page", "person": "p", "role": "r", "channel": "c", "row": "0"}
    claim = {"id": name, "state": "claimed", "token": 1, "due_at": NOW, "created_at": NOW}
    return Hold(Page.model_validate({**values, **claim}), None, began=0.0)


class Asked:
    """A store beside which others work, that answers as told."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.questions: list[dict[str, int]] = []
        self.answer: Callable[[], Awaitable[None]] = self.at_once

    async def at_once(self) -> None:
        """Let no time pass."""

    async def slowly(self) -> None:
        await self.clock.advance(ANSWER_S + 0.1)

    async def claims(self, held: Mapping[str, int]) -> dict[str, Standing]:
        self.questions.append(dict(held))
        await self.answer()
        return dict.fromkeys(held, OURS)

    async def news(self, _: Callable[[datetime | None], None]) -> None:
        """Tell nothing."""

    @property
    def ahead_s(self) -> float | None:
        return None


class SharedStore(MemoryStore):
    """A store of one process that says it has others on it."""

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self.asked = asked

    @property
    def beside(self) -> Any:
        return self.asked


class Place:
    """A last look with what it tells."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.asked = Asked(self.clock)
        self.unasked = 0
        desk = Desk(SharedStore(self.asked), GuidePolicy(load_guide(default_guide_dir())), self.clock)
        self.learnt: list[Incident] = []
        self.look = LastLook(desk, self.learnt.extend, self.count)

    def count(self, pages: int) -> None:
        self.unasked += pages


@pytest.fixture
def place() -> Place:
    return Place()


async def test_pages_that_go_out_together_are_asked_for_together(place: Place) -> None:
    holds = [hold(f"pg_{number}") for number in range(5)]
    await asyncio.gather(*(place.look.take(one) for one in holds))
    assert [sorted(question) for question in place.asked.questions] == [[one.page.id for one in holds]]
    assert all(place.look.fresh(one) for one in holds)
    assert place.look.ahead == AHEAD
    assert place.unasked == 0


async def test_an_answer_is_believed_for_a_moment_only(place: Place) -> None:
    one = hold()
    assert not place.look.fresh(one)
    await place.look.take(one)
    await place.clock.advance(FRESH_S)
    assert place.look.fresh(one)
    await place.clock.advance(0.01)
    assert not place.look.fresh(one)


async def test_an_answer_that_took_too_long_is_asked_for_once_more_and_then_the_page_goes_unasked(place: Place) -> None:
    place.asked.answer = place.asked.slowly
    one = hold()
    await place.look.take(one)
    assert len(place.asked.questions) == 2
    assert place.look.fresh(one)
    assert not one.lost
    assert place.unasked == 1


async def test_one_slow_answer_is_mended_by_a_quick_one(place: Place) -> None:
    async def first_slowly() -> None:
        place.asked.answer = place.asked.at_once
        await place.asked.slowly()

    place.asked.answer = first_slowly
    await place.look.take(hold())
    assert len(place.asked.questions) == 2
    assert place.unasked == 0


async def test_a_store_that_is_away_is_not_asked_for_every_page_and_is_asked_again_later(place: Place) -> None:
    async def away() -> None:
        raise Unavailable("gone", slug="store-unavailable")

    place.asked.answer = away
    for _ in range(3):
        await place.look.take(hold())
    assert (len(place.asked.questions), place.unasked) == (1, 3)
    await place.clock.advance(AWAY_S)
    await place.look.take(hold())
    assert (len(place.asked.questions), place.unasked) == (2, 4)
    place.asked.answer = place.asked.at_once
    await place.clock.advance(AWAY_S)
    await place.look.take(hold())
    assert (len(place.asked.questions), place.unasked) == (3, 4)


async def test_no_answer_and_a_fault_hold_up_nothing(place: Place) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async def broken() -> None:
        raise RuntimeError("a mistake of ours")

    for answer in (never, broken):
        place.asked.answer = answer
        await place.look.take(hold())
        await place.clock.advance(AWAY_S)
    assert place.unasked == 2


async def test_a_question_that_nobody_waits_for_any_more_is_dropped(place: Place) -> None:
    began = asyncio.Event()

    async def never() -> None:
        began.set()
        await asyncio.Event().wait()

    await place.look.stop()
    place.asked.answer = never
    waiting = asyncio.create_task(place.look.take(hold()))
    await began.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await place.look.stop()
    assert place.unasked == 0


async def test_a_page_whose_wait_was_given_up_is_told_nothing(place: Place) -> None:
    began, go = asyncio.Event(), asyncio.Event()

    async def later() -> None:
        began.set()
        await go.wait()

    place.asked.answer = later
    gone = asyncio.create_task(place.look.take(hold("pg_gone")))
    await began.wait()
    stays = asyncio.create_task(place.look.take(hold("pg_stays")))
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    go.set()
    await stays
    assert [list(question) for question in place.asked.questions] == [["pg_gone"], ["pg_stays"]]


async def test_where_nobody_else_can_be_nothing_is_asked() -> None:
    desk = Desk(MemoryStore(), GuidePolicy(load_guide(default_guide_dir())), FakeClock(NOW))
    look, one = LastLook(desk, lambda _: None, lambda _: None), hold()
    await look.take(one)
    assert look.fresh(one)
    assert look.ahead.total_seconds() == 0
    assert one.confirmed is None
