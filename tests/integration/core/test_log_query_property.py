"""On queries and lines made at random, PostgreSQL finds what a second telling of the language in Python finds."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.log_query import matches
from tests.support.stores import Postgres

from judgify.core.logbook.line import LEVELS
from judgify.core.logbook.lucene import QueryError, compile_query, parse
from judgify.kit.clock import SEOUL
from judgify.kit.db import migrate

pytestmark = pytest.mark.guide("G19")
NOW = datetime(2026, 11, 22, 3, 34, 56, 789000, tzinfo=UTC)

WORDS = st.sampled_from(
    [
        "error",
        "Error",
        "errors",
        "판단",
        "판단서비스",
        "서비스",
        "time-out",
        "a_b",
        "10.0.0.1",
        "key=1",
        "7",
        "오류error",
        "x",
        "%",
        "(ok)",
    ]
)
MESSAGES = st.lists(st.one_of(WORDS, st.text(alphabet='aeE_1 7판단%.\\"-', max_size=5)), min_size=1, max_size=5).map(
    " ".join
)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-20, 20),
    st.sampled_from(["7", "7.0", "red", "판단", "1e1", "", "a b", 7.5, 1e3]),
    st.lists(st.sampled_from(["red", 7, "7", None, 8.25]), max_size=3), st.fixed_dictionaries({"x": st.integers(0, 3)}),
)  # fmt: skip
FIELDS = st.dictionaries(st.sampled_from(["n", "tags", "user", "판", "user.x", "nul\x00"]), VALUES, max_size=4)
ROWS = st.fixed_dictionaries({
    "time": st.one_of(
        st.integers(0, 60).map(lambda minutes: NOW - timedelta(minutes=minutes)),
        st.integers(0, 5 * 86_400).map(lambda seconds: NOW - timedelta(seconds=seconds)),
        st.sampled_from([datetime(2026, 11, 20, 15, tzinfo=UTC), datetime(2026, 11, 21, 14, 59, 59, 999999, UTC)]),
    ),
    "level": st.sampled_from(list(LEVELS)),
    "service": st.sampled_from(["judgment", "gateway", "g%teway", "g_teway"]),
    "message": MESSAGES,
    "request_id": st.one_of(st.none(), st.sampled_from(["req-1", "req-2", "REQ-1"])),
    "fields": FIELDS,
})  # fmt: skip


def escaped(text: str) -> str:
    return "".join(f"\\{one}" if not one.isalnum() else one for one in text) or '""'


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


TERMS = st.one_of(
    WORDS.map(escaped),
    st.lists(
        st.one_of(st.sampled_from(["*", "?"]), st.sampled_from(["e", "rr", "판", "_", "1", "s", "."])),
        min_size=2,
        max_size=4,
    )
    .map("".join)
    .filter(lambda text: not text.startswith(".")),
    st.text(alphabet='aeE_1 판%."-', min_size=1, max_size=4).filter(str.strip).map(quoted),
)
NUMBERS = st.sampled_from(["7", "-3", "7.0", "1e1", "8.25", "0"])
TIMES = st.sampled_from(["now", "now-5m", "now-30m", "2026-11-20", "2026-11-21", "2026-11-22"])
ENDS = st.tuples(st.sampled_from("[{"), st.sampled_from("]}"))


def ranged(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    either = st.one_of(values, st.just("*"))
    return st.one_of(
        st.tuples(ENDS, either, either).map(lambda one: f"{name}:{one[0][0]}{one[1]} TO {one[2]}{one[0][1]}"),
        st.tuples(st.sampled_from([">", ">=", "<", "<="]), values).map(lambda one: f"{name}:{one[0]}{one[1]}"),
    )


LEAVES = st.one_of(
    TERMS,
    st.sampled_from([
        "level:error", "level:WARN", "level:*R*",
        "level:[INFO TO ERROR}", "level:>=WARN", "*", "duration:",
    ]),
    st.sampled_from(["service:judgment", "service:g*", "service:g\\%teway", "service:g?teway", "service:[a TO h]"]),
    st.sampled_from([
        "request_id:req-1", "request_id:*-1", "_exists_:request_id",
        "_exists_:n", "_exists_:tags", "user:*",
    ]),
    st.sampled_from([
        "n:7", 'n:"7"', "n:red", "tags:red", "tags:7",
        "tags:r*", "user.x:1", "fields.user.x:>0", "n:true", "판:*",
    ]),
    st.sampled_from(['tags:["a" TO "s"]', 'n:""', "n:?", "tags:(red OR 8.25)"]),
    ranged("n", NUMBERS),
    ranged("tags", NUMBERS),
    ranged("@timestamp", TIMES),
    TIMES.map("@timestamp:{}".format),
)  # fmt: skip
QUERIES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" AND ", " OR ", " && ", " || ", " "]), inner).map("".join),
        st.tuples(st.sampled_from(["NOT ", "!", "-", "+"]), inner).map(lambda one: f"{one[0]}({one[1]})"),
        inner.map("({})".format),
        st.tuples(inner, inner, inner).map(lambda one: f"+({one[0]}) ({one[1]}) -({one[2]})"),
    ),
    max_leaves=6,
)


def test_sql_and_a_second_telling_agree(postgres_server: Postgres) -> None:
    url = postgres_server.make_database("log_query_property")
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(prepared(url))
    try:

        @settings(max_examples=250)
        @given(st.lists(ROWS, min_size=1, max_size=6), st.lists(QUERIES, min_size=1, max_size=6))
        def agree(rows: list[dict[str, Any]], queries: list[str]) -> None:
            loop.run_until_complete(compare(connection, rows, queries))

        agree()
    finally:
        loop.run_until_complete(connection.close())
        loop.close()


async def prepared(url: str) -> Any:
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        await migrate(pool, "logging", "judgify.core.logbook")
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE TABLE logging.line_all PARTITION OF logging.line FOR VALUES FROM ('2020-01-01') TO ('2030-01-01')"
    )
    return connection


async def compare(connection: Any, rows: list[dict[str, Any]], queries: list[str]) -> None:
    whole = [{**row, "source": "test", "received_at": NOW} for row in rows]
    await connection.execute("DELETE FROM logging.line")
    await connection.executemany(
        "INSERT INTO logging.line (id, time, level, service, message, request_id, fields, received_at, source) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'test')",
        [
            (number, row["time"], LEVELS[row["level"]], row["service"], row["message"], row["request_id"],
             json.dumps(row["fields"]), NOW)
            for number, row in enumerate(whole)
        ],
    )  # fmt: skip
    for query in queries:
        try:
            compiled = compile_query(query, now=NOW, zone=SEOUL)
        except QueryError:
            continue  # turned ranges, and signs that could be meant in two ways
        found = await connection.fetch(
            f"SELECT id FROM logging.line WHERE {compiled.sql} ORDER BY id",  # noqa: S608 - what is being tested
            *compiled.values,
        )
        tree = parse(query)
        expected = [number for number, row in enumerate(whole) if matches(tree, row, NOW)]
        assert [row["id"] for row in found] == expected, (query, compiled.sql, compiled.values)
