"""The logging service with a real database: intake, search, shipping of log files, retention."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.support.core_service import caller, own_postgres, running, settings_for, until

from judgify.core.logbook.app import build
from judgify.core.logbook.partition import Partitions, Retention
from judgify.kit.clock import SystemClock, iso
from judgify.kit.db import Database

URL = "/api/v2/logging/lines"
CLOCK = SystemClock()


def line(message: str, **more: Any) -> dict[str, Any]:
    return {"level": "INFO", "service": "judgment", "message": message, "timestamp": iso(CLOCK.now()), **more}


@asynccontextmanager
async def service(home: Path, url: str, **environ: str) -> AsyncIterator[httpx.AsyncClient]:
    (home / "logs").mkdir(exist_ok=True)
    settings = settings_for(home, url)
    settings.environ.update(environ)  # type: ignore[attr-defined]  # a plain dict in these tests
    async with running(build(settings, CLOCK)) as base, caller(base) as client:
        await until(lambda: good(client))
        yield client


async def good(client: httpx.AsyncClient) -> bool:
    return (await client.get("/ready")).status_code == 200


async def found(client: httpx.AsyncClient, **search: Any) -> list[dict[str, Any]]:
    answer = await client.get(URL, params=search)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


async def test_lines_are_found_by_level_service_time_request_and_text(tmp_path: Path, postgres_url: str) -> None:
    now = CLOCK.now()
    lines = [
        line("하나", timestamp=iso(now - timedelta(hours=3)), request_id="req_1"),
        line("둘 100%", level="ERROR", fields={"n": [1, None], "esc": "\u0000"}),
        line("셋", service="gateway", level="critical", timestamp=iso(now - timedelta(days=3))),
    ]
    async with service(tmp_path, postgres_url) as client:
        answer = await client.post(URL, json=lines)
        assert answer.status_code == 201, answer.text
        assert answer.json()["data"] == {"accepted": 3, "refused": 0, "adjusted": 0, "errors": []}
        assert answer.json()["meta"]["durability"] == "database"
        everything = await found(client)
        assert [row["message"] for row in everything] == ["둘 100%", "하나", "셋"]
        assert everything[0]["fields"] == {"n": [1, None], "esc": "\u0000"}
        for search, messages in [
            ({"level": "ERROR"}, ["둘 100%"]),
            ({"level": "error,critical"}, ["둘 100%", "셋"]),
            ({"level": "ERROR", "contains": "0%"}, ["둘 100%"]),
            ({"contains": "0_"}, []),
            ({"contains": "' OR 1=1 --"}, []),
            ({"service": "gateway"}, ["셋"]),
            ({"request_id": "req_1"}, ["하나"]),
            ({"from": iso(now - timedelta(hours=4)), "to": iso(now - timedelta(hours=1))}, ["하나"]),
        ]:
            assert [row["message"] for row in await found(client, **search)] == messages, search


async def test_ndjson_and_an_array_come_to_the_same(tmp_path: Path, postgres_url: str) -> None:
    async with service(tmp_path, postgres_url) as client:
        body = "\n".join(json.dumps(line(f"n{number}")) for number in range(3)).encode()
        answer = await client.post(URL, content=body, headers={"content-type": "application/x-ndjson"})
        assert answer.status_code == 201
        assert len(await found(client)) == 3


async def test_a_bad_line_keeps_the_whole_request_out_unless_partial(tmp_path: Path, postgres_url: str) -> None:
    lines = [line("good"), line("bad", level="LOUD"), line("worse", surprise=1)]
    async with service(tmp_path, postgres_url) as client:
        refused = await client.post(URL, json=lines)
        assert refused.status_code == 422
        assert [(one["line"], one["path"]) for one in refused.json()["errors"]] == [(2, "level"), (3, "surprise")]
        assert await found(client) == []
        kept = await client.post(URL, params={"partial": "true"}, json=lines)
        assert kept.status_code == 201
        assert (kept.json()["data"]["accepted"], kept.json()["data"]["refused"]) == (1, 2)
        none = await client.post(URL, params={"partial": "true"}, json=lines[1:])
        assert none.status_code == 422
        assert [row["message"] for row in await found(client)] == ["good"]


async def test_times_far_away_are_kept_under_the_time_of_arrival(tmp_path: Path, postgres_url: str) -> None:
    async with service(tmp_path, postgres_url) as client:
        lines = [line("past", timestamp="1970-01-01T00:00:00Z"), line("future", timestamp="2999-01-01T00:00:00Z")]
        answer = await client.post(URL, json=lines)
        assert answer.json()["data"]["adjusted"] == 2
        rows = await found(client)
    assert {row["fields"]["original_timestamp"][:4] for row in rows} == {"1970", "2999"}


async def test_pages_hold_every_line_once(tmp_path: Path, postgres_url: str) -> None:
    stamp = iso(CLOCK.now())
    async with service(tmp_path, postgres_url) as client:
        await client.post(URL, json=[line(f"n{number}", timestamp=stamp) for number in range(25)])
        seen: list[str] = []
        cursor = None
        while True:
            answer = (await client.get(URL, params={"limit": 10, **({"cursor": cursor} if cursor else {})})).json()
            seen += [row["message"] for row in answer["data"]]
            cursor = answer["meta"]["pagination"]["next_cursor"]
            if cursor is None:
                break
    assert sorted(seen) == sorted(f"n{number}" for number in range(25))


async def test_many_callers_at_once_lose_nothing(tmp_path: Path, postgres_url: str) -> None:
    import asyncio

    async with service(tmp_path, postgres_url) as client:
        answers = await asyncio.gather(
            *(client.post(URL, json=[line(f"{number}-{part}") for part in range(10)]) for number in range(50))
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({row["message"] for row in await found(client, limit=1000)}) == 500


async def test_log_files_of_units_arrive_exactly_once_through_restart_and_rotation(
    tmp_path: Path, postgres_url: str
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    file = logs / "judgment.log"

    def write(*messages: str, end: str = "\n") -> None:
        with file.open("a") as stream:
            for message in messages:
                stream.write(json.dumps(line(message, level="error", logger="x"), ensure_ascii=False) + end)

    async def messages(client: httpx.AsyncClient, *wanted: str) -> bool:
        rows = await found(client, service="judgment", level="ERROR", limit=1000)
        return sorted(row["message"] for row in rows) == sorted(wanted)

    write("하나", "둘")
    (logs / "postgres.log").write_text("2026-11-22 14:00:00.123 UTC [7] LOG:  duration: 700.1 ms  statement: x\n")
    async with service(tmp_path, postgres_url) as client:
        await until(lambda: messages(client, "하나", "둘"))
        write("반쪽", end="")

        async def slow() -> list[dict[str, Any]]:
            return await found(client, service="postgres", contains="duration")

        assert (await until(slow))[0]["fields"]["duration_ms"] == 700.1
    with file.open("a") as stream:
        stream.write("\n")
    write("셋")
    async with service(tmp_path, postgres_url) as client:
        await until(lambda: messages(client, "하나", "둘", "반쪽", "셋"))
    # Nobody ships while the file is copied aside and emptied, with lines in it that were not shipped.
    write("넷")
    (logs / "judgment.log.1").write_bytes(file.read_bytes())
    os.truncate(file, 0)
    write("다섯")
    async with service(tmp_path, postgres_url) as client:
        await until(lambda: messages(client, "하나", "둘", "반쪽", "셋", "넷", "다섯"))
        write("여섯")
        await until(lambda: messages(client, "하나", "둘", "반쪽", "셋", "넷", "다섯", "여섯"))
        metrics = (await client.get("/metrics")).text
    assert "judgify_logging_unshipped_bytes" in metrics
    assert "database_connection_pool_usage" in metrics


async def test_two_replicas_ship_each_line_once(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "logs").mkdir()
    text = "".join(json.dumps(line(f"n{number}")) + "\n" for number in range(500))
    (tmp_path / "logs" / "judgment.log").write_text(text)
    async with service(tmp_path, postgres_url) as one, service(tmp_path, postgres_url):

        async def all_there() -> bool:
            return len(await found(one, service="judgment", limit=1000)) >= 500

        await until(all_there)
        rows = await found(one, service="judgment", limit=1000)
    assert len(rows) == len({row["message"] for row in rows}) == 500


async def test_old_partitions_go_by_age_and_by_size_but_never_todays(tmp_path: Path, postgres_url: str) -> None:
    now = CLOCK.now()
    async with service(tmp_path, postgres_url) as client:
        for days in (0, 2, 5):
            await client.post(URL, json=[line(f"d{days}", timestamp=iso(now - timedelta(days=days)))])
    async with service(tmp_path, postgres_url, JUDGIFY_LOG_DAYS="3") as client:
        await until(lambda: gone(client, "d5"))
        assert [row["message"] for row in await found(client)] == ["d0", "d2"]
    database = Database(postgres_url, "logging", "judgify.core.logbook", clock=CLOCK)
    database.start()
    await database.opened.wait()
    dropped = await Partitions(database, CLOCK, Retention(days=14, size_bytes=1)).sweep()
    await database.close()
    assert len(dropped) == 1
    async with service(tmp_path, postgres_url) as client:
        assert [row["message"] for row in await found(client)] == ["d0"]
        again = await client.post(URL, json=[line("late", timestamp=iso(now - timedelta(days=2)))])
        assert again.status_code == 201
    connection = await asyncpg.connect(postgres_url)
    ahead = await connection.fetchval("SELECT count(*) FROM pg_inherits WHERE inhparent = 'logging.line'::regclass")
    await connection.close()
    assert ahead >= 3


async def gone(client: httpx.AsyncClient, message: str) -> bool:
    return not await found(client, contains=message)


async def test_who_may_what_and_hostile_questions(tmp_path: Path, postgres_url: str) -> None:
    async with service(tmp_path, postgres_url) as client:
        base = str(client.base_url)
        for role, method, query, status in [
            ("", "GET", "", 401),
            ("viewer", "GET", "", 200),
            ("viewer", "POST", "", 403),
            ("responder", "POST", "", 201),
            ("viewer", "GET", "?level=LOUD", 422),
            ("viewer", "GET", "?service=a'b", 422),
            ("viewer", "GET", "?from=soon", 422),
            ("viewer", "GET", "?cursor=1", 422),
            ("viewer", "GET", "?contains=%00", 422),
            ("viewer", "GET", "?limit=100000", 422),
        ]:
            async with caller(base, role) as other:
                answer = await other.request(method, URL + query, json=[line("x")] if method == "POST" else None)
                assert answer.status_code == status, (role, query, answer.text)
        for body, status in [(b"\xff", 400), (b"[", 400), (b"", 422)]:
            assert (await client.post(URL, content=body)).status_code == status


async def test_secrets_in_lines_are_masked(tmp_path: Path, postgres_url: str) -> None:
    canary = "canary-4f1d8c7a9b2e"
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "x.log").write_text(f"password={canary}\n")
    async with service(tmp_path, postgres_url) as client:
        await client.post(URL, json=[line(f"Bearer {canary}", fields={"api_key": canary})])
        rows = await until(lambda: enough(client, 2))
    assert canary not in json.dumps(rows)


async def enough(client: httpx.AsyncClient, count: int) -> Any:
    rows = await found(client)
    return rows if len(rows) >= count else None


async def test_an_outage_is_told_and_shipping_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with own_postgres() as server:
        async with service(tmp_path, server.url) as client:
            server.kill()
            refused = await client.post(URL, json=[line("x")])
            assert refused.status_code == 503
            assert "retry-after" in refused.headers
            assert (await client.get("/api/v2/logging/health")).status_code == 503
            (tmp_path / "logs" / "judgment.log").write_text(json.dumps(line("meanwhile")) + "\n")
            server.start()
            await until(lambda: good(client), 20)
            rows = await until(lambda: enough(client, 1), 20)
            assert [row["message"] for row in rows] == ["meanwhile"]


@pytest.mark.parametrize("partial", ["maybe", ""])
async def test_partial_is_yes_or_no(partial: str, tmp_path: Path, postgres_url: str) -> None:
    async with service(tmp_path, postgres_url) as client:
        assert (await client.post(URL, params={"partial": partial}, json=[line("x")])).status_code == 422
