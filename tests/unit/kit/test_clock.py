import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from judgify.kit.clock import FakeClock, SystemClock, iso, parse, show
from judgify.kit.errors import Invalid

START = datetime(2026, 12, 31, 14, 59, 0, tzinfo=UTC)


async def test_sleepers_wake_in_the_order_of_their_deadlines_and_at_their_own_moments() -> None:
    clock = FakeClock(START)
    seen: list[tuple[str, datetime]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        seen.append((name, clock.now()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 5))
        group.create_task(sleeper("early", 2))
        group.create_task(sleeper("at once", 0))
        await clock.advance(10)
    assert seen == [
        ("at once", START),
        ("early", START + timedelta(seconds=2)),
        ("late", START + timedelta(seconds=5)),
    ]
    assert clock.monotonic() == 10


async def test_a_sleeper_that_sleeps_again_is_woken_twice_in_one_advance() -> None:
    clock = FakeClock(START)
    ticks: list[float] = []

    async def ticker() -> None:
        for _ in range(3):
            await clock.sleep(1)
            ticks.append(clock.monotonic())

    task = asyncio.create_task(ticker())
    await clock.advance(3)
    await task
    assert ticks == [1, 2, 3]


async def test_waiting_ends_by_the_event_or_by_the_time() -> None:
    clock = FakeClock(START)
    event = asyncio.Event()
    timed_out = asyncio.create_task(clock.wait(event, 5))
    await clock.advance(5)
    assert await timed_out is False
    woken = asyncio.create_task(clock.wait(event, 100))
    forever = asyncio.create_task(clock.wait(event, None))
    await clock.advance(1)
    event.set()
    assert await woken is True
    assert await forever is True
    assert clock.monotonic() == 6


async def test_a_cancelled_sleeper_does_not_disturb_the_clock() -> None:
    clock = FakeClock(START)
    task = asyncio.create_task(clock.sleep(5))
    await clock.advance(1)
    task.cancel()
    await clock.advance(10)
    assert clock.monotonic() == 11


def test_a_fake_clock_needs_an_aware_start() -> None:
    with pytest.raises(Invalid, match="aware"):
        FakeClock(START.replace(tzinfo=None))


async def test_the_system_clock_is_aware_utc_and_waits() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    before = clock.monotonic()
    await clock.sleep(-1)
    event = asyncio.Event()
    assert await clock.wait(event, 0.001) is False
    event.set()
    assert await clock.wait(event, 1) is True
    assert clock.monotonic() >= before


def test_moments_are_written_in_utc_and_shown_in_seoul_across_the_new_year() -> None:
    moment = START + timedelta(minutes=1)
    assert iso(moment) == "2026-12-31T15:00:00.000000Z"
    assert show(moment) == "2027-01-01 00:00:00 KST"


def test_a_naive_moment_in_a_file_is_seoul_time() -> None:
    assert iso(parse("2025-01-20 09:00:00")) == "2025-01-20T00:00:00.000000Z"
    assert iso(parse("2025-01-20T09:00:00+00:00")) == "2025-01-20T09:00:00.000000Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-01", "2025-01-20T25:00:00"])
def test_text_that_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="is not a moment"):
        parse(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01"])
def test_a_moment_outside_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="years 1 to 9999"):
        parse(text)


def test_a_naive_moment_is_not_written() -> None:
    with pytest.raises(Invalid, match="without a time zone"):
        iso(START.replace(tzinfo=None))
