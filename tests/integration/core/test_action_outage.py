"""Action targets that are away, hang, break off, or ask to wait: every order arrives, once by its key."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support import channel_servers as servers
from tests.support.core_process import CoreProcess, Home
from tests.support.core_service import caller, running, settings_for, until

from judgify.core.action.app import build
from judgify.kit.clock import SystemClock

pytestmark = pytest.mark.guide("S03")
URL = "/api/v2/action/actions"
DEAD = "/api/v2/action/dead"
CLOCK = SystemClock()


@asynccontextmanager
async def service(home: Path, url: str, *, timeout_s: int = 1) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings_for(home, url, egress_allow=("127.0.0.1", "localhost"))
    settings.environ["JUDGIFY_ACTION_TIMEOUT_S"] = str(timeout_s)  # type: ignore[index]  # a plain dict in these tests
    async with running(build(settings, CLOCK)) as base, caller(base) as client:
        await until(lambda: ready(client))
        yield client


async def ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/ready")).status_code == 200


async def place(client: httpx.AsyncClient, key: str, url: str) -> str:
    sent = {"idempotency_key": key, "type": "webhook", "params": {"url": url}}
    answer = await client.post("/internal/actions", json=sent)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["data"]["id"])


async def ended(client: httpx.AsyncClient, key: str, *states: str) -> Any:
    data = (await client.get(f"{URL}/{key}")).json()["data"]
    return data if data["state"] in (states or ("done",)) else None


async def breaker(client: httpx.AsyncClient, target: str) -> Any:
    rows = (await client.get("/api/v2/action/targets")).json()["data"]
    return next((row for row in rows if row["target"] == target), None)


def keys(web: servers.Web) -> Counter[str]:
    return Counter(request.headers["idempotency-key"] for request in web.received)


async def test_a_target_that_was_away_gets_every_order_once_and_no_other_target_waits(
    tmp_path: Path, postgres_url: str
) -> None:
    """The short form of bench/action_outage.py: two instances, a target away for three seconds under steady orders."""
    away, other = servers.closed_port(), servers.Web()
    async with (
        servers.serving(other) as live,
        service(tmp_path, postgres_url) as one,
        service(tmp_path, postgres_url) as two,
    ):
        ids: list[str] = []
        waits: list[float] = []
        begun = CLOCK.monotonic()
        while CLOCK.monotonic() - begun < 3:
            number = len(ids)
            ids.append(await place((one, two)[number % 2], f"a{number}", f"http://127.0.0.1:{away}/"))
            placed = CLOCK.monotonic()
            key = await place(one, f"l{number}", f"http://127.0.0.1:{live}/")
            await until(lambda key=key: ended(one, key))
            waits.append(CLOCK.monotonic() - placed)
            await asyncio.sleep(0.05)  # the rate of the orders
        found = await breaker(one, f"127.0.0.1:{away}")
        assert found["state"] in {"open", "half-open"}
        assert found["waiting"] == len(ids)
        assert max(waits) < 2
        web = servers.Web()
        async with servers.serving(web, port=away):

            async def arrived() -> bool:
                return len(keys(web)) == len(ids)

            await until(arrived, 30)
            for key in ids:
                await until(lambda key=key: ended(two, key))
            assert await breaker(one, f"127.0.0.1:{away}") is None
    assert set(keys(web).values()) == {1}
    assert set(keys(web)) == set(ids)


async def crawl_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with a head that never ends, byte by byte."""
    await servers.read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-A: b\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


MISBEHAVING: dict[str, tuple[servers.Handler, str]] = {
    "hangs": (servers.answer_never, "timeout"),
    "drips its body": (servers.drip, "timeout"),
    "never ends its head": (crawl_head, "timeout"),
    "resets": (servers.reset_after_request, "connection-lost"),
    "closes": (servers.close_after_request, "connection-lost"),
}


class Sick:
    """A target that misbehaves once, and is well afterwards."""

    def __init__(self, handler: servers.Handler) -> None:
        self.handler = handler
        self.calls = 0
        self.well = servers.Web()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        await (self.handler if self.calls == 1 else self.well)(reader, writer)


async def test_a_target_that_misbehaves_costs_one_bounded_try_and_is_tried_again(
    tmp_path: Path, postgres_url: str
) -> None:
    targets = {name: Sick(handler) for name, (handler, _) in MISBEHAVING.items()}
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(service(tmp_path, postgres_url))
        ids = {}
        for name, sick in targets.items():
            port = await stack.enter_async_context(servers.serving(sick))
            ids[name] = await place(client, name, f"http://127.0.0.1:{port}/")
        for name, key in ids.items():
            done = await until(lambda key=key: ended(client, key))
            assert [one["outcome"] for one in done["tries"]] == [MISBEHAVING[name][1], "sent"], name
            [again] = targets[name].well.received
            assert again.headers["idempotency-key"] == key
            assert json.loads(again.body)["possibly_repeat"] is True


async def test_a_name_that_proves_somebody_else_gets_nothing(tmp_path: Path, postgres_url: str) -> None:
    certificate, secret = servers.make_certificate(tmp_path)
    web = servers.Web()
    async with (
        servers.serving(web, servers.server_context(certificate, secret)) as port,
        service(tmp_path, postgres_url) as client,
    ):
        key = await place(client, "k", f"https://localhost:{port}/")

        async def tried() -> Any:
            return (await client.get(f"{URL}/{key}")).json()["data"]["tries"]

        tries = await until(tried)
    assert tries[0]["outcome"] == "tls-failed"
    assert web.received == []


async def test_who_asks_to_wait_is_left_alone_by_all_its_orders(tmp_path: Path, postgres_url: str) -> None:
    web = servers.Web("429 Too Many Requests", headers=("Retry-After: 2",))
    async with servers.serving(web) as port, service(tmp_path, postgres_url) as client:
        first = await place(client, "a", f"http://127.0.0.1:{port}/")

        async def held() -> bool:
            found = await breaker(client, f"127.0.0.1:{port}")
            return bool(found and found["state"] == "held")

        await until(held)
        asked = CLOCK.monotonic()
        web.status, web.headers = "200 OK", ()
        second = await place(client, "b", f"http://127.0.0.1:{port}/")
        for key in (second, first):
            await until(lambda key=key: ended(client, key))
        waited = CLOCK.monotonic() - asked
    assert waited > 1.5
    assert keys(web) == {first: 2, second: 1}


async def test_dead_orders_are_listed_replayed_and_given_up(tmp_path: Path, postgres_url: str) -> None:
    web = servers.Web("400 Bad Request", body=b"no")
    async with servers.serving(web) as port, service(tmp_path, postgres_url) as client:
        target = f"127.0.0.1:{port}"
        ids = [await place(client, f"k{number}", f"http://{target}/") for number in range(5)]
        for key in ids:
            await until(lambda key=key: ended(client, key, "dead"))
        first = (await client.get(DEAD, params={"limit": 3, "outcome": "rejected"})).json()
        cursor = first["meta"]["pagination"]["next_cursor"]
        rest = (await client.get(DEAD, params={"limit": 3, "cursor": cursor, "target": target})).json()
        assert [row["id"] for row in first["data"] + rest["data"]] == ids[::-1]
        for filters in ({"target": "other:1"}, {"type": "notify"}, {"outcome": "timeout"}, {"since": "2999-01-01"}):
            assert (await client.get(DEAD, params=filters)).json()["data"] == [], filters
        for path, wrong in ((DEAD, {"since": "yesterday"}), (DEAD, {"target": "\x00"}), (URL, {"target": "a\x00"})):
            assert (await client.get(path, params=wrong)).status_code == 422, wrong

        gone = await client.post(f"{URL}/{ids[0]}/discard", json={"reason": "시험 데이터", "by": "kim"})
        assert gone.json()["data"]["state"] == "discarded"
        assert gone.json()["data"]["discard_reason"] == "시험 데이터"
        assert gone.json()["data"]["decided_by"] == "service:judgment (kim)"
        assert (await client.post(f"{URL}/{ids[0]}/replay")).status_code == 409
        assert (await client.post(f"{URL}/{ids[0]}/discard", json={"reason": "x"})).status_code == 409
        assert (await client.post(f"{URL}/{ids[1]}/discard", json={})).status_code == 422

        web.status = "204 No Content"
        before = len(web.received)
        many = {"filter": {"target": target}, "by": "kim"}
        replayed = (await client.post(f"{DEAD}/replay", json=many)).json()["data"]
        assert replayed == {"replayed": 4, "more": False}
        for key in ids[1:]:
            await until(lambda key=key: ended(client, key))
        assert (await client.post(f"{DEAD}/replay", json=many)).json()["data"]["replayed"] == 0
        assert sorted(request.headers["idempotency-key"] for request in web.received[before:]) == sorted(ids[1:])
        bad: list[dict[str, Any]] = [
            {}, {"filter": {"state": "done"}}, {"filter": {"who": "x"}}, {"filter": {"since": "soon"}}
        ]  # fmt: skip
        for body in bad:
            assert (await client.post(f"{DEAD}/replay", json=body)).status_code == 422, body
        async with caller(str(client.base_url), "viewer") as viewer:
            assert (await viewer.get(DEAD)).status_code == 200
            assert (await viewer.post(f"{DEAD}/replay", json=many)).status_code == 403
            assert (await viewer.post(f"{URL}/{ids[0]}/discard", json={"reason": "x"})).status_code == 403


async def test_killed_in_mid_send_it_comes_back_and_the_receiver_sees_one_key(
    tmp_path: Path, postgres_url: str
) -> None:
    web = servers.Web()
    calls = 0
    begun = asyncio.Event()

    async def hang_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            begun.set()
            await servers.answer_never(reader, writer)
        else:
            await web(reader, writer)

    home = Home(tmp_path, postgres_url, JUDGIFY_EGRESS_ALLOW="127.0.0.1", JUDGIFY_ACTION_TIMEOUT_S="1")
    action = CoreProcess(home, "action").start("/ready")
    try:
        async with (
            servers.serving(hang_once) as port,
            httpx.AsyncClient(
                base_url=action.url, headers={"Authorization": f"Bearer {home.token('service')}"}, trust_env=False
            ) as client,
        ):
            key = await place(client, "k", f"http://127.0.0.1:{port}/")
            await begun.wait()
            action.kill()
            await asyncio.to_thread(action.start, "/ready")
            # The lease of the dead process is three times a try's time.
            done = await until(lambda: ended(client, key), 20)
    finally:
        action.stop()
    assert [one["number"] for one in done["tries"]] == [2], "the first try's end was never written"
    [again] = web.received
    assert again.headers["idempotency-key"] == key
    assert json.loads(again.body)["possibly_repeat"] is True
