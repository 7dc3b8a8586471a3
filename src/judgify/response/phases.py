"""The phases of section 6.1: they follow the clock until recovery is verified, then the last one has begun."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from judgify.response.guide.procedure import Phase, PhasesFile


@dataclass(frozen=True, slots=True)
class PhaseState:
    """The phase that an incident is in. `ends_at` and `remaining_s` are None where the phase has no end."""

    phase: Phase
    started_at: datetime
    ends_at: datetime | None
    elapsed_s: float
    remaining_s: float | None


def state(phases: PhasesFile, *, opened_at: datetime, recovered_at: datetime | None, now: datetime) -> PhaseState:
    """Give the phase at a moment.

    Args:
        phases: the guide's phases.
        opened_at: when the incident's clock started.
        recovered_at: when recovery was verified; None while it is not, and again after a reopening.
        now: the moment asked about; one before `opened_at` counts as the beginning.
    """
    elapsed = max(timedelta(0), now - opened_at)
    last = phases.phases[-1]
    by_clock = next(phase for phase in reversed(phases.phases) if timedelta(minutes=phase.from_minute) <= elapsed)
    if recovered_at is not None and by_clock is not last:
        return PhaseState(last, recovered_at, None, max(0.0, (now - recovered_at).total_seconds()), None)
    started = opened_at + timedelta(minutes=by_clock.from_minute)
    in_phase = max(0.0, (now - started).total_seconds())
    if by_clock.to_minute is None:
        return PhaseState(by_clock, started, None, in_phase, None)
    ends = opened_at + timedelta(minutes=by_clock.to_minute)
    return PhaseState(by_clock, started, ends, in_phase, (ends - max(now, opened_at)).total_seconds())
