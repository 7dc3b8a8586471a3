import csv
import io
from pathlib import Path

import pytest

from judgify.cli.workflow_draft import Column, draft, language, look, quoted, subject
from judgify.cli.workflow_file import compile_file, is_file, line_of, read_table
from judgify.core.contracts.problem import DocumentError
from judgify.kit.errors import Invalid

COLD = """room,measured_at,day,temp_c,door_open_min,shut
A,2026-11-23 06:00,2026-11-23,-21.4,0,yes
A,2026-11-23 07:00,2026-11-23,-20.9,2,yes
B,2026-11-23 08:00,2026-11-23,,18,no
B,2026-11-23 09:00,2026-11-23,sensor error,1,yes
C,2026-11-23 10:00,2026-11-23,-14.2,1,yes
"""


def table(text: str) -> list[Column]:
    header, *rows = csv.reader(io.StringIO(text))
    return look(header, rows)


def test_types_are_guessed_from_most_of_the_values() -> None:
    columns = {column.name: column for column in table(COLD)}
    assert {name: column.type for name, column in columns.items()} == {
        "room": "string",
        "measured_at": "date-time",
        "day": "date",
        "temp_c": "number",
        "door_open_min": "integer",
        "shut": "boolean",
    }
    assert columns["temp_c"].seen("en") == '4/5 cells; -21.4 … -14.2; but: "sensor error" (row 4)'
    assert columns["temp_c"].seen("ko") == '4/5 칸; -21.4 … -14.2; 아닌 것: "sensor error" (4행)'
    assert columns["room"].seen("en") == "5/5 cells; A, B, C"
    assert subject(list(columns.values())) is columns["temp_c"]


@pytest.mark.parametrize(
    ("text", "kind", "rule"),
    [
        ("n\n1\n2\n30\n", "integer", '"> 2"'),
        ("n\n0.1234567\n0.2\n0.3\n", "number", '"> 0.2"'),
        ("flag\n0\n1\n1\n", "integer", '"> 0"'),
        ("grade\nA\nB\nA\n", "string", "'\"A\"'"),
        ("grade\nit's\nB\nit's\n", "string", "'\"it''s\"'"),
        ("same\n5\n5\n", "integer", None),
        ("when\n2026-13-45\n", "string", None),
        ("only_a_header\n", "string", None),
        ("1st,예/아니오,온도 (℃),yes,a: b\nx,예,20.5,1,q\ny,아니오,30.5,2,r\n", "string", '"> 20.5"'),
    ],
)
def test_a_draft_is_sound_as_it_is(tmp_path: Path, text: str, kind: str, rule: str | None) -> None:
    columns = table(text)
    assert columns[0].type == kind
    for lang in ("ko", "en"):
        written = draft("시험", "f.csv", columns, "ko" if lang == "ko" else "en")
        file = tmp_path / f"{lang}.yaml"
        file.write_text(written, encoding="utf-8")
        plan = compile_file(file)[1]
        assert [column.name for column in plan.tables[0].inputs] == [column.name for column in columns]
        assert rule is None or rule in written
        assert ("EDIT" if lang == "en" else "고칠 곳") in written


def test_korean_headers_make_a_korean_draft() -> None:
    columns = table("창고,온도\n1호,-20.5\n2호,-3.0\n2호,-20\n2호,오류\n1호,오류\n")
    assert language(columns) == "ko"
    written = draft("냉동", "c.csv", columns, "ko")
    assert '- {in: {창고: "2호", 온도: -3.0}, out: {결과: 이상}}' in written
    assert language(table(COLD)) == "en"
    assert '- {id: 이상, when: {온도: "> -20"}, then: {결과: 이상}}' in draft("냉동", "c.csv", columns, "ko")
    # A column that is called like the draft's own table gives way to nothing: the table takes another name.
    assert "- name: 판정표" in draft("냉동", "c.csv", table("판정,값\na,1\nb,2\n"), "ko")
    many = table("n\n1\n2\n3\n4\n5\n6\nx\ny\nz\nw\n")[0]
    assert many.seen("en").endswith('"z" (row 9) …')
    assert len(table("t\na\nb\nc\nd\ne\nf\ng\ng\n")[0].seen("en").split(", ")) == 4


def test_names_are_quoted_where_yaml_needs_it() -> None:
    assert [quoted(text) for text in ("온도(℃)", "cold-storage", "no", "a: b", "1st", "")] == [
        "온도(℃)",
        "cold-storage",
        '"no"',
        '"a: b"',
        '"1st"',
        '""',
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,a\n1,2\n", 'two columns are called "a"'),
        (b",\n1,2\n", "the first row must name the columns"),
        (b"", "is empty"),
        (b'a,b\n"1,2\n' + b"x" * 200_000, "is a quote left open"),
    ],
)
def test_a_file_without_a_usable_header_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "f.csv"
    file.write_bytes(content)
    with pytest.raises(Invalid, match=told):
        read_table(file)
    with pytest.raises(Invalid, match=r"made from a \.csv"):
        read_table(_written(tmp_path / "f.jsonl", '{"a": 1}'))


def test_a_cp949_file_with_a_byte_order_or_spaces_in_its_header_is_read(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_bytes(" 온도 ,창고\n1.5,1호\n".encode("cp949"))
    assert read_table(file) == (["온도", "창고"], [["1.5", "1호"]])


def test_mistakes_are_found_by_their_line(tmp_path: Path) -> None:
    text = draft("cold", "c.csv", table(COLD), "en").replace("then: {state: ok}}", "then: {state: okay}}")
    file = _written(tmp_path / "w.yaml", text)
    with pytest.raises(DocumentError) as caught:
        compile_file(file)
    path = caught.value.problems[0].path
    line = line_of(file, path)
    assert line is not None
    assert "okay" in text.splitlines()[line - 1]
    assert line_of(file, "tables[0].rules[99].when") == line_of(file, "tables[0].rules")
    assert line_of(file, "nothing.here") is None
    assert line_of(file, "") is None
    assert line_of(file, "name.deeper") == 3
    assert line_of(tmp_path / "absent.yaml", "name") is None


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("w.yaml", "a: 1\na: 2\n", "line 2: a key is given twice"),
        ("w.json", '{"a": }', "is not JSON"),
        ("w.txt", "a: 1", "ends in .yaml, .yml, .json"),
        ("w.yaml", "- 1\n", "is not a workflow"),
        ("w.yaml", " \n", "is empty"),
        ("w.yaml", "name: x\nnaem: y\n", "naem"),
    ],
)
def test_a_file_that_is_no_workflow_says_so(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        compile_file(_written(tmp_path / name, text))
    assert told in caught.value.detail


def test_a_word_is_a_file_by_its_ending() -> None:
    assert is_file("냉동.yaml")
    assert is_file("a.JSON")
    assert not is_file("cold-storage")


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
