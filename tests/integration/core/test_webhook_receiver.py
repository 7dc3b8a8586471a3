"""The receiver of docs/how-to/receive-webhooks.md, run as the page prints it, against real webhooks."""

import re
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.core_service import caller, running, settings_for, until
from tests.support.stores import free_port

from judgify.core.action.app import build
from judgify.kit.clock import SystemClock
from judgify.kit.secrets import read_secret
from judgify.notify.signature import is_genuine, signed_headers

pytestmark = pytest.mark.guide("S03")
PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "receive-webhooks.md"


def receiver(secret: str, port: int, taken: list[Any]) -> Any:
    """Give the page's receiver."""
    [source] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(source, str(PAGE), "exec"), names)  # noqa: S102 - the page's own program is what is tested
    names["SECRET"] = secret.encode()
    names["Receiver"].log_message = lambda *_: None
    return names["serve"](port, taken.append)


async def test_the_pages_receiver_takes_a_real_webhook_once_and_nothing_else(tmp_path: Path, postgres_url: str) -> None:
    clock = SystemClock()
    settings = settings_for(tmp_path, postgres_url, egress_allow=("127.0.0.1",))
    async with running(build(settings, clock)) as base, caller(base) as client:

        async def ready() -> bool:
            return (await client.get("/ready")).status_code == 200

        await until(ready)
        taken: list[Any] = []
        port, secret = free_port(), read_secret(tmp_path, "webhook_secret")
        server = receiver(secret, port, taken)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        url = f"http://127.0.0.1:{port}/"
        try:
            sent = {"idempotency_key": "k", "type": "webhook", "params": {"url": url, "body": {"판정": "NG"}}}
            key = (await client.post("/internal/actions", json=sent)).json()["data"]["id"]

            async def done() -> Any:
                data = (await client.get(f"/api/v2/action/actions/{key}")).json()["data"]
                return data if data["state"] == "done" else None

            assert [one["outcome"] for one in (await until(done))["tries"]] == ["sent"]
            now = int(clock.now().timestamp())
            body = b'{"x": 1}'
            async with httpx.AsyncClient(trust_env=False) as other:
                for headers, status in (
                    ({}, 401),
                    (signed_headers("another secret", now, body), 401),
                    (signed_headers(secret, now - 301, body), 401),
                    (signed_headers(secret, now, b"other"), 401),
                    ({**signed_headers(secret, now, body), "Idempotency-Key": key}, 204),
                    ({**signed_headers(secret, now, body), "Idempotency-Key": "new"}, 204),
                ):
                    answer = await other.post(url, content=body, headers=headers)
                    assert answer.status_code == status, headers
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
    assert taken == [{"판정": "NG"}, {"x": 1}]
    signed = signed_headers(secret, now, body)
    assert is_genuine(secret, signed["X-Judgify-Timestamp"], body, signed["X-Judgify-Signature"], now)
