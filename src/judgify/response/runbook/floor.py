"""Who acts now: one unit at a time over all incidents, and the order of guide 1.2 within one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from judgify.response.guide.schema import Guide


@dataclass(frozen=True, slots=True)
class Wish:
    """A run that wants to act on a service by itself."""

    run_id: str
    incident_id: str | None
    service: str


class Floor:
    """Keeps which unit is being acted on, and which runs want to act. In memory: after a restart runs wish anew."""

    def __init__(self, guide: Guide) -> None:
        """Begin with nobody acting."""
        self._guide = guide
        self._acting: tuple[str, str] | None = None
        self._wishes: dict[str, Wish] = {}

    def wish(self, wish: Wish) -> None:
        """Note that a run wants to act."""
        self._wishes[wish.run_id] = wish

    def forget(self, run_id: str) -> None:
        """Note that a run has ended, or waits for persons: it holds nobody up any more."""
        self._wishes.pop(run_id, None)

    def busy(self, run_id: str) -> str | None:
        """Give the unit that another run is acting on, or None."""
        return None if self._acting is None or self._acting[0] == run_id else self._acting[1]

    @contextmanager
    def act(self, run_id: str, unit: str) -> Iterator[None]:
        """Hold the floor; the caller has just seen, in the same turn of the loop, that nobody else does."""
        self._acting = (run_id, unit)
        try:
            yield
        finally:
            self._acting = None

    def before(self, wish: Wish) -> tuple[str, ...]:
        """Give the services of the same incident that come first by guide 1.2 and want to be acted on.

        One that itself depends on the service of this wish is not waited for: it waits for us.
        """
        mine = self._guide.service(wish.service).priority
        return tuple(
            other.service
            for other in self._wishes.values()
            if other.incident_id == wish.incident_id
            and other.service != wish.service
            and self._guide.service(other.service).priority < mine
            and wish.service not in self._guide.needs(other.service)
        )
