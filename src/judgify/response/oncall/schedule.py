"""A schedule: layers one upon the other, overrides upon them, and who is on call at an instant or over a span."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, pairwise
from typing import Final

from judgify.response.oncall.local_time import instant
from judgify.response.oncall.rotation import Rotation
from judgify.response.oncall.window import Restriction

LOOK_AHEAD: Final = timedelta(days=8)
"""Every weekly window begins or ends within this time."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Persons who take turns: at any instant at most one of them.

    Nobody before the first hand-over, from `until` on, outside the restriction, or for a severity not served.
    """

    name: str
    rotation: Rotation
    persons: tuple[str, ...]
    until: datetime | None = None
    """Naive local time at which the layer ends; None: never."""
    only: Restriction | None = None
    severities: frozenset[str] | None = None
    """None: all."""

    def person(self, moment: datetime, severity: str | None = None) -> str | None:
        """Give who has the turn, or None. Without a severity the layer's own limit to severities is not looked at."""
        if severity is not None and self.severities is not None and severity not in self.severities:
            return None
        turn = self.rotation.turn(moment)
        if turn is None or not (self._end is None or moment < self._end):
            return None
        if self.only is not None and not self.only.open_at(moment):
            return None
        return self.persons[turn % len(self.persons)]

    def edges(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Give every instant with after < instant < until at which this layer's answer may change, in no order."""
        if len(self.persons) > 1:
            yield from self.rotation.handovers(after, until)
        ends = (self.rotation.handover(0), *(() if self._end is None else (self._end,)))
        yield from (end for end in ends if after < end < until)
        if self.only is not None:
            yield from self.only.edges(after, until)

    @property
    def _end(self) -> datetime | None:
        return None if self.until is None else instant(self.until, self.rotation.zone)


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody stands in from `start` until `end` (excluded). `made_at` is None for one that the guide holds."""

    id: str
    person: str
    start: datetime
    end: datetime
    made_at: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Tell whether it is in force at a moment."""
        return self.start <= moment < self.end


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is on call (None: nobody) and what says so: a layer's name, an override's id, or nothing."""

    person: str | None
    by: str = ""
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch over which one and the same is on call."""

    start: datetime
    end: datetime
    on_call: OnCall


@dataclass(frozen=True, slots=True)
class Schedule:
    """The last layer that has somebody counts; an override that is in force counts before every layer."""

    name: str
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()

    def on_call(self, moment: datetime, severity: str | None = None) -> OnCall:
        """Give who is on call: never more than one person."""
        override = winner(self.overrides, moment)
        if override is not None:
            return OnCall(override.person, override.id, overridden=True)
        for layer in reversed(self.layers):
            person = layer.person(moment, severity)
            if person is not None:
                return OnCall(person, layer.name)
        return OnCall(None)

    def spans(self, first: datetime, until: datetime, severity: str | None = None) -> list[Span]:
        """Give stretches that follow each other without a hole from `first` to `until`; neighbours differ."""
        found: list[Span] = []
        edges = [first, *sorted(set(self._edges(first, until))), until]
        for start, end in pairwise(edges):
            if start >= end:
                continue
            now = self.on_call(start, severity)
            if found and found[-1].on_call == now:
                found[-1] = Span(found[-1].start, end, now)
            else:
                found.append(Span(start, end, now))
        return found

    def gaps(self, first: datetime, until: datetime, severity: str | None = None) -> list[Span]:
        """Give the stretches during which nobody is on call."""
        return [span for span in self.spans(first, until, severity) if span.on_call.person is None]

    def next_edge(self, after: datetime) -> datetime | None:
        """Give the next instant at which the answer may change, or None where nothing changes any more."""
        coming = [layer.rotation.next_handover(after) for layer in self.layers]
        coming += self._edges(after, max([after, *coming]) + LOOK_AHEAD)
        coming += [edge for override in self.overrides for edge in (override.start, override.end)]
        return min((edge for edge in coming if edge > after), default=None)

    def _edges(self, after: datetime, until: datetime) -> Iterator[datetime]:
        for layer in self.layers:
            yield from layer.edges(after, until)
        for override in self.overrides:
            yield from (edge for edge in (override.start, override.end) if after < edge < until)


def winner(overrides: Iterable[Override], moment: datetime) -> Override | None:
    """Give the override that counts at a moment.

    One made by hand counts before one of the guide; among those made by hand the one made last. Of two of the guide
    (which its check refuses) the one that begins later counts.
    """
    return max(
        (one for one in overrides if one.covers(moment)),
        key=lambda one: (one.made_at is not None, one.made_at or one.start, one.id),
        default=None,
    )


def overlapping(overrides: Iterable[Override]) -> list[tuple[Override, Override]]:
    """Give every pair that is in force at one time, the one that begins first before the other."""
    inorder = sorted(overrides, key=lambda one: (one.start, one.id))
    return [(one, other) for one, other in combinations(inorder, 2) if other.start < one.end and one.start < other.end]
