"""The live tail on a real server: nothing missed, nothing twice, drops told, refusals."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.support.core_process import CoreProcess, Home
from tests.support.core_service import caller, running, settings_for, until

from judgify.core.logbook import tail as module
from judgify.core.logbook.app import build
from judgify.core.logbook.partition import Partitions, Retention
from judgify.core.logbook.tail import PATH, Filter, Tail
from judgify.core.logbook.writer import GroupWriter, copy_rows, take_turn
from judgify.kit.clock import SystemClock, iso
from judgify.kit.db import Database
from judgify.kit.errors import TooMany
from judgify.kit.metrics import Metrics
from judgify.kit.secrets import read_secret

pytestmark = pytest.mark.guide("G19", "S05")
URL = "/api/v2/logging/lines"
CLOCK = SystemClock()


def line(message: str, **more: Any) -> dict[str, Any]:
    return {"level": "INFO", "service": "judgment", "message": message, "timestamp": iso(CLOCK.now()), **more}


@asynccontextmanager
async def service(home: Path, url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running(build(settings_for(home, url), CLOCK)) as base, caller(base) as client:

        async def good() -> bool:
            return (await client.get("/ready")).status_code == 200

        await until(good)
        yield client


@asynccontextmanager
async def following(client: httpx.AsyncClient, last: str = "", **query: str) -> AsyncIterator[AsyncIterator[Any]]:
    headers = {"last-event-id": last} if last else {}
    async with client.stream("GET", PATH, params=query, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = read(answer)
        assert (await anext(events))[1] == "start"
        yield events


async def read(answer: httpx.Response) -> AsyncIterator[tuple[str, str, Any]]:
    found: dict[str, str] = {}
    async for text in answer.aiter_lines():
        if text:
            name, _, value = text.partition(": ")
            found[name] = value
        elif "event" in found:
            yield found.get("id", ""), found["event"], json.loads(found["data"])
            found = {}


async def test_new_lines_that_match_come_at_once_and_a_reader_that_returns_goes_on(
    tmp_path: Path, postgres_url: str
) -> None:
    async with service(tmp_path, postgres_url) as client:
        await client.post(URL, json=[line("before", level="ERROR")])
        async with following(client, q="level:ERROR AND NOT message:noise", service="judgment") as events:
            await client.post(URL, json=[line("one", level="ERROR"), line("calm"), line("noise", level="ERROR")])
            await client.post(URL, json=[line("two", level="ERROR"), line("other", level="ERROR", service="gateway")])
            seen = [await anext(events), await anext(events)]
        assert [data["message"] for _, _, data in seen] == ["one", "two"]
        await client.post(URL, json=[line(f"away{number}", level="ERROR") for number in range(3)])
        async with following(client, seen[0][0], level="error") as events:
            again = [(await anext(events))[2]["message"] for _ in range(6)]
        assert again == ["noise", "two", "other", "away0", "away1", "away2"]


async def test_refusals(tmp_path: Path, postgres_url: str) -> None:
    async with service(tmp_path, postgres_url) as client:
        assert (await client.get(PATH, params={"q": "level:("})).status_code == 400
        assert (await client.get(PATH, params={"level": "LOUD"})).status_code == 422
        assert (await client.get(PATH, headers={"last-event-id": "x"})).status_code == 422
        async with caller(str(client.base_url), "") as nobody:
            assert (await nobody.get(PATH)).status_code == 401


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    made = Database(postgres_url, "logging", "judgify.core.logbook", clock=CLOCK)
    made.start()
    await made.opened.wait()
    yield made
    await made.close()


def row(message: str) -> tuple[Any, ...]:
    return CLOCK.now(), 20, "judgment", message, None, "{}"


async def messages(events: AsyncIterator[bytes], count: int) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    while len(found) < count:
        text = (await anext(events)).decode()
        for block in text.split("\n\n"):
            lines = dict(one.split(": ", 1) for one in block.splitlines() if one)
            if lines.get("event") not in {None, "start"}:
                found.append((lines["event"], json.loads(lines["data"])))
    return found


async def test_a_transaction_that_commits_late_is_not_missed(database: Database, postgres_url: str) -> None:
    """Whoever began first commits first: ids never become visible out of their order."""
    partitions = Partitions(database, CLOCK, Retention(14, 1024**3))
    await partitions.ensure_ahead()
    writer = GroupWriter(database, partitions, CLOCK)
    writer.start()
    events = await Tail(database, Metrics("logging"), CLOCK).follow(Filter(), None)
    other = await asyncpg.connect(postgres_url)
    async with other.transaction():
        first = await take_turn(other, 1)
        await copy_rows(other, [(first, *row("slow"), CLOCK.now(), "t")], partitions)
        quick = asyncio.create_task(writer.write([row("quick")], "t"))
        assert not (await asyncio.wait({quick}, timeout=0.3))[0], "it waits for its turn"
    await quick
    assert [data["message"] for _, data in await messages(events, 2)] == ["slow", "quick"]
    await events.aclose()  # type: ignore[attr-defined]  # a generator
    await writer.stop()
    await other.close()


async def test_a_reader_too_far_behind_is_told_what_it_missed(database: Database) -> None:
    partitions = Partitions(database, CLOCK, Retention(14, 1024**3))
    writer = GroupWriter(database, partitions, CLOCK)
    writer.start()
    metrics = Metrics("logging")
    events = await Tail(database, metrics, CLOCK, max_behind=100).follow(Filter(), 0)
    assert b"start" in await anext(events)
    await writer.write([row(f"n{number}") for number in range(150)], "t")
    found = await messages(events, 51)
    assert found[0][0] == "dropped"
    assert found[0][1]["lines"] == 100
    assert [data["message"] for _, data in found[1:]] == [f"n{number}" for number in range(100, 150)]
    assert b"judgify_logging_tail_dropped_total 100.0" in metrics.render()
    await events.aclose()  # type: ignore[attr-defined]  # a generator
    await writer.stop()


async def test_silence_is_told_and_tails_are_counted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_S", 0.0)
    monkeypatch.setattr(module, "MAX_STREAMS", 1)
    tail = Tail(database, Metrics("logging"), CLOCK)
    events = await tail.follow(Filter(), 10**17)
    assert b"event: start" in await anext(events)
    assert await anext(events) == b"id: 0\n: alive\n\n"
    with pytest.raises(TooMany):
        await tail.follow(Filter(), None)
    monkeypatch.setattr(module, "ending", lambda: True)
    assert b"event: end" in await anext(events)
    with pytest.raises(StopAsyncIteration):
        await anext(events)
    monkeypatch.undo()
    assert await tail.follow(Filter(), None) is not None


async def test_a_tail_through_the_gateway_and_a_service_that_ends_says_so(tmp_path: Path, postgres_url: str) -> None:
    home = Home(tmp_path, postgres_url, REDIS_ENABLED="false")
    (tmp_path / "logs").mkdir()
    logging, gateway = CoreProcess(home, "logging"), CoreProcess(home, "gateway")
    await asyncio.gather(asyncio.to_thread(logging.start, "/ready"), asyncio.to_thread(gateway.start, "/live"))
    try:
        headers = {"Authorization": f"Bearer {read_secret(tmp_path, 'cli_token')}"}
        async with httpx.AsyncClient(base_url=gateway.url, headers=headers, trust_env=False, timeout=20) as client:

            async def reachable() -> bool:
                return (await client.get(URL)).status_code == 200

            await until(reachable, 20)
            async with following(client, service="judgment") as events:
                assert (await client.post(URL, json=[line("하나"), line("둘")])).status_code == 201
                assert [(await anext(events))[2]["message"] for _ in range(2)] == ["하나", "둘"]
                before = CLOCK.monotonic()
                ended = asyncio.create_task(asyncio.to_thread(logging.stop))
                assert (await anext(events))[1] == "end"
                await ended
                assert CLOCK.monotonic() - before < 6
            assert 'route="/api/v2/logging/tail"' in (await client.get("/metrics")).text
    finally:
        await asyncio.to_thread(logging.stop)
        await asyncio.to_thread(gateway.stop)
