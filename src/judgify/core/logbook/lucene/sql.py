"""A tree to a condition over `logging.line`: constant SQL of ours, every value of the query's a parameter.

A condition is true or not true: a NOT is `IS NOT TRUE`, so a line without the field is found by it.
Levels are written into the condition as numbers, which lets the index of bad lines serve.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from fnmatch import translate
from typing import Any, Final, NoReturn, TypeAlias

from judgify.core.logbook.lucene import moment
from judgify.core.logbook.lucene.error import QueryError
from judgify.core.logbook.lucene.field import LEVELS, Field, field_of, level_of, number_of
from judgify.core.logbook.lucene.parser import parse
from judgify.core.logbook.lucene.tree import (
    And,
    Bound,
    Everything,
    Exists,
    Leaf,
    Node,
    Not,
    Or,
    Phrase,
    Pieces,
    Range,
    Term,
    literal,
)
from judgify.core.logbook.lucene.word import like, shell, word_pattern

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition, its values in the order of their numbers, and the time that no line outside of can match."""

    sql: str
    values: tuple[Any, ...]
    since: datetime | None = None
    until: datetime | None = None


def compile_query(query: str, *, now: datetime, zone: tzinfo, first: int = 1) -> Compiled:
    """Turn a query into a condition whose parameters are numbered from `$first`. Raises `QueryError`."""
    tree = parse(query)
    writer = _Writer(query, now, zone, first)
    sql = writer.node(tree)
    since, until = _window(tree, writer)
    return Compiled(sql, tuple(writer.values), since, until)


Limits: TypeAlias = tuple[datetime | None, datetime | None]


def _window(node: Node, writer: "_Writer") -> Limits:
    """The time that a tree confines its lines to, as far as ANDs tell; both ends belong to it."""
    if isinstance(node, And):
        found = [_window(item, writer) for item in node.items]
        starts = [start for start, _ in found if start is not None]
        ends = [end for _, end in found if end is not None]
        return max(starts, default=None), min(ends, default=None)
    if isinstance(node, Term | Phrase | Range) and field_of(node.field).column == "time":
        return writer.limits(node)
    return None, None


class _Writer:
    """Writes conditions and collects their values."""

    def __init__(self, query: str, now: datetime, zone: tzinfo, first: int) -> None:
        self._query = query
        self._now = now
        self._zone = zone
        self._first = first
        self.values: list[Any] = []

    def node(self, node: Node) -> str:
        if isinstance(node, And):
            return "(" + " AND ".join(self.node(item) for item in node.items) + ")"
        if isinstance(node, Or):
            return "(" + " OR ".join(self.node(item) for item in node.items) + ")"
        if isinstance(node, Not):
            return f"({self.node(node.item)} IS NOT TRUE)"
        return self._leaf(node)

    def limits(self, node: Term | Phrase | Range) -> Limits:
        """The first and the last moment of a condition on the time."""
        if isinstance(node, Range):
            low = None if node.low.text is None else self._span(node.low.text, node.low.at).start
            high = None if node.high.text is None else self._span(node.high.text, node.high.at)
            return low, None if high is None else high.end or high.start
        span = self._span(_text_of(node), node.at)
        return span.start, span.end or span.start

    def _leaf(self, node: Leaf) -> str:
        if isinstance(node, Everything):
            return "true"
        field = field_of(node.field)
        if isinstance(node, Exists):
            return self._exists(field)
        writers: dict[str, Callable[[Field, Term | Phrase | Range], str]] = {
            "time": self._time, "level": self._level, "text": self._message, "keyword": self._keyword,
            "json": self._json,
        }  # fmt: skip
        return writers[field.kind](field, node)

    def _exists(self, field: Field) -> str:
        if field.kind != "json":
            return f"({field.column} IS NOT NULL)"
        return f"logging.field_exists(fields, {self._add(list(field.path), 'text[]')})"

    # -- time ---------------------------------------------------------------------------------------------------------

    def _time(self, field: Field, node: Term | Phrase | Range) -> str:
        column = field.column
        if isinstance(node, Range):
            parts = []
            low = high = None
            if node.low.text is not None:
                low = self._span(node.low.text, node.low.at)
                after = low.start if node.low.inclusive else low.end or low.start
                strict = not node.low.inclusive and low.end is None
                parts.append(f"{column} {'>' if strict else '>='} {self._add(after, 'timestamptz')}")
            if node.high.text is not None:
                high = self._span(node.high.text, node.high.at)
                before = (high.end or high.start) if node.high.inclusive else high.start
                closed = node.high.inclusive and high.end is None
                parts.append(f"{column} {'<=' if closed else '<'} {self._add(before, 'timestamptz')}")
            if low is not None and high is not None and low.start > high.start:
                self._turned(node)
            return f"({' AND '.join(parts) or f'{column} IS NOT NULL'})"
        span = self._span(_text_of(node), node.at)
        start = self._add(span.start, "timestamptz")
        if span.end is None:
            return f"({column} = {start})"
        return f"({column} >= {start} AND {column} < {self._add(span.end, 'timestamptz')})"

    def _span(self, text: str, at: int) -> moment.Span:
        try:
            return moment.read(text, self._now, self._zone)
        except moment.MomentError as error:
            # Behind a quote or a backslash the place inside is the value's beginning at least.
            plain = self._query.startswith(text, at)
            self._fail(at + error.offset if plain else at, error.what, error.instead)

    # -- level --------------------------------------------------------------------------------------------------------

    def _level(self, field: Field, node: Term | Phrase | Range) -> str:
        if isinstance(node, Range):
            low, high = self._level_end(node.low), self._level_end(node.high)
            parts = []
            if low is not None:
                parts.append(f"level {'>=' if node.low.inclusive else '>'} {low}")
            if high is not None:
                parts.append(f"level {'<=' if node.high.inclusive else '<'} {high}")
            if low is not None and high is not None and low > high:
                self._turned(node)
            return f"({' AND '.join(parts) or 'level IS NOT NULL'})"
        if isinstance(node, Term) and literal(node.pieces) is None:
            shape = re.compile(translate("".join(shell(piece) for piece in node.pieces)), re.IGNORECASE)
            numbers = [number for name, number in LEVELS.items() if shape.fullmatch(name)]
            if not numbers:
                self._fail(node.at, f"no {field.name} has such a name", f"the levels are {', '.join(LEVELS)}")
            return f"(level IN ({', '.join(map(str, numbers))}))"
        return f"(level = {self._level_number(_text_of(node), node.at)})"

    def _level_end(self, bound: Bound) -> int | None:
        return None if bound.text is None else self._level_number(bound.text, bound.at)

    def _level_number(self, text: str, at: int) -> int:
        number = level_of(text)
        if number is None:
            self._fail(at, f"{text[:40]!r} is no level", f"the levels are {', '.join(LEVELS)}")
        return number

    # -- message ------------------------------------------------------------------------------------------------------

    def _message(self, _: Field, node: Term | Phrase | Range) -> str:
        if isinstance(node, Range):
            self._fail(node.at, "a message has no order", "ranges work on @timestamp, level, and fields with values")
        pieces = node.pieces if isinstance(node, Term) else (node.text,)
        if isinstance(node, Phrase) and not node.text.strip(" \t\n\r\f\v"):
            self._fail(node.at, "there is nothing to look for in this phrase", "write a text in it")
        pattern = word_pattern(pieces)
        return "true" if not pattern else f'(message COLLATE "C" ~* {self._add(pattern, "text")})'

    # -- keywords and fields ------------------------------------------------------------------------------------------

    def _keyword(self, field: Field, node: Term | Phrase | Range) -> str:
        self._refuse_math(field, node)
        if isinstance(node, Range):
            return self._text_range(f'{field.column} COLLATE "C"', node)
        text = _text_of(node) if isinstance(node, Phrase) else literal(node.pieces)
        if text is not None:
            return f"({field.column} = {self._add(text, 'text')})"
        return f"({field.column} LIKE {self._add(like(_pieces_of(node)), 'text')})"

    def _json(self, field: Field, node: Term | Phrase | Range) -> str:
        self._refuse_math(field, node)
        path = self._add(list(field.path), "text[]")
        if isinstance(node, Range):
            found = self._json_range(path, node)
        else:
            text = _text_of(node) if isinstance(node, Phrase) else literal(node.pieces)
            found = self._json_value(path, text, node)
        # Most lines lack most fields, and to look for the key as text is much cheaper than to read the JSON.
        keys = [
            f"strpos(fields::text, {self._add(key, 'text')}) > 0" for key in field.path if _PLAIN_KEY.fullmatch(key)
        ]
        return f"({' AND '.join([*keys, found])})"

    def _json_value(self, path: str, text: str | None, node: Term | Phrase) -> str:
        if text is None:
            shape = self._add(like(_pieces_of(node)), "text")
            return f"EXISTS (SELECT FROM unnest(logging.field_texts(fields, {path})) AS v WHERE v LIKE {shape})"
        same = f"{self._add(text, 'text')} = ANY (logging.field_texts(fields, {path}))"
        number = number_of(text) if isinstance(node, Term) else None
        if number is None:
            return same
        return f"({same} OR {self._add(number, 'numeric')} = ANY (logging.field_numbers(fields, {path})))"

    def _json_range(self, path: str, node: Range) -> str:
        ends = [bound.text for bound in (node.low, node.high) if bound.text is not None]
        numbers = [number_of(text) for text in ends]
        if not ends:
            return f"logging.field_exists(fields, {path})"
        if None in numbers and any(number is not None for number in numbers):
            self._fail(
                node.at, "one end of the range is a number and the other is not", "write two numbers or two texts"
            )
        if None in numbers:
            inside = self._text_range('v COLLATE "C"', node)
            return f"EXISTS (SELECT FROM unnest(logging.field_texts(fields, {path})) AS v WHERE {inside})"
        inside = self._between("v", node, number_of, "numeric")
        return f"EXISTS (SELECT FROM unnest(logging.field_numbers(fields, {path})) AS v WHERE {inside})"

    def _text_range(self, subject: str, node: Range) -> str:
        return self._between(subject, node, str, "text")

    def _between(self, subject: str, node: Range, read: Callable[[str], Any], kind: str) -> str:
        low = None if node.low.text is None else read(node.low.text)
        high = None if node.high.text is None else read(node.high.text)
        if low is not None and high is not None and low > high:
            self._turned(node)
        parts = []
        if low is not None:
            parts.append(f"{subject} {'>=' if node.low.inclusive else '>'} {self._add(low, kind)}")
        if high is not None:
            parts.append(f"{subject} {'<=' if node.high.inclusive else '<'} {self._add(high, kind)}")
        return f"({' AND '.join(parts) or f'{subject} IS NOT NULL'})"

    def _refuse_math(self, field: Field, node: Term | Phrase | Range) -> None:
        if isinstance(node, Phrase):
            return
        values = [(node.low.text, node.low.at), (node.high.text, node.high.at)] if isinstance(node, Range) else []
        if isinstance(node, Term):
            values = [(literal(node.pieces), node.at)]
        for text, at in values:
            if text is not None and moment.is_math(text) and not self._query.startswith('"', at):
                self._fail(
                    at,
                    f"date math on {field.name}",
                    "date math works on @timestamp; put the value in quotes for the text",
                )

    # -- common -------------------------------------------------------------------------------------------------------

    def _turned(self, node: Range) -> NoReturn:
        self._fail(node.low.at, "the range is the wrong way round", "write the smaller end first")

    def _add(self, value: datetime | Decimal | str | list[str], kind: str) -> str:
        self.values.append(value)
        return f"${self._first + len(self.values) - 1}::{kind}"

    def _fail(self, at: int, what: str, instead: str) -> NoReturn:
        raise QueryError(self._query, at, what, instead)


def _pieces_of(node: Term | Phrase) -> Pieces:
    return node.pieces if isinstance(node, Term) else (node.text,)


def _text_of(node: Term | Phrase) -> str:
    """The text of a value; wildcards in it are shown, so that the error names them."""
    if isinstance(node, Phrase):
        return node.text
    return "".join(piece if isinstance(piece, str) else piece.value for piece in node.pieces)
