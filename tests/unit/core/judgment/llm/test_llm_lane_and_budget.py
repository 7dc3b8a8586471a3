import asyncio
from datetime import UTC, date, datetime

import pytest

from judgify.core.judgment.llm.budget import FLUSH_S, FOLLOW_S, Budget
from judgify.core.judgment.llm.lane import Lane, LaneFull
from judgify.kit.clock import FakeClock
from judgify.kit.errors import Unavailable

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Remembered:
    """What a database would remember; `away` while it cannot be reached."""

    def __init__(self) -> None:
        self.days: dict[date, int] = {}
        self.away = False

    async def add(self, day: date, tokens: int) -> int:
        if self.away:
            raise Unavailable
        self.days[day] = self.days.get(day, 0) + tokens
        return self.days[day]


async def test_many_at_once_cannot_overspend() -> None:
    budget = Budget(100, Remembered(), FakeClock(NOON))
    assert budget.hold(60)
    assert not budget.hold(60)
    budget.settle(60, 10)
    assert budget.hold(90)
    assert not budget.hold(1)
    budget.settle(90, 90)
    assert budget.used_up


async def test_no_limit_is_no_limit() -> None:
    budget = Budget(0, Remembered(), FakeClock(NOON))
    assert budget.hold(10**9)
    budget.settle(10**9, 10**9)
    assert not budget.used_up


async def test_what_was_spent_outlives_the_process_and_counts_over_all_of_them() -> None:
    ledger, clock = Remembered(), FakeClock(NOON)
    one, other = Budget(100, ledger, clock), Budget(100, ledger, clock)
    one.start()
    other.start()
    one.settle(0, 70)
    await clock.advance(FLUSH_S * 2)
    assert ledger.days == {NOON.date(): 70}
    await clock.advance(FOLLOW_S + FLUSH_S)
    assert not other.hold(40)
    one.settle(0, 5)
    await one.close()
    await other.close()
    again = Budget(100, ledger, clock)
    again.start()
    await clock.advance(FLUSH_S)
    assert again.spent == 75
    await again.close()


async def test_while_the_database_is_away_spending_goes_on_being_counted() -> None:
    ledger, clock = Remembered(), FakeClock(NOON)
    ledger.away = True
    budget = Budget(100, ledger, clock)
    budget.settle(0, 30)
    await budget.save()
    assert budget.spent == 30
    ledger.days[NOON.date()] = 12
    budget.start()
    await clock.advance(FLUSH_S * 2)
    ledger.away = False
    await clock.advance(FLUSH_S * 2)
    assert (budget.spent, ledger.days) == (42, {NOON.date(): 42})
    await budget.close()


async def test_a_new_day_begins_with_nothing_spent() -> None:
    clock = FakeClock(NOON)
    budget = Budget(100, Remembered(), clock)
    budget.settle(0, 100)
    assert budget.used_up
    await clock.advance(12 * 3600)
    assert not budget.used_up


async def test_so_many_may_be_inside_so_many_wait_and_one_more_is_told_at_once() -> None:
    lane, leave = Lane(1, 1), asyncio.Event()

    async def stay(*, patient: bool = False) -> None:
        async with lane.enter(timeout_s=60, patient=patient):
            await leave.wait()

    inside, waiting, patient = (asyncio.create_task(stay(patient=place == 2)) for place in range(3))
    for _ in range(5):
        await asyncio.sleep(0)
    assert (lane.inside, lane.waiting) == (1, 2)
    with pytest.raises(LaneFull):
        await stay()
    leave.set()
    await asyncio.gather(inside, waiting, patient)
    assert (lane.inside, lane.waiting) == (0, 0)


async def test_who_waits_too_long_is_told_and_who_has_no_time_does_not_wait() -> None:
    lane = Lane(1, 5)
    async with lane.enter(timeout_s=1):
        with pytest.raises(LaneFull):
            async with lane.enter(timeout_s=0.01):
                pytest.fail("there was no place")
    assert (lane.inside, lane.waiting) == (0, 0)
    with pytest.raises(LaneFull):
        async with lane.enter(timeout_s=0):
            pytest.fail("there was no time")
