"""Searching and counting log lines over HTTP, with a real database."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.support.core_service import caller, running, settings_for, until

from judgify.core.logbook import aggregate, reader
from judgify.core.logbook.app import build
from judgify.kit.clock import SEOUL, SystemClock, iso, parse

pytestmark = pytest.mark.guide("G19", "G25", "S05")
CLOCK = SystemClock()
BASE = "/api/v2/logging"


def line(message: str, minutes: float = 1, level: str = "ERROR", **more: Any) -> dict[str, Any]:
    time = iso(CLOCK.now() - timedelta(minutes=minutes))
    return {"level": level, "service": "judgment", "message": message, "timestamp": time, **more}


def lines() -> list[dict[str, Any]]:
    """Give lines whose ages count from now: a test waits for its turn, and the queries speak of now."""
    return [
        line("connection to 10.0.0.1:5432 refused after 30 s", 1),
        line("connection to 10.0.0.2:5432 refused after 31 s", 2, service="gateway"),
        line("판단 서비스 연결 오류", 3, request_id="req-1"),
        line("too old for the window", 20),
        line("all is well", 4, "INFO", fields={"duration_ms": 12.5}),
        line("out of memory", 5, "CRITICAL", service="gateway"),
        line("duration: 250.5 ms  statement: SELECT * FROM t WHERE a = 7", 6, "INFO", service="postgres",
             fields={"duration_ms": 250.5, "statement": "SELECT * FROM t WHERE a = 7"}),
        line("duration: 100 ms  statement: SELECT * FROM t WHERE a = 'x'", 7, "INFO", service="postgres",
             fields={"duration_ms": 100, "statement": "SELECT * FROM t WHERE a = 'x'"}),
        line("duration: 9 ms", 8, "INFO", service="postgres"),
    ]  # fmt: skip


@pytest.fixture
async def client(tmp_path: Path, postgres_url: str) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "logs").mkdir()
    async with running(build(settings_for(tmp_path, postgres_url), CLOCK)) as base, caller(base) as one:

        async def good() -> bool:
            return (await one.get("/ready")).status_code == 200

        await until(good)
        answer = await one.post(f"{BASE}/lines", json=lines())
        assert answer.status_code == 201, answer.text
        yield one


async def data(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await client.get(f"{BASE}{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_the_guides_queries_work_as_printed_beside_the_other_filters(client: httpx.AsyncClient) -> None:
    rows = await data(client, "/lines", q="level:ERROR AND @timestamp:[now-15m TO now]")
    assert [row["message"][:10] for row in rows] == ["connection", "connection", "판단 서비스 연결 "]
    assert len(await data(client, "/lines", q="duration:")) == 3
    assert len(await data(client, "/lines", q="level:ERROR", service="gateway")) == 1
    assert len(await data(client, "/lines", q="level:ERROR", to=iso(CLOCK.now() - timedelta(minutes=15)))) == 1
    first = await client.get(f"{BASE}/lines", params={"q": "level:>=ERROR", "limit": 2})
    cursor = first.json()["meta"]["pagination"]["next_cursor"]
    rest = await data(client, "/lines", q="level:>=ERROR", limit=10, cursor=cursor)
    assert [row["message"] for row in first.json()["data"] + rest] == [
        lines()[place]["message"] for place in (0, 1, 2, 5, 3)
    ]


async def test_a_query_that_cannot_be_read_is_400_and_points(client: httpx.AsyncClient) -> None:
    for path in ("/lines", "/aggregate"):
        answer = await client.get(f"{BASE}{path}", params={"q": "level:ERROR AND 판단~2"})
        problem = answer.json()
        assert answer.status_code == 400
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert problem["type"] == "urn:judgify:problem:query-malformed"
        assert (problem["offset"], problem["line"], problem["column"]) == (18, 1, 19)
        assert problem["arrow"] == "level:ERROR AND 판단~2\n                    ^"
    assert (await client.get(f"{BASE}/lines", params={"q": "a" * 4001})).status_code == 400
    assert (await client.get(f"{BASE}/lines", params={"q": "a" * 4002})).status_code == 422


async def test_lines_are_counted_by_level_service_and_time(client: httpx.AsyncClient) -> None:
    by_level = await data(client, "/aggregate", by="level")
    assert {row["keys"][0]: row["number"] for row in by_level["rows"]} == {"ERROR": 4, "INFO": 4, "CRITICAL": 1}
    assert by_level["total"] == 9
    both = await data(client, "/aggregate", by="service,level", q="level:>=ERROR", limit=1)
    assert (both["rows"][0]["keys"], both["rows"][0]["number"], both["cut"]) == (["judgment", "ERROR"], 3, 2)
    minutes = await data(client, "/aggregate", interval="1m", q="level:ERROR AND @timestamp:[now-15m TO now]")
    assert len(minutes["rows"]) == 16
    assert sum(row["number"] for row in minutes["rows"]) == minutes["total"] == 3
    assert sum(row["number"] == 0 for row in minutes["rows"]) == 13
    days = await data(client, "/aggregate", by="time", interval="1d")
    assert parse(days["rows"][-1]["bucket"]).astimezone(SEOUL).hour == 0
    assert len((await data(client, "/aggregate", by="time"))["rows"]) == 25
    nothing = await data(client, "/aggregate", q="nosuchword")
    assert [(row["bucket"], row["keys"], row["number"]) for row in nothing["rows"]] == [(None, [], 0)]
    early = await data(client, "/aggregate", **{"from": iso(CLOCK.now() - timedelta(minutes=30)),
                                               "to": iso(CLOCK.now() - timedelta(minutes=15))})  # fmt: skip
    assert early["total"] == 1


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"by": "colour"}, "by:"),
        ({"by": "level,level"}, "by:"),
        ({"interval": "7m"}, "interval:"),
        ({"interval": "1m", "from": "2026-01-01"}, "interval:"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "from:"),
    ],
)
async def test_what_cannot_be_counted_is_refused(client: httpx.AsyncClient, params: dict[str, str], word: str) -> None:
    answer = await client.get(f"{BASE}/aggregate", params=params)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(word)


async def test_top_patterns_and_slow_statements(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await data(client, "/patterns", limit=2)
    assert found["examined"] == 5
    assert found["complete"]
    top = found["patterns"][0]
    assert top["pattern"] == "connection to <address> refused after <n> s"
    assert (top["count"], sorted(top["services"]), top["levels"]) == (2, ["gateway", "judgment"], ["ERROR"])
    assert (await data(client, "/patterns", level="CRITICAL"))["patterns"][0]["pattern"] == "out of memory"
    slow = await data(client, "/slow-queries")
    assert len(slow["queries"]) == 1
    assert slow["queries"][0] | {"last_seen": ""} == {
        "statement": "SELECT * FROM t WHERE a = ?", "count": 2, "max_ms": 250.5, "mean_ms": 175.25,
        "total_ms": 350.5, "last_seen": "", "example": "SELECT * FROM t WHERE a = 7",
    }  # fmt: skip
    monkeypatch.setattr(aggregate, "MAX_EXAMINED", 1)
    assert (await data(client, "/patterns"))["complete"] is False
    assert (await data(client, "/slow-queries"))["complete"] is False


async def test_a_search_that_takes_too_long_says_what_to_do(
    client: httpx.AsyncClient, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "TIMEOUT_S", 0.2)
    connection = await asyncpg.connect(postgres_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("LOCK TABLE logging.line IN ACCESS EXCLUSIVE MODE")
    answer = await client.get(f"{BASE}/lines", params={"q": "slow"})
    await transaction.rollback()
    await connection.close()
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:judgify:problem:search-too-slow"
    assert "narrow the time range" in answer.json()["detail"]
