"""What a query's tree means, told a second time and in another way: line by line, in Python, without SQL."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from judgify.core.logbook.lucene.tree import (
    And,
    Bound,
    Everything,
    Exists,
    Node,
    Not,
    Or,
    Phrase,
    Range,
    Term,
    Wild,
)

ORDER = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
KEYWORDS = {"service", "request_id", "source"}
TIMES = {"@timestamp", "timestamp", "time", "received_at"}
SEOUL = timezone(timedelta(hours=9))
GAP = " \t\n\r\f\v"
WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"


def matches(node: Node, row: dict[str, Any], now: datetime) -> bool:  # noqa: C901, PLR0911 - one answer per kind of part
    """Whether a line (columns by name; `level` by name, `fields` an object) is found by a tree."""
    if isinstance(node, And):
        return all(matches(item, row, now) for item in node.items)
    if isinstance(node, Or):
        return any(matches(item, row, now) for item in node.items)
    if isinstance(node, Not):
        return not matches(node.item, row, now)
    if isinstance(node, Everything):
        return True
    if isinstance(node, Range) and node.low.text is None and node.high.text is None and node.field is not None:
        return matches(Exists(node.field, node.at), row, now)  # open on both sides: whether there is anything
    name = "message" if node.field is None else node.field
    if name in TIMES:
        column = name if name == "received_at" else "time"
        return isinstance(node, Exists) or in_time(node, row[column], now)
    if name == "level":
        return isinstance(node, Exists) or of_level(node, row["level"])
    if name == "message":
        return isinstance(node, Exists) or in_message(pieces_of(node), row["message"])
    if name in KEYWORDS:
        values = [] if row[name] is None else [row[name]]
        return bool(values) if isinstance(node, Exists) else any(of_text(node, value) for value in values)
    found = value_at(json.loads(json.dumps(row["fields"])), name.removeprefix("fields.").split("."))
    if isinstance(node, Exists):
        return found is not None and found != []
    return any(of_value(node, value) for value in texts(found))


def pieces_of(node: Any) -> tuple[str | Wild, ...]:
    return node.pieces if isinstance(node, Term) else (node.text,)


def value_at(fields: Any, path: list[str]) -> Any:
    inner = fields
    for part in path:
        inner = inner.get(part) if isinstance(inner, dict) else None
    return fields.get(".".join(path)) if inner is None and len(path) > 1 else inner


def texts(value: Any) -> list[str]:
    several = value if isinstance(value, list) else [value]
    plain = [one for one in several if one is not None and not isinstance(one, dict | list)]
    return [one if isinstance(one, str) else json.dumps(one) for one in plain]


def number(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", text) else None


def of_value(node: Any, value: str) -> bool:
    if isinstance(node, Range):
        ends = [end.text for end in (node.low, node.high) if end.text is not None]
        if ends and all(number(end) is not None for end in ends):
            mine = number(value)
            return mine is not None and between(mine, node, number)
        return between(value, node, str)
    if of_text(node, value):
        return True
    if isinstance(node, Phrase) or any(isinstance(piece, Wild) for piece in node.pieces):
        return False
    asked, mine = number("".join(map(str, node.pieces))), number(value)
    return asked is not None and asked == mine


def of_text(node: Any, value: str) -> bool:
    if isinstance(node, Range):
        return between(value, node, str)
    return bool(globbed(pieces_of(node), value))


def globbed(pieces: tuple[str | Wild, ...], text: str) -> bool:
    """Match the whole text by trying every way, without a regular expression."""
    units: list[str | Wild] = []
    for piece in pieces:
        units += [piece] if isinstance(piece, Wild) else list(piece)
    places = {0}
    for unit in units:
        if unit is Wild.ANY:
            places = {later for place in places for later in range(place, len(text) + 1)}
        elif unit is Wild.ONE:
            places = {place + 1 for place in places if place < len(text)}
        else:
            places = {place + 1 for place in places if text[place : place + 1] == unit}
    return len(text) in places


def between(value: Any, node: Range, read: Any) -> bool:
    low = None if node.low.text is None else read(node.low.text)
    high = None if node.high.text is None else read(node.high.text)
    above = low is None or value > low or (node.low.inclusive and value == low)
    below = high is None or value < high or (node.high.inclusive and value == high)
    return bool(above and below)


def of_level(node: Any, level: str) -> bool:
    if isinstance(node, Range):
        return between(ORDER.index(level), node, lambda text: ORDER.index(full(text)))
    text = "".join(piece.value if isinstance(piece, Wild) else piece for piece in pieces_of(node)).upper()
    if isinstance(node, Term) and any(isinstance(piece, Wild) for piece in node.pieces):
        return globbed(tuple(piece if isinstance(piece, Wild) else piece.upper() for piece in node.pieces), level)
    return full(text) == level


def full(text: str) -> str:
    other = {"WARN": "WARNING", "FATAL": "CRITICAL", "NOTICE": "INFO", "TRACE": "DEBUG", "EXCEPTION": "ERROR"}
    return other.get(text.upper(), text.upper())


def in_message(pieces: tuple[str | Wild, ...], message: str) -> bool:
    """Try every place of the message; words are compared letter by letter."""
    first_open, last_open = pieces[0] is Wild.ANY, pieces[-1] is Wild.ANY
    inner = list(pieces)
    while inner and inner[0] is Wild.ANY:
        inner.pop(0)
    while inner and inner[-1] is Wild.ANY:
        inner.pop()
    if not inner:
        return True
    guarded_start = not first_open and (inner[0] is Wild.ONE or str(inner[0])[0] in WORD)
    guarded_end = not last_open and (inner[-1] is Wild.ONE or str(inner[-1])[-1] in WORD)
    for start in range(len(message) + 1):
        if guarded_start and start > 0 and message[start - 1] in WORD:
            continue
        for end in ends_of(inner, message, start):
            if not (guarded_end and end < len(message) and message[end] in WORD):
                return True
    return False


def ends_of(pieces: list[Any], message: str, start: int) -> set[int]:
    places = {start}
    for piece in pieces:
        following: set[int] = set()
        for place in places:
            if piece is Wild.ONE:
                following |= {place + 1} if place < len(message) and message[place] not in GAP else set()
            elif piece is Wild.ANY:
                following.add(place)
                while place < len(message) and message[place] not in GAP:
                    place += 1  # noqa: PLW2901 - a walk
                    following.add(place)
            else:
                following |= after_text(piece, message, place)
        places = following
    return places


def after_text(piece: str, message: str, place: int) -> set[int]:
    """Where a text ends that begins here: the case of A to Z does not matter, one gap is as good as another."""
    at, places = 0, {place}
    while at < len(piece):
        if piece[at] in GAP:
            while at < len(piece) and piece[at] in GAP:
                at += 1
            longer: set[int] = set()
            for one in places:
                walk = one
                while walk < len(message) and message[walk] in GAP:
                    walk += 1
                    longer.add(walk)
            places = longer
        else:
            places = {one + 1 for one in places if one < len(message) and same(message[one], piece[at])}
            at += 1
    return places


def same(one: str, other: str) -> bool:
    return one == other or (one.isascii() and other.isascii() and one.lower() == other.lower())


def in_time(node: Any, time: datetime, now: datetime) -> bool:
    """Times that tests make: whole days of Korea, or `now` less whole minutes."""
    if isinstance(node, Range):
        above = node.low.text is None or not before(time, node.low, now)
        below = node.high.text is None or not after(time, node.high, now)
        return above and below
    start, end = span("".join(map(str, pieces_of(node))), now)
    return start <= time <= end


def before(time: datetime, bound: Bound, now: datetime) -> bool:
    start, end = span(str(bound.text), now)
    return time < start if bound.inclusive else time <= end


def after(time: datetime, bound: Bound, now: datetime) -> bool:
    start, end = span(str(bound.text), now)
    return time > end if bound.inclusive else time >= start


def span(text: str, now: datetime) -> tuple[datetime, datetime]:
    """The first and the last microsecond that a text names."""
    if text.startswith("now"):
        moment = now - timedelta(minutes=int(text[4:-1] or 0)) if text != "now" else now
        return moment, moment
    day = datetime.fromisoformat(text).replace(tzinfo=SEOUL)
    return day.astimezone(UTC), (day + timedelta(days=1) - timedelta(microseconds=1)).astimezone(UTC)
