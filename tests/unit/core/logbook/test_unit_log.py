import json
from datetime import UTC, datetime
from typing import Any

import pytest

from judgify.core.logbook.unit_log import has_long_entries, read_unit_line, service_of

NOW = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)


def test_the_unit_is_in_the_files_name() -> None:
    names = ["judgment.log", "judgment-1.log", "response.log", "my-unit-12.log", "가.log"]
    assert [service_of(name) for name in names] == ["judgment", "judgment", "response", "my-unit", "unknown"]


def test_our_own_lines_are_json() -> None:
    text = json.dumps(
        {
            "timestamp": "2026-11-22T14:00:00.5Z",
            "level": "warning",
            "service": "judgment",
            "message": "느림",
            "request_id": "req_1",
            "logger": "x",
            "password": "hunter2",
        }
    )
    line = read_unit_line(text + "\n", "other", NOW)
    assert line.time == datetime(2026, 11, 22, 14, 0, 0, 500_000, tzinfo=UTC)
    assert (line.level, line.service, line.message, line.request_id) == (30, "judgment", "느림", "req_1")
    assert line.fields == {"logger": "x", "password": "•••"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"event": "e", "timestamp": "never", "service": "a b", "request_id": 5}', "e"),
        ('{"broken', '{"broken'),
        ("{}", ""),
        ("{" * 5000, "{" * 5000),
        ('{"message": "half \\ud800 nul \\u0000"}', "half ? nul �"),
    ],
)
def test_what_is_not_understood_is_kept_as_text(text: str, message: str) -> None:
    line = read_unit_line(text, "judgment", NOW)
    assert (line.time, line.service, line.message, line.level) == (NOW, "judgment", message, 20)
    assert line.request_id is None


def test_fields_that_are_too_large_are_cut_down_to_the_exception() -> None:
    text = json.dumps({"message": "m", "exception": "e" * 30_000, "logger": "l"})
    line = read_unit_line(text, "a", NOW)
    assert line.fields == {"cut": True, "logger": "l", "exception": "e" * 4000}


def test_postgres_lines_have_level_time_and_duration() -> None:
    slow = "2026-11-22 14:00:00.123 UTC [77] LOG:  duration: 1523.5 ms  statement: SELECT 1"
    line = read_unit_line(slow, "postgres", NOW)
    assert (line.level, line.fields) == (
        20,
        {"pid": 77, "kind": "LOG", "duration_ms": 1523.5, "statement": "SELECT 1"},
    )
    assert line.time == datetime(2026, 11, 22, 14, 0, 0, 123_000, tzinfo=UTC)
    assert read_unit_line("2026-11-22 14:00:00 UTC [7] FATAL:  no", "postgres", NOW).level == 50


def test_redis_lines_have_level_and_time() -> None:
    line = read_unit_line("123:M 22 Nov 2026 14:00:00.123 # WARNING overcommit", "redis", NOW)
    assert (line.level, line.message, line.fields) == (30, "WARNING overcommit", {"pid": 123})
    assert read_unit_line("123:M 99 Nov 2026 14:00:00.123 * x", "redis", NOW).time == NOW


def test_plain_text_has_the_level_that_it_names() -> None:
    assert read_unit_line("ERROR: it broke", "x", NOW).level == 40
    assert read_unit_line("Traceback", "x", NOW).level == 20
    assert read_unit_line("x" * 20_000, "x", NOW).message.endswith("…")


def test_a_time_out_of_range_is_replaced() -> None:
    line = read_unit_line('{"timestamp": "1999-01-01T00:00:00Z", "message": "m"}', "x", NOW)
    assert (line.time, line.adjusted) == (NOW, True)


@pytest.mark.parametrize(
    ("text", "message", "fields"),
    [
        (
            "LOG:  duration: 600 ms  execute __asyncpg_stmt_1__: SELECT a\n\tFROM b\n\t\tWHERE c = $1",
            "duration: 600 ms  execute __asyncpg_stmt_1__: SELECT a\nFROM b\n\tWHERE c = $1",
            {"duration_ms": 600.0, "statement": "SELECT a\nFROM b\n\tWHERE c = $1"},
        ),
        (
            "LOG:  duration: 5.5 ms  statement: ALTER ROLE kim PASSWORD 'it''s'; SELECT 1",
            "duration: 5.5 ms  statement: ALTER ROLE kim PASSWORD '•••'; SELECT 1",
            {"duration_ms": 5.5, "statement": "ALTER ROLE kim PASSWORD '•••'; SELECT 1"},
        ),
        ("STATEMENT:  create user x password $q$open$q$ login", "create user x password '•••' login", {}),
        ("LOG:  duration: 12.5 ms", "duration: 12.5 ms", {"duration_ms": 12.5}),
        ("LOG:  checkpoint complete: duration: 1 ms", "checkpoint complete: duration: 1 ms", {}),
    ],
)
def test_slow_statements_are_one_line_with_no_password(text: str, message: str, fields: dict[str, Any]) -> None:
    line = read_unit_line(f"2026-11-22 14:00:00.123 UTC [77] judgify@judgify {text}", "postgres", NOW)
    assert line.message == message
    assert {name: value for name, value in line.fields.items() if name not in {"pid", "kind"}} == fields


def test_postgres_goes_on_with_an_entry_on_lines_that_begin_with_a_tab() -> None:
    assert has_long_entries("postgres")
    assert not has_long_entries("judgment")
