"""The express lane on a real socket: what goes by it, what does not, and that nobody can tell from the answers."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from tests.integration.response.test_http import Site
from tests.support.response_world import World

from judgify.kit.errors import Unavailable
from judgify.response.api.express import MAX_HEAD, Express
from judgify.response.api.lane import ALERTMANAGER, ALERTS
from judgify.response.api.wire import MAX_HELD, IntakeProtocol

ALERT = [{"labels": {"alertname": "DiskWillFill", "job": "judgment"}}]
HOOK = {
    "version": "4",
    "status": "firing",
    "alerts": [{"status": "firing", "labels": {"alertname": "A"}, "startsAt": "2026-03-04T00:00:00Z"}],
}


@dataclass
class Server:
    site: Site
    uvicorn: uvicorn.Server
    port: int

    @property
    def lane(self) -> Express:
        lane: Express = self.site.app.state.express
        return lane

    async def busy(self) -> None:
        """A burst waits to be taken; nothing takes it here."""
        kind = self.site.world.ways["alerts"]
        read = kind.read(json.dumps(ALERT).encode())
        await self.site.world.core.inbox.put("alerts", b"[]", 1, "", lambda now: kind.signals(read, now, ""))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    world = await World(tmp_path).up()
    site = Site(world, tmp_path)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        site.app,
        http=IntakeProtocol,
        log_config=None,
        lifespan="off",
        ws="none",
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )
    made = uvicorn.Server(config)
    serving = asyncio.ensure_future(made.serve(sockets=[listener]))
    yield Server(site, made, listener.getsockname()[1])
    made.should_exit = True
    await serving
    await site.http.aclose()
    await world.down()


def post(path: str, document: Any, *headers: str, token: str = "intake-token", version: str = "1.1") -> bytes:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = [f"POST {path} HTTP/{version}", "Host: x", f"Authorization: Bearer {token}"]
    if not any("ransfer" in header for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


Answer = tuple[int, dict[str, str], bytes]


async def answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split()[1]), headers, body


async def ask(server: Server, *requests: bytes) -> list[Answer]:
    """Send all at once on one connection, and read as many answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"".join(requests))
    found = [await answer(reader) for _ in requests]
    writer.close()
    return found


async def until(condition: Callable[[], bool]) -> None:
    """Return once the server, in this same loop, has come so far."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came so far")


async def signals(server: Server) -> int:
    """How many signals wait to be taken, as the store has them."""
    rows = await server.site.world.core.desk.ask(lambda tx: tx.all_kept("arrival"))
    return sum(int(line[4]) for row in rows for line in row.body["arrivals"])


async def test_in_a_burst_a_plain_request_goes_by_it_and_is_answered_as_any_other(server: Server) -> None:
    ((status, common, body),) = await ask(server, post(ALERTS, ALERT))
    assert (status, body, server.lane.served) == (200, b"", 0)
    await server.busy()
    ((status, express, body),) = await ask(server, post(ALERTS, ALERT))
    assert (status, body, server.lane.served) == (200, b"", 1)
    assert {name: value for name, value in express.items() if name != "x-request-id"} == {
        name: value for name, value in common.items() if name != "x-request-id"
    }
    ((status, hooked, body),) = await ask(server, post(ALERTMANAGER, HOOK))
    assert (status, server.lane.served, await signals(server)) == (202, 2, 3)
    told = json.loads(body)
    assert (told["data"], told["meta"]["durability"]) == ([], "inbox")
    assert told["meta"]["request_id"] == hooked["x-request-id"]
    # A head that is long is read anew each time.
    assert [one[0] for one in await ask(server, post(ALERTS, [], f"X-Long: {'x' * MAX_HEAD}"))] == [200]
    assert (server.lane.served, len(server.lane._heads)) == (3, 2)
    shown = (await server.site.as_cli("GET", "/metrics")).text
    assert f'http_requests_total{{job="response-service",method="POST",route="{ALERTS}",status="200"}} 3.0' in shown


async def test_many_alerts_in_one_request_are_a_burst_by_themselves(server: Server) -> None:
    many = [{"labels": {"alertname": "Flood", "n": f"{number:0400}"}} for number in range(30)]
    few = [{"labels": {"alertname": "Long", "text": "x" * 10_000}}]
    assert [one[0] for one in await ask(server, post(ALERTS, few))] == [200]
    assert server.lane.served == 0
    assert [one[0] for one in await ask(server, post(ALERTS, many))] == [200]
    assert (server.lane.served, await signals(server)) == (1, 30)


async def test_what_is_not_plain_takes_the_common_way_with_its_words(server: Server) -> None:
    await server.busy()
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(json.dumps(ALERT)), json.dumps(ALERT).encode())
    cases = {
        200: [
            post(ALERTS, ALERT, "X-Request-ID: mine"),
            post(ALERTS, chunk, "Transfer-Encoding: chunked"),
            post(ALERTS, ALERT, "Connection: close"),
            post(ALERTS, ALERT, version="1.0"),
        ],
        400: [
            post(ALERTS, b"{"),
            post(ALERTS, b""),
            post(ALERTS, b'[{"labels": {}}]'),
            post(ALERTS, ALERT, "Content-Length: 3"),
            b"\xff\xff nothing\r\n\r\n",
        ],
        401: [post(ALERTS, ALERT, token="wrong"), post(ALERTS, ALERT, token="")],
        422: [post(ALERTMANAGER, {"version": "3"})],
        405: [post(ALERTS, ALERT).replace(b"POST", b"DELETE", 1)],
    }
    for status, requests in cases.items():
        for request in requests:
            ((found, headers, _),) = await ask(server, request)
            assert found == status, request
            assert headers.get("x-request-id") != "", request
    assert server.lane.served == 0


async def test_a_request_in_pieces_or_two_in_one_piece_are_answered_in_their_order(server: Server) -> None:
    await server.busy()
    one, other = post(ALERTS, ALERT), post(ALERTMANAGER, HOOK)
    assert [found[0] for found in await ask(server, one, other)] == [200, 202]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(one[:20])
    await until(lambda: any(cast("IntakeProtocol", c)._in_message for c in server.uvicorn.server_state.connections))
    writer.write(one[20:])
    assert (await answer(reader))[0] == 200
    writer.write(one)
    assert (await answer(reader))[0] == 200
    assert server.lane.served == 1
    writer.close()


async def test_what_comes_while_one_is_answered_waits_for_its_turn(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.busy()
    store, may = server.site.world.store, asyncio.Event()
    whole = store.write

    async def slow(work: Any) -> Any:
        await may.wait()
        return await whole(work)

    monkeypatch.setattr(store, "write", slow)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(post(ALERTS, ALERT))
    await until(lambda: server.lane.served == 1)
    (connection,) = server.uvicorn.server_state.connections
    held = cast("IntakeProtocol", connection)
    writer.write(post(ALERTMANAGER, HOOK))
    await until(lambda: bool(held._held))
    may.set()
    assert [(await answer(reader))[0] for _ in range(2)] == [200, 202]
    # A sender that sends on and on is not read beyond a measure.
    may.clear()
    long = [{"labels": {"alertname": "Long"}, "annotations": {"text": "x" * 12_000}}]
    many = MAX_HELD // len(post(ALERTS, long)) + 20
    writer.write(post(ALERTS, ALERT))
    await until(lambda: held._ride is not None)
    writer.write(post(ALERTS, long) * many)
    await until(lambda: held.flow.read_paused)
    assert len(held._held) < 2 * MAX_HELD
    may.set()
    assert [(await answer(reader))[0] for _ in range(1 + many)] == [200] * (1 + many)
    writer.close()


async def test_a_refusal_has_its_words_and_says_when_to_come_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.busy()
    inbox, store = server.site.world.core.inbox, server.site.world.store

    async def full(_: Any) -> None:
        raise Unavailable("the disk is full", slug="store-full", retry_after_s=5)

    monkeypatch.setattr(store, "write", full)
    ((status, headers, body),) = await ask(server, post(ALERTS, ALERT))
    assert (status, json.loads(body), headers["retry-after"]) == (503, "the disk is full", "5")
    ((status, headers, body),) = await ask(server, post(ALERTMANAGER, HOOK))
    assert (status, headers["content-type"]) == (503, "application/problem+json")
    assert json.loads(body)["request_id"] == headers["x-request-id"]
    assert server.lane.served == 2
    monkeypatch.undo()
    monkeypatch.setattr(inbox, "_most", 1)
    ((status, headers, body),) = await ask(server, post(ALERTMANAGER, HOOK))
    assert (status, json.loads(body)["type"], headers["retry-after"]) == (503, "urn:judgify:problem:intake-full", "5")
    monkeypatch.undo()
    monkeypatch.setattr(server.site.app.state.signin, "burst", 1)
    server.site.app.state.signin._buckets.clear()
    first, second = await ask(server, post(ALERTS, ALERT)), await ask(server, post(ALERTS, ALERT))
    assert (first[0][0], second[0][0]) == (200, 429)


async def test_a_sender_that_goes_leaves_its_alert_and_an_end_waits_for_the_answer(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.busy()
    store, may = server.site.world.store, asyncio.Event()
    whole = store.write

    async def slow(work: Any) -> Any:
        await may.wait()
        return await whole(work)

    monkeypatch.setattr(store, "write", slow)
    _, going = await asyncio.open_connection("127.0.0.1", server.port)
    going.write(post(ALERTS, ALERT))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(post(ALERTS, ALERT))
    await until(lambda: server.lane.served == 2)
    going.transport.abort()
    server.uvicorn.should_exit = True
    await until(lambda: {one._ending for one in server.uvicorn.server_state.connections} == {True})  # type: ignore[union-attr]
    may.set()
    status, headers, _ = await answer(reader)
    assert (status, headers["connection"]) == (200, "close")
    assert await reader.read() == b""
    writer.close()
    assert await signals(server) == 3
