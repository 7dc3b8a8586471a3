"""The data path against upstreams that answer, stall, break off, refuse and repeat, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.support.gateway import gateway, until
from tests.support.upstream import Heard, echo, say, upstream

from judgify.kit.auth import cli_principal, verify
from judgify.kit.clock import SystemClock


async def test_a_request_passes_with_a_service_token_and_without_what_the_client_claims(tmp_path: Path) -> None:
    async with upstream() as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        answer = await running.client.post(
            "/api/v2/judgment/execute?x=%2B1&y",
            json={"a": 1},
            headers={
                **running.cli, "Cookie": "a=b", "X-Judgify-Subject": "root", "X-Forwarded-For": "6.6.6.6",
                "X-Request-ID": "abc-1", "Connection": "keep-alive, x-drop", "X-Drop": "1", "X-Keep": "2", "TE": "gzip",
                "X-HTTP-Method-Override": "DELETE",
            },
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        heard = judgment.heard[0]
        assert (heard.method, heard.target) == ("POST", "/api/v2/judgment/execute?x=%2B1&y")
        assert heard.json() == {"a": 1}
        assert heard.header("x-request-id") == "abc-1" == answer.headers["x-request-id"]
        assert heard.header("x-forwarded-for") == "127.0.0.1"
        assert heard.header("x-forwarded-proto") == "http"
        assert heard.header("x-keep") == "2"
        for dropped in ("cookie", "x-judgify-subject", "x-drop", "te", "x-http-method-override"):
            assert heard.header(dropped) is None, dropped
        token = (heard.header("authorization") or "").removeprefix("Bearer ")
        assert token != running.settings.cli_token
        principal = verify(running.settings.service_secret, token, SystemClock())
        assert principal == cli_principal()
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


async def test_connections_are_kept_and_reused(tmp_path: Path) -> None:
    async with upstream() as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        numbers = set()
        for _ in range(10):
            answer = await running.client.get("/api/v2/judgment/executions", headers=running.cli)
            numbers.add(answer.json()["connection"])
        assert len(numbers) == 1
        assert running.gateway.upstreams["judgment"].pool.idle == 1


async def test_a_chunked_upload_and_a_chunked_answer_stream_both_ways(tmp_path: Path) -> None:
    async def answer(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for start in range(0, len(heard.body), 50_000):
            part = heard.body[start : start + 50_000]
            writer.write(b"%x\r\n%b\r\n" % (len(part), part))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        return True

    async def parts() -> AsyncIterator[bytes]:
        for number in range(40):
            yield bytes([number]) * 100_000
            await asyncio.sleep(0)

    async with upstream(answer) as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        result = await running.client.post("/api/v2/judgment/batch", content=parts(), headers=running.cli)
        assert result.status_code == 200
        assert result.content == b"".join(bytes([number]) * 100_000 for number in range(40))
        assert judgment.heard[0].header("transfer-encoding") == "chunked"
        again = await running.client.post("/api/v2/judgment/batch", content=b"x" * 300_000, headers=running.cli)
        assert again.content == b"x" * 300_000
        assert judgment.heard[1].header("content-length") == "300000"
        assert judgment.heard[0].connection == judgment.heard[1].connection


async def test_the_first_piece_of_an_answer_arrives_before_the_last_is_made(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def answer(_: Heard, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
        await go_on.wait()
        writer.write(b"data: 2\n\n")
        return False

    async with (
        upstream(answer) as dashboard,
        gateway(tmp_path, {"dashboard": dashboard.port}) as running,
        running.client.stream("GET", "/api/v2/dashboard/stream", headers=running.cli) as result,
    ):
        parts = result.aiter_bytes()
        assert await anext(parts) == b"data: 1\n\n"
        go_on.set()
        # No length and no chunks: the end of the connection is the end of the answer.
        assert b"".join([part async for part in parts]) == b"data: 2\n\n"


async def test_a_slow_client_slows_the_upstream_down(tmp_path: Path) -> None:
    written = 0
    piece = b"x" * 65_536
    total = 2000

    async def answer(_heard: Heard, writer: asyncio.StreamWriter) -> bool:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(piece) * total))
        for _number in range(total):
            writer.write(piece)
            await writer.drain()
            written += 1
        return True

    async with upstream(answer) as logging, gateway(tmp_path, {"logging": logging.port}) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port, limit=65_536)
        token = running.settings.cli_token
        writer.write(f"GET /api/v2/logging/logs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        # The upstream comes to a halt, since nobody reads; how far it got depends on the machine's socket buffers.
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.3)
        assert written < total
        got = 0
        while got < len(piece) * total:
            got += len(await reader.read(1_000_000))
        assert written == total
        writer.close()


async def test_refused_is_502_and_late_is_504_and_both_name_the_service(tmp_path: Path) -> None:
    async def never(_: Heard, __: asyncio.StreamWriter) -> bool:
        await asyncio.Event().wait()
        return False

    async with (
        upstream(never) as judgment,
        gateway(tmp_path, {"judgment": judgment.port}, response_timeout_s=0.3, batch_timeout_s=0.6) as running,
    ):
        refused = await running.client.get("/api/v2/workflow/workflows", headers=running.cli)
        assert refused.status_code == 502
        assert refused.headers["content-type"] == "application/problem+json"
        problem = refused.json()
        assert problem["type"] == "urn:judgify:problem:upstream-refused"
        assert problem["upstream"] == "workflow"
        assert problem["request_id"] == refused.headers["x-request-id"]
        late = await running.client.post("/api/v2/judgment/execute", json={}, headers=running.cli)
        assert (late.status_code, late.json()["type"]) == (504, "urn:judgify:problem:upstream-timeout")
        assert late.json()["upstream"] == "judgment"
        assert "0.3" in late.json()["detail"]
        batch = await running.client.post("/api/v2/judgment/batch", json={}, headers=running.cli)
        assert batch.status_code == 504
        assert "0.6" in batch.json()["detail"]
        # A connection that timed out is closed: its late answer would belong to somebody else's request.
        assert running.gateway.upstreams["judgment"].pool.idle == 0


async def test_a_stale_connection_is_replaced_for_a_get_and_never_for_a_post(tmp_path: Path) -> None:
    async def answer(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        # Every connection serves one request and breaks on the second, without a byte of an answer.
        if sum(other.connection == heard.connection for other in judgment.heard) > 1:
            return False
        return await echo(heard, writer)

    async with upstream(answer) as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        assert (await running.client.get("/api/v2/judgment/executions", headers=running.cli)).status_code == 200
        again = await running.client.get("/api/v2/judgment/executions", headers=running.cli)
        assert again.status_code == 200
        assert len(judgment.heard) == 3
        broken = await running.client.post("/api/v2/judgment/execute", json={}, headers=running.cli)
        assert (broken.status_code, broken.json()["type"]) == (502, "urn:judgify:problem:upstream-broke-off")
        assert [heard.method for heard in judgment.heard] == ["GET", "GET", "GET", "POST"]


async def test_a_get_is_not_repeated_on_a_fresh_connection(tmp_path: Path) -> None:
    async def answer(_: Heard, __: asyncio.StreamWriter) -> bool:
        return False

    async with upstream(answer) as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        result = await running.client.get("/api/v2/judgment/executions", headers=running.cli)
        assert result.status_code == 502
        assert len(judgment.heard) == 1


@pytest.mark.parametrize(
    "bad",
    [
        b"NOT HTTP AT ALL\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n",
    ],
)
async def test_an_answer_that_is_no_http_is_502(tmp_path: Path, bad: bytes) -> None:
    async def answer(_: Heard, writer: asyncio.StreamWriter) -> bool:
        writer.write(bad)
        await writer.drain()
        return False

    async with upstream(answer) as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        result = await running.client.post("/api/v2/judgment/execute", json={}, headers=running.cli)
        assert result.status_code == 502
        assert running.gateway.upstreams["judgment"].pool.idle == 0


async def test_an_answer_that_breaks_off_is_never_passed_off_as_whole(tmp_path: Path) -> None:
    async def answer(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        framing = b"content-length: 100" if "length" in heard.target else b"transfer-encoding: chunked"
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n5\r\nhello\r\n")
        await writer.drain()
        return False

    async with upstream(answer) as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        for path in ("/api/v2/judgment/length", "/api/v2/judgment/chunked"):
            with pytest.raises(httpx.RemoteProtocolError):
                await running.client.get(path, headers=running.cli)


async def test_a_client_that_hangs_up_ends_the_work_upstream(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def never(_: Heard, __: asyncio.StreamWriter) -> bool:
        started.set()
        await asyncio.Event().wait()
        return False

    async with upstream(never) as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        judgment.lost.clear()
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        token = running.settings.cli_token
        writer.write(
            f"POST /api/v2/judgment/execute HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
            "content-length: 2\r\n\r\n{}".encode()
        )
        await started.wait()
        pool = running.gateway.upstreams["judgment"].pool
        await until(lambda: pool.open == 1)  # the probe of health may have one of its own for a moment
        writer.close()
        await until(lambda: pool.open == 0)


async def test_an_answer_before_the_end_of_the_upload_is_passed_on(tmp_path: Path) -> None:
    async def answer(_: Heard, writer: asyncio.StreamWriter) -> bool:
        await say(writer, 422, b'{"early":true}')
        await asyncio.Event().wait()
        return True

    async with (
        upstream(answer, read_bodies=False) as judgment,
        gateway(tmp_path, {"judgment": judgment.port}) as running,
    ):
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            head = (
                "POST /api/v2/judgment/batch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"
                f"authorization: Bearer {running.settings.cli_token}\r\n\r\n3\r\nabc\r\n"
            )
            writer.write(head.encode())
            answered = await reader.readuntil(b'{"early":true}')
            writer.close()
        assert answered.startswith(b"HTTP/1.1 422")
        assert b"connection: close" in answered
        assert running.gateway.upstreams["judgment"].pool.idle == 0


async def test_head_204_304_and_interim_answers(tmp_path: Path) -> None:
    async def answer(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        if heard.method == "HEAD":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n")
        elif "204" in heard.target:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        elif "304" in heard.target:
            writer.write(b'HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n')
        else:
            writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        return True

    async with upstream(answer) as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        head = await running.client.head("/api/v2/judgment/executions", headers=running.cli)
        assert (head.status_code, head.headers["content-length"], head.content) == (200, "1234", b"")
        none = await running.client.get("/api/v2/judgment/204", headers=running.cli)
        assert (none.status_code, none.content) == (204, b"")
        same = await running.client.get("/api/v2/judgment/304", headers=running.cli)
        assert (same.status_code, same.headers["etag"]) == (304, '"a"')
        hints = await running.client.get("/api/v2/judgment/103", headers=running.cli)
        assert (hints.status_code, hints.text) == (200, "ok")
        assert "link" not in hints.headers
        # HEAD's connection is not trusted again; the other three share one.
        numbers = [heard.connection for heard in judgment.heard]
        assert numbers[0] not in numbers[1:]
        assert len(set(numbers[1:])) == 1


async def test_beyond_the_queue_requests_are_told_503_and_the_depth_is_shown(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def slow(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        await release.wait()
        return await echo(heard, writer)

    async with (
        upstream(slow) as judgment,
        gateway(tmp_path, {"judgment": judgment.port}, max_concurrent=1, max_queue=1, max_wait_s=5) as running,
    ):
        admission = running.gateway.upstreams["judgment"].admission
        first, second = (
            asyncio.create_task(running.client.get("/api/v2/judgment/executions", headers=running.cli)) for _ in "12"
        )
        await until(lambda: admission.depth == 1)
        metrics = (await running.client.get("/metrics")).text
        assert 'api_request_queue_depth{upstream="judgment"} 1.0' in metrics
        third = await running.client.get("/api/v2/judgment/executions", headers=running.cli)
        assert (third.status_code, third.json()["type"]) == (503, "urn:judgify:problem:overloaded")
        assert third.headers["retry-after"] == "1"
        release.set()
        assert [(await first).status_code, (await second).status_code] == [200, 200]
        assert (admission.depth, admission.running) == (0, 0)


async def test_a_wait_that_is_too_long_is_503(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def slow(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        await release.wait()
        return await echo(heard, writer)

    async with (
        upstream(slow) as judgment,
        gateway(tmp_path, {"judgment": judgment.port}, max_concurrent=1, max_wait_s=0.1) as running,
    ):
        first = asyncio.create_task(running.client.get("/api/v2/judgment/executions", headers=running.cli))
        await until(lambda: bool(judgment.heard))
        second = await running.client.get("/api/v2/judgment/executions", headers=running.cli)
        assert second.status_code == 503
        release.set()
        assert (await first).status_code == 200


async def test_bodies_beyond_the_limit_are_413_declared_or_counted(tmp_path: Path) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000

    async with upstream() as judgment, gateway(tmp_path, {"judgment": judgment.port}, max_body=1_000_000) as running:
        declared = await running.raw(
            b"POST /api/v2/judgment/execute HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000\r\n"
            b"authorization: Bearer " + running.settings.cli_token.encode() + b"\r\n\r\n"
        )
        assert declared.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in declared
        assert not judgment.heard
        counted = await running.client.post("/api/v2/judgment/execute", content=parts(), headers=running.cli)
        assert counted.status_code == 413, counted.text
        assert counted.json()["type"] == "urn:judgify:problem:too-large"
        assert not judgment.heard


async def test_a_body_that_stops_arriving_is_408(tmp_path: Path) -> None:
    async with upstream() as judgment, gateway(tmp_path, {"judgment": judgment.port}, body_idle_s=0.2) as running:
        answer = await running.raw(
            b"POST /api/v2/judgment/execute HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\nauthorization: Bearer "
            + running.settings.cli_token.encode()
            + b"\r\n\r\nabc"
        )
        assert answer.startswith(b"HTTP/1.1 408")
        assert not judgment.heard


async def test_a_restarted_upstream_is_used_again(tmp_path: Path) -> None:
    async with upstream() as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        assert (await running.client.post("/api/v2/judgment/execute", json={}, headers=running.cli)).is_success
        await judgment.stop()
        down = await running.client.post("/api/v2/judgment/execute", json={}, headers=running.cli)
        assert down.status_code == 502
        async with upstream(port=judgment.port) as again:
            up = await running.client.post("/api/v2/judgment/execute", json={}, headers=running.cli)
            assert up.status_code == 200
            assert len(again.heard) == 1


async def test_many_requests_at_once_never_mix_their_answers(tmp_path: Path) -> None:
    async def answer(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(heard.json()["n"] % 7 / 1000)
        return await say(writer, 200, json.dumps({"n": heard.json()["n"]}).encode())

    async def one(running_client: httpx.AsyncClient, headers: dict[str, str], number: int) -> bool:
        result = await running_client.post("/api/v2/judgment/execute", json={"n": number}, headers=headers)
        return bool(result.json()["n"] == number)

    async with upstream(answer) as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        results = await asyncio.gather(*(one(running.client, running.cli, number) for number in range(300)))
        assert all(results)


async def test_an_upstream_that_refuses_a_large_body_is_heard(tmp_path: Path) -> None:
    async def refuse(_: Heard, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, 413, b'{"detail":"too large for me"}', close=True)

    async with (
        upstream(refuse, read_bodies=False) as judgment,
        gateway(tmp_path, {"judgment": judgment.port}) as running,
    ):
        for _ in range(5):
            answer = await running.client.post(
                "/api/v2/judgment/execute", content=b"x" * 10_000_000, headers=running.cli
            )
            assert (answer.status_code, answer.json()["detail"]) == (413, "too large for me")
