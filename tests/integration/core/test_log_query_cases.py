"""Every query of the table, run by a real PostgreSQL over the real table; every refusal, with its place."""

import asyncio
import json

import asyncpg
import pytest
from tests.data.lucene_cases import CASES, CORPUS, NOW
from tests.data.lucene_refused import REFUSED
from tests.support.stores import Postgres

from judgify.core.logbook.line import LEVELS
from judgify.core.logbook.lucene import Compiled, QueryError, compile_query
from judgify.kit.clock import SEOUL, parse
from judgify.kit.db import migrate

pytestmark = pytest.mark.guide("G19", "S05")
SPAN = "FOR VALUES FROM ('2020-01-01') TO ('2030-01-01')"


def compiled(query: str, first: int = 1) -> Compiled:
    return compile_query(query, now=parse(NOW), zone=SEOUL, first=first)


async def found_by_all(url: str) -> dict[str, list[int] | Exception]:
    """Load the corpus once and run every query on one connection."""
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        await migrate(pool, "logging", "judgify.core.logbook")
        async with pool.acquire() as connection:
            await connection.execute(f"CREATE TABLE logging.line_all PARTITION OF logging.line {SPAN}")
            for number, row in enumerate(CORPUS, 1):
                await connection.execute(
                    "INSERT INTO logging.line "
                    "(id, time, level, service, message, request_id, fields, received_at, source) "
                    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'corpus')",
                    number, parse(row.time), LEVELS[row.level], row.service, row.message, row.request_id,
                    json.dumps(row.fields), parse(NOW),
                )  # fmt: skip
            found: dict[str, list[int] | Exception] = {}
            for query, _ in CASES:
                try:
                    one = compiled(query, first=2)
                except QueryError as error:
                    found[query] = error
                    continue
                rows = await connection.fetch(
                    f"SELECT id FROM logging.line WHERE $1 AND {one.sql} ORDER BY id",  # noqa: S608 - what is being tested
                    True,
                    *one.values,
                )
                found[query] = [row["id"] for row in rows]
            return found


@pytest.fixture(scope="module")
def results(postgres_server: Postgres) -> dict[str, list[int] | Exception]:
    return asyncio.run(found_by_all(postgres_server.make_database("log_query_cases")))


def test_the_table_is_as_large_as_it_says() -> None:
    assert len({query for query, _ in CASES}) == len(CASES) >= 150
    assert len({query for query, _, _ in REFUSED}) == len(REFUSED)


@pytest.mark.parametrize(("query", "expected"), CASES, ids=[query for query, _ in CASES])
def test_a_query_finds_exactly_its_lines(results: dict[str, list[int] | Exception], query: str, expected: str) -> None:
    assert results[query] == [int(number) for number in expected.split()]


@pytest.mark.parametrize(("query", "offset", "words"), REFUSED, ids=[query[:40] for query, _, _ in REFUSED])
def test_what_is_not_understood_is_refused_at_its_character(query: str, offset: int, words: str) -> None:
    with pytest.raises(QueryError) as caught:
        compiled(query)
    error = caught.value
    assert words in error.detail
    assert (error.status, error.type_slug) == (400, "query-malformed")
    assert error.fields["offset"] == offset
    assert error.fields["instead"]
    shown, caret = error.fields["arrow"].split("\n")
    assert caret.strip() == "^"
    assert offset >= len(query) or query[offset].isspace() or not query[offset].isprintable() or query[offset] in shown
