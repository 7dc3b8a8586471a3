"""Files that break careless readers: each is either rows or a sentence that says what is wrong, and soon."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from judgify.cli.judgment_file import MAX_COLUMNS, examine, read_rows
from judgify.cli.workflow_file import read_table
from judgify.core.contracts.document import WorkflowDocument
from judgify.kit.errors import Invalid

pytestmark = pytest.mark.guide("S00")
DOCUMENT = msgspec.convert(
    {
        "name": "w",
        "input_schema": {"type": "object", "properties": {"x": {"type": "number"}}},
        "tables": [
            {
                "name": "t",
                "hit_policy": "F",
                "inputs": [{"name": "x", "type": "number"}],
                "outputs": [{"name": "y", "type": "string"}],
                "rules": [{"id": "r", "when": {"x": ">= 1"}, "then": {"y": "A"}}],
            }
        ],
        "result": {"table": "t", "output": "y"},
    },
    WorkflowDocument,
)
WIDE = ",".join(f"c{number}" for number in range(100_000))
FILES: dict[str, tuple[bytes, str | int]] = {
    "nothing.csv": (b"", "is empty"),
    "nul.csv": (b"x\n\x00\n", 1),
    "open-quote.csv": (b'x\n"' + b"a\n" * 200_000, "is a quote left open"),
    "wide.csv": (WIDE.encode() + b"\n1\n", f"more than {MAX_COLUMNS:,} are not read"),
    "wide-row.csv": (b"x\n" + b"1," * 100_000 + b"\n", 1),
    "long-cell.csv": (b"x\n" + b"9" * 300_000 + b"\n", "field limit"),
    "digits.csv": (b"x\n" + b"9" * 5_000 + b"\n", 1),
    "exponent.csv": (b"x\n1e999999999\n", 1),
    "bytes.csv": (b"x\n\xff\xfe\xfa\n", "neither UTF-8 nor CP949"),
    "utf-16.csv": ("x\n1\n".encode("utf-16"), "neither UTF-8 nor CP949"),
    "deep.json": (b"[" * 100_000 + b"]" * 100_000, "not JSON"),
    "digits.json": (b'[{"x":' + b"9" * 5_000 + b"}]", "not JSON"),
    "nan.json": (b'[{"x":NaN}]', "not JSON"),
    "surrogate.json": (b'[{"x":"\\ud800"}]', "not JSON"),
    "deep.jsonl": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n", 3),
    "long.jsonl": (b'{"x":"' + b"a" * 300_000 + b'"}\n{"x":1}\n', 3),
}
"""Name → (content, how many rows it gives or what its refusal says)."""


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_rows_or_a_refusal(name: str, tmp_path: Path) -> None:
    content, wanted = FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    ways: list[Callable[[], Any]] = [lambda: len(list(read_rows(examine(path), DOCUMENT)))]
    if path.suffix == ".csv" and isinstance(wanted, str):
        ways.append(lambda: read_table(path))
    started = time.monotonic()
    for read in ways:
        if isinstance(wanted, int):
            assert read() == wanted
            continue
        with pytest.raises(Invalid, match=wanted):
            read()
    assert time.monotonic() - started < 5
