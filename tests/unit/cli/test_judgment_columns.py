from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from judgify.cli.judgment_file import READERS, Row, columns_of, examine, read_rows
from judgify.cli.judgment_upload import BATCH_BYTES, BATCH_ROWS, Totals, _batches
from judgify.core.contracts.document import FileColumn, FileForm, ResultRef, WorkflowDocument
from judgify.core.contracts.wire import UNREADABLE
from judgify.kit.errors import Invalid, NotFound


def workflow(*columns: FileColumn, **properties: Any) -> WorkflowDocument:
    return WorkflowDocument(
        "w", {"type": "object", "properties": properties}, [], ResultRef("t", "o"), files=FileForm(list(columns))
    )


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", " 85 ", Decimal(85)),
        ("number", "3.20", Decimal("3.20")),
        ("number", "-1e-3", Decimal("-0.001")),
        ("number", "1,234,567.8", Decimal("1234567.8")),
        ("number", "1,2", "1,2"),
        ("number", "12,34", "12,34"),
        ("number", "NaN", "NaN"),
        ("number", "٣", "٣"),
        ("number", "85℃", "85℃"),
        ("integer", "1,200", 1200),
        ("integer", "2.0", 2),
        ("integer", "1.5", Decimal("1.5")),
        ("integer", "x", "x"),
        ("integer", "1e99", Decimal("1e99")),
        ("boolean", "예", True),
        ("boolean", "False", False),
        ("boolean", "maybe", "maybe"),
        ("date", "2026-03-02", "2026-03-02"),
        ("date", "2026-13-02", "2026-13-02"),
        ("date-time", "2026-03-02 09:00:00", "2026-03-02T09:00:00+09:00"),
        ("date-time", "2026-03-02T00:00:00Z", "2026-03-02T00:00:00+00:00"),
        ("date-time", "어제", "어제"),
        ("string", " as it is ", " as it is "),
    ],
)
def test_a_cell_is_read_by_its_columns_type_or_stays_the_text_that_it_is(kind: str, text: str, value: Any) -> None:
    found = READERS[kind](text)
    assert found == value
    assert type(found) is type(value)


def test_columns_come_from_the_files_form_and_else_from_the_schema() -> None:
    columns = columns_of(
        workflow(
            FileColumn("온도", "number", aliases=["temp"]),
            a={"type": "integer"},
            b={"type": "string"},
            c=True,
            온도={"type": "integer"},
        )
    )
    assert {name: column.type for name, column in columns.items()} == {
        "온도": "number",
        "temp": "number",
        "a": "integer",
    }
    assert columns_of(WorkflowDocument("w", {}, [], ResultRef("t", "o"))) == {}


def rows(tmp_path: Path, name: str, content: bytes, document: WorkflowDocument | None = None) -> list[Row]:
    path = tmp_path / name
    path.write_bytes(content)
    return list(read_rows(examine(path), document or workflow(x={"type": "number"})))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_hangul_is_read_in_each_encoding(tmp_path: Path, encoding: str) -> None:
    content = "설비,x\n사출기,1\n".encode(encoding)
    assert [row.given for row in rows(tmp_path, "a.csv", content)] == [{"설비": "사출기", "x": Decimal(1)}]


def test_decomposed_headers_blank_headers_and_blank_lines(tmp_path: Path) -> None:
    content = ("\n" + "ᄒ" + "ᅡ" + ",,x\n\n1,2,\n\n").encode()
    found = rows(tmp_path, "a.csv", content)
    assert [(row.number, row.given) for row in found] == [(1, {"하": "1", "열 2": "2"})]


def test_an_ignored_column_does_not_reach_the_input(tmp_path: Path) -> None:
    document = workflow(FileColumn("판정", ignore=True), FileColumn("판정 2", ignore=True))
    assert rows(tmp_path, "a.csv", "판정,판정,x\nOK,NG,1\n".encode(), document)[0].given == {"x": "1"}


def test_a_quote_that_is_never_closed_is_told_where_it_is(tmp_path: Path) -> None:
    content = b'x\n1\n"' + b"a" * 200_000
    with pytest.raises(Invalid, match="after line 2"):
        rows(tmp_path, "a.csv", content)


def test_files_that_cannot_be_examined(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        examine(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(Invalid, match="cannot be read"):
        examine(tmp_path / "folder.csv")


def test_a_json_line_longer_than_a_row_may_be_is_no_json_and_says_so(tmp_path: Path) -> None:
    found = rows(tmp_path, "a.jsonl", b'{"x": "' + b"y" * 300_000 + b'"}\n{"x": 1}\n')
    assert ["_problem" in row.given for row in found] == [True, True, False]


def test_rows_travel_in_batches_bounded_by_number_and_size() -> None:
    small: Iterable[Row] = (Row(n, {"x": n}, 0) for n in range(BATCH_ROWS * 2 + 1))
    assert [len(batch) for batch in _batches(small)] == [BATCH_ROWS, BATCH_ROWS, 1]
    large = [Row(n, {"x": "y" * (BATCH_BYTES // 3)}, 0) for n in range(5)]
    assert [len(batch) for batch in _batches(large)] == [2, 2, 1]


def test_totals_count_and_keep_the_first_hundred_reasons() -> None:
    totals = Totals()
    for n in range(150):
        totals.add({"row": n, "error": {"detail": "no"}})
        totals.add({"row": n, "verdict": "not_evaluable", "causes": [], "durability": "spool"})
        totals.add({"row": n, "verdict": "matched", "result": [1], "replayed": True})
    assert (totals.rows, totals.replayed, totals.spooled) == (450, 150, 150)
    assert (len(totals.errors), len(totals.unclear)) == (100, 100)
    assert totals.results == {"[1]": 150}


def test_a_number_beyond_all_exponents_in_a_file_is_no_crash(tmp_path: Path) -> None:
    found = rows(tmp_path, "a.jsonl", b'{"x": 1e99999999999999999999}\n{"x": 1}\n')
    assert [UNREADABLE in row.given for row in found] == [True, False]
    with pytest.raises(Invalid, match="computed with"):
        rows(tmp_path, "b.json", b'[{"x": 1e99999999999999999999}]')
