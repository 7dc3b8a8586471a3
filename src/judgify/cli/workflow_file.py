"""Workflow documents in files: YAML or JSON, read safely, with the line of what is wrong; a table file looked at."""

import csv
import io
import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from judgify.cli.judgment_file import MAX_COLUMNS, examine
from judgify.core.contracts.plan import Plan, compile_document, read_document
from judgify.core.contracts.problem import DocumentError, Problem
from judgify.kit.errors import Invalid
from judgify.response.guide.unreadable import Unreadable
from judgify.response.guide.yaml_file import read_text, read_yaml

KINDS: Final = (".yaml", ".yml", ".json")
MAX_LOOKED_AT: Final = 20_000
"""Rows of a file that a draft looks at."""
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def is_file(text: str) -> bool:
    """Whether a word on the command line means a file rather than a name."""
    return text.lower().endswith(KINDS)


def read_raw(path: Path) -> Any:
    """Read a document as plain data; `Invalid` says what is wrong with the file, and the mend."""
    if path.suffix.lower() not in KINDS:
        raise Invalid(f"{path}: a workflow is a file that ends in {', '.join(KINDS)}")
    try:
        text = read_text(path)
        if not text.strip():
            raise Invalid(f"{path}: is empty; `judgify workflow init` drafts a workflow")
        return _DECODER.decode(text if path.suffix.lower() == ".json" else read_yaml(text))
    except Unreadable as error:
        raise Invalid(f"{path}: {error.message} ({error.mend})") from error
    except (msgspec.DecodeError, ArithmeticError, RecursionError) as error:
        raise Invalid(f"{path}: is not JSON: {str(error)[:200]}") from error


def compile_file(path: Path) -> tuple[Any, Plan]:
    """Read and check a document whole; give it as it was read, and what it means.

    Raises:
        Invalid: the file cannot be read.
        DocumentError: every mistake of the document.
    """
    raw = read_raw(path)
    if not isinstance(raw, dict):
        raise DocumentError(
            [Problem("", "is not a workflow", "begin with `name:`; `judgify workflow init` drafts one")]
        )
    return raw, compile_document(read_document(raw))


def line_of(path: Path, where: str) -> int | None:
    """Give the line on which `tables[0].rules[2].when` begins, or of the nearest that there is; None when unknown."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - slow to load, needed only for a mistake
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - as above

    try:
        node: Any = YAML(typ="safe", pure=True).compose(read_text(path))
    except (Unreadable, YAMLError):
        return None
    found = None
    for key, index in _STEP.findall(where):
        children = getattr(node, "value", None)
        if not isinstance(children, list):
            break
        if index:
            node = children[int(index)] if int(index) < len(children) else None
            found = node.start_mark.line + 1 if node is not None else found
            continue
        pair = next((pair for pair in children if isinstance(pair, tuple) and pair[0].value == key), None)
        if pair is None:
            break
        node = pair[1]
        found = pair[0].start_mark.line + 1
    return found


def read_table(path: Path) -> tuple[list[str], list[Sequence[str]]]:
    """Read a CSV file's header and its first rows, UTF-8 or CP949; `Invalid` when it has none, or names one twice."""
    source = examine(path)
    if source.kind != "csv":
        raise Invalid(f"{path}: a draft is made from a .csv file")
    with path.open("rb") as raw:
        reader = csv.reader(io.TextIOWrapper(raw, encoding=source.encoding, newline=""))
        try:
            rows: list[Sequence[str]] = [row for row in islice(reader, MAX_LOOKED_AT + 1) if row]
        except csv.Error as error:
            raise Invalid(f"{path}: cannot be read: {error}; is a quote left open?") from error
    header = [" ".join(cell.replace("\ufeff", "").split()) for cell in rows[0]] if rows else []
    if len(header) > MAX_COLUMNS:
        raise Invalid(f"{path}: has {len(header):,} columns; more than {MAX_COLUMNS:,} are not read")
    if not any(header):
        raise Invalid(f"{path}: the first row must name the columns")
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise Invalid(f'{path}: two columns are called "{twice}"; rename one')
    return header, rows[1:]
