"""The route that must be fast, as plain ASGI: lines in, kept in the database, 201."""

import hashlib
import re
from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.routing import Route

from judgify import __version__
from judgify.core.logbook.line import LineError
from judgify.core.logbook.quick import Reading, read_body
from judgify.core.logbook.writer import GroupWriter, Key
from judgify.kit import auth
from judgify.kit.clock import Clock, iso
from judgify.kit.errors import Invalid, Unauthenticated
from judgify.kit.log import request_id_var
from judgify.kit.metrics import Metrics
from judgify.kit.middleware import Receive, Send
from judgify.kit.settings import Settings

PATH: Final = "/api/v2/logging/lines"
ROLES: Final = ("responder", "service")
_TOLD: Final = 100
"""Errors that an answer lists; the counts are of all."""
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_ENCODER: Final = msgspec.json.Encoder()
Scope = MutableMapping[str, Any]


class IntakeRoute:
    """POST /api/v2/logging/lines: NDJSON or a JSON array; 201 only once the lines are in the database, durably.

    With a bad line nothing is kept and the answer lists the errors by line and path; `partial=true` keeps the good
    ones. The same batch again under the same `Idempotency-Key` is kept once and answered as the first was; another
    batch under it is a 409. A 503 means that it cannot be told whether the lines are kept: send them again.
    """

    def __init__(self, settings: Settings, writer: GroupWriter, metrics: Metrics, clock: Clock) -> None:
        """Write through a writer that the service starts."""
        self.route = Route(PATH, self, methods=["POST"])
        self._settings = settings
        self._writer = writer
        self._clock = clock
        self._taken = metrics.counter("judgify_logging_lines_total", "Lines that arrived over HTTP.", ("result",))
        self._time = metrics.histogram(
            "judgify_logging_commit_seconds", "From a batch being read to its lines being durable."
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; errors are raised for the app to turn into problem+json."""
        scope["route"] = self.route
        headers = dict(scope["headers"])
        who = self._who(headers)
        who.demand(*ROLES)
        partial = _partial(scope.get("query_string", b""))
        body = await _body(receive)
        content = await self._keep(body, headers, who.subject, partial=partial)
        await send(
            {
                "type": "http.response.start",
                "status": 201,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(content)).encode("ascii")),
                ],
            }
        )
        await send({"type": "http.response.body", "body": content})

    def _who(self, headers: dict[bytes, bytes]) -> auth.Principal:
        token = auth.bearer(headers.get(b"authorization", b"").decode("latin-1"))
        if token is None:
            raise Unauthenticated(
                "this service answers the gateway and other services only; call it through the gateway"
            )
        return auth.verify(self._settings.service_secret, token, self._clock)

    async def _keep(self, body: bytes, headers: dict[bytes, bytes], source: str, *, partial: bool) -> bytes:
        key = _key(headers.get(b"idempotency-key"), body, partial=partial)
        reading = read_body(body, headers.get(b"content-type", b"").decode("latin-1"), self._clock.now())
        self._taken.labels("refused").inc(len(reading.errors))
        if reading.errors and (not partial or not reading.rows):
            raise _refusal(reading)
        answer = _ENCODER.encode(
            {
                "accepted": len(reading.rows),
                "refused": len(reading.errors),
                "adjusted": reading.adjusted,
                "errors": _told(reading.errors),
            }
        )
        started = self._clock.monotonic()
        before = await self._writer.write(reading.rows, source, key, answer.decode("utf-8") if key else "")
        self._time.observe(self._clock.monotonic() - started)
        self._taken.labels("kept" if before is None else "repeated").inc(len(reading.rows))
        meta = {
            "timestamp": iso(self._clock.now()),
            "request_id": request_id_var.get(),
            "version": __version__,
            "durability": "database",
            "repeated": before is not None,
        }
        return b'{"data":%s,"meta":%s}' % (answer if before is None else before.encode("utf-8"), _ENCODER.encode(meta))


def _refusal(reading: Reading) -> Invalid:
    first = reading.errors[0]
    total = len(reading.errors) + len(reading.rows)
    return Invalid(
        f"{len(reading.errors)} of {total} lines cannot be kept, so none was; line {first.number}: "
        f"{first.path} {first.message}".replace("  ", " "),
        errors=_told(reading.errors),
    )


def _told(errors: list[LineError]) -> list[dict[str, Any]]:
    return [{"line": one.number, "path": one.path, "message": one.message} for one in errors[:_TOLD]]


def _partial(query: bytes) -> bool:
    found = False
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name != "partial":
            raise Invalid(f"there is no parameter {name[:60]!r} here; known are partial")
        if value.lower() not in _TRUE | _FALSE:
            raise Invalid("partial: must be true or false")
        found = value.lower() in _TRUE
    return found


def _key(given: bytes | None, body: bytes, *, partial: bool) -> Key | None:
    if given is None:
        return None
    text = given.decode("latin-1")
    if not _KEY.fullmatch(text):
        raise Invalid("Idempotency-Key: must be 1 to 200 visible ASCII characters")
    return Key(text, hashlib.sha256(b"%d\n%b" % (partial, body)).digest())


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
