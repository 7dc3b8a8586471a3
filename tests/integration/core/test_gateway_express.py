"""The gateway's fast lane: what goes over it comes out as over the common way, faults included."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.gateway import WAYS, Running, gateway, until
from tests.support.upstream import Heard, Upstream, echo, say, upstream

pytestmark = pytest.mark.guide("S00")

ANSWERS = {
    "plain": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
    "odd-case": b"HTTP/1.1 201 Made\r\nContent-Type: text/plain\r\nCONTENT-LENGTH: 3\r\nX-Own: a:b\r\n\r\nabc",
    "hidden": b"HTTP/1.1 200 OK\r\nserver: s\r\ndate: d\r\nset-cookie: a=b\r\nx-request-id: theirs\r\n"
    b"connection: keep-alive\r\nkeep-alive: timeout=5\r\ncontent-length: 0\r\n\r\n",
    "own-security": b"HTTP/1.1 200 OK\r\nx-frame-options: SAMEORIGIN\r\nx-content-type-options: nosniff\r\n"
    b"content-length: 1\r\n\r\nx",
    "nominated": b"HTTP/1.1 200 OK\r\nconnection: close, x-secret\r\nx-secret: 1\r\ncontent-length: 1\r\n\r\nx",
    "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\n yo\r\n0\r\n\r\n",
    "no-content": b"HTTP/1.1 204 No Content\r\nx-own: 1\r\n\r\n",
    "not-modified": b'HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n',
    "problem": b"HTTP/1.1 422 Unprocessable\r\ncontent-type: application/problem+json\r\ncontent-length: 2\r\n\r\n{}",
    "unusual": b"HTTP/1.1 299 Odd\r\ncontent-length: 1\r\n\r\nx",
    "interim": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
    "no-http": b"SSH-2.0-OpenSSH\r\n\r\n",
    "two-lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxy",
    "length-no-number": b"HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\nx",
    "folded": b"HTTP/1.1 200 OK\r\nx-own: a\r\n b\r\ncontent-length: 1\r\n\r\nx",
    "bare-name": b"HTTP/1.1 200 OK\r\nx own: a\r\ncontent-length: 1\r\n\r\nx",
}


async def canned(heard: Heard, writer: asyncio.StreamWriter) -> bool:
    name = heard.target.rpartition("/")[2]
    if name not in ANSWERS:
        return await echo(heard, writer)
    writer.write(ANSWERS[name])
    await writer.drain()
    return b"close" not in ANSWERS[name] and name not in {"no-http", "two-lengths"}


@asynccontextmanager
async def lane(folder: Path, judgment: Upstream, way: str = "fast", **extra: Any) -> AsyncIterator[Running]:
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    async with gateway(folder, {"judgment": judgment.port}, way=way, **extra) as running:
        if way == "fast":
            await running.warm("judgment", connections=2)
        yield running


@dataclass(frozen=True)
class Ask:
    method: str = "GET"
    path: str = "/api/v2/judgment/x"
    lines: tuple[str, ...] = ()
    body: bytes = b""
    fast: bool = True


def get(
    running: Running, path: str = "/api/v2/judgment/x", *lines: str, method: str = "GET", body: bytes = b""
) -> bytes:
    token = running.settings.cli_token
    head = [f"{method} {path} HTTP/1.1", "host: gateway", f"authorization: Bearer {token}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


def plain(answer: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Give an answer without what may differ: the id, the order of headers, and where chunks are cut."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head:
        body = b"".join(re.findall(rb"[0-9a-f]+\r\n(.*?)\r\n", body)) + body[-5:]
    first, *lines = head.split(b"\r\n")
    kept = sorted(line for line in lines if not line.startswith((b"x-request-id:", b"content-length:")))
    return first, kept, re.sub(rb"req_[0-9a-z]{26}", b"REQ", body)


async def one(running: Running, judgment: Upstream, ask: Ask, way: str) -> bytes:
    wanted = way == "fast" and ask.fast
    while True:
        if way == "fast":
            await running.warm("judgment")
        before = running.gateway.lane.passed
        asked = get(running, ask.path, *ask.lines, method=ask.method, body=ask.body)
        answer = await running.raw(asked, wait_s=0.3)
        passed = running.gateway.lane.passed > before
        assert wanted or not passed, ask
        if passed or not wanted:
            return answer
        judgment.heard.pop()  # the token was just being read again, as it is every second: once more


async def on_both(folder: Path, judgment: Upstream, asked: Mapping[str, Ask]) -> dict[str, list[bytes]]:
    """Ask the same of a gateway without and of one with a fast lane."""
    found: dict[str, list[bytes]] = {name: [] for name in asked}
    for way in WAYS:
        async with lane(folder / way, judgment, way) as running:
            for name, ask in asked.items():
                found[name].append(await one(running, judgment, ask, way))
    return found


async def test_an_answer_is_the_same_on_both_ways(tmp_path: Path) -> None:
    async with upstream(canned) as judgment:
        found = await on_both(tmp_path, judgment, {name: Ask(path=f"/api/v2/judgment/{name}") for name in ANSWERS})
    for name, (common, fast) in found.items():
        assert plain(common) == plain(fast), name


REQUESTS = {
    "get": Ask(),
    "query": Ask("GET", "/api/v2/judgment/executions?limit=1&a=%20", ("accept: */*",)),
    "post": Ask("POST", lines=("content-type: application/json", "content-length: 2"), body=b"{}"),
    "claims": Ask(
        lines=(
            "x-judgify-role: admin", "x_judgify_role: admin", "x-forwarded-for: 1.2.3.4", "cookie: a=b", "forwarded: x",
            "x-real-ip: 9", "x-http-method-override: DELETE", "X-Request-ID: mine-1", "connection: keep-alive",
        ),
    ),
    "bad-id": Ask(lines=("x-request-id: not plain!",)),
    "delete": Ask("DELETE"),
    "empty-post": Ask("POST", lines=("content-length: 0",)),
    "key-once": Ask("POST", lines=("idempotency-key: 1", "content-length: 1"), body=b"x"),
}  # fmt: skip


async def test_a_request_arrives_the_same_on_both_ways(tmp_path: Path) -> None:
    async with upstream(echo) as judgment:
        await on_both(tmp_path, judgment, REQUESTS)
        half = len(REQUESTS)
        assert len(judgment.heard) == 2 * half
        for name, common, fast in zip(REQUESTS, judgment.heard[:half], judgment.heard[half:], strict=True):
            made = {"authorization"} if name == "claims" else {"authorization", "x-request-id"}
            heard = [
                (one.method, one.target, one.body, sorted(pair for pair in one.headers if pair[0].lower() not in made))
                for one in (common, fast)
            ]
            assert heard[0] == heard[1], name
            assert (fast.header("authorization") or "").count(".") == 2  # a service token, not the caller's


ODD = {
    "two hosts": Ask(lines=("host: other",)),
    "two lengths": Ask("POST", lines=("content-length: 2", "content-length: 2"), body=b"{}"),
    "length and chunks": Ask("POST", lines=("content-length: 2", "transfer-encoding: chunked"), body=b"{}"),
    "negative": Ask("POST", lines=("content-length: -2",), body=b"{}"),
    "two credentials": Ask(lines=("authorization: Bearer x",)),
    "space in name": Ask(lines=("x y: 1",)),
    "bare line feed": Ask(lines=("a: 1\ncontent-length: 5",)),
    "chunks": Ask("POST", lines=("transfer-encoding: chunked",), body=b"2\r\n{}\r\n0\r\n\r\n"),
    "upgrade": Ask(lines=("connection: upgrade", "upgrade: websocket")),
    "nominated": Ask(lines=("connection: x-own", "x-own: 1")),
    "trailing": Ask(lines=("te: trailers",)),
    "close": Ask(lines=("connection: close",)),
    "trace": Ask("TRACE"),
    "five thousand zeros": Ask("POST", lines=("content-length: " + "0" * 5000 + "2",), body=b"{}"),
    "folded": Ask(lines=("a: 1", " transfer-encoding: chunked")),
    "more than announced": Ask("POST", lines=("content-length: 1",), body=b"{}"),
}


async def test_what_is_not_plain_is_judged_by_the_common_way(tmp_path: Path) -> None:
    asked = {name: replace(ask, fast=False) for name, ask in ODD.items()}
    async with upstream(echo) as judgment:
        found = await on_both(tmp_path, judgment, asked)
    for name, (common, fast) in found.items():
        assert common.split(b"\r\n")[0] == fast.split(b"\r\n")[0], name


@pytest.mark.parametrize("mine", ["1", "0", "HTTP", "content-length", "a.b-c_d"])
async def test_a_request_id_of_the_clients_own_changes_nothing_but_itself(tmp_path: Path, mine: str) -> None:
    async def repeats(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, 200, b"x" * 110, headers=f"x-request-id: {heard.header('x-request-id')}\r\n")

    async with upstream(repeats) as judgment, lane(tmp_path, judgment) as running:
        for _ in range(3):
            await running.warm("judgment")
            answer = await running.raw(get(running, "/api/v2/judgment/x", f"x-request-id: {mine}"))
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert b"content-length: 110" in head
            assert f"x-request-id: {mine}".encode() in head
            assert body == b"x" * 110


async def test_every_request_is_logged_and_counted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with upstream(canned) as judgment, lane(tmp_path, judgment) as running:
        while running.gateway.lane.passed < 3:
            await running.warm("judgment")
            await running.raw(get(running, "/api/v2/judgment/problem"))
        told = (await running.client.get("/metrics")).text
        counted = re.findall(r'http_requests_total\{[^}]*route="/api/v2/judgment/\*",status="422"\} (\d+)', told)
        mine: list[Any] = []
        async with asyncio.timeout(5):
            while len(mine) < 3:
                lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
                mine += [line for line in lines if line.get("status") == 422]
                await asyncio.sleep(0.05)
        assert counted == [str(len(mine))]
        assert {line["path"] for line in mine} == {"/api/v2/judgment/problem"}
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"]) for line in mine)
        assert all(line["subject"] == "cli" and line["client"] == "127.0.0.1" for line in mine)


async def test_refusals_are_the_same(tmp_path: Path) -> None:
    async with upstream(echo) as judgment, lane(tmp_path, judgment, machine_rate=1, machine_burst=3) as running:
        token = running.settings.cli_token
        wrong = f"GET /api/v2/judgment/x HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}x\r\n\r\n".encode()
        assert (await running.raw(wrong)).startswith(b"HTTP/1.1 401")
        none = b"GET /api/v2/judgment/x HTTP/1.1\r\nhost: g\r\n\r\n"
        assert (await running.raw(none)).startswith(b"HTTP/1.1 401")
        assert (await running.raw(get(running, "/api/v2/judgment/../x"))).startswith(b"HTTP/1.1 400")
        assert (await running.raw(get(running, "/api/v2/nowhere/x"))).startswith(b"HTTP/1.1 404")
        limited = [(await running.raw(get(running))).split()[1] for _ in range(6)]
        assert b"429" in limited
        running.gateway.switch._state = type(running.gateway.switch.state)(blocked=True, retry_after_s=7)
        blocked = await running.raw(get(running))
        assert blocked.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 7" in blocked


async def test_requests_one_behind_the_other_are_answered_in_order(tmp_path: Path) -> None:
    async with upstream(echo) as judgment, lane(tmp_path, judgment) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        for number in range(8):
            writer.write(get(running, f"/api/v2/judgment/{number}"))
        found = []
        async with asyncio.timeout(5):
            for _ in range(8):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
                found.append(json.loads(await reader.readexactly(length))["target"].rpartition("/")[2])
        writer.close()
        assert found == [str(number) for number in range(8)]


async def test_a_body_that_comes_after_its_head_still_takes_the_lane(tmp_path: Path) -> None:
    async with upstream(echo) as judgment, lane(tmp_path, judgment) as running:
        for wait_s, passed in ((0.0, 1), (0.2, 0)):
            before = running.gateway.lane.passed
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(get(running, "/api/v2/judgment/x", "content-length: 5", method="POST"))
            await writer.drain()
            await asyncio.sleep(wait_s)  # longer than the lane waits, the second time
            writer.write(b"hello")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert head.startswith(b"HTTP/1.1 200")
            writer.close()
            assert judgment.heard[-1].body == b"hello"
            assert running.gateway.lane.passed - before <= passed


async def test_a_get_is_tried_again_and_a_post_is_told_when_the_connection_breaks(tmp_path: Path) -> None:
    async def breaks_once(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        if len(judgment.heard) % 2 == 1:
            return False
        return await say(writer)

    async with upstream(breaks_once) as judgment, lane(tmp_path, judgment) as running:
        assert (await running.raw(get(running))).startswith(b"HTTP/1.1 200")
        assert [heard.method for heard in judgment.heard] == ["GET", "GET"]
        await running.warm("judgment")
        told = await running.raw(get(running, "/api/v2/judgment/x", "content-length: 2", method="POST", body=b"{}"))
        assert told.startswith(b"HTTP/1.1 502")
        assert b"upstream-broke-off" in told
        assert [heard.method for heard in judgment.heard] == ["GET", "GET", "POST"]


async def test_an_answer_that_breaks_off_cuts_the_client(tmp_path: Path) -> None:
    async def breaks(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        head = b"transfer-encoding: chunked" if "chunks" in heard.target else b"content-length: 100"
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n5\r\nhello\r\n")
        await writer.drain()
        return False

    async with upstream(breaks) as judgment, lane(tmp_path, judgment) as running:
        for path in ("/api/v2/judgment/chunks", "/api/v2/judgment/length"):
            await running.warm("judgment")
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(get(running, path))
            answer = await asyncio.wait_for(reader.read(-1), 5)
            assert b"hello" in answer
            assert not answer.endswith(b"0\r\n\r\n")
            writer.close()


async def test_late_is_504_and_the_connection_to_the_client_stays(tmp_path: Path) -> None:
    async def late(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        if "late" in heard.target:
            await asyncio.Event().wait()
        return await say(writer)

    async with upstream(late) as judgment, lane(tmp_path, judgment, response_timeout_s=0.3) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        for path, status in (("/api/v2/judgment/late", b"504"), ("/api/v2/judgment/x", b"200")):
            writer.write(get(running, path))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert head.split()[1] == status
            length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
            await reader.readexactly(length)
        writer.close()


async def test_a_client_that_hangs_up_ends_the_work_upstream(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def never(_: Heard, __: asyncio.StreamWriter) -> bool:
        started.set()
        await asyncio.Event().wait()
        return False

    async with upstream(never) as judgment, lane(tmp_path, judgment) as running:
        before = running.gateway.upstreams["judgment"].admission.running
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(get(running))
        await asyncio.wait_for(started.wait(), 5)
        judgment.lost.clear()
        writer.close()
        await asyncio.wait_for(judgment.lost.wait(), 5)
        await until(lambda: running.gateway.upstreams["judgment"].admission.running == before)


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_a_slow_client_slows_the_upstream_down(tmp_path: Path, framing: str) -> None:
    size, sent = 24 * 1024 * 1024, 0

    async def large(_: Heard, writer: asyncio.StreamWriter) -> bool:
        nonlocal sent
        chunked = framing == "chunks"
        writer.write(
            b"HTTP/1.1 200 OK\r\n" + (b"transfer-encoding: chunked" if chunked else b"content-length: %d" % size)
        )
        writer.write(b"\r\n\r\n")
        part = b"x" * 65536
        for _turn in range(size // len(part)):
            writer.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            await writer.drain()
            sent += len(part)
        if chunked:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async with upstream(large) as judgment, lane(tmp_path, judgment) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port, limit=2**16)
        writer.write(get(running))
        await reader.readuntil(b"\r\n\r\n")
        still = -1
        while still != sent:  # it comes to rest: nobody takes what it sends
            still = sent
            await asyncio.sleep(0.3)
        assert sent < size * 3 // 4
        async with asyncio.timeout(20):
            got = 0
            while got < size:
                got += len(await reader.read(2**20))
        writer.close()
        assert running.gateway.lane.passed == 1


async def test_many_at_once_never_mix_their_answers(tmp_path: Path) -> None:
    async with upstream(echo) as judgment, lane(tmp_path, judgment) as running:
        await running.warm("judgment", connections=16)

        async def ask(number: int) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            for turn in range(20):
                body = f"{number}-{turn}".encode()
                path = f"/api/v2/judgment/{number}-{turn}"
                writer.write(get(running, path, f"content-length: {len(body)}", method="POST", body=body))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
                assert json.loads(await reader.readexactly(length))["target"] == path
            writer.close()

        async with asyncio.timeout(30):
            await asyncio.gather(*(ask(number) for number in range(40)))
        assert running.gateway.lane.passed > 400
        assert running.gateway.upstreams["judgment"].admission.running == 0


async def test_an_end_that_is_asked_for_lets_the_answer_finish(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def waits(_: Heard, writer: asyncio.StreamWriter) -> bool:
        await go.wait()
        return await say(writer, 200, b'{"done":true}')

    async with upstream(waits) as judgment:
        async with lane(tmp_path, judgment) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(get(running))
            await until(lambda: running.gateway.lane.passed == 1)
            await until(lambda: len(judgment.heard) == 1)
            loop = asyncio.get_running_loop()
            loop.call_later(0.4, go.set)
        answer = await asyncio.wait_for(reader.read(-1), 5)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer
        assert answer.endswith(b'{"done":true}')
        writer.close()


async def test_who_sends_slowly_after_a_ride_is_cut_off_as_on_the_common_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("judgify.core.gateway.protocol.HEAD_TIMEOUT_S", 0.3)
    async with upstream(echo) as judgment, lane(tmp_path, judgment, body_idle_s=0.3) as running:
        for slow, told in (
            (get(running)[:-4], b"HTTP/1.1 408"),  # a head without its end
            (get(running, "/api/v2/judgment/x", "content-length: 9", method="POST", body=b"{"), b"HTTP/1.1 408"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            before = running.gateway.lane.passed
            while running.gateway.lane.passed == before:
                await running.warm("judgment")
                writer.write(get(running))
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head)
                assert length is not None
                await reader.readexactly(int(length[1]))
            writer.write(slow)
            async with asyncio.timeout(5):
                assert (await reader.read()).startswith(told)
            writer.close()
