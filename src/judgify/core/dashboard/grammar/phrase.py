"""From tokens to segments: times and intervals are read, and a request is parted where it asks for two things. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from judgify.core.dashboard.grammar.spec import Interval, Period, Unit
from judgify.core.dashboard.grammar.token import Token

EVERY: Final[dict[str, Interval]] = {"minute": "1m", "hour": "1h", "day": "1d", "week": "1w"}
_COUNTED: Final[dict[tuple[str, str], Interval]] = {
    ("5", "minute"): "5m",
    ("10", "minute"): "10m",
    ("15", "minute"): "15m",
    ("30", "minute"): "30m",
    ("60", "minute"): "1h",
    ("24", "hour"): "1d",
    ("7", "day"): "1w",
    **{("1", unit): interval for unit, interval in EVERY.items()},
}
_LONGEST: Final = timedelta(days=731)
MOST_GROUPS: Final = 100
"""The largest number of groups that "top" may ask for."""
_SOME_DAY: Final = datetime(2026, 6, 17, 12, tzinfo=UTC)
"""Any moment: only the order of two times is looked at."""
_FILTERS: Final = frozenset({"verdict", "level", "result", "workflow", "service", "state", "method", "stat", "failure"})
_LOOSE: Final = frozenset({"kind", "graph", "top", "number", "of", "all", "versus"})
_GROUPS: Final = frozenset({"group", "by", "interval", "field", "split"})


@dataclass(slots=True)
class Segment:
    """One thing that is asked for."""

    tokens: list[Token] = field(default_factory=list)
    periods: list[Period] = field(default_factory=list)

    def has(self, *kinds: str) -> bool:
        """Tell whether a token of one of the kinds is there."""
        return any(token.kind in kinds for token in self.tokens)

    def all(self, kind: str) -> list[Token]:
        """Give the tokens of a kind."""
        return [token for token in self.tokens if token.kind == kind]

    def only(self, kinds: frozenset[str]) -> bool:
        """Tell whether nothing else is there."""
        return all(token.kind in kinds for token in self.tokens)


def segments(tokens: Sequence[Token]) -> tuple[list[Segment], bool]:
    """Part the tokens and read their times; tells as well whether two times are to be compared."""
    parts = [Segment()]
    place = 0
    while place < len(tokens):
        named = _named_month(tokens, place)
        period, taken = (None, named) if named else _period(tokens, place)
        if period is not None:
            parts[-1].periods.append(period)
            place += taken
            continue
        if taken:
            # A time that there is not, or that is too long: to leave it out in silence would show another time.
            text = " ".join(token.text for token in tokens[place : place + taken])
            parts[-1].tokens.append(Token("unknown", text, text))
            place += taken
            continue
        interval, taken = _interval(tokens, place)
        if interval is not None:
            parts[-1].tokens.append(interval)
            place += taken
            continue
        if tokens[place].kind == "and":
            parts.append(Segment())
        elif tokens[place].kind not in {"since", "until"}:
            parts[-1].tokens.append(tokens[place])
        elif not any(known.form == "calendar" and known.number == 0 for known in parts[-1].periods[-1:]):
            # "Since yesterday" is not "yesterday"; only of a time that runs until now it changes nothing.
            parts[-1].tokens.append(Token("unknown", tokens[place].text, tokens[place].text))
        place += 1
    merged = _merge(parts)
    for part in merged:
        part.tokens = [_number(part, token) for token in part.tokens]
    return merged, any(token.kind == "versus" for token in tokens)


def _number(part: Segment, token: Token) -> Token:
    """Name a number as unknown that does not say how many groups are shown: "500 errors" is not "errors"."""
    if token.kind != "number":
        return token
    ranked = part.has("top", "of", "group", "by", "split", "pattern") and 1 <= int(token.value) <= MOST_GROUPS
    return token if ranked else Token("unknown", token.text, token.text)


def earlier(one: Period, other: Period) -> tuple[Period, Period]:
    """Give two times in the order of their beginnings."""
    return (one, other) if one.resolve(_SOME_DAY) <= other.resolve(_SOME_DAY) else (other, one)


def before(period: Period) -> Period:
    """Give the time of the same kind before a time."""
    if period.form == "calendar":
        return period.model_copy(update={"number": period.number - 1})
    if period.form == "last":
        return period.model_copy(update={"back": 1})
    first = datetime.fromisoformat(str(period.first))
    start = (first - period.span()).date().isoformat()
    return Period(form="dates", first=start, last=(first - timedelta(days=1)).date().isoformat())


def _kinds(tokens: Sequence[Token], place: int, *kinds: str) -> bool:
    there = tokens[place : place + len(kinds)]
    return len(there) == len(kinds) and all(token.kind == kind for token, kind in zip(there, kinds, strict=True))


def _period(tokens: Sequence[Token], place: int) -> tuple[Period | None, int]:
    """Give a time and how many tokens it takes; no time but tokens for one that cannot be."""
    token = tokens[place]
    if token.kind == "calendar":
        unit, number = token.value.split(":")
        return Period(form="calendar", unit=cast("Unit", unit), number=int(number)), 1
    if token.kind in {"span", "recent"}:
        week = token.kind == "span"
        return Period(form="last", unit="week" if week else "hour", number=1 if week else 24), 1
    if token.kind in {"date", "last"}:
        return _dates(tokens, place) if token.kind == "date" else _last(tokens, place)
    if _kinds(tokens, place, "this", "unit") and not _grouping(tokens, place + 2):
        unit = tokens[place + 1].value
        return (None, 0) if unit == "minute" else (Period(form="calendar", unit=cast("Unit", unit), number=0), 2)
    if _kinds(tokens, place, "number", "unit") and not _grouping(tokens, place + 2):
        return _counted(tokens[place].value, tokens[place + 1].value), 2
    return None, 0


def _named_month(tokens: Sequence[Token], place: int) -> int:
    """Give how many tokens name a month of the calendar (11월, 11월 5일), which is not a number of months (11개월)."""
    last = _kinds(tokens, place, "last")
    first = place + last
    if not _kinds(tokens, first, "number", "unit") or tokens[first + 1].text != "월" or _grouping(tokens, first + 2):
        return 0
    day = _kinds(tokens, first + 2, "number", "unit") and tokens[first + 3].text == "일"
    return last + (4 if day else 2)


def _grouping(tokens: Sequence[Token], place: int) -> bool:
    return _kinds(tokens, place, "by") or _kinds(tokens, place, "step")


def _last(tokens: Sequence[Token], place: int) -> tuple[Period | None, int]:
    if _kinds(tokens, place, "last", "number", "unit"):
        return _counted(tokens[place + 1].value, tokens[place + 2].value), 3
    if _kinds(tokens, place, "last", "unit") and not _kinds(tokens, place + 2, "by"):
        return _counted("1", tokens[place + 1].value), 2
    if _kinds(tokens, place, "last", "span"):
        return Period(form="last", unit="week", number=1), 2
    return (None, 0) if _kinds(tokens, place, "last", "number") else (Period(form="last", unit="hour", number=24), 1)


def _counted(number: str, unit: str) -> Period | None:
    if int(number) == 0:
        return None
    period = Period(form="last", unit=cast("Unit", unit), number=min(int(number), 100_000))
    return period if period.span() <= _LONGEST else None


def _dates(tokens: Sequence[Token], place: int) -> tuple[Period | None, int]:
    first = _day(tokens[place].value)
    if first is None:
        return None, 1
    taken = 1
    opened = _kinds(tokens, place + taken, "since")
    taken += opened
    if _kinds(tokens, place + taken, "date") and (last := _day(tokens[place + taken].value)) is not None:
        taken += 1
        taken += _kinds(tokens, place + taken, "until")
        first, last = sorted((first, last))
        return Period(form="dates", first=first, last=last), taken
    return Period(form="dates", first=first, last=None if opened else first), taken


def _day(text: str) -> str | None:
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        return None


def _interval(tokens: Sequence[Token], place: int) -> tuple[Token | None, int]:
    token = tokens[place]
    if token.kind == "every":
        return Token("interval", token.value, token.text), 1
    for shape, number, unit in (
        (("number", "unit", "by"), 0, 1),
        (("number", "unit", "step"), 0, 1),
        (("step", "number", "unit"), 1, 2),
        (("by", "number", "unit"), 1, 2),
        (("unit", "by"), None, 0),
        (("by", "unit"), None, 1),
        (("unit", "step"), None, 0),
        (("step", "unit"), None, 1),
        (("unit", "trend"), None, 0),
    ):
        # A Korean grouping word belongs to what stands before it.
        leads = shape[0] != "by" or token.text.isascii()
        if leads and _kinds(tokens, place, *shape):
            count = "1" if number is None else tokens[place + number].value
            found = _COUNTED.get((count, tokens[place + unit].value), "")
            text = " ".join(one.text for one in tokens[place : place + len(shape)])
            # The word `trend` still says something of its own, and is left for the panel.
            return Token("interval", found, text), len(shape) - (shape[-1] == "trend")
    return None, 0


def _merge(parts: list[Segment]) -> list[Segment]:
    """Join what is no request of its own to its neighbour: filters to the next, shapes to the one before."""
    merged: list[Segment] = []
    carried = Segment()
    for part in parts:
        joined = Segment([*carried.tokens, *part.tokens], [*carried.periods, *part.periods])
        carried = Segment()
        if joined.only(_FILTERS):
            carried = joined
        elif merged and joined.only(_LOOSE) and not joined.periods:
            merged[-1].tokens += joined.tokens
        else:
            merged.append(joined)
    if merged:
        merged[-1].tokens += carried.tokens
        merged[-1].periods += carried.periods
    elif carried.tokens or carried.periods:
        merged.append(carried)
    return merged


def only_groups(segment: Segment) -> bool:
    """Tell whether a segment says nothing but how to group."""
    return bool(segment.tokens) and segment.only(_GROUPS)


def grouped(segment: Segment) -> bool:
    """Tell whether a segment says how to group."""
    return segment.has("interval", "by", "split")


def inherit(segment: Segment, source: Segment) -> Segment:
    """Give a segment what it leaves out and another one said: what is measured, and of what."""
    taken = [
        token
        for token in source.tokens
        if token.kind in {*_FILTERS, "subject", "count", "rate", "duration", "pattern"} and not segment.has(token.kind)
    ]
    return replace(segment, tokens=[*taken, *segment.tokens])
