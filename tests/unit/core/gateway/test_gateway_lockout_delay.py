"""Growing delays of sign-in, counted in memory."""

from datetime import UTC, datetime

import pytest

from judgify.core.gateway import lockout
from judgify.core.gateway.door import RedisDoor
from judgify.core.gateway.lockout import FORGET_S, FREE, LONGEST_S, Lockout, delay_s
from judgify.kit.clock import FakeClock
from judgify.kit.errors import TooMany

pytestmark = pytest.mark.guide("S00")


def test_the_first_mistakes_are_free_then_the_delay_doubles_up_to_a_bound() -> None:
    assert [delay_s(count) for count in range(FREE)] == [0] * FREE
    assert [delay_s(FREE + more) for more in range(4)] == [1, 2, 4, 8]
    assert delay_s(FREE + 10) == delay_s(10_000) == LONGEST_S


async def test_time_lets_go_on_and_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockout, "MAX_KEYS", 2)
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    counted = Lockout(RedisDoor(None), clock)
    for _ in range(FREE):
        await counted.begin("a")
    for _ in range(3):
        with pytest.raises(TooMany, match="wait 1 s"):
            await counted.begin("a")  # a refused attempt makes the wait no longer
    await clock.advance(1)
    await counted.begin("a")
    with pytest.raises(TooMany, match="wait 2 s"):
        await counted.begin("a")
    await counted.begin("b")
    await clock.advance(2 + FORGET_S + 1)
    for _ in range(FREE):
        await counted.begin("a")
    with pytest.raises(TooMany):
        await counted.begin("a")
    await counted.passed("a")
    await counted.begin("a")
    for key in ("b", "c", "d"):
        await counted.begin(key)
    assert set(counted._memory) == {"c", "d"}
