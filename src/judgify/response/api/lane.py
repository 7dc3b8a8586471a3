"""The ways in that must be fast, as plain ASGI before everything else: alerts, events, heartbeats.

Every sender authenticates; the comparison takes constant time. A body is read strictly before anything is kept, and
answered once it is durable: as part of an incident, or in a burst as it came (see `inbox`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from starlette.requests import Request

from judgify import __version__
from judgify.kit.clock import iso
from judgify.kit.errors import PROBLEM_CONTENT_TYPE, JudgifyError, Malformed, TooLarge, TooMany, Unavailable
from judgify.kit.ids import light_id
from judgify.kit.log import get_logger, request_id_var
from judgify.kit.metrics import Metrics
from judgify.kit.middleware import SECURITY, ASGIApp, Receive, Send, request_id_from
from judgify.response import tidings
from judgify.response.api.parts import Response
from judgify.response.api.signin import Signin
from judgify.response.intake import cloudevent, event, form
from judgify.response.intake.cleaning import begun, service_of
from judgify.response.intake.form import Form, form_of
from judgify.response.intake.reading import decoded
from judgify.response.journal import ChangeReported

log = get_logger("judgify.response.intake")
SIGNALS: Final = "/api/v2/response/signals"
ALERTMANAGER: Final = "/api/v2/response/intake/alertmanager"
GRAFANA: Final = "/api/v2/response/intake/grafana"
CLOUDEVENTS: Final = "/api/v2/response/intake/cloudevents"
MAPPED: Final = "/api/v2/response/intake/json/{name}"
ALERTS: Final = "/api/v2/alerts"
ENQUEUE: Final = "/v2/enqueue"
CHANGES: Final = "/v2/change/enqueue"
BEATS: Final = "/heartbeat/{name}"
PATTERNS: Final = (SIGNALS, ALERTMANAGER, GRAFANA, CLOUDEVENTS, MAPPED, ALERTS, ENQUEUE, CHANGES, BEATS)
"""Every way in; all are POST."""
MAX_BODY: Final = 8 * 1024 * 1024
"""Largest body in bytes: ten thousand alerts of a usual size, in one request."""
AT_ONCE: Final = 20
"""Signals of one request that are taken into their incidents before it is answered, while there is no burst."""
_DRAINED: Final = 64 * 1024 * 1024
_DRAIN_S: Final = 5.0
_NUMBER_MAX: Final = 15
_ENCODE: Final = msgspec.json.Encoder().encode
_JSON: Final = b"application/json"
SOURCES: Final = {
    form.ALERTMANAGER: "alertmanager",
    form.ALERTS: "alertmanager",
    form.GRAFANA: "grafana",
    form.PAGERDUTY: "pagerduty",
    form.CLOUDEVENTS: "cloudevents",
}
"""The label of the metric for what comes in a form; the others are `generic`."""
Scope = MutableMapping[str, Any]
Headers = Mapping[bytes, bytes]
Answer = tuple[int, bytes]
Serve = Callable[["Call"], Awaitable[Answer]]
Say = Callable[[JudgifyError, str], tuple[int, bytes, bytes]]
"""How a way in words a refusal: status, media type, body."""


@dataclass(frozen=True, slots=True)
class Door:
    """One way in: the pattern of its path as /metrics and the reference name it, and how its answers are worded."""

    pattern: str
    serve: Serve
    say: Say


@dataclass(slots=True)
class Call:
    """One request."""

    scope: Scope
    receive: Receive
    headers: Headers
    name: str
    request_id: str
    body: bytes = b""


def problem(error: JudgifyError, request_id: str) -> tuple[int, bytes, bytes]:
    """Word a refusal as the rest of the API does."""
    return error.status, PROBLEM_CONTENT_TYPE.encode(), _ENCODE(error.problem(request_id))


def bare(error: JudgifyError, _: str) -> tuple[int, bytes, bytes]:
    """Word a refusal as Alertmanager's API does: a JSON string, 400 for whatever does not fit."""
    return (400 if error.status == 422 else error.status), _JSON, _ENCODE(error.detail)


def events(error: JudgifyError, _: str) -> tuple[int, bytes, bytes]:
    """Word a refusal as PagerDuty's Events API does."""
    if error.status == 429:
        return 429, _JSON, _ENCODE({"status": "throttle exceeded", "message": error.detail})
    if error.status in {400, 401, 403, 413, 422}:
        told = error.fields.get("errors") or [error.detail]
        body = {"status": "invalid event", "message": "Event object is invalid", "errors": told}
        return (413 if error.status == 413 else 400), _JSON, _ENCODE(body)
    return error.status, _JSON, _ENCODE({"status": "error", "message": error.detail})


class Lane:
    """Serves the hot ways in; everything else passes through."""

    def __init__(self, app: ASGIApp, *, parts: Response, signin: Signin, metrics: Metrics) -> None:
        """Stand before an app."""
        self._guide = parts.guide
        self._changes = msgspec.json.Decoder(event.Change)
        self._app = app
        self._parts = parts
        self._signin = signin
        self._metrics = metrics
        self._doors: dict[str, Door] = {
            SIGNALS: self._simple(SIGNALS, form.GENERIC),
            ALERTMANAGER: self._simple(ALERTMANAGER, form.ALERTMANAGER),
            GRAFANA: self._simple(GRAFANA, form.GRAFANA),
            CLOUDEVENTS: Door(CLOUDEVENTS, self._cloudevents, problem),
            ALERTS: Door(ALERTS, self._alerts, bare),
            ENQUEUE: Door(ENQUEUE, self._event, events),
            CHANGES: Door(CHANGES, self._change, events),
        }
        self._folders: dict[str, Door] = {
            MAPPED.partition("{")[0]: Door(MAPPED, self._mapped, problem),
            BEATS.partition("{")[0]: Door(BEATS, self._beat, problem),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "http" and scope["method"] == "POST":
            path = str(scope["path"])
            door = self._doors.get(path)
            if door is not None:
                await self._serve(door, "", scope, receive, send)
                return
            for folder, door in self._folders.items():
                name = path.removeprefix(folder)
                if name != path and name and "/" not in name:
                    await self._serve(door, name, scope, receive, send)
                    return
        await self._app(scope, receive, send)

    async def _serve(self, door: Door, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        clock = self._parts.clock
        started = clock.monotonic()
        call = Call(scope, receive, dict(scope["headers"]), name, request_id_from(scope))
        reset = request_id_var.set(call.request_id)
        status, kind = 500, _JSON
        extra: list[tuple[bytes, bytes]] = []
        try:
            try:
                status, body = await door.serve(call)
            except JudgifyError as error:
                status, kind, body = door.say(error, call.request_id)
                extra = hints(error)
            except Exception:
                # The named boundary for faults of our own: the caller learns the request id, the log learns the rest.
                log.exception("intake failed", route=door.pattern)
                status, kind, body = door.say(JudgifyError(), call.request_id)
            await _answer(send, status, kind, body, [*extra, (b"x-request-id", call.request_id.encode("ascii"))])
        finally:
            self._metrics.observe_http("POST", door.pattern, status, clock.monotonic() - started)
            request_id_var.reset(reset)

    # -- who, and what ------------------------------------------------------------------------------------------------

    async def _sender(self, call: Call) -> None:
        await self._signin.sender(call.headers.get(b"authorization"), lambda: Request(call.scope, call.receive))

    async def _read(self, call: Call) -> bytes:
        length = call.headers.get(b"content-length")
        if length is not None and (not length.isdigit() or len(length) > _NUMBER_MAX or int(length) > MAX_BODY):
            await self._drain(call.receive)
            raise _too_large()
        parts: list[bytes] = []
        size = 0
        while True:
            message = await call.receive()
            if message["type"] != "http.request":
                raise Malformed("the sender went away before the body was whole")
            part = message.get("body", b"")
            size += len(part)
            if size > MAX_BODY:
                await self._drain(call.receive)
                raise _too_large()
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _drain(self, receive: Receive) -> None:
        # A client that is still sending would see a reset connection instead of the answer.
        clock = self._parts.clock
        left, until = _DRAINED, clock.monotonic() + _DRAIN_S
        while left > 0 and clock.monotonic() < until:
            message = await receive()
            left -= len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body", False):
                return

    # -- the forms ----------------------------------------------------------------------------------------------------

    def _simple(self, pattern: str, name: str) -> Door:
        async def serve(call: Call) -> Answer:
            await self._sender(call)
            return await self._own(self._parts.forms[name], await self._read(call))

        return Door(pattern, serve, problem)

    async def _cloudevents(self, call: Call) -> Answer:
        await self._sender(call)
        body = await self._read(call)
        return await self._own(self._parts.forms[form.CLOUDEVENTS], cloudevent.structured(call.headers, body))

    async def _mapped(self, call: Call) -> Answer:
        await self._sender(call)
        body = await self._read(call)
        return await self._own(form_of(self._parts.forms, form.MAPPED + call.name), body)

    async def _own(self, kind: Form, body: bytes) -> Answer:
        data, durability = await self._take(kind, body, kind.read(body), wait=kind.name == form.GENERIC)
        return 202, accepted(data, durability, self._parts.clock.now(), request_id_var.get())

    async def _alerts(self, call: Call) -> Answer:
        await self._sender(call)
        kind = self._parts.forms[form.ALERTS]
        body = await self._read(call)
        await self._take(kind, body, kind.read(body))
        return 200, b""

    async def _event(self, call: Call) -> Answer:
        kind = self._parts.forms[form.PAGERDUTY]
        body = await self._read(call)
        given: event.Event = kind.read(body)
        service = self._signin.routed(given.routing_key)
        wrong = event.mistakes(given)
        if wrong:
            raise Malformed(wrong[0], errors=wrong)
        # The key is a secret: what is kept of a burst does not hold it.
        given = msgspec.structs.replace(given, routing_key="", dedup_key=given.dedup_key or light_id("evt"))
        if given.event_action == "acknowledge":
            now = self._parts.clock.now()
            signals = event.of_event(msgspec.structs.replace(given, event_action="resolve"), self._guide, now, service)
            await tidings.taken_elsewhere(self._parts.desk, signals[0], given.client or "PagerDuty")
        else:
            await self._take(kind, _ENCODE(given), given, sender=service)
        said = {"status": "success", "message": "Event processed", "dedup_key": given.dedup_key}
        return 202, _ENCODE(said)

    async def _change(self, call: Call) -> Answer:
        given: event.Change = decoded(self._changes, await self._read(call), event.CHANGE)
        service = self._signin.routed(given.routing_key)
        now = self._parts.clock.now()
        change = ChangeReported(
            service=service or service_of(given.payload.source, self._guide),
            summary=event.change_text(given),
            at=begun(event.moment(given.payload.timestamp), now),
        )
        await tidings.changed(self._parts.desk, change, "pagerduty")
        return 202, _ENCODE({"status": "success", "message": "Change event processed"})

    async def _beat(self, call: Call) -> Answer:
        await self._sender(call)
        await self._read(call)
        heartbeat = await self._parts.heartbeats.beat(call.name)
        meta = {
            "timestamp": iso(self._parts.clock.now()),
            "request_id": call.request_id,
            "version": __version__,
        }
        return 202, _ENCODE({"data": heartbeat.shown(), "meta": meta})

    async def _take(
        self, kind: Form, body: bytes, read: Any, *, sender: str = "", wait: bool = False
    ) -> tuple[list[dict[str, Any]], str]:
        parts = self._parts
        count = kind.count(read)
        if count <= AT_ONCE and (wait or not parts.inbox.busy):
            signals = kind.signals(read, parts.clock.now(), sender)
            self._count(kind, len(signals))
            incidents = await asyncio.gather(*(parts.engine.signal(one) for one in signals))
            return [
                {"signal_id": one.id, "service": one.service, "signal": one.signal, "incident_id": incident}
                for one, incident in zip(signals, incidents, strict=True)
            ], "store"
        self._count(kind, count)
        await parts.inbox.put(kind.name, body, count, sender, lambda now: kind.signals(read, now, sender))
        return [], "inbox"

    def _count(self, kind: Form, count: int) -> None:
        self._parts.figures.signals.labels(SOURCES.get(kind.name, form.GENERIC)).inc(count)


def accepted(data: Any, durability: str, now: datetime, request_id: str | None) -> bytes:
    """Give the body of the answer to signals that are durable now."""
    meta = {"timestamp": iso(now), "request_id": request_id, "version": __version__, "durability": durability}
    return _ENCODE({"data": data, "meta": meta})


def hints(error: JudgifyError) -> list[tuple[bytes, bytes]]:
    """Give the headers that say what a refused sender may do."""
    if isinstance(error, TooMany | Unavailable):
        return [(b"retry-after", str(error.fields.get("retry_after_s", 1)).encode())]
    if isinstance(error, TooLarge):
        return [(b"connection", b"close")]
    return [(b"www-authenticate", b"Bearer")] if error.status == 401 else []


def _too_large() -> TooLarge:
    return TooLarge(f"the body is larger than {MAX_BODY:,} bytes; send it in parts")


async def _answer(send: Send, status: int, kind: bytes, body: bytes, extra: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *SECURITY, *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
