"""What the fast lane reads from a request's head, once for each distinct head. Pure but for the parser."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httptools

from judgify.core.gateway.header import Plain, plain_request
from judgify.core.gateway.path import BATCH, Target, resolve
from judgify.core.gateway.proxy import Upstream
from judgify.core.gateway.role import METHODS, needed_role
from judgify.kit.auth import bearer
from judgify.kit.errors import JudgifyError
from judgify.kit.middleware import is_request_id

EXPRESS: Final = METHODS - {"HEAD", "OPTIONS"}
"""Methods that the fast lane passes on."""
_ONE_OF_A_KIND: Final = (b"idempotency-key:", b"x-request-id:")


@dataclass(frozen=True, slots=True)
class Plan:
    """How requests with one head are passed on."""

    method: str
    path: bytes
    target: Target
    upstream: Upstream
    role: str
    """What a caller must be."""
    token: str
    """The credential as it came."""
    length: int
    """Bytes of body."""
    lines: bytes
    """The head for the service behind, up to what differs with every request."""
    repeatable: bool
    """Whether it may be sent again when no byte of an answer came."""
    repeats: bool
    """Whether the same head is likely to come again."""
    request_id: str | None
    forwarded: str | None
    proto: bytes


def read_plan(head: bytes, upstreams: Mapping[str, Upstream]) -> Plan | None:
    """Read a head that ends with its empty line; None for anything that the common way shall judge.

    That is: what is not a whole, plain HTTP/1.1 head of a connection that stays open, to a service behind, with one
    credential; what a service answers about its own health; and batches, which have a time of their own.
    """
    read = _Reader().read(head)
    plain = plain_request(read.headers) if read is not None else None
    if read is None or plain is None or read.method not in EXPRESS or b"#" in read.url:
        return None
    token = _token(plain)
    path, mark, query = read.url.partition(b"?")
    try:
        target = resolve(path)
    except JudgifyError:
        return None
    upstream = upstreams.get(target.service)
    if upstream is None or token is None or target.is_health or BATCH in target.segments:
        return None
    length = plain.length or 0
    lines = [read.method.encode(), b" ", path, mark, query, b" HTTP/1.1\r\n", *plain.lines]
    lines += (b"host: ", upstream.pool.host_header, b"\r\n")
    if plain.length is not None or read.method != "GET":
        lines.append(b"content-length: %d\r\n" % length)
    folded = head.lower()
    return Plan(
        method=read.method,
        path=path,
        target=target,
        upstream=upstream,
        role=needed_role(read.method, target),
        token=token,
        length=length,
        lines=b"".join(lines),
        repeatable=read.method == "GET" and not length,
        repeats=not any(name in folded for name in _ONE_OF_A_KIND),
        request_id=plain.request_id if plain.request_id and is_request_id(plain.request_id) else None,
        forwarded=plain.forwarded,
        proto=plain.proto,
    )


def _token(plain: Plain) -> str | None:
    if plain.authorization is not None:
        return bearer(plain.authorization.decode("latin-1"))
    return None if plain.api_key is None else plain.api_key.decode("latin-1")


class _Reader:
    """Reads one head with the parser that the common way uses."""

    def __init__(self) -> None:
        self._parser: Any = httptools.HttpRequestParser(self)
        self._begun = self._heads = self._done = 0
        self._body = False
        self.url = b""
        self.method = ""
        self.headers: list[tuple[bytes, bytes]] = []

    def read(self, head: bytes) -> "_Reader | None":
        """Give itself when the bytes are exactly one head, and what follows is its body or nothing."""
        try:
            self._parser.feed_data(head)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return None
        if not (self._begun == self._heads == 1) or self._body:
            return None
        parser = self._parser
        if parser.get_http_version() != "1.1" or not parser.should_keep_alive() or parser.should_upgrade():
            return None
        announced = any(name == b"content-length" and value != b"0" for name, value in self.headers)
        if bool(self._done) is announced:
            return None
        self.method = parser.get_method().decode("ascii")
        return self

    def on_message_begin(self) -> None:
        self._begun += 1

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._heads += 1

    def on_body(self, _: bytes) -> None:
        self._body = True

    def on_message_complete(self) -> None:
        self._done += 1
