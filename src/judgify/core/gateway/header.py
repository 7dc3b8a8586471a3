"""Headers on their way through: what a proxy must drop, what it must refuse, what it adds. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from judgify.core.gateway.config import Network
from judgify.core.gateway.failure import HeadersTooLarge
from judgify.kit.errors import Malformed

Headers = Sequence[tuple[bytes, bytes]]

MAX_COUNT: Final = 100
MAX_BYTES: Final = 32 * 1024

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_REQUEST_DROP: Final = HOP_BY_HOP | {
    b"authorization",
    b"content-length",
    b"cookie",
    b"expect",
    b"forwarded",
    b"host",
    b"x-api-key",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-http-method",
    b"x-http-method-override",
    b"x-method-override",
    b"x-real-ip",
    b"x-request-id",
}
RESPONSE_DROP: Final = HOP_BY_HOP | {b"server", b"date", b"set-cookie", b"x-request-id"}
SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)


_COMMON_WAY: Final = HOP_BY_HOP - {b"connection"} | {b"expect"}
"""Request headers that only the common way understands."""
_ONCE: Final = frozenset({b"authorization", b"content-length", b"host"})
_MAX_DIGITS: Final = 20
"""Of a Content-Length: thousands of leading zeros are legal, and Python refuses to read them."""


@dataclass(slots=True)
class Plain:
    """What the fast lane needs of a request's headers; `lines` are those that pass to the service behind."""

    lines: list[bytes]
    length: int | None = None
    authorization: bytes | None = None
    api_key: bytes | None = None
    request_id: str | None = None
    forwarded: str | None = None
    proto: bytes = b""


def plain_request(headers: Headers) -> Plain | None:
    """Read headers in one pass; None for whatever is not plain, which the common way then judges.

    Not plain: framing other than one Content-Length, a second Host or Authorization, `Expect`, `Upgrade`, `TE`, a
    `Connection` that says more than keep-alive, and more headers than are allowed.
    """
    if len(headers) > MAX_COUNT:
        return None
    plain = Plain([])
    seen: set[bytes] = set()
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
        if name not in _REQUEST_DROP:
            if not name.startswith((b"x-judgify-", b"x_judgify_")):
                plain.lines.append(b"%b: %b\r\n" % (name, value))
            continue
        if name in _COMMON_WAY or (name == b"connection" and value.lower() != b"keep-alive"):
            return None
        if name in _ONCE:
            if name in seen or (name == b"content-length" and not is_length(value)):
                return None
            seen.add(name)
        _note(plain, name, value)
    return plain if size <= MAX_BYTES else None


def _note(plain: Plain, name: bytes, value: bytes) -> None:
    if name == b"authorization":
        plain.authorization = value
    elif name == b"content-length":
        plain.length = int(value)
    elif name == b"x-api-key":
        plain.api_key = plain.api_key or value
    elif name == b"x-request-id":
        plain.request_id = plain.request_id or value.decode("latin-1")
    elif name == b"x-forwarded-for":
        plain.forwarded = plain.forwarded or value.decode("latin-1")
    elif name == b"x-forwarded-proto":
        plain.proto = plain.proto or value


def refuse_ambiguous(headers: Headers, http_version: str) -> None:
    """Raise `Malformed` for framing that two programs could read differently (request smuggling).

    The server's parser refuses most of it already; this holds should the parser change.
    """
    lengths = [value for name, value in headers if name == b"content-length"]
    encodings = [value for name, value in headers if name == b"transfer-encoding"]
    if len(lengths) > 1 or (lengths and not is_length(lengths[0])):
        raise Malformed("the request has more than one Content-Length, or one that is not a number")
    if encodings and lengths:
        raise Malformed("the request has both Content-Length and Transfer-Encoding")
    if encodings and (http_version != "1.1" or [value.strip().lower() for value in encodings] != [b"chunked"]):
        raise Malformed("the only Transfer-Encoding read here is chunked, in HTTP/1.1")
    if sum(name == b"host" for name, _ in headers) > 1:
        raise Malformed("the request has more than one Host")
    if sum(name == b"authorization" for name, _ in headers) > 1:
        raise Malformed("the request has more than one Authorization")


def is_length(value: bytes) -> bool:
    """Tell whether a Content-Length is a number that can be read."""
    return value.isdigit() and len(value) <= _MAX_DIGITS


def refuse_large(headers: Headers) -> None:
    """Raise `HeadersTooLarge` for more than `MAX_COUNT` headers or `MAX_BYTES` bytes."""
    if len(headers) > MAX_COUNT or sum(len(name) + len(value) for name, value in headers) > MAX_BYTES:
        raise HeadersTooLarge(f"the request has more than {MAX_COUNT} headers or {MAX_BYTES} bytes of them")


def content_length(headers: Headers) -> int | None:
    """Give the declared length of the body, or None. Call `refuse_ambiguous` first."""
    for name, value in headers:
        if name == b"content-length":
            return int(value)
    return None


def has_body(headers: Headers) -> bool:
    """Tell whether a request announces a body."""
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers)


def header(headers: Headers, name: bytes) -> str | None:
    """Give the first value of a header by its lower-case name, or None."""
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return None


def for_upstream(
    headers: Headers, *, host: bytes, token: bytes, request_id: bytes, client: bytes, scheme: bytes
) -> list[tuple[bytes, bytes]]:
    """Give the headers for the service behind: the client's credentials and claims about itself do not pass."""
    nominated = _nominated(headers)
    kept = [
        (name, value)
        for name, value in headers
        if name not in _REQUEST_DROP and name not in nominated and not name.startswith((b"x-judgify-", b"x_judgify_"))
    ]
    kept += [(b"host", host), (b"x-request-id", request_id), (b"x-forwarded-proto", scheme)]
    if client:
        kept.append((b"x-forwarded-for", client))
    if token:
        kept.append((b"authorization", b"Bearer " + token))
    return kept


def for_client(headers: Headers, request_id: bytes) -> list[tuple[bytes, bytes]]:
    """Give an upstream's headers for the client: no hop-by-hop ones, our request id, and the security headers."""
    nominated = _nominated(headers)
    present = set()
    kept = []
    for name, value in headers:
        if name in RESPONSE_DROP or name in nominated:
            continue
        present.add(name)
        kept.append((name, value))
    kept.append((b"x-request-id", request_id))
    kept += [pair for pair in SECURITY if pair[0] not in present]
    return kept


def is_event_stream(headers: Headers) -> bool:
    """Tell whether an answer is a stream of events, which lasts as long as its reader listens."""
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)


def client_chain(peer: str, forwarded: str | None, trusted: Iterable[Network]) -> tuple[str, str]:
    """Give (the client's address, the X-Forwarded-For to pass on).

    What a client says about its own address counts only when it comes from a trusted proxy; then the rightmost
    address that is no trusted proxy is the client.
    """
    networks = tuple(trusted)
    if not is_within(peer, networks) or not forwarded:
        return peer, peer
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()][-10:]
    client = peer
    for hop in reversed(hops):
        if not _is_address(hop):
            break
        client = hop
        if not is_within(hop, networks):
            break
    return client, ", ".join([*(hop for hop in hops if _is_address(hop)), peer])


def _nominated(headers: Headers) -> set[bytes]:
    names: set[bytes] = set()
    for name, value in headers:
        if name == b"connection":
            names.update(item.strip().lower() for item in value.split(b","))
    # A client may not have the gateway drop what the gateway itself relies on.
    return names - {b"content-type", b"content-encoding", b"idempotency-key"}


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_within(text: str, networks: Sequence[Network]) -> bool:
    """Tell whether an address lies in one of the networks; what is no address does not."""
    return bool(networks) and _is_address(text) and any(ip_address(text) in network for network in networks)
