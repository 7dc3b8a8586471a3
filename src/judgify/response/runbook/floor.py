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


@dataclass(slots=True)
class _Act:
    service: str
    unit: str
    watching: bool = False


class Floor:
    """Keeps which unit is being acted on, and which runs want to act. In memory: after a restart runs wish anew."""

    def __init__(self, guide: Guide) -> None:
        """Begin with nobody acting."""
        self._guide = guide
        self._acting: dict[str, _Act] = {}
        self._wishes: dict[str, Wish] = {}

    def wish(self, wish: Wish) -> None:
        """Note that a run wants to act."""
        self._wishes[wish.run_id] = wish

    def forget(self, run_id: str) -> None:
        """Note that a run has ended, or waits for persons: it holds nobody up any more."""
        self._wishes.pop(run_id, None)

    def busy(self, wish: Wish) -> str | None:
        """Give the unit that another run is acting on, or None.

        One that was acted on and is only watched until it does its job holds up nobody whom it needs for that.
        """
        return next(
            (
                act.unit
                for run_id, act in self._acting.items()
                if run_id != wish.run_id and not (act.watching and wish.service in self._guide.needs(act.service))
            ),
            None,
        )

    @contextmanager
    def act(self, run_id: str, service: str, unit: str) -> Iterator[None]:
        """Hold the floor; the caller has just seen, in the same turn of the loop, that nobody else does."""
        self._acting[run_id] = _Act(service, unit)
        try:
            yield
        finally:
            del self._acting[run_id]

    def watch(self, run_id: str) -> None:
        """Note that what was to be done is done, and only its effect is waited for."""
        if run_id in self._acting:
            self._acting[run_id].watching = True

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
