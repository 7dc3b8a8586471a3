"""Patterns of messages and statements: what differs only in its particulars is one."""

from datetime import UTC, datetime, timedelta

import pytest

from judgify.core.logbook import pattern, statement
from judgify.core.logbook.pattern import pattern_of
from judgify.core.logbook.statement import normalised

T = datetime(2026, 11, 22, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("request 17 took 12.5 ms", "request <n> took <n> ms"),
        ("took 12ms, 1,234 rows", "took <n>ms, <n> rows"),
        ("connection to 10.0.0.5:5432 refused", "connection to <address> refused"),
        ("net 10.0.0.0/8 and fe80::1:2 and ::1", "net <address> and <address> and <address>"),
        ("db.example.com:5432 is away, mail kim@example.com", "<address> is away, mail <address>"),
        ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301 gone", "id <uuid> gone"),
        ("exe_01hzx5k3v9q8w7r6t5y4u3i2o1 failed", "<id> failed"),
        ("INC-2026-0042 opened", "<id> opened"),
        ("at 2026-11-22T12:34:56.789+09:00 and 2026-11-22", "at <time> and <time>"),
        ("user \"김 철수\" and 'x y' and `z`", "user <text> and <text> and <text>"),
        ("can't open, won't close", "can't open, won't close"),
        ("commit deadbeef12 at 0xFF", "commit <hex> at <hex>"),
        ("utf8 p95 sha256 stay", "utf8 p95 sha256 stay"),
        ("판단 3건 실패", "판단 <n>건 실패"),
        ("first 1\nsecond 2", "first <n>"),
        ('Traceback (most recent call last):\n  File "x.py", line 3\nValueError: bad 7', "ValueError: bad <n>"),
        (" \n ", ""),
    ],
)
def test_particulars_are_masked(message: str, expected: str) -> None:
    assert pattern_of(message) == expected


def test_a_tally_counts_by_pattern_and_stays_bounded() -> None:
    tally = pattern.Tally(most=2)
    for number in range(3):
        tally.add(T - timedelta(minutes=number), "ERROR", "judgment", f"request {number} failed")
    tally.add(T, "CRITICAL", "gateway", "request 9 failed")
    tally.add(T, "ERROR", "gateway", "out of memory")
    tally.add(T, "ERROR", "gateway", "one too many")
    first, second = (one.document() for one in tally.top(5))
    assert first == {
        "pattern": "request <n> failed", "count": 4, "first_seen": "2026-11-22T02:58:00.000000Z",
        "last_seen": "2026-11-22T03:00:00.000000Z", "services": ["judgment", "gateway"],
        "levels": ["CRITICAL", "ERROR"], "example": "request 0 failed",
    }  # fmt: skip
    assert second["pattern"] == "out of memory"
    assert (tally.examined, tally.others, len(tally.top(1))) == (6, 1, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM t WHERE a = 'x''y' AND b = 7;", "SELECT * FROM t WHERE a = ? AND b = ?"),
        ('SELECT "a1", t2.c3 FROM t2 WHERE n > 1.5e3', 'SELECT "a1", t2.c3 FROM t2 WHERE n > ?'),
        ("SELECT 1 -- why\n  /* and\nhow */ , $1", "SELECT ? , ?"),
        ("SELECT x WHERE a IN (1, 2,3)", "SELECT x WHERE a IN (?, …)"),
        ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (?, …)"),
        ("INSERT INTO t VALUES (1), (2)", "INSERT INTO t VALUES (?, …)"),
        ("SELECT E'it\\'s', $tag$ any 'text' $tag$", "SELECT ?, ?"),
        ("SELECT 'never closed", "SELECT ?"),
    ],
)
def test_values_of_a_statement_are_masked(text: str, expected: str) -> None:
    assert normalised(text) == expected


def test_a_tally_of_statements_adds_up_and_stays_bounded() -> None:
    tally = statement.Tally(most=2)
    tally.add(T, 100.0, "SELECT 1")
    tally.add(T + timedelta(minutes=1), 300.0, "SELECT 2")
    tally.add(T, 200.0, "SELECT 3")
    tally.add(T, 1.0, "SELECT now()")
    tally.add(T, 1.0, "SELECT a")
    assert [one.document() for one in tally.top(1)] == [
        {
            "statement": "SELECT ?", "count": 3, "max_ms": 300.0, "mean_ms": 200.0, "total_ms": 600.0,
            "last_seen": "2026-11-22T03:01:00.000000Z", "example": "SELECT 2",
        }
    ]  # fmt: skip
    assert (tally.examined, tally.others) == (5, 1)
