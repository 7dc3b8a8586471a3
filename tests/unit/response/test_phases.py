"""The phases of section 6.1."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.guides import shipped

from judgify.response.phases import state

OPENED = datetime(2026, 11, 22, 14, 50, tzinfo=UTC)
PHASES = shipped().phases


@pytest.mark.guide("G21")
@pytest.mark.parametrize(
    ("minute", "phase", "remaining"),
    [(-1, 1, 1800), (0, 1, 1800), (29.99, 1, 0.6), (30, 2, 5400), (119, 2, 60), (120, 3, None), (5000, 3, None)],
)
def test_the_clock_decides_until_recovery(minute: float, phase: int, remaining: float | None) -> None:
    now = OPENED + timedelta(minutes=minute)
    found = state(PHASES, opened_at=OPENED, recovered_at=None, now=now)
    assert found.phase.id == phase
    assert found.remaining_s == (None if remaining is None else pytest.approx(remaining))
    assert (found.ends_at is None) == (phase == 3)
    assert found.started_at == OPENED + timedelta(minutes=found.phase.from_minute)
    assert found.elapsed_s >= 0


@pytest.mark.guide("G21")
def test_after_recovery_the_last_phase_has_begun() -> None:
    recovered = OPENED + timedelta(minutes=4)
    found = state(PHASES, opened_at=OPENED, recovered_at=recovered, now=recovered + timedelta(minutes=6))
    assert (found.phase.id, found.started_at, found.elapsed_s, found.ends_at) == (3, recovered, 360, None)
    earlier = state(PHASES, opened_at=OPENED, recovered_at=recovered, now=OPENED)
    assert earlier.elapsed_s == 0


def test_recovery_in_the_last_phase_changes_nothing() -> None:
    recovered = OPENED + timedelta(minutes=180)
    found = state(PHASES, opened_at=OPENED, recovered_at=recovered, now=OPENED + timedelta(minutes=200))
    assert (found.phase.id, found.started_at) == (3, OPENED + timedelta(minutes=120))
