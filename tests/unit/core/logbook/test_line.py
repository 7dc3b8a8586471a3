from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from judgify.core.logbook.line import Line, level_number, read_line, read_lines, split_body
from judgify.kit.errors import Invalid, Malformed

NOW = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "level": "error",
    "service": "judgment",
    "message": "판단 실패",
    "timestamp": "2026-11-22T23:00:00",
}


def test_a_line_is_read_with_naive_time_in_seoul_and_secrets_masked() -> None:
    line = read_line({**GOOD, "request_id": "req_1", "fields": {"password": "x", "n": 1}, "message": "token=abcd"}, NOW)
    assert isinstance(line, Line)
    assert line.time == datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
    assert (line.level, line.service, line.request_id, line.adjusted) == (40, "judgment", "req_1", False)
    assert line.message == "token=•••"
    assert line.fields == {"password": "•••", "n": 1}


def test_a_line_without_a_time_is_of_now() -> None:
    line = read_line({"level": "INFO", "service": "a", "message": ""}, NOW)
    assert isinstance(line, Line)
    assert line.time == NOW


@pytest.mark.parametrize("time", [NOW - timedelta(days=15), NOW + timedelta(hours=25), datetime(1, 1, 2, tzinfo=UTC)])
def test_a_time_out_of_range_is_replaced_and_kept(time: datetime) -> None:
    line = read_line({**GOOD, "timestamp": time.isoformat()}, NOW)
    assert isinstance(line, Line)
    assert line.adjusted
    assert line.time == NOW
    assert line.fields["original_timestamp"].startswith(f"{time:%Y}" if time.year > 1000 else "0001")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"level": "LOUD"}, "level"),
        ({"level": 40}, "level"),
        ({"service": ""}, "service"),
        ({"service": "a b"}, "service"),
        ({"service": None}, "service"),
        ({"message": None}, "message"),
        ({"message": "x" * 16_385}, "message"),
        ({"message": "nul \x00"}, "message"),
        ({"message": "half \ud800"}, "message"),
        ({"request_id": "a b"}, "request_id"),
        ({"request_id": 5}, "request_id"),
        ({"fields": []}, "fields"),
        ({"fields": {"a": "x" * 17_000}}, "fields"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": 5}, "timestamp"),
        ({"timestamp": "0001-01-01T00:00:00+09:00"}, "timestamp"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_part_is_named(change: dict[str, Any], path: str) -> None:
    found = read_line({**GOOD, **change}, NOW)
    assert isinstance(found, tuple)
    assert found[0] == path


def test_what_is_no_object_is_said_so() -> None:
    assert read_line([1], NOW) == ("", "is not a JSON object")
    assert read_line(ValueError("x"), NOW) == ("", "is not valid JSON")


def test_levels_have_other_names() -> None:
    assert [level_number(name) for name in ("warn", "Fatal", " notice ", "exception", "trace", "shout")] == [
        30,
        50,
        20,
        40,
        10,
        None,
    ]


def test_bodies_are_arrays_or_lines() -> None:
    assert split_body(b' [{"a": 1}, 2]', "application/json") == [{"a": 1}, 2]
    assert split_body(b'{"a": 1}\r\n\n{"b": 2}', "") == [{"a": 1}, {"b": 2}]
    found = split_body(b"[1]\n{\nNaN", "application/x-ndjson; charset=utf-8")
    assert found[0] == [1]
    assert all(isinstance(one, ValueError) for one in found[1:])


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (b"\xff", "", Malformed),
        (b"[1", "application/json", Malformed),
        (b"[NaN]", "application/json", Malformed),
        (b"[" * 100_000, "application/json", Malformed),
        (b"", "", Invalid),
        (b"[]", "", Invalid),
        (b"[" + b"1," * 10_000 + b"1]", "", Invalid),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes, kind: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        split_body(body, kind)


def test_errors_carry_the_lines_number() -> None:
    lines, errors = read_lines([GOOD, {}, GOOD, 5], NOW)
    assert len(lines) == 2
    assert [(one.number, one.path) for one in errors] == [(2, "level"), (4, "")]
