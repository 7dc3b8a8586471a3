"""What the gateway refuses on the wire: ambiguous framing, oversized heads, path tricks, wrong methods."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.gateway import Running, gateway
from tests.support.upstream import upstream

from judgify.core.gateway import protocol


def _problem(answer: bytes) -> Any:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer[:500]
    return json.loads(body)


def _request(running: Running, start: str, *headers: str, body: str = "") -> bytes:
    lines = [start, "host: x", f"authorization: Bearer {running.settings.cli_token}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (("content-length: 4", "transfer-encoding: chunked"), "0\r\n\r\n"),
        (("transfer-encoding: chunked", "content-length: 4"), "0\r\n\r\n"),
        (("content-length: 4", "content-length: 5"), "abcd"),
        (("content-length: 4", "content-length: 4"), "abcd"),
        (("content-length: +4",), "abcd"),
        (("content-length: 4, 4",), "abcd"),
        (("content-length: -1",), ""),
        (("content-length : 4",), "abcd"),
        (("transfer-encoding: xchunked",), "0\r\n\r\n"),
        (("transfer-encoding: chunked, identity",), "0\r\n\r\n"),
        (("transfer-encoding: identity",), "abcd"),
        (("transfer-encoding:\x0bchunked",), "0\r\n\r\n"),
        (("x-a: b", " folded: c"), ""),
        (("x-a: b\rx-b: c",), ""),
        (("x-a: b\nx-b: c\x00",), ""),
        (("transfer-encoding: chunked",), "zz\r\nabc\r\n0\r\n\r\n"),
        (("host: y",), ""),
        (("authorization: Bearer x",), ""),
    ],
)
async def test_ambiguous_requests_are_refused_and_nothing_reaches_an_upstream(
    tmp_path: Path, headers: tuple[str, ...], body: str
) -> None:
    async with upstream() as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        attack = _request(running, "POST /api/v2/judgment/execute HTTP/1.1", *headers, body=body)
        answer = await running.raw(attack + b"GET /api/v2/judgment/smuggled HTTP/1.1\r\nhost: x\r\n\r\n", wait_s=1)
        assert answer.startswith(b"HTTP/1.1 400"), answer
        assert all(heard.method != "POST" for heard in judgment.heard)
        assert all("smuggled" not in heard.target for heard in judgment.heard)


async def test_chunked_in_http_1_0_is_refused(tmp_path: Path) -> None:
    async with upstream() as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        attack = _request(
            running, "POST /api/v2/judgment/execute HTTP/1.0", "transfer-encoding: chunked", body="0\r\n\r\n"
        )
        answer = await running.raw(attack)
        assert answer.startswith(b"HTTP/1.1 400")
        assert not judgment.heard


async def test_malformed_starts_are_problem_json(tmp_path: Path) -> None:
    async with gateway(tmp_path, {}) as running:
        for bad in (
            b"GARBAGE\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        ):
            answer = await running.raw(bad)
            assert answer.startswith(b"HTTP/1.1 400"), answer
            problem = _problem(answer)
            assert problem["type"] == "urn:judgify:problem:malformed"
            assert problem["request_id"].startswith("req_")


async def test_heads_are_bounded(tmp_path: Path) -> None:
    async with gateway(tmp_path, {}) as running:
        large = await running.raw(_request(running, "GET /live HTTP/1.1", "x-a: " + "b" * 40_000))
        assert large.startswith(b"HTTP/1.1 431")
        many = await running.raw(_request(running, "GET /live HTTP/1.1", *[f"x-{n}: 1" for n in range(200)]))
        assert many.startswith(b"HTTP/1.1 431")
        assert _problem(many)["type"] == "urn:judgify:problem:headers-too-large"
        long = await running.raw(_request(running, "GET /" + "a" * 20_000 + " HTTP/1.1"))
        assert long.startswith(b"HTTP/1.1 414")
        path = await running.raw(_request(running, "GET /api/v2/judgment/" + "a" * 5000 + " HTTP/1.1"))
        assert path.startswith(b"HTTP/1.1 414")


async def test_a_head_that_does_not_arrive_is_408(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.2)
    async with gateway(tmp_path, {}) as running:
        assert (await running.raw(b"")).startswith(b"HTTP/1.1 408")
        assert (await running.raw(b"GET /live HTTP/1.1\r\nhos")).startswith(b"HTTP/1.1 408")
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"GET /live HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b'"gateway"}')
        writer.write(b"GET /live HT")
        assert (await reader.read()).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    async with upstream() as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        for number in range(3):
            last = ("connection: close",) if number == 2 else ()
            writer.write(_request(running, f"GET /api/v2/judgment/executions?n={number} HTTP/1.1", *last))
        async with asyncio.timeout(5):
            text = await reader.read(-1)
        writer.close()
        assert [text.index(b"n=%d" % number) for number in range(3)] == sorted(
            text.index(b"n=%d" % number) for number in range(3)
        )
        assert text.count(b"HTTP/1.1 200") == 3


async def test_a_broken_request_behind_a_good_one_is_not_mixed_into_its_answer(tmp_path: Path) -> None:
    async with upstream() as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        good = _request(running, "GET /api/v2/judgment/executions HTTP/1.1")
        answer = await running.raw(good + good + b"BROKEN\r\n\r\n", wait_s=1)
        assert b"HTTP/1.1 400" not in answer


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v2/judgment/../action/x", 400),
        ("/api/v2/judgment/./x", 400),
        ("/api/v2/judgment/%2e%2e/action", 400),
        ("/api/v2/judgment/%2E%2e/action", 400),
        ("/api/v2/judgment//execute", 400),
        ("//api/v2/judgment/execute", 400),
        ("/api/v2/judgment/a%2fb", 400),
        ("/api/v2/judgment/a%5Cb", 400),
        ("/api/v2/judgment/a\\b", 400),
        ("/api/v2/judgment/..;/internal", 400),
        ("/api/v2/judgment/%252e%252e/x", 400),
        ("/api/v2/judgment/a%00b", 400),
        ("/api/v2/judgment/a%0d%0ab", 400),
        ("/api/v2/judgment/%ff", 400),
        ("/api/v2/judgment/%zz", 400),
        ("/api/v2/judgment/internal/x", 404),
        ("/api/v2/action/%69nternal/actions", 404),
        ("/internal/actions", 404),
        ("/api/v2/nothing/x", 404),
        ("/api/v2/JUDGMENT/x", 404),
        ("/api/v1/judgment/x", 404),
        ("/api/v2", 404),
        ("/", 404),
        ("/api/v2/auth/nothing", 404),
        ("/api/v2/auth/users/a/b", 404),
    ],
)
async def test_path_tricks_and_unknown_paths(tmp_path: Path, path: str, status: int) -> None:
    async with (
        upstream() as judgment,
        upstream() as action,
        gateway(tmp_path, {"judgment": judgment.port, "action": action.port}) as running,
    ):
        answer = await running.raw(_request(running, f"GET {path} HTTP/1.1"))
        assert answer.startswith(b"HTTP/1.1 %d" % status), answer
        _problem(answer)
        assert not judgment.heard
        assert not action.heard


async def test_korean_names_pass_unchanged(tmp_path: Path) -> None:
    async with upstream() as workflow, gateway(tmp_path, {"workflow": workflow.port}) as running:
        answer = await running.client.get("/api/v2/workflow/품질 검사?q=라인", headers=running.cli)
        assert answer.status_code == 200
        assert (
            workflow.heard[0].target == "/api/v2/workflow/%ED%92%88%EC%A7%88%20%EA%B2%80%EC%82%AC?q=%EB%9D%BC%EC%9D%B8"
        )


async def test_wrong_methods_are_405_and_say_which_are_right(tmp_path: Path) -> None:
    async with gateway(tmp_path, {}) as running:
        for method, path, allow in (
            ("POST", "/health", "GET, HEAD"),
            ("DELETE", "/metrics", "GET, HEAD"),
            ("PUT", "/api/v2/auth/login", "POST"),
            ("GET", "/api/v2/auth/logout", "POST"),
            ("GET", "/api/v2/auth/users/abc", "PATCH"),
        ):
            answer = await running.client.request(method, path, headers=running.cli)
            assert (answer.status_code, answer.headers["allow"]) == (405, allow), path
        trace = await running.client.request("TRACE", "/api/v2/judgment/execute", headers=running.cli)
        assert trace.status_code == 405
        assert running.settings.cli_token not in trace.text
