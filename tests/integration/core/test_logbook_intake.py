"""What the intake promises: once by key, all or none, clear refusals; and PostgreSQL's slow statements found."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.support.core_service import caller, own_postgres, running, settings_for, until

from judgify.core.logbook.app import build
from judgify.core.logbook.writer import KEY_DAYS, forget_keys
from judgify.kit.clock import SystemClock, iso
from judgify.supervisor.preparation import LOG_CONF

pytestmark = pytest.mark.guide("S05", "G19")
URL = "/api/v2/logging/lines"
CLOCK = SystemClock()


def line(message: str, **more: Any) -> dict[str, Any]:
    return {"level": "INFO", "service": "judgment", "message": message, "timestamp": iso(CLOCK.now()), **more}


@asynccontextmanager
async def service(home: Path, url: str) -> AsyncIterator[httpx.AsyncClient]:
    (home / "logs").mkdir(exist_ok=True)
    async with running(build(settings_for(home, url), CLOCK)) as base, caller(base) as client:

        async def good() -> bool:
            return (await client.get("/ready")).status_code == 200

        await until(good)
        yield client


async def count(url: str, condition: str = "service = 'judgment'") -> int:
    connection = await asyncpg.connect(url)
    number: int = await connection.fetchval(f"SELECT count(*) FROM logging.line WHERE {condition}")  # noqa: S608 - ours
    await connection.close()
    return number


async def test_a_batch_under_a_key_is_kept_once_also_when_sent_at_the_same_moment(
    tmp_path: Path, postgres_url: str
) -> None:
    body = json.dumps([line("a"), line("b", level="LOUD")])
    other = json.dumps([line("c")])
    async with service(tmp_path, postgres_url) as client, service(tmp_path, postgres_url) as twin:

        async def send(to: httpx.AsyncClient, text: str, key: str, query: str = "?partial=true") -> httpx.Response:
            return await to.post(URL + query, content=text, headers={"idempotency-key": key})

        answers = await asyncio.gather(*(send(to, body, "k1") for to in (client, twin) * 5))
        assert {answer.status_code for answer in answers} == {201}
        assert len({json.dumps(answer.json()["data"]) for answer in answers}) == 1
        assert [answer.json()["meta"]["repeated"] for answer in answers].count(False) == 1
        assert answers[0].json()["data"]["errors"][0]["path"] == "level"
        assert await count(postgres_url) == 1
        mixed = await asyncio.gather(send(client, other, "k1"), send(client, other, "k2"), send(client, body, "k2"))
        assert sorted(answer.status_code for answer in mixed) == [201, 409, 409]
        assert mixed[0].json()["type"].endswith("idempotency-conflict")
        assert (await send(client, body, "k1", "")).status_code == 422
        async with caller(str(client.base_url), "responder") as person:
            assert (await send(person, other, "k1")).json()["meta"]["repeated"] is False, "keys are their sender's own"
        for bad in ("", "x" * 201, "a b"):
            assert (await send(client, other, bad)).status_code == 422
        assert (await client.post(URL + "?partly=true", content=other)).status_code == 422
        metrics = (await client.get("/metrics")).text
    assert 'judgify_logging_lines_total{result="repeated"}' in metrics


async def test_keys_are_forgotten_after_their_days(tmp_path: Path, postgres_url: str) -> None:
    async with service(tmp_path, postgres_url) as client:
        await client.post(URL, json=[line("x")], headers={"idempotency-key": "old"})
        await client.post(URL, json=[line("x")], headers={"idempotency-key": "new"})
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(
        "UPDATE logging.batch_key SET kept_at = now() - make_interval(days => $1, secs => 1) WHERE key = 'old'",
        KEY_DAYS,
    )
    await forget_keys(connection, CLOCK.now())
    left = [row["key"] for row in await connection.fetch("SELECT key FROM logging.batch_key")]
    await connection.close()
    assert left == ["new"]


async def test_ten_thousand_lines_at_once_and_one_more(tmp_path: Path, postgres_url: str) -> None:
    lines = [line(f"storm {number}", level="ERROR") for number in range(10_000)]
    async with service(tmp_path, postgres_url) as client:
        assert (await client.post(URL, json=lines)).json()["data"]["accepted"] == 10_000
        assert (await client.post(URL, json=[*lines, line("x")])).status_code == 422
    assert await count(postgres_url) == 10_000


async def test_hostile_text_is_refused_with_its_place_and_nothing_is_half_kept(
    tmp_path: Path, postgres_url: str
) -> None:
    async with service(tmp_path, postgres_url) as client:
        for bad, path in [
            (json.dumps(line("nul \x00")), "message"),
            (json.dumps(line("half \ud800")), "message"),
            (json.dumps(line("x" * 1_000_000)), "message"),
            ('{"level":"INFO","service":"a","message":"m","fields":' + '{"a":' * 5_000 + "1" + "}" * 5_001, ""),
            ('{"level":"INFO","service":"a","message":"m","fields":' + '{"a":' * 70 + "1" + "}" * 71, "fields"),
            ('{"level":"INFO","service":"a","message":"m","fields":{"a":1e999}}', "fields"),
            ('{"level":"INFO","service":"a","message":"m","fields":{"a":' + "9" * 5_000 + "}}", ""),
            ('{"level":"INFO"', ""),
        ]:
            answer = await client.post(URL, content=f"{json.dumps(line('good'))}\n{bad}")
            assert answer.status_code == 422, (bad[:90], answer.text)
            told = answer.json()["errors"]
            assert [(one["line"], one["path"]) for one in told] == [(2, path)], bad[:90]
        assert (await client.post(URL, content=b"x" * (8 * 1024 * 1024 + 1))).status_code == 413
    assert await count(postgres_url) == 0


async def test_a_database_that_is_read_only_or_refuses_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    with own_postgres() as server:
        async with service(tmp_path, server.url) as client:
            admin = await asyncpg.connect(server.url)
            await admin.execute(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
            )
            await admin.execute(
                "CREATE TRIGGER full_disk BEFORE INSERT ON logging.line FOR EACH ROW EXECUTE FUNCTION full_disk()"
            )
            full = await client.post(URL, json=[line("x")], headers={"idempotency-key": "k"})
            assert (full.status_code, full.json()["type"]) == (503, "urn:judgify:problem:log-store-full")
            assert full.headers["retry-after"]
            await admin.execute("DROP TRIGGER full_disk ON logging.line")
            await admin.execute("ALTER DATABASE judgify SET default_transaction_read_only = on")
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'judgify-logging'"
            )

            async def refused() -> httpx.Response | None:
                answer = await client.post(URL, json=[line("x")])
                return answer if answer.status_code == 503 else None

            assert (await until(refused)).json()["type"].endswith(("database-unavailable", "unavailable"))
            await admin.execute("SET default_transaction_read_only = off; ALTER DATABASE judgify RESET ALL")
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'judgify-logging'"
            )

            async def taken() -> bool:
                again = await client.post(URL, json=[line("x")], headers={"idempotency-key": "k"})
                return again.status_code == 201

            await until(taken)
            await admin.close()
        assert await count(server.url) == 1


async def test_slow_statements_of_postgres_are_found_as_the_guide_looks_for_them(tmp_path: Path) -> None:
    with own_postgres() as server:
        admin = await asyncpg.connect(server.url)
        for setting in LOG_CONF.splitlines():
            if "=" in setting:
                await admin.execute(f"ALTER SYSTEM SET {setting}")
        await admin.execute("ALTER SYSTEM SET log_min_duration_statement = 50")
        await admin.execute("SELECT pg_reload_conf()")
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs" / "postgres.log").symlink_to(server.log)
        async with service(tmp_path, server.url) as client:
            slow = await asyncpg.connect(server.url)
            await slow.fetchval("SELECT pg_sleep(0.06),\n  $1::text", "a value that is nobody's business")
            await slow.execute("ALTER ROLE judgify PASSWORD 'opensesame'; SELECT pg_sleep(0.06)")
            await slow.close()

            async def found() -> list[dict[str, Any]]:
                answer = await client.get(URL, params={"q": 'service:postgres AND "duration:" AND message:*pg_sleep*'})
                assert answer.status_code == 200, answer.text
                rows: list[dict[str, Any]] = answer.json()["data"]
                return rows if len(rows) == 2 else []

            second, first = await until(found)
            whole = (await client.get(URL, params={"limit": 1000})).text
        await admin.close()
    assert first["fields"]["statement"] == "SELECT pg_sleep(0.06),\n  $1::text"
    assert 50 < first["fields"]["duration_ms"] < 20_000
    assert first["message"].startswith(f"duration: {first['fields']['duration_ms']:.3f} ms  ")
    assert "PASSWORD '•••'" in second["fields"]["statement"]
    assert "opensesame" not in whole
    assert "nobody's business" not in whole
