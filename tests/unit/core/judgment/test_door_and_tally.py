import math
from datetime import UTC, datetime

import pytest

from judgify.core.judgment.desk import WINDOW_S, Tally
from judgify.core.judgment.door import Door
from judgify.kit import auth
from judgify.kit.clock import FakeClock
from judgify.kit.errors import Unauthenticated
from judgify.kit.metrics import Metrics

SECRET = "x" * 40


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 1, 1, tzinfo=UTC))


def header(clock: FakeClock, ttl_s: float = 60, secret: str = SECRET) -> bytes:
    token = auth.mint(secret, auth.Principal("kim", frozenset({"viewer"})), clock, ttl_s)
    return f"Bearer {token}".encode()


async def test_a_remembered_token_does_not_outlive_its_expiry(clock: FakeClock) -> None:
    asked: list[int] = []

    def secret() -> str:
        asked.append(1)
        return SECRET

    door = Door(secret, clock)
    given = header(clock)
    assert door.enter(given).subject == "kim"
    assert door.enter(given).subject == "kim"
    assert len(asked) == 1
    await clock.advance(61)
    with pytest.raises(Unauthenticated, match="expired"):
        door.enter(given)


def test_no_token_and_a_foreign_one_stay_outside(clock: FakeClock) -> None:
    door = Door(lambda: SECRET, clock)
    for given in (None, b"", b"Basic abc", b"Bearer", b"Bearer \xff", header(clock, secret="y" * 40)):
        with pytest.raises(Unauthenticated):
            door.enter(given)


def test_what_is_remembered_is_bounded(clock: FakeClock) -> None:
    door = Door(lambda: SECRET, clock)
    for ttl in range(2_060):
        door.enter(header(clock, 60 + ttl))
    assert len(door._known) < 100


async def test_the_success_rate_is_of_the_last_five_minutes(clock: FakeClock) -> None:
    tally = Tally(Metrics("judgment"), clock)
    assert math.isnan(tally.success_rate()), "nothing judged is no success"
    tally.count("rule", "matched", 6)
    tally.count("rule", "not_evaluable", 2)
    tally.count("rule", "error", 2)
    assert tally.success_rate() == 0.8
    await clock.advance(WINDOW_S - 1)
    tally.count("hybrid", "matched", 10)
    assert tally.success_rate() == 0.9
    await clock.advance(2)
    assert tally.success_rate() == 1.0
    await clock.advance(WINDOW_S + 1)
    assert math.isnan(tally.success_rate()), "nothing judged is no success"
