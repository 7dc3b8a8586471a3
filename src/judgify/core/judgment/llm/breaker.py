"""A circuit breaker: after some failures in a row nobody asks a sick endpoint, but for one at a time that looks. Pure.

Closed: everybody is let through. Open: nobody, until the pause is over. Half-open: one, whose outcome decides.
"""

from dataclasses import dataclass
from typing import Final, Literal

State = Literal["closed", "half_open", "open"]
MAX_PAUSE_S: Final = 60.0
PATIENT_TRIES: Final = 4
"""Looks that cost something before the pause between them begins to double."""
MAX_RETRY_AFTER_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to try once. One from before the breaker opened decides nothing any more."""

    generation: int


class Breaker:
    """The breaker of one endpoint. Moments are monotonic seconds."""

    def __init__(self, failures: int, pause_s: float) -> None:
        """Open after so many failures in a row; look again after `pause_s`."""
        self._limit = failures
        self._pause_s = pause_s
        self._failed = 0
        self._tries = 0
        self._generation = 0
        self._until: float | None = None
        self._looking = False

    @property
    def state(self) -> State:
        """What it is now; open stays open until somebody is let through to look."""
        if self._until is None:
            return "closed"
        return "half_open" if self._looking else "open"

    def admit(self, now: float) -> Permit | None:
        """Let somebody through, or None. After the pause the one who asks first is the look."""
        if self._until is None:
            return Permit(self._generation)
        if self._looking or now < self._until:
            return None
        self._looking = True
        self._generation += 1
        return Permit(self._generation)

    def due_in(self, now: float) -> float | None:
        """Seconds until a look is due; None while closed, or while somebody looks."""
        if self._until is None or self._looking:
            return None
        return max(0.0, self._until - now)

    def succeed(self, permit: Permit) -> bool:
        """Note a good answer; True when it closed the breaker."""
        if permit.generation != self._generation:
            return False
        self._failed = 0
        if self._until is None:
            return False
        self._until, self._looking, self._tries = None, False, 0
        self._generation += 1
        return True

    def fail(self, permit: Permit, now: float, *, retry_after_s: float | None = None, costly: bool = True) -> bool:
        """Note a failure; True when it opened the breaker.

        `retry_after_s` is the endpoint's own word on when to come back. `costly` says that the try was paid for: such
        looks come less and less often, up to `MAX_PAUSE_S`.
        """
        if permit.generation != self._generation:
            return False
        self._failed += 1
        if self._until is None and self._failed < self._limit and retry_after_s is None:
            return False
        opened = self._until is None
        if not opened:
            self._tries += costly
        pause = min(MAX_PAUSE_S, self._pause_s * 2 ** max(0, self._tries - PATIENT_TRIES))
        self._until = now + max(pause, min(retry_after_s or 0.0, MAX_RETRY_AFTER_S))
        self._looking = False
        self._generation += 1
        return opened

    def release(self, permit: Permit) -> None:
        """Give a permit back unused, or used without an outcome: the caller went away."""
        if permit.generation == self._generation:
            self._looking = False
