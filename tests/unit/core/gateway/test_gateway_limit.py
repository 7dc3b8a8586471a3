import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from judgify.core.gateway.admission import Admission
from judgify.core.gateway.door import RedisDoor
from judgify.core.gateway.limit import Bucket, Limit, MemoryLimiter
from judgify.core.gateway.throttle import Throttle
from judgify.kit.clock import FakeClock
from judgify.kit.errors import TooMany, Unavailable

START = datetime(2026, 1, 5, tzinfo=UTC)


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(Limit(2, 3), 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(0.25) == 0.25
    assert bucket.take(0.5) == 0.0
    assert bucket.take(100.0, 3) == 0.0
    assert bucket.take(100.0) == 0.5
    # A clock that goes back gives nothing and takes nothing.
    assert bucket.take(99.0) == 0.5


def test_callers_are_told_apart_and_the_oldest_is_forgotten() -> None:
    limiter = MemoryLimiter(max_keys=2)
    one = Limit(1, 1)
    assert limiter.take("a", one, 0) == 0
    assert limiter.take("b", one, 0) == 0
    assert limiter.take("a", one, 0) == 1
    assert limiter.take("c", one, 0) == 0
    assert limiter.take("a", one, 0) == 1
    assert limiter.take("b", one, 0) == 0, "b was seen longest ago, so it begins anew"
    assert limiter.take("x", Limit(0, 0), 0) == 0


async def test_without_redis_the_memory_decides() -> None:
    clock = FakeClock(START)
    throttle = Throttle(RedisDoor(None), clock)
    await throttle.take("a", Limit(0, 0))
    await throttle.take("a", Limit(1, 1))
    with pytest.raises(TooMany) as caught:
        await throttle.take("a", Limit(1, 1))
    assert caught.value.fields["retry_after_s"] == 1
    await clock.advance(1)
    await throttle.take("a", Limit(1, 1))


class _Script:
    """Stands for the client where only the arithmetic around it is looked at; the script itself meets a real server."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    async def eval(self, *arguments: Any) -> Any:
        self.asked.append(arguments)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_lease_is_spent_here_before_redis_is_asked_again() -> None:
    clock = FakeClock(START)
    door = RedisDoor("redis://127.0.0.1:1")
    script = _Script([3, 0], [1, 0], [0, 1500], OSError("gone"))
    door._client = script
    throttle = Throttle(door, clock)
    limit = Limit(30, 60)
    for _ in range(3):
        await throttle.take("a", limit)
    assert len(script.asked) == 1
    await throttle.take("a", limit)
    assert len(script.asked) == 2
    with pytest.raises(TooMany) as caught:
        await throttle.take("a", limit)
    assert caught.value.fields["retry_after_s"] == 2
    # Redis goes: memory takes over, and Redis is left alone until it was heard.
    await throttle.take("a", limit)
    await throttle.take("a", limit)
    assert len(script.asked) == 4


async def test_a_lease_lapses() -> None:
    clock = FakeClock(START)
    door = RedisDoor("redis://127.0.0.1:1")
    script = _Script([3, 0], [3, 0])
    door._client = script
    throttle = Throttle(door, clock)
    await throttle.take("a", Limit(30, 60))
    await clock.advance(2)
    await throttle.take("a", Limit(30, 60))
    assert len(script.asked) == 2


async def test_places_are_handed_on_in_order() -> None:
    admission = Admission("judgment", concurrent=1, queue=2, wait_s=5)
    await admission.enter()
    order: list[str] = []

    async def one(name: str) -> None:
        await admission.enter()
        order.append(name)

    first, second = asyncio.create_task(one("first")), asyncio.create_task(one("second"))
    await asyncio.sleep(0)
    assert (admission.depth, admission.running) == (2, 1)
    with pytest.raises(Unavailable) as full:
        await admission.enter()
    assert full.value.type_slug == "overloaded"
    admission.leave()
    await first
    assert order == ["first"]
    admission.leave()
    await second
    admission.leave()
    assert (admission.depth, admission.running, order) == (0, 0, ["first", "second"])


async def test_one_who_gives_up_loses_no_place() -> None:
    admission = Admission("judgment", concurrent=1, queue=5, wait_s=0.01)
    await admission.enter()
    with pytest.raises(Unavailable, match="no place came free"):
        await admission.enter()
    assert admission.depth == 0
    waiting = asyncio.create_task(admission.enter())
    await asyncio.sleep(0)
    waiting.cancel()
    # The one who waits was cancelled in the same turn as the place came free.
    admission.leave()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    handed = asyncio.create_task(Admission.enter(admission))
    await handed
    late = asyncio.create_task(admission.enter())
    await asyncio.sleep(0)
    admission.leave()
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    assert (admission.depth, admission.running) == (0, 0)
