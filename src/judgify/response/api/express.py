"""The express lane of a burst of alerts: a plain, whole request of a known sender, served inside the wire's callbacks.

Of a single post most of the cost is the way to the handler and back, not the alert. While a burst waits to be taken
anyway, such a request is read, put into the inbox and answered from the commit's own callback: no task, no ASGI. What
cannot be decided at once takes the common way (`lane`), which also words every refusal; so both obey the same rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

import httptools
from prometheus_client import Counter, Histogram

from judgify.kit.errors import JudgifyError
from judgify.kit.ids import request_id
from judgify.kit.metrics import Metrics
from judgify.kit.middleware import SECURITY
from judgify.response.api.lane import (
    ALERTMANAGER,
    ALERTS,
    AT_ONCE,
    GRAFANA,
    SOURCES,
    Say,
    accepted,
    bare,
    hints,
    problem,
)
from judgify.response.api.parts import Response
from judgify.response.api.signin import Signin
from judgify.response.intake import form
from judgify.response.intake.form import Form

LONG: Final = 8 * 1024
"""A body of at least so many bytes may hold enough signals to be a burst by itself."""
MAX_KEPT: Final = 4096
MAX_HEAD: Final = 4096
"""How many heads, of how many bytes each, are remembered with what was read from them."""
_DIGITS: Final = 9
_END: Final = b"\r\n\r\n"
_FIXED: Final = b"".join(b"%b: %b\r\n" % pair for pair in SECURITY)
_UNUSUAL: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"content-encoding", b"x-request-id"})
_ANSWER: Final = b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n%b%b"
_JSON: Final = b"application/json"


class Client(Protocol):
    """The sender's side of the wire, as far as the lane needs it."""

    def reply(self, ride: "Ride", head: bytes, body: bytes) -> None:
        """Write an answer, whose head lacks its empty line; nothing where the sender has gone."""
        ...


@dataclass(frozen=True, slots=True)
class Way:
    """One way in that the lane serves."""

    kind: Form
    pattern: str
    say: Say
    status: int
    """Of an answer that all is kept."""
    taken: Any
    """Counts signals."""


@dataclass(frozen=True, slots=True)
class Head:
    """What requests with one head have in common."""

    way: Way
    authorization: bytes
    length: int


class Ride:
    """One request on the lane."""

    __slots__ = ("_lane", "client", "started", "way")

    def __init__(self, lane: "Express", client: Client, way: Way, started: float) -> None:
        """Begin at a monotonic moment."""
        self._lane = lane
        self.client = client
        self.way = way
        self.started = started

    def settled(self, error: JudgifyError | None) -> None:
        """Hear from the inbox what became of the body."""
        self._lane.settle(self, error)


class Express:
    """Serves what it can of a burst."""

    def __init__(self, parts: Response, signin: Signin, metrics: Metrics) -> None:
        """Use the same rules, limits and inbox as the common way."""
        self._parts = parts
        self._inbox = parts.inbox
        self._signin = signin
        self._clock = parts.clock
        self._heads: dict[bytes, Head] = {}
        self._ways: dict[bytes, Way] = {
            pattern.encode(): Way(
                parts.forms[name],
                pattern,
                bare if pattern == ALERTS else problem,
                200 if pattern == ALERTS else 202,
                parts.figures.signals.labels(SOURCES[name]),
            )
            for pattern, name in (
                (ALERTS, form.ALERTS),
                (ALERTMANAGER, form.ALERTMANAGER),
                (GRAFANA, form.GRAFANA),
            )
        }
        self._metrics = metrics
        self._counts: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.served = 0
        """Requests that went this way."""

    def board(self, client: Client, data: bytes) -> "Ride | None":
        """Take a whole request; None, with nothing done, where the common way shall."""
        end = data.find(_END) + 4
        if end < 4:
            return None
        head = self._heads.get(data[:end]) or self._head(data[:end])
        if head is None or len(data) - end != head.length:
            return None
        busy = self._inbox.busy
        if not (busy or head.length >= LONG) or not self._signin.admits(head.authorization):
            return None
        ride = Ride(self, client, head.way, self._clock.monotonic())
        return ride if self._go(ride, head.way.kind, data[end:], busy=busy) else None

    def _go(self, ride: "Ride", kind: Form, body: bytes, *, busy: bool) -> bool:
        try:
            read = kind.read(body)
            count = kind.count(read)
            if not busy and count <= AT_ONCE:
                return False
            self._inbox.offer(kind.name, body, count, "", lambda now: kind.signals(read, now, ""), settled=ride.settled)
        except JudgifyError:
            return False
        ride.way.taken.inc(count)
        self.served += 1
        return True

    def _head(self, head: bytes) -> Head | None:
        found = read_head(head, self._ways)
        if found is not None and len(head) <= MAX_HEAD:
            if len(self._heads) >= MAX_KEPT:
                self._heads.clear()
            self._heads[head] = found
        return found

    def settle(self, ride: "Ride", error: JudgifyError | None) -> None:
        """Answer a request whose body is durable, or of which nothing was kept."""
        way, named = ride.way, request_id()
        status, kind, body, extra = way.status, _JSON, b"", b""
        if error is not None:
            status, kind, body = way.say(error, named)
            extra = b"".join(b"%b: %b\r\n" % pair for pair in hints(error))
        elif status != HTTPStatus.OK:
            body = accepted([], "inbox", self._clock.now(), named)
        reason = HTTPStatus(status).phrase.encode()
        ride.client.reply(ride, _ANSWER % (status, reason, kind, len(body), named.encode(), _FIXED, extra), body)
        self._observe(way.pattern, status, self._clock.monotonic() - ride.started)

    def _observe(self, pattern: str, status: int, seconds: float) -> None:
        known = self._counts.get((pattern, status))
        if known is None:
            job = self._metrics.job
            known = self._counts[pattern, status] = (
                self._metrics.http_requests.labels(job, "POST", pattern, str(status)),
                self._metrics.http_duration.labels(job, "POST", pattern),
            )
        known[0].inc()
        known[1].observe(seconds)


def read_head(head: bytes, ways: Mapping[bytes, Way]) -> Head | None:
    """Read a head that ends with its empty line; None for anything that the common way shall judge.

    That is: what is not a whole, plain HTTP/1.1 POST to one of `ways` on a connection that stays open, with one
    credential and one length, and nothing that asks for more than an answer.
    """
    reader = _Reader()
    parser: Any = httptools.HttpRequestParser(reader)
    try:
        parser.feed_data(head)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    if not reader.whole or parser.get_http_version() != "1.1" or parser.get_method() != b"POST":
        return None
    names = [name for name, _ in reader.headers]
    given = dict(reader.headers)
    length = given.get(b"content-length", b"")
    once = names.count(b"content-length") == names.count(b"authorization") == 1
    way = ways.get(reader.url)
    if way is None or not once or not parser.should_keep_alive() or _UNUSUAL.intersection(names):
        return None
    if not length.isdigit() or len(length) > _DIGITS or int(length) == 0:
        return None
    return Head(way, given[b"authorization"], int(length))


class _Reader:
    """Hears what the parser, the same as on the common way, finds in one head."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.whole = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.whole = True
