"""The action service with a real database and real receivers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.support import channel_servers as servers
from tests.support.core_service import caller, own_postgres, running, settings_for, until
from tests.support.stores import free_port

from judgify.core.action.app import build
from judgify.core.notification.app import build as build_notification
from judgify.kit.clock import SystemClock
from judgify.kit.secrets import read_secret
from judgify.notify.signature import is_genuine

pytestmark = pytest.mark.guide("S03")
URL = "/api/v2/action/actions"


def order(key: str, url: str = "http://127.0.0.1:9/", **more: Any) -> dict[str, Any]:
    return {"idempotency_key": key, "type": "webhook", "params": {"url": url}, **more}


@asynccontextmanager
async def service(home: Path, url: str, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings_for(home, url, egress_allow=("127.0.0.1",), **more)
    async with running(build(settings, SystemClock())) as base, caller(base) as client:
        await until(lambda: good(client))
        yield client


async def good(client: httpx.AsyncClient) -> bool:
    return (await client.get("/ready")).status_code == 200


async def state_of(client: httpx.AsyncClient, key: str, *states: str) -> Any:
    data = (await client.get(f"{URL}/{key}")).json()["data"]
    return data if data["state"] in states else None


async def test_an_order_is_delivered_once_signed_and_recorded(tmp_path: Path, postgres_url: str) -> None:
    web = servers.Web("204 No Content", body=b"")
    async with servers.serving(web) as port, service(tmp_path, postgres_url) as client:
        sent = order("k1", f"http://127.0.0.1:{port}/hook", execution_id="exe_1", context={"verdict": "matched"})
        first = await client.post("/internal/actions", json=sent)
        second = await client.post("/internal/actions", json=sent)
        assert first.status_code == 202
        assert first.json()["meta"]["durability"] == "database"
        assert second.json()["data"]["duplicate"] is True
        key = first.json()["data"]["id"]
        done = await until(lambda: state_of(client, key, "done"))
        clash = await client.post("/internal/actions", json={**sent, "execution_id": "other"})
        metrics = (await client.get("/metrics")).text
        listed = (await client.get(URL, params={"state": "done", "execution_id": "exe_1"})).json()["data"]
    assert clash.status_code == 409
    assert [row["id"] for row in listed] == [key]
    assert [one["outcome"] for one in done["tries"]] == ["sent"]
    [got] = web.received
    assert json.loads(got.body)["execution_id"] == "exe_1"
    assert got.headers["idempotency-key"] == key
    secret = read_secret(tmp_path, "webhook_secret")
    stamp, signature = got.headers["x-judgify-timestamp"], got.headers["x-judgify-signature"]
    assert is_genuine(secret, stamp, got.body, signature, float(stamp))
    assert 'judgify_action_tries_total{outcome="sent",type="webhook"} 1.0' in metrics
    assert "database_connection_pool_usage" in metrics


async def test_a_failing_receiver_is_tried_again_with_growing_pauses(tmp_path: Path, postgres_url: str) -> None:
    web = servers.Web("500 Oops", body=b"no")
    async with servers.serving(web) as port, service(tmp_path, postgres_url) as client:
        made = await client.post(URL, json=order("k", f"http://127.0.0.1:{port}/", name="알림"))
        key = made.json()["data"]["id"]

        async def tried() -> Any:
            data = (await client.get(f"{URL}/{key}")).json()["data"]
            return data if len(data["tries"]) >= 1 else None

        data = await until(tried)
        assert data["state"] == "waiting"
        assert data["due_at"] > data["tries"][0]["finished_at"]
        web.status, web.body = "200 OK", b""
        data = await until(lambda: state_of(client, key, "done"))
    assert [one["outcome"] for one in data["tries"]] == ["server-error", "sent"]
    assert [request.headers["x-judgify-attempt"] for request in web.received] == ["1", "2"]


async def test_a_refusal_for_good_is_dead_and_can_be_replayed(tmp_path: Path, postgres_url: str) -> None:
    web = servers.Web("400 Bad", body=b"no")
    async with servers.serving(web) as port, service(tmp_path, postgres_url) as client:
        key = (await client.post(URL, json=order("k", f"http://127.0.0.1:{port}/"))).json()["data"]["id"]
        dead = await until(lambda: state_of(client, key, "dead"))
        assert dead["last_outcome"] == "rejected"
        web.status = "200 OK"
        assert (await client.post(f"{URL}/{key}/replay")).status_code == 202
        await until(lambda: state_of(client, key, "done"))
        again = await client.post(f"{URL}/{key}/replay")
        missing = await client.post(f"{URL}/act_{'0' * 26}/replay")
        absent = await client.get(f"{URL}/act_{'0' * 26}")
    assert again.status_code == 409
    assert missing.status_code == 404
    assert absent.status_code == 404


async def test_inside_addresses_are_refused_and_nothing_is_sent(tmp_path: Path, postgres_url: str) -> None:
    web = servers.Web()
    async with servers.serving(web) as port, service(tmp_path, postgres_url) as client:
        urls = [f"http://localhost:{port}/x", "http://169.254.169.254/latest/meta-data", "http://[::1]:1/"]
        keys = [
            (await client.post(URL, json=order(f"k{number}", url))).json()["data"]["id"]
            for number, url in enumerate(urls[1:])
        ]
        for key in keys:
            dead = await until(lambda key=key: state_of(client, key, "dead"))
            assert dead["last_outcome"] == "address-refused"
    assert web.received == []


@pytest.mark.parametrize(
    "body",
    [
        {"idempotency_key": "k", "type": "webhook", "params": {}},
        {"idempotency_key": "k", "type": "webhook", "params": {"url": "ftp://x"}},
        {"idempotency_key": "k", "type": "webhook", "params": {"url": "http://u:p@x/"}},
        {"idempotency_key": "k", "type": "webhook", "params": {"url": "http://x/", "headers": {"Host": "y"}}},
        {"idempotency_key": "k", "type": "webhook", "params": {"url": "http://x/", "headers": {"A": "b\r\nC: d"}}},
        {"idempotency_key": "k", "type": "webhook", "params": {"url": "http://x/", "more": 1}},
        {"idempotency_key": "k", "type": "webhook", "params": {"url": "http://x/\x00"}},
        {"idempotency_key": "k\x00", "type": "webhook", "params": {"url": "http://x/"}},
        {"idempotency_key": "", "type": "webhook", "params": {"url": "http://x/"}},
        {"idempotency_key": "k", "type": "exec", "params": {}},
        {"idempotency_key": "k", "type": "notify", "params": {"body": "no subject"}},
        {"idempotency_key": "k", "type": "webhook", "params": {"url": "http://x/", "body": "x" * 300_000}},
        {"type": "webhook", "params": {"url": "http://x/"}, "idempotency_key": "k", "surprise": 1},
    ],
)
async def test_an_order_that_cannot_be_carried_out_is_refused(
    body: dict[str, Any], shared_client: httpx.AsyncClient
) -> None:
    answer = await shared_client.post("/internal/actions", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await shared_client.get(URL)).json()["data"] == []


async def test_who_may_what(shared_client: httpx.AsyncClient) -> None:
    base = str(shared_client.base_url)
    sent = {"idempotency_key": "k", "type": "exec", "params": {}}
    for role, path, method, status in [
        ("", URL, "GET", 401),
        ("", "/internal/actions", "POST", 401),
        ("viewer", URL, "GET", 200),
        ("viewer", URL, "POST", 403),
        ("responder", URL, "POST", 422),
        ("admin", "/internal/actions", "POST", 403),
        ("viewer", f"{URL}/act_{'0' * 26}/replay", "POST", 403),
        ("viewer", f"{URL}/../../etc", "GET", 404),
        ("viewer", f"{URL}/act_1'%20OR%201=1", "GET", 422),
        ("viewer", f"{URL}?state=gone", "GET", 422),
    ]:
        async with caller(base, role) as client:
            answer = await client.request(method, path, json=sent if method == "POST" else None)
            assert answer.status_code == status, (role, path, answer.text)
    async with caller(base) as client:
        broken = await client.post("/internal/actions", content=b"{", headers={"content-type": "application/json"})
        large = await client.post("/internal/actions", content=b"x" * 1_100_000)
    assert broken.status_code == 400
    assert large.status_code == 413


@pytest.fixture
async def shared_client(tmp_path: Path, postgres_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with service(tmp_path, postgres_url) as client:
        yield client


async def test_a_notify_order_reaches_the_mailbox_through_the_notification_service(
    tmp_path: Path, postgres_url: str
) -> None:
    port = free_port()
    settings = settings_for(tmp_path, postgres_url, ports={"notification": port})
    async with (
        running(build_notification(settings, SystemClock()), port),
        running(build(settings, SystemClock())) as base,
        caller(base) as client,
    ):
        await until(lambda: good(client))
        params = {"subject": "[검사] NG", "body": "불량입니다", "channels": ["mailbox"], "severity": "P2"}
        sent = {"idempotency_key": "exe_1:0", "type": "notify", "params": params, "context": {"workflow": "검사"}}
        key = (await client.post("/internal/actions", json=sent)).json()["data"]["id"]
        await until(lambda: state_of(client, key, "done"), 20)

        async def arrived() -> list[Path]:
            return list((tmp_path / "notification" / "mailbox").glob("*.eml"))

        [file] = await until(arrived)
        assert "불량입니다" in file.read_text("utf-8")
        refused = {**sent, "idempotency_key": "exe_1:1", "params": {**params, "channels": ["pigeon"]}}
        key = (await client.post("/internal/actions", json=refused)).json()["data"]["id"]
        dead = await until(lambda: state_of(client, key, "dead"))
    assert "pigeon" in dead["last_detail"]


async def test_a_try_cut_off_comes_back_to_another_worker(tmp_path: Path, postgres_url: str) -> None:
    web = servers.Web()
    async with servers.serving(web) as port:
        async with service(tmp_path, postgres_url) as client:
            key = (await client.post(URL, json=order("k", "http://127.0.0.1:9/"))).json()["data"]["id"]
        # A worker that died in mid-try: the row is leased, and the lease has run out.
        connection = await asyncpg.connect(postgres_url)
        await connection.execute(
            "UPDATE action.action SET state = 'waiting', lease = 'dead worker', due_at = now() - interval '1 s', "
            "params = $1",
            json.dumps({"url": f"http://127.0.0.1:{port}/"}),
        )
        await connection.close()
        async with service(tmp_path, postgres_url) as client:
            await until(lambda: state_of(client, key, "done"))
    assert json.loads(web.received[0].body)["possibly_repeat"] is True


async def test_several_workers_deliver_each_order_once(tmp_path: Path, postgres_url: str) -> None:
    web = servers.Web()
    async with (
        servers.serving(web) as port,
        service(tmp_path, postgres_url) as one,
        service(tmp_path, postgres_url) as two,
    ):
        for number in range(60):
            client = (one, two)[number % 2]
            made = await client.post("/internal/actions", json=order(f"k{number}", f"http://127.0.0.1:{port}/"))
            assert made.status_code == 202

        async def all_done() -> bool:
            rows = (await one.get(URL, params={"limit": 200, "state": "done"})).json()["data"]
            return len(rows) == 60

        await until(all_done, 30)
        first = (await one.get(URL, params={"limit": 40})).json()
        rest = (await one.get(URL, params={"limit": 40, "cursor": first["meta"]["pagination"]["next_cursor"]})).json()
    assert len({request.headers["idempotency-key"] for request in web.received}) == 60
    assert len(web.received) == 60
    assert len({row["id"] for row in first["data"] + rest["data"]}) == 60
    assert rest["meta"]["pagination"]["next_cursor"] is None


async def test_without_the_database_it_starts_says_down_and_heals(tmp_path: Path) -> None:
    with own_postgres() as server:
        server.kill()
        settings = settings_for(tmp_path, server.url, egress_allow=("127.0.0.1",))
        async with running(build(settings, SystemClock())) as base, caller(base) as client:
            assert (await client.get("/live")).status_code == 200
            assert (await client.get("/ready")).status_code == 503
            health = await client.get("/api/v2/action/health")
            assert health.status_code == 503
            assert health.json()["parts"] == {"database": "down"}
            refused = await client.post("/internal/actions", json=order("k"))
            assert refused.status_code == 503
            assert "retry-after" in refused.headers
            server.start()
            await until(lambda: good(client), 20)
            assert (await client.post("/internal/actions", json=order("k"))).status_code == 202
