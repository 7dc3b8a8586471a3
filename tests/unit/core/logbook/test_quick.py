"""The quick reader and the exact one come to the same, whatever is sent."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judgify.core.logbook import quick
from judgify.core.logbook.line import read_lines, split_body
from judgify.core.logbook.quick import Reading, read_body
from judgify.kit.errors import Invalid, Malformed

pytestmark = pytest.mark.guide("S05")
NOW = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "level": "error",
    "service": "judgment",
    "message": "판단 실패",
    "timestamp": "2026-11-22T23:00:00",
    "request_id": "req_1",
    "fields": {"a": [1, {"b": None}], "p": "/api/v2"},
}


def exact(body: bytes, kind: str = "") -> Reading:
    lines, errors = read_lines(split_body(body, kind), NOW)
    return Reading([line.row() for line in lines], errors, sum(line.adjusted for line in lines))


def same(body: bytes, kind: str = "") -> Reading:
    found, wanted = read_body(body, kind, NOW), exact(body, kind)
    assert [row[:5] for row in found.rows] == [row[:5] for row in wanted.rows]
    assert [json.loads(row[5]) for row in found.rows] == [json.loads(row[5]) for row in wanted.rows]
    assert found.errors == wanted.errors
    assert found.adjusted == wanted.adjusted
    return found


def changed(**change: Any) -> bytes:
    return json.dumps({name: value for name, value in {**GOOD, **change}.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"fields": ..., "timestamp": ..., "request_id": ...},
        {"timestamp": None, "request_id": None},
        {"timestamp": "2026-11-22T14:00:00Z"},
        {"timestamp": "2026-11-22T14:00:00.5+05:30"},
        {"timestamp": "1970-01-01T00:00:00Z"},
        {"timestamp": "0001-01-01T00:00:00+09:00"},
        {"timestamp": "yesterday"},
        {"timestamp": 5},
        {"level": " Warn "},
        {"level": "LOUD"},
        {"level": 40},
        {"service": "a b"},
        {"message": "token=abcd"},
        {"message": "nul \x00"},
        {"message": "half \ud800"},
        {"message": "x" * 16_385},
        {"message": "password is hunter2", "fields": ...},
        {"request_id": "a b"},
        {"fields": []},
        {"fields": None},
        {"fields": {"password": "x"}},
        {"fields": {"url": "postgres://kim:pass@db/x"}},
        {"fields": {"a": "x" * 16_400}},
        {"fields": {"a": "\ud800\x00"}},
        {"fields": {"a": "가" * 10_000}},
        {"fields": json.loads("[" * 1 + '{"a":' * 70 + "1" + "}" * 70 + "]")[0]},
        {"fields": json.loads('{"a":' * 60 + "1" + "}" * 60)},
        {"surprise": 1},
    ],
)
def test_one_line_comes_to_the_same(change: dict[str, Any]) -> None:
    body = changed(**change)
    same(body)
    same(b"[" + body + b"," + changed() + b"]", "application/json")


@pytest.mark.parametrize(
    "fields",
    [
        b'{"a":"\\u0070assword=x"}',
        b'{"u":"http:\\/\\/kim:pass@x\\/"}',
        b'{"a":1e999}',
        b'{"a":NaN}',
        b'{"a":1E+400}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":1,}',
        b'{"a":"\xff"}',
        b'{"a":"\x01"}',
        b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
        b'{"a":' * 200_000,
    ],
)
def test_hostile_fields_come_to_the_same(fields: bytes) -> None:
    body = b'{"level":"INFO","service":"a","message":"m","fields":' + fields + b"}\n" + changed()
    try:
        wanted = exact(body)
    except Malformed:
        with pytest.raises(Malformed):
            read_body(body, "", NOW)
        return
    found = same(body)
    assert len(found.rows) + len(found.errors) == 2
    assert all(row[5].isascii() or row[5].encode() for row in wanted.rows)


def test_too_many_and_none_are_refused() -> None:
    for body in (b"", b"\n\n", changed() + (b"\n" + changed()) * 10_000):
        with pytest.raises(Invalid):
            read_body(body, "", NOW)
    assert len(read_body(changed() + (b"\n" + changed()) * 9_999, "", NOW).rows) == 10_000


def test_good_lines_are_read_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("the exact reader was asked")

    monkeypatch.setattr(quick, "split_body", never)
    assert len(read_body(changed() + b"\r\n\n" + changed(fields={"token": "x"}), "", NOW).rows) == 2
    assert len(read_body(b" [" + changed() + b"]", "", NOW).rows) == 1


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "level": st.sampled_from(["INFO", "error", "Fatal", "x"]),
                "service": st.sampled_from(["a", "b-1", "c d"]),
            },
            optional={
                "message": st.text(max_size=40) | st.sampled_from(["secret: x", "Bearer abcdefghi", "https://a:b@c"]),
                "fields": st.dictionaries(st.text(max_size=8), values, max_size=3),
                "timestamp": st.datetimes().map(datetime.isoformat)
                | st.timedeltas(timedelta(-20), timedelta(3)).map(lambda one: (NOW + one).isoformat()),
            },
        ),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_any_lines_come_to_the_same(documents: list[Any], ascii_only: bool) -> None:  # noqa: FBT001 - hypothesis gives values
    text = "\n".join(json.dumps(one, ensure_ascii=ascii_only) for one in documents)
    same(text.encode("utf-8", errors="replace"))
