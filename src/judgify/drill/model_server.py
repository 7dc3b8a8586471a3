"""A scripted OpenAI-compatible endpoint: `python -m judgify.drill.model_server --port N [--delay S] [--key K]`.

It answers chat completions and lists one model. A good answer follows from the data by one small rule, so that it can
be judged: the largest number of the data, at the threshold or above, means the last value that the asked-for schema
allows for `result`, below it the first. `POST /control` switches what it does; `GET /control` tells what it was asked.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from judgify.kit.clock import Clock, SystemClock

MODEL: Final = "scripted"
MODES: Final = ("good", "fail", "crawl", "nonsense", "rate_limited", "huge")
NONSENSE: Final = ("prose", "schema", "refusal", "empty", "truncated", "array")
"""Ways of talking nonsense, in turn unless `kind` names one."""
THRESHOLD: Final = 50.0
CRAWL_S: Final = 120.0
_HUGE: Final = 32 * 1024 * 1024
_PIECE: Final = 64 * 1024
_DRIP_S: Final = 0.25


class Script:
    """What the endpoint does now, and what it was asked."""

    def __init__(self, clock: Clock, *, delay_s: float = 0.0, key: str | None = None) -> None:
        """Begin in mode `good`."""
        self.clock = clock
        self.key = key
        self.mode = "good"
        self.kind: str | None = None
        self.delay_s = delay_s
        self.retry_after_s = 1.0
        self.threshold = THRESHOLD
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.last: Any = None
        self._turn = 0

    def state(self) -> dict[str, Any]:
        """Give the whole state; `last` is the body of the last chat request."""
        return {
            "mode": self.mode,
            "kind": self.kind,
            "delay_s": self.delay_s,
            "retry_after_s": self.retry_after_s,
            "threshold": self.threshold,
            "asked": dict(self.asked),
            "answered": dict(self.answered),
            "last": self.last,
        }

    def switch(self, wanted: Mapping[str, Any]) -> str | None:
        """Take a new mode, kind, delay or threshold; give what is wrong with it, or None."""
        unknown = set(wanted) - {"mode", "kind", "delay_s", "retry_after_s", "threshold"}
        if unknown:
            return f"unknown: {', '.join(sorted(unknown))}"
        if wanted.get("mode", self.mode) not in MODES:
            return f"mode is one of {', '.join(MODES)}"
        if wanted.get("kind") not in {None, *NONSENSE}:
            return f"kind is one of {', '.join(NONSENSE)}"
        numbers = {name: wanted[name] for name in ("delay_s", "retry_after_s", "threshold") if name in wanted}
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in numbers.values()):
            return "delay_s, retry_after_s and threshold are numbers"
        self.mode = wanted.get("mode", self.mode)
        self.kind = wanted.get("kind")
        for name, value in numbers.items():
            setattr(self, name, float(value))
        return None

    def nonsense(self) -> str:
        """Give the next way of talking nonsense."""
        self._turn += 1
        return self.kind or NONSENSE[(self._turn - 1) % len(NONSENSE)]


def judge(body: Mapping[str, Any], threshold: float = THRESHOLD) -> dict[str, Any]:
    """Answer a chat request by the rule: verdict, result, confidence and reason."""
    number = _largest(_data(body))
    if number is None:
        return {"verdict": "cannot_tell", "result": None, "confidence": 0.0, "reason": "there is no number in the data"}
    high = number >= threshold
    word = "at or above" if high else "below"
    return {
        "verdict": "matched",
        "result": _result(_schema_of_result(body), number, high=high),
        "confidence": 0.9,
        "reason": f"{number:g} is {word} {threshold:g}",
    }


def _data(body: Mapping[str, Any]) -> Any:
    users = [message for message in body.get("messages", ()) if message.get("role") == "user"]
    text = str(users[-1].get("content", "")) if users else ""
    try:
        return json.loads(text[text.index("{") : text.rindex("}") + 1])
    except ValueError:
        return None


def _largest(data: Any) -> float | None:
    if isinstance(data, bool):
        return None
    if isinstance(data, int | float):
        return float(data)
    members = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return max((found for member in members if (found := _largest(member)) is not None), default=None)


def _schema_of_result(body: Mapping[str, Any]) -> Mapping[str, Any]:
    form = body.get("response_format") or {}
    schema = (form.get("json_schema") or {}).get("schema") or {}
    found = (schema.get("properties") or {}).get("result") or {}
    for choice in found.get("anyOf", ()):
        if choice.get("type") != "null":
            found = choice
            break
    return found if isinstance(found, dict) else {}


def _result(schema: Mapping[str, Any], number: float, *, high: bool) -> Any:
    allowed = [value for value in schema.get("enum", ()) if value is not None]
    if allowed:
        return allowed[-1] if high else allowed[0]
    kinds = schema.get("type", "string")
    kind = next((name for name in ([kinds] if isinstance(kinds, str) else kinds) if name != "null"), "string")
    by_kind: dict[str, Any] = {"boolean": high, "number": number, "integer": int(number)}
    return by_kind.get(kind, "high" if high else "low")


def build(script: Script) -> Starlette:
    """Build the endpoint."""

    async def models(request: Request) -> Response:
        script.asked["models"] += 1
        refused = _refused(request, script)
        if refused is not None:
            return refused
        return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "drill"}]})

    async def chat(request: Request) -> Response:
        return await _chat(script, request)

    async def control(request: Request) -> Response:
        if request.method == "POST":
            wrong = script.switch(await request.json())
            if wrong is not None:
                return JSONResponse({"error": wrong}, 422)
        return JSONResponse(script.state())

    return Starlette(
        routes=[
            Route("/v1/models", models, methods=["GET"]),
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/control", control, methods=["GET", "POST"]),
        ]
    )


async def _chat(script: Script, request: Request) -> Response:
    script.asked["chat"] += 1
    body = script.last = await request.json()
    refused = _refused(request, script)
    if refused is not None:
        return refused
    if script.delay_s:
        await script.clock.sleep(script.delay_s)
    script.answered[script.mode] += 1
    if script.mode == "huge":
        return StreamingResponse(_flood(), media_type="application/json")
    if script.mode == "nonsense":
        return JSONResponse(_nonsense(script.nonsense()))
    whole = json.dumps(_completion(json.dumps(judge(body, script.threshold), ensure_ascii=False), body))
    if script.mode == "crawl":
        return StreamingResponse(_drip(script.clock, whole), media_type="application/json")
    return Response(whole, media_type="application/json")


def _refused(request: Request, script: Script) -> Response | None:
    given = request.headers.get("authorization", "")
    if script.key is not None and given != f"Bearer {script.key}":
        # Some vendors quote the key that they refuse.
        return _error(401, f"Incorrect API key provided: {given.removeprefix('Bearer ')}")
    if script.mode == "fail":
        return _error(500, "scripted failure")
    if script.mode == "rate_limited":
        return _error(429, "scripted limit", {"Retry-After": f"{script.retry_after_s:g}"})
    return None


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"message": message, "type": "scripted"}}, status, headers=headers)


def _completion(content: str | None, body: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    asked = sum(len(str(message.get("content"))) for message in body.get("messages", ())) // 4
    told = len(content or "") // 4
    message = {"role": "assistant", "content": content, "refusal": more.get("refusal")}
    choice = {"index": 0, "message": message, "finish_reason": more.get("finish", "stop"), "logprobs": None}
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [choice],
        "usage": {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told},
    }


def _nonsense(kind: str) -> dict[str, Any]:
    if kind == "empty":
        return _completion("", {}) | {"choices": []}
    if kind == "refusal":
        return _completion(None, {}, refusal="I would rather not.")
    if kind == "truncated":
        return _completion('{"verdict": "mat', {}, finish="length")
    texts = {
        "prose": "The moon is made of cheese; ask me again tomorrow.",
        "schema": '{"verdict": "purple", "result": {"a": [1]}, "confidence": "very"}',
    }
    return _completion(texts.get(kind, "[1, 2, 3]"), {})


async def _drip(clock: Clock, whole: str) -> AsyncIterator[bytes]:
    # Bytes keep coming, so that no timeout between two of them helps: only a deadline for the whole does.
    for _ in range(int(CRAWL_S / _DRIP_S)):
        yield b" "
        await clock.sleep(_DRIP_S)
    yield whole.encode()


async def _flood() -> AsyncIterator[bytes]:
    yield b'{"id":"chatcmpl-huge","object":"chat.completion","created":0,"model":"scripted","choices":[],"more":"'
    for _ in range(_HUGE // _PIECE):
        yield b"x" * _PIECE
        await asyncio.sleep(0)
    yield b'"}'


def main(argv: list[str]) -> int:
    """Serve on loopback until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m judgify.drill.model_server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0, metavar="S", help="seconds before every answer")
    parser.add_argument("--key", help="the only API key that is accepted; without it any is")
    given = parser.parse_args(argv)
    app = build(Script(SystemClock(), delay_s=given.delay, key=given.key))
    uvicorn.run(
        app, host="127.0.0.1", port=given.port, log_level="warning", access_log=False, timeout_graceful_shutdown=1
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
