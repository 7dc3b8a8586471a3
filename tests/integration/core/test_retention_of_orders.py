"""What has ended long ago is removed; what still waits is not, however old."""

from pathlib import Path

import asyncpg
from tests.support.core_service import caller, running, settings_for, until

from judgify.core.action.app import build as build_action
from judgify.core.notification.app import build as build_notification
from judgify.kit.clock import SystemClock

CLOCK = SystemClock()


async def test_old_orders_go_when_they_have_ended(tmp_path: Path, postgres_url: str) -> None:
    settings = settings_for(tmp_path, postgres_url)
    async with running(build_action(settings, CLOCK)) as base, caller(base) as client:

        async def taken() -> str:
            order = {"idempotency_key": "k", "type": "webhook", "params": {"url": "http://127.0.0.1:9/"}}
            answer = await client.post("/internal/actions", json=order)
            return str(answer.json()["data"]["id"]) if answer.status_code == 202 else ""

        key = await until(taken)

        async def dead() -> bool:
            found = (await client.get(f"/api/v2/action/actions/{key}")).json()["data"]
            return bool(found["state"] == "dead")

        await until(dead)
    await make_older(postgres_url, "UPDATE action.action SET finished_at = now() - interval '91 days'")
    async with running(build_action(settings, CLOCK)) as base, caller(base) as client:

        async def gone() -> bool:
            answer = await client.get("/api/v2/action/actions")
            return answer.status_code == 200 and answer.json()["data"] == []

        await until(gone)


async def test_old_messages_go_when_none_of_their_deliveries_waits(tmp_path: Path, postgres_url: str) -> None:
    settings = settings_for(tmp_path, postgres_url)
    url = "/api/v2/notification/messages"
    async with running(build_notification(settings, CLOCK)) as base, caller(base) as client:

        async def taken() -> bool:
            sent = {"subject": "old", "channels": ["mailbox"], "idempotency_key": "k"}
            return (await client.post(url, json=sent)).status_code == 202

        async def sent() -> bool:
            return bool((await client.get(url, params={"state": "done"})).json()["data"])

        await until(taken)
        await until(sent)
    await make_older(postgres_url, "UPDATE notification.message SET created_at = now() - interval '366 days'")
    await make_older(
        postgres_url,
        "INSERT INTO notification.message SELECT 'msg_' || repeat('0', 26), requested_by, 'other', digest, content, "
        "'waits', source, request_id, created_at FROM notification.message",
        "INSERT INTO notification.delivery (id, message_id, channel, due_at, attempts_left) "
        "VALUES ('dlv_1', 'msg_' || repeat('0', 26), 'gone', now() + interval '1 h', 8)",
    )
    async with running(build_notification(settings, CLOCK)) as base, caller(base) as client:

        async def left() -> list[str]:
            answer = await client.get(url)
            found = [row["subject"] for row in answer.json()["data"]] if answer.status_code == 200 else []
            return found if len(found) == 1 else []

        assert await until(left) == ["waits"]
        await make_older(postgres_url, "UPDATE notification.delivery SET due_at = now() - interval '1 s'")

        async def misconfigured() -> bool:
            found = (await client.get(f"{url}/msg_{'0' * 26}")).json()["data"]["deliveries"][0]
            return bool(found["outcome"] == "misconfigured")

        await until(misconfigured)


async def make_older(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
