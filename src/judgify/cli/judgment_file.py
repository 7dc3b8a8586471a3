"""Rows of a file as input objects, one at a time: CSV, JSON and JSON lines; UTF-8 or CP949.

Every row becomes an input, whatever is wrong with it: a cell that cannot be read as its type stays a text, an empty
cell is left out, and a row without columns says so in `_problem`. So each comes out of judging as an execution with the
reason, and none is dropped on the way.
"""

import codecs
import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from judgify.core.contracts.document import FileColumn, WorkflowDocument
from judgify.core.contracts.wire import UNREADABLE
from judgify.kit.clock import SEOUL
from judgify.kit.errors import Invalid, NotFound

KINDS: Final = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
MAX_JSON: Final = 64 * 1024 * 1024
"""Bytes of a .json file, which is read whole; JSON lines have no limit."""
MAX_COLUMNS: Final = 2_000
"""Columns of a .csv file; one with more is not a table that somebody judges."""
MAX_ROW: Final = 256 * 1024
"""Bytes of one row."""
_CHUNK: Final = 1024 * 1024
_PLAIN: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_TRUE: Final = frozenset({"true", "t", "yes", "y", "1", "예", "참"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0", "아니오", "거짓"})
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was looked through once: what it is, how it is written, and its digest."""

    path: Path
    kind: str
    encoding: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number counted from 1 (the header is none), its input, and how far in the file it ends."""

    number: int
    given: dict[str, Any]
    position: int


def examine(path: Path) -> Source:
    """Look a file through: UTF-8 (with or without BOM) or CP949, of a known kind, not empty.

    Raises:
        NotFound, Invalid: with what to do about it.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise Invalid(f"{path}: the name must end in {', '.join(KINDS)}")
    try:
        with path.open("rb") as file:
            found = _scan(file)
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except OSError as error:
        raise Invalid(f"{path}: cannot be read: {error.strerror}") from error
    if found is None:
        raise Invalid(f"{path}: is neither UTF-8 nor CP949; save it as UTF-8")
    encoding, digest, size = found
    if not size:
        raise Invalid(f"{path}: is empty; a header row and at least one row are needed")
    if kind == "json" and size > MAX_JSON:
        raise Invalid(f"{path}: is larger than {MAX_JSON:,} bytes; write it as JSON lines (.jsonl)")
    return Source(path, kind, encoding, digest, size)


def _scan(file: BinaryIO) -> tuple[str, str, int] | None:
    # UTF-8 first: Korean text in CP949 is hardly ever valid UTF-8, while the reverse happens.
    readers = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8-sig", "cp949")}
    digest = hashlib.sha256()
    size = 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        readers = {name: reader for name, reader in readers.items() if _takes(reader, chunk)}
    readers = {name: reader for name, reader in readers.items() if _takes(reader, b"", final=True)}
    return (next(iter(readers)), digest.hexdigest(), size) if readers else None


def _takes(reader: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        reader.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def read_rows(source: Source, document: WorkflowDocument) -> Iterator[Row]:
    """Give the rows one at a time, in bounded memory.

    Raises:
        Invalid: the header is unusable, or the file is broken from some row on; the rows before it were given.
    """
    if source.kind == "csv":
        yield from _csv_rows(source, columns_of(document))
    elif source.kind == "jsonl":
        yield from _json_lines(source)
    else:
        yield from _json_rows(source)


def columns_of(document: WorkflowDocument) -> dict[str, FileColumn]:
    """Give what each header means: as the workflow's `files` say, else by the type in its schema."""
    found: dict[str, FileColumn] = {}
    properties = document.input_schema.get("properties")
    for name, schema in (properties if isinstance(properties, Mapping) else {}).items():
        kind = schema.get("type") if isinstance(schema, Mapping) else None
        if kind in {"number", "integer", "boolean"}:
            found[_header(name)] = FileColumn(name, kind)
    for column in document.files.columns:
        for header in (column.name, *column.aliases):
            found[_header(header)] = column
    return found


def _csv_rows(source: Source, known: Mapping[str, FileColumn]) -> Iterator[Row]:
    with source.path.open("rb") as raw:
        text = io.TextIOWrapper(raw, encoding=source.encoding, newline="")
        reader = csv.reader(text)
        rows = _guarded(reader, source)
        header = next((cells for cells in rows if cells), None)
        if header is None:
            raise Invalid(f"{source.path}: has no header row")
        columns = _columns(header, known, source)
        for number, cells in enumerate((cells for cells in rows if cells), 1):
            yield Row(number, _given(cells, columns), raw.tell())


def _guarded(reader: Iterator[list[str]], source: Source) -> Iterator[list[str]]:
    number = 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Invalid(
                f"{source.path}: cannot be read after line {number}: {error}; is a quote left open there?"
            ) from error
        if cells is None:
            return
        number += 1
        yield cells


def _columns(header: list[str], known: Mapping[str, FileColumn], source: Source) -> list[FileColumn]:
    if len(header) > MAX_COLUMNS:
        raise Invalid(f"{source.path}: has {len(header):,} columns; more than {MAX_COLUMNS:,} are not read")
    columns: list[FileColumn] = []
    taken: dict[str, int] = {}
    for place, text in enumerate(header, 1):
        name = _header(text)
        column = known.get(name) or FileColumn(name or f"열 {place}")
        if not column.ignore:
            if column.name in taken:
                raise Invalid(
                    f'{source.path}: columns {taken[column.name]} and {place} both mean "{column.name}"; rename one'
                )
            taken[column.name] = place
        columns.append(column)
    return columns


def _given(cells: list[str], columns: list[FileColumn]) -> dict[str, Any]:
    if len(cells) > len(columns):
        # Which cell is one too many cannot be told, so no cell is taken for a column's.
        problem = (
            f"셀이 {len(cells)}개인데 머리글은 {len(columns)}개입니다 / {len(cells)} cells for {len(columns)} headers"
        )
        return {UNREADABLE: problem, "_cells": cells}
    return {
        column.name: READERS[column.type](cell)
        for column, cell in zip(columns, cells, strict=False)
        if not column.ignore and cell.strip()
    }


def _number(text: str) -> Any:
    bare = text.strip()
    if _GROUPED.fullmatch(bare):
        bare = bare.replace(",", "")
    return Decimal(bare) if _PLAIN.fullmatch(bare) else text


def _integer(text: str) -> Any:
    number = _number(text)
    if isinstance(number, Decimal) and abs(number.adjusted()) < 30 and number == number.to_integral_value():
        return int(number)
    return number


def _boolean(text: str) -> Any:
    word = text.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else text


def _date(text: str) -> Any:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        return text


def _moment(text: str) -> Any:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return text
    # Files rarely name a zone; the plant's clocks are Korean.
    return (moment if moment.tzinfo else moment.replace(tzinfo=SEOUL)).isoformat()


READERS: Final[dict[str, Callable[[str], Any]]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
    "date-time": _moment,
    "string": lambda text: text,
}
"""How a cell is read by the type of its column. What cannot be read so stays the text that it is."""


def _json_lines(source: Source) -> Iterator[Row]:
    number = 0
    with source.path.open("rb") as raw:
        # A line longer than a row may be comes in pieces, each of them a row that is not JSON and says so.
        while line := raw.readline(MAX_ROW):
            bare = line.decode(source.encoding, "replace").strip().removeprefix("\ufeff")
            if bare:
                number += 1
                yield Row(number, _object(bare), raw.tell())


def _object(text: str) -> dict[str, Any]:
    try:
        found = _DECODER.decode(text.encode())
    except (msgspec.DecodeError, ArithmeticError, RecursionError):
        return {UNREADABLE: "JSON이 아닙니다 / not JSON", "_line": text[:2000]}
    return found if isinstance(found, dict) else {UNREADABLE: "객체가 아닙니다 / not an object", "_value": found}


def _json_rows(source: Source) -> Iterator[Row]:
    try:
        found = _DECODER.decode(source.path.read_bytes().decode(source.encoding).encode())
    except (msgspec.DecodeError, ArithmeticError, RecursionError) as error:
        raise Invalid(f"{source.path}: is not JSON that can be computed with: {error}") from None
    for number, item in enumerate(found if isinstance(found, list) else [found], 1):
        given = item if isinstance(item, dict) else {UNREADABLE: "객체가 아닙니다 / not an object", "_value": item}
        yield Row(number, given, source.size)


def _header(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip().removeprefix("\ufeff"))
