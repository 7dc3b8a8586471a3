"""Reads a record and says what was not held. Pure: it knows the sinks and what was accepted, nothing of the engine."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bench.pager_proof.record import Accepted, Acked, Arrival, Key, Record, Window
from bench.pager_proof.world import BOUND_S, MATRIX, RETRY_S, SINKS, TRY_S, Owed

ITSELF: Final = "the run itself"
"""Named in place of a promise, where the run could not be carried out as planned."""
EARLY_S: Final = 0.05
"""Clocks of two processes are read one after the other; a page this much too early is not early."""
AHEAD_S: Final = 0.3
"""An engine claims a row at most this long before it is due."""
IN_FLIGHT_S: Final = 0.5
"""So long after its engine has ended a message may still arrive."""
TRIES: Final = 6
"""What is not a page is given up after so many tries; each of them fails on a machine that has no processor for it."""
SETTLE_S: Final = max(RETRY_S) + TRY_S
"""After a fault has passed, the pause before the next try and the rest of the last one still have to run out."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not held."""

    promise: str
    detail: str


@dataclass(slots=True)
class Figures:
    """What a run measured."""

    late_s: list[float] = field(default_factory=list)
    """Lateness of each first telling: from its deadline, or from the moment the way was clear, whichever is later."""
    repeats: int = 0
    """Messages that a person had already."""
    after_ack: int = 0
    """Pages that came after their acknowledgement was answered."""


def check(record: Record) -> tuple[list[Violation], Figures]:
    """Check all four promises on a finished run."""
    figures = Figures()
    found = [Violation(ITSELF, fault) for fault in record.faults]
    found += _folded(record)
    for accepted in record.accepted:
        acked = next((one for one in record.acked if one.incident == accepted.incident), None)
        arrivals = [one for one in record.arrivals if one.key.incident == accepted.incident]
        for owed in MATRIX:
            for sink in SINKS:
                mine = [one for one in arrivals if one.sink == sink and _is(one.key, owed)]
                found += _punctual(record, _Debt(accepted, acked, owed, sink, mine), figures)
        found += _early(accepted, arrivals)
        found += _silent(record, acked, arrivals, figures)
    found += _repeats(record, figures)
    return found, figures


def waiting(record: Record, now: float) -> bool:
    """Tell whether something accepted is still owed at the moment `now` of a run that goes on."""
    for accepted in record.accepted:
        acked = next((one for one in record.acked if one.incident == accepted.incident), None)
        for owed in MATRIX:
            due = accepted.answered_at + owed.after_s
            if acked is not None and _may_end(record, accepted, acked, owed):
                continue
            if due > now:
                return True
            for sink in SINKS:
                if not any(
                    one.told and one.sink == sink and one.key.incident == accepted.incident and _is(one.key, owed)
                    for one in record.arrivals
                ):
                    return True
    return False


def _is(key: Key, owed: Owed) -> bool:
    if key.row != f"{owed.minute}:{owed.kind}:{owed.person}" or key.repeat:
        return False
    return key.kind == owed.kind or (owed.kind == "page" and key.kind == "information")


def _may_end(record: Record, accepted: Accepted, acked: Acked, owed: Owed) -> bool:
    """Tell whether a page may have been due when it was acknowledged, so that it need not come any more.

    The incident opened between the first try to send the alert in, which may have died after its commit, and the 202.
    Where nobody of a row was reached by then, the next one may have been brought forward: what was taken counts, unless
    the engine never knew, and told it again.
    """
    if owed.kind != "page":
        return False
    if accepted.tried_at + owed.after_s < acked.answered_at:
        return True
    rows: dict[int, list[bool]] = defaultdict(list)
    mine = [one for one in record.arrivals if one.key.incident == accepted.incident and one.key.kind == "page"]
    for one in mine:
        minute = one.key.minute
        if minute is not None and minute < owed.minute and one.at < acked.answered_at:
            again = any(two.labelled and two.at > one.at and (two.sink, two.key) == (one.sink, one.key) for two in mine)
            rows[minute].append(one.verdict == "taken" and not again)
    return any(not any(reached) for reached in rows.values())


def _claimed_beside(record: Record, acked: Acked, soonest: float) -> bool:
    """Tell whether a second engine may have claimed a row, due at the soonest then, before the acknowledgement."""
    engines = sum(one.start <= acked.answered_at <= one.end for one in record.up)
    return engines > 1 and soonest < acked.answered_at + AHEAD_S


def _folded(record: Record) -> Iterator[Violation]:
    incidents = defaultdict(set)
    for one in record.accepted:
        incidents[one.service].add(one.incident)
    for service, known in incidents.items():
        if len(known) > 1:
            yield Violation("one incident for one alert", f"{service} opened {', '.join(sorted(known))}")


def clear(record: Record, sink: str) -> list[Window]:
    """Give the stretches in which an engine was up and nothing stood between it and this receiver."""
    stretches = _union(record.up)
    for trouble in record.troubles:
        if trouble.sink in {"", sink}:
            end = trouble.end + SETTLE_S
            stretches = [part for one in stretches for part in _without(one, trouble.start, end)]
    return stretches


def _union(windows: list[Window]) -> list[Window]:
    joined: list[Window] = []
    for one in sorted(windows, key=lambda window: window.start):
        # Of two engines side by side one is enough; a new engine after a death begins a stretch of its own.
        if joined and one.start < joined[-1].end:
            joined[-1] = Window(joined[-1].start, max(joined[-1].end, one.end))
        else:
            joined.append(one)
    return joined


def _without(one: Window, start: float, end: float) -> Iterator[Window]:
    if end <= one.start or start >= one.end:
        yield one
        return
    if one.start < start:
        yield Window(one.start, start)
    if end < one.end:
        yield Window(end, one.end)


@dataclass(frozen=True, slots=True)
class _Debt:
    """One row that is owed through one receiver, and what came of it."""

    accepted: Accepted
    acked: Acked | None
    owed: Owed
    sink: str
    mine: list[Arrival]


def _punctual(record: Record, debt: _Debt, figures: Figures) -> Iterator[Violation]:
    """Nothing accepted is lost, and nothing is later than the bound."""
    accepted, acked, owed, sink, mine = debt.accepted, debt.acked, debt.owed, debt.sink, debt.mine
    due = accepted.answered_at + owed.after_s
    told = min((one.at for one in mine if one.told), default=None)
    name = f"{accepted.incident} row {owed.minute} {owed.kind} {owed.person} by {sink}"
    withdrawn = acked is not None and _may_end(record, accepted, acked, owed)
    given_up = owed.kind != "page" and told is None and record.starved_s(due, record.ended_at) > TRIES * TRY_S
    for one in clear(record, sink):
        start = max(due, one.start)
        end = min(one.end, acked.asked_at) if withdrawn and acked is not None else one.end
        if told is not None and one.start <= told <= one.end:
            figures.late_s.append(max(0.0, told - start))
        bound = BOUND_S + record.starved_s(start, min(end, told or end))
        if not given_up and start + bound < end and (told is None or told > start + bound):
            lost = told is None
            promise = "nothing accepted is lost" if lost else "no page is late beyond the bound"
            took = "never came" if told is None else f"came {told - start:.3f} s after it could"
            yield Violation(promise, f"{name}: {took}; due at {due:.3f}, clear {one.start:.3f} to {end:.3f}")
            return
    if told is None and not withdrawn and not given_up:
        yield Violation("nothing accepted is lost", f"{name}: due at {due:.3f}, never came")
        return
    if (
        owed.kind == "page"
        and acked is not None
        and not withdrawn
        and not _claimed_beside(record, acked, accepted.tried_at + owed.after_s)
        and not any(one.told and one.key.kind == "information" for one in mine)
    ):
        yield Violation("rows after an acknowledgement inform", f"{name}: came as a page only")


def _early(accepted: Accepted, arrivals: list[Arrival]) -> Iterator[Violation]:
    """No row comes before its time, except where nobody of a row before it could be reached."""
    opening = accepted.tried_at
    for one in sorted(arrivals, key=lambda arrival: arrival.at):
        if one.verdict in {"refused", "lost", "kept"}:
            return
        for owed in MATRIX:
            if _is(one.key, owed) and one.at < opening + owed.after_s - EARLY_S:
                early = opening + owed.after_s - one.at
                yield Violation("no row before its time", f"{one.key} by {one.sink} came {early:.3f} s too early")


def _silent(record: Record, acked: Acked | None, arrivals: list[Arrival], figures: Figures) -> Iterator[Violation]:
    """Acknowledged means silent, but for at most one send per engine that had already passed its last check."""
    if acked is None:
        return
    seen: dict[tuple[str, str, str], int] = defaultdict(int)
    # What an engine had sent before it ended may arrive a moment after that.
    engines = max(1, sum(one.start <= acked.answered_at <= one.end + IN_FLIGHT_S for one in record.up))
    for one in arrivals:
        if one.key.kind != "page" or one.at <= acked.answered_at:
            continue
        figures.after_ack += 1
        place = (one.sink, one.key.row, one.key.person)
        seen[place] += 1
        # A frozen engine ends its last send when it wakes.
        woken = max((w.end for w in record.frozen if w.start <= one.at), default=0.0)
        checked = max(acked.answered_at, woken)
        slack = TRY_S + record.starved_s(checked, one.at)
        if seen[place] > engines or one.at > checked + slack:
            after = one.at - acked.answered_at
            yield Violation("acknowledged means silent", f"{one.key} by {one.sink} came {after:.3f} s after")


def _repeats(record: Record, figures: Figures) -> Iterator[Violation]:
    """Repeats are bounded by what went wrong, and labelled."""
    groups: dict[tuple[str, Key], list[Arrival]] = defaultdict(list)
    for one in record.arrivals:
        groups[one.sink, one.key].append(one)
    for (sink, key), group in groups.items():
        told = [one for one in group if one.told]
        figures.repeats += max(0, len(told) - 1)
        # Of several tellings all but one say so. The bare one need not be the first: an engine that was frozen in the
        # middle of a send ends it when it wakes, after another one has told the same as a possible repeat.
        bare = sum(not one.labelled for one in told)
        if bare > 1:
            yield Violation("a repeat says so", f"{key} by {sink} came {len(told)} times, {bare} of them unlabelled")
        unsure = sum(
            one.verdict in {"kept", "lost"} or record.starved_s(one.at - TRY_S, one.at + TRY_S) > TRY_S / 3
            for one in group
        )
        spells = sum(one.sink == "" for one in record.troubles)
        if len(told) > 1 + record.takeovers + unsure + spells:
            yield Violation("repeats are bounded", f"{key} by {sink} came {len(told)} times")
