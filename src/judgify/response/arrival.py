"""Bodies that wait to be taken: what came, when, from whom; and the rows that keep them. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from judgify.kit.clock import iso
from judgify.kit.ids import light_id
from judgify.response.kept import Kept
from judgify.response.model import Signal

ARRIVAL: Final = "arrival"
"""Kind of the rows that wait to be taken."""
ASIDE: Final = "arrival-aside"
"""Kind of the rows that could not be taken; see `Inbox`."""
BATCH: Final = 250
"""Signals that are taken in one transaction: short enough that a page's own commit waits little for it."""
Where = Literal["arrival", "arrival-aside"]
Read = Callable[[str, bytes, datetime, str], Sequence[Signal]]
"""Gives the signals of a body, by the name of its form, the moment at which it came and the sender's service."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A body on its way; `signals` reads it, and raises whatever is wrong with it."""

    form: str
    text: bytes
    at: datetime
    sender: str
    count: int
    """About how many signals are in it."""
    signals: Callable[[], Sequence[Signal]]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Bodies that were written down together, as one row: they are taken together, and the row goes with that."""

    id: str
    arrivals: tuple[Arrival, ...]
    where: Where = ARRIVAL

    @property
    def count(self) -> int:
        """How many signals are in it."""
        return sum(arrival.count for arrival in self.arrivals)

    @property
    def size(self) -> int:
        """Bytes of its bodies."""
        return sum(len(arrival.text) for arrival in self.arrivals)


def bundled(arrivals: Iterable[Arrival]) -> Iterator[Bundle]:
    """Put bodies together in their order, as many as are taken in one transaction anyway; one at least is given."""
    mine: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        if mine and size + arrival.count > BATCH:
            yield Bundle(light_id("arr"), tuple(mine))
            mine, size = [], 0
        mine.append(arrival)
        size += arrival.count
    yield Bundle(light_id("arr"), tuple(mine))


def row_of(bundle: Bundle, owner: str) -> Kept:
    """Give the row that keeps a bundle, for the engine `owner`."""
    return Kept(kind=ARRIVAL, id=bundle.id, owner=owner, body={"arrivals": lines(bundle.arrivals)})


def lines(arrivals: Iterable[Arrival]) -> list[list[Any]]:
    """Give what is kept of bodies: everything that came."""
    return [[one.form, one.text.decode(), one.sender, iso(one.at), one.count] for one in arrivals]


def bundle_of(kept: Kept, read: Read) -> Bundle | None:
    """Give the bundle that a row keeps; None when the row itself cannot be made out (of another version, damaged)."""
    try:
        found = tuple(_again(line, read) for line in kept.body["arrivals"])
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return Bundle(kept.id, found, ASIDE if kept.kind == ASIDE else ARRIVAL) if found else None


def _again(line: Sequence[Any], read: Read) -> Arrival:
    form, text, sender, at = str(line[0]), str(line[1]).encode(), str(line[2]), datetime.fromisoformat(str(line[3]))
    return Arrival(form, text, at, sender, int(line[4]), lambda: read(form, text, at, sender))
