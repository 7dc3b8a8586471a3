"""The notification service with a real database, a real mailbox and a real webhook receiver."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support import channel_servers as servers
from tests.support.core_service import caller, own_postgres, running, settings_for, until

from judgify.core.notification.app import build
from judgify.kit.clock import SystemClock

pytestmark = pytest.mark.guide("S04")
URL = "/api/v2/notification/messages"
CANARY = "canary-4f1d8c7a9b2e"


@asynccontextmanager
async def service(home: Path, url: str, config: Any = None, **environ: str) -> AsyncIterator[httpx.AsyncClient]:
    if config is not None:
        (home / "notification").mkdir(exist_ok=True)
        (home / "notification" / "channels.json").write_text(config if isinstance(config, str) else json.dumps(config))
    settings = settings_for(home, url, egress_allow=("127.0.0.1",))
    settings.environ.update(environ)  # type: ignore[attr-defined]  # a plain dict in these tests
    async with running(build(settings, SystemClock())) as base, caller(base) as client:
        await until(lambda: good(client))
        yield client


async def good(client: httpx.AsyncClient) -> bool:
    return (await client.get("/ready")).status_code == 200


async def settled(client: httpx.AsyncClient, key: str) -> Any:
    data = (await client.get(f"{URL}/{key}")).json()["data"]
    return data if all(one["state"] != "waiting" for one in data["deliveries"]) else None


async def test_a_message_goes_to_the_default_channels_and_its_history_shows_it(
    tmp_path: Path, postgres_url: str
) -> None:
    async with service(tmp_path, postgres_url) as client:
        sent = {"subject": "판정 결과 NG", "body": "라인 3을 확인하세요.", "idempotency_key": "k", "severity": "P2"}
        first = await client.post(URL, json=sent)
        again = await client.post(URL, json=sent)
        clash = await client.post(URL, json={**sent, "body": "other"})
        key = first.json()["data"]["id"]
        data = await until(lambda: settled(client, key))
        done = (await client.get(URL, params={"state": "done"})).json()["data"]
        waiting = (await client.get(URL, params={"state": "waiting"})).json()["data"]
        metrics = (await client.get("/metrics")).text
        channels = (await client.get("/api/v2/notification/channels")).json()["data"]
    assert first.status_code == 202
    assert again.json()["data"] == {**first.json()["data"], "duplicate": True}
    assert clash.status_code == 409
    assert {one["channel"]: one["outcome"] for one in data["deliveries"]} == {"console": "sent", "mailbox": "sent"}
    [file] = (tmp_path / "notification" / "mailbox").glob("*.eml")
    assert "라인 3을 확인하세요." in file.read_text("utf-8")
    assert [row["id"] for row in done] == [key]
    assert waiting == []
    assert 'judgify_notification_tries_total{outcome="sent",type="mailbox"} 1.0' in metrics
    assert {one["name"]: one["state"] for one in channels} == {"mailbox": "ok", "console": "ok"}


async def test_a_configured_channel_is_tried_until_it_answers_and_marks_repeats(
    tmp_path: Path, postgres_url: str
) -> None:
    web = servers.Web("502 Bad Gateway", body=b"")
    async with servers.serving(web) as port:
        config = {"channels": {"hook": {"type": "http", "url": "env:HOOK"}}, "default": ["hook"]}
        async with service(tmp_path, postgres_url, config, HOOK=f"http://127.0.0.1:{port}/{CANARY}") as client:
            key = (await client.post(URL, json={"subject": "s"})).json()["data"]["id"]

            async def tried() -> bool:
                return bool(web.received)

            await until(tried)
            web.status = "200 OK"
            data = await until(lambda: settled(client, key))
    [delivery] = data["deliveries"]
    assert [one["outcome"] for one in delivery["tries"]] == ["proxy-failed", "sent"]
    assert [json.loads(request.body)["possibly_repeat"] for request in web.received] == [False, True]
    assert CANARY not in json.dumps(data)


async def test_a_refusal_for_good_on_one_channel_leaves_the_others_alone(tmp_path: Path, postgres_url: str) -> None:
    config = {"channels": {"hook": {"type": "http", "url": "env:NOT_SET"}}}
    async with service(tmp_path, postgres_url, config) as client:
        sent = {"subject": "s", "channels": ["hook", "mailbox", "hook"]}
        key = (await client.post(URL, json=sent)).json()["data"]["id"]
        data = await until(lambda: settled(client, key))
    outcomes = {one["channel"]: (one["state"], one["outcome"]) for one in data["deliveries"]}
    assert outcomes == {"hook": ("dead", "misconfigured"), "mailbox": ("done", "sent")}


@pytest.mark.parametrize(
    "config",
    [
        "{",
        [],
        {"channels": []},
        {"default": "console"},
        {"default": ["gone"]},
        {"channels": {"a": {"type": "pigeon"}}},
        {"channels": {"a": {"type": "slack_webhook", "url": f"https://hooks.example.com/{CANARY}"}}},
    ],
)
async def test_a_mistake_in_the_channel_file_degrades_and_messages_still_arrive(
    config: Any, tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with service(tmp_path, postgres_url, config) as client:
        health = await client.get("/health")
        key = (await client.post(URL, json={"subject": "s"})).json()["data"]["id"]
        data = await until(lambda: settled(client, key))
    assert health.status_code == 200
    assert health.json()["status"] == "degraded"
    assert {one["outcome"] for one in data["deliveries"]} == {"sent"}
    assert CANARY not in capsys.readouterr().out


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"subject": ""},
        {"subject": "s\x00"},
        {"subject": "s", "surprise": 1},
        {"subject": "s", "channels": ["pigeon"]},
        {"subject": "s", "kind": "shout"},
        {"subject": "s", "severity": "P9"},
        {"subject": "s", "recipient": {"name": "x", "password": "y"}},
        {"subject": "s", "links": [{"label": "x", "url": "javascript:alert(1)"}]},
        {"subject": "s", "body": "x" * 60_000},
    ],
)
async def test_a_message_that_cannot_be_sent_is_refused(
    body: dict[str, Any], tmp_path: Path, postgres_url: str
) -> None:
    async with service(tmp_path, postgres_url) as client:
        answer = await client.post(URL, json=body)
        assert answer.status_code == 422, answer.text
        assert (await client.get(URL)).json()["data"] == []


async def test_who_may_what(tmp_path: Path, postgres_url: str) -> None:
    async with service(tmp_path, postgres_url) as client:
        base = str(client.base_url)
        for role, path, method, status in [
            ("", URL, "GET", 401),
            ("viewer", URL, "GET", 200),
            ("viewer", URL, "POST", 403),
            ("responder", URL, "POST", 202),
            ("viewer", f"{URL}/msg_{'0' * 26}", "GET", 404),
            ("viewer", f"{URL}/msg_1'%20OR%201=1", "GET", 422),
            ("viewer", f"{URL}?cursor='", "GET", 422),
            ("", "/api/v2/notification/channels", "GET", 401),
        ]:
            async with caller(base, role) as other:
                answer = await other.request(method, path, json={"subject": "s"} if method == "POST" else None)
                assert answer.status_code == status, (role, path, answer.text)


async def test_pages_of_messages(tmp_path: Path, postgres_url: str) -> None:
    async with service(tmp_path, postgres_url) as client:
        for number in range(5):
            await client.post(URL, json={"subject": f"s{number}", "channels": ["mailbox"]})
        first = (await client.get(URL, params={"limit": 3})).json()
        cursor = first["meta"]["pagination"]["next_cursor"]
        rest = (await client.get(URL, params={"limit": 3, "cursor": cursor})).json()
    assert [row["subject"] for row in first["data"] + rest["data"]] == ["s4", "s3", "s2", "s1", "s0"]


async def test_an_outage_of_the_database_loses_no_message(tmp_path: Path) -> None:
    with own_postgres() as server:
        async with service(tmp_path, server.url) as client:
            key = (await client.post(URL, json={"subject": "before"})).json()["data"]["id"]
            server.kill()
            refused = await client.post(URL, json={"subject": "meanwhile"})
            assert refused.status_code == 503
            assert (await client.get("/health")).status_code == 503
            server.start()
            await until(lambda: good(client), 20)
            await until(lambda: settled(client, key), 20)
            after = (await client.post(URL, json={"subject": "after"})).json()["data"]["id"]
            await until(lambda: settled(client, after), 20)
