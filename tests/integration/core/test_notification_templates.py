"""Templates, resend, test messages, kinds of channels and the history of the notification service."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support import channel_servers as servers
from tests.support.core_service import caller, running, settings_for, until
from tests.support.stores import free_port

from judgify.core.action.app import build as build_action
from judgify.core.notification.app import build
from judgify.kit.clock import SystemClock

pytestmark = pytest.mark.guide("S04")
URL = "/api/v2/notification"
MESSAGES = f"{URL}/messages"
TEXTS = {
    "ko": {"subject": "[{{ workflow }}] {{ verdict }}", "body": "{{ input.line }} 라인 확인\n<!channel>", "short": ""},
    "en": {"subject": "[{{ workflow }}] {{ verdict }}", "body": "Please look at line {{ input.line }}.", "short": ""},
}  # fmt: skip
VARIABLES = {"workflow": "검사", "verdict": "NG", "input": {"line": 3}}


@asynccontextmanager
async def service(home: Path, url: str, port: int) -> AsyncIterator[httpx.AsyncClient]:
    config = {
        "channels": {
            "hook": {"type": "http", "url": f"http://127.0.0.1:{port}/"},
            "alerts": {"type": "slack_webhook", "url": "env:SLACK"},
        },
        "default": ["mailbox"],
    }
    (home / "notification").mkdir(exist_ok=True)
    (home / "notification" / "channels.json").write_text(json.dumps(config))
    settings = settings_for(home, url, egress_allow=("127.0.0.1",))
    settings.environ["SLACK"] = f"http://127.0.0.1:{port}/slack"  # type: ignore[index]  # a plain dict in these tests
    async with running(build(settings, SystemClock())) as base, caller(base) as client:
        await until(lambda: ready(client))
        yield client


async def ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/ready")).status_code == 200


async def settled(client: httpx.AsyncClient, key: str) -> Any:
    data = (await client.get(f"{MESSAGES}/{key}")).json()["data"]
    return data if all(one["state"] != "waiting" for one in data["deliveries"]) else None


async def test_a_template_is_kept_by_version_previewed_and_says_messages(tmp_path: Path, postgres_url: str) -> None:
    web = servers.Web()
    async with servers.serving(web) as port, service(tmp_path, postgres_url, port) as client:
        path = f"{URL}/templates/verdict"
        assert (await client.get(path)).status_code == 404
        first = (await client.put(path, json={"texts": TEXTS, "expected_version": 0})).json()["data"]
        same = (await client.put(path, json={"texts": TEXTS})).json()["data"]
        assert (first["version"], first["new"], same["version"], same["new"]) == (1, True, 1, False)
        assert first["variables"] == ["input.line", "verdict", "workflow"]
        newer = {"texts": {"ko": {"subject": "새 {{ verdict }}"}}}
        assert (await client.put(path, json={**newer, "expected_version": 7})).status_code == 409
        assert (await client.put(path, json={**newer, "expected_version": 1})).json()["data"]["version"] == 2
        listed = (await client.get(f"{URL}/templates")).json()["data"]
        assert [(one["name"], one["version"]) for one in listed] == [("verdict", 2)]
        assert (await client.get(path, params={"version": 1})).json()["data"]["versions"] == [2, 1]

        shown = await client.post(f"{path}/preview", json={"variables": VARIABLES, "version": 1})
        assert shown.json()["data"]["subject"] == "[검사] NG"
        missing = await client.post(f"{path}/preview", json={"variables": {"workflow": "w"}, "version": 1})
        assert missing.status_code == 422
        assert missing.json()["missing"] == ["input.line", "verdict"]
        tried = {"texts": {"en": {"subject": "{{ a }}"}}, "lang": "en", "variables": {"a": "{{ b }}"}}
        assert (await client.post(f"{path}/preview", json=tried)).json()["data"]["subject"] == "{{ b }}"
        assert (await client.post(f"{path}/preview", json={"lang": "en"})).status_code == 422, "no English words"

        template = {"name": "verdict", "version": 1, "variables": VARIABLES}
        sent = {"template": template, "channels": ["hook", "mailbox", "alerts"], "idempotency_key": "k"}
        made = (await client.post(MESSAGES, json=sent)).json()["data"]
        again = (await client.post(MESSAGES, json=sent)).json()["data"]
        assert again == {**made, "duplicate": True}
        data = await until(lambda: settled(client, made["id"]))
        for wrong in (
            {"template": {**template, "variables": {}}},
            {"template": template, "subject": "both"},
            {"template": {**template, "name": "../x"}},
            {},
        ):
            assert (await client.post(MESSAGES, json=wrong)).status_code == 422, wrong
        unknown = await client.post(MESSAGES, json={"template": {**template, "version": 9}})
        assert unknown.status_code == 404
    assert data["template"] == {"name": "verdict", "version": 1}
    assert {one["outcome"] for one in data["deliveries"]} == {"sent"}
    [mail] = (tmp_path / "notification" / "mailbox").glob("*.eml")
    assert "3 라인 확인\n<!channel>" in mail.read_text("utf-8")
    [slack] = [request.body.decode() for request in web.received if "/slack" in request.line]
    assert "<!channel>" not in slack, "what a channel would read as markup is escaped where it goes"


BAD_WORDS: tuple[dict[str, Any], ...] = (
    {},
    {"ko": {"subject": ""}},
    {"ko": {"subject": "{{ a"}},
    {"ko": {"subject": "a }}"}},
    {"ko": {"subject": "{{ a|upper }}"}},
    {"ko": {"subject": "s", "body": "one\n{{ ''.__class__ }}"}},
    {"ko": {"subject": "s", "body": "{{ a.b.c() }}"}},
    {"fr": {"subject": "s"}},
)


async def test_words_that_are_no_template_are_refused(tmp_path: Path, postgres_url: str) -> None:
    async with service(tmp_path, postgres_url, 9) as client:
        for texts in BAD_WORDS:
            answer = await client.put(f"{URL}/templates/x", json={"texts": texts})
            assert answer.status_code == 422, answer.text
        async with caller(str(client.base_url), "responder") as other:
            good = {"texts": {"ko": {"subject": "s"}}}
            assert (await other.put(f"{URL}/templates/x", json=good)).status_code == 403
        assert (await client.get(f"{URL}/templates")).json()["data"] == []


async def test_a_failed_channel_is_sent_again_and_the_history_finds_it(tmp_path: Path, postgres_url: str) -> None:
    web = servers.Web("400 Bad Request", body=b"no")
    async with servers.serving(web) as port, service(tmp_path, postgres_url, port) as client:
        sent = {"subject": "s", "channels": ["hook", "mailbox"], "severity": "P2", "source": "검사"}
        key = (await client.post(MESSAGES, json=sent)).json()["data"]["id"]
        await until(lambda: settled(client, key))
        other = (await client.post(MESSAGES, json={"subject": "t", "channels": ["mailbox"]})).json()["data"]["id"]
        await until(lambda: settled(client, other))

        async def found(**params: str) -> list[str]:
            answer = await client.get(MESSAGES, params=params)
            assert answer.status_code == 200, answer.text
            return [row["id"] for row in answer.json()["data"]]

        assert await found(state="dead") == [key]
        assert await found(state="dead", channel="hook", outcome="rejected") == [key]
        assert await found(state="dead", channel="mailbox") == [], "both must hold for one delivery"
        assert await found(severity="P2", source="검사") == [key]
        assert await found(since="2000-01-01", until="2999-01-01T00:00") == [other, key]
        assert await found(until="2000-01-01") == []
        assert (await client.get(MESSAGES, params={"since": "soon"})).status_code == 422
        assert (await client.get(MESSAGES, params={"source": "a\x00"})).status_code == 422

        web.status = "200 OK"
        resend = f"{MESSAGES}/{key}/resend"
        assert (await client.post(resend, params={"channel": "mailbox"})).status_code == 409
        assert (await client.post(resend, params={"channel": "gone"})).status_code == 404
        assert (await client.post(resend, params={"channel": "\x00"})).status_code == 422
        assert (await client.post(resend)).json()["data"]["channels"] == ["hook"]
        data = await until(lambda: settled(client, key))
        assert (await client.post(resend)).status_code == 409
        async with caller(str(client.base_url), "viewer") as viewer:
            assert (await viewer.post(resend)).status_code == 403
    by_channel = {one["channel"]: one for one in data["deliveries"]}
    assert [one["outcome"] for one in by_channel["hook"]["tries"]] == ["rejected", "sent"]
    assert (by_channel["hook"]["resends"], by_channel["hook"]["resent_by"]) == (1, "service:judgment")
    assert by_channel["mailbox"]["attempts"] == 1


async def test_a_test_message_and_kinds_of_channels(tmp_path: Path, postgres_url: str) -> None:
    web = servers.Web()
    async with servers.serving(web) as port, service(tmp_path, postgres_url, port) as client:
        made = await client.post(f"{URL}/channels/mailbox/test", json={"recipient": {"name": "김"}})
        assert made.status_code == 202
        data = await until(lambda: settled(client, made.json()["data"]["id"]))
        assert (data["source"], data["deliveries"][0]["outcome"]) == ("test", "sent")
        assert (await client.post(f"{URL}/channels/gone/test", json={})).status_code == 404
        listed = (await client.get(f"{URL}/channels")).json()["data"]
        assert {one["name"]: one["breaker"] for one in listed} == dict.fromkeys(
            ("mailbox", "console", "hook", "alerts"), "closed"
        )
        sent = (await client.post(MESSAGES, json={"subject": "s", "via": ["slack", "http"]})).json()["data"]
        assert sent["channels"] == ["alerts", "hook"]
        none = await client.post(MESSAGES, json={"subject": "s", "via": ["email"]})
        assert none.status_code == 422
        assert "channels.json" in none.json()["detail"]


async def test_orders_of_type_slack_and_email_reach_their_channels(tmp_path: Path, postgres_url: str) -> None:
    web, mail = servers.Web(), servers.Mail()
    async with servers.serving(web) as port, servers.serving(mail) as smtp:
        config = {
            "channels": {
                "alerts": {"type": "slack_webhook", "url": "env:SLACK"},
                "post": {"type": "email", "host": "127.0.0.1", "port": smtp, "sender": "j@example.com", "tls": "none"},
            }
        }
        (tmp_path / "notification").mkdir()
        (tmp_path / "notification" / "channels.json").write_text(json.dumps(config))
        settings = settings_for(
            tmp_path, postgres_url, ports={"notification": free_port()}, egress_allow=("127.0.0.1",)
        )
        settings.environ["SLACK"] = f"http://127.0.0.1:{port}/slack"  # type: ignore[index]  # a plain dict in these tests
        notification = settings.ports.of("notification")
        async with (
            running(build(settings, SystemClock()), notification),
            running(build_action(settings, SystemClock())) as base,
            caller(base) as client,
        ):
            await until(lambda: ready(client))
            orders = {
                "slack": {"text": "불량 발생\n라인 3", "severity": "P2"},
                "email": {"to": "kim@example.com", "subject": "불량", "body": "라인 3"},
            }
            for kind, params in orders.items():
                sent = {"idempotency_key": kind, "type": kind, "params": params}
                key = (await client.post("/internal/actions", json=sent)).json()["data"]["id"]

                async def done(key: str = key) -> Any:
                    data = (await client.get(f"/api/v2/action/actions/{key}")).json()["data"]
                    return data if data["state"] == "done" else None

                assert (await until(done))["target"] == "notification"

            async def arrived() -> bool:
                return bool(web.received and mail.received)

            await until(arrived)
            for kind, params in (
                ("slack", {"text": ""}),
                ("slack", {"text": "x", "to": "y"}),
                ("email", {"to": "nobody", "subject": "s"}),
                ("email", {"to": "a@b.c\r\nBcc: x@y.z", "subject": "s"}),
            ):
                sent = {"idempotency_key": "bad", "type": kind, "params": params}
                assert (await client.post("/internal/actions", json=sent)).status_code == 422, params
    assert "불량 발생" in json.loads(web.received[0].body)["text"]
    assert any("RCPT TO:<kim@example.com>" in command for command in mail.commands)
