"""The usual answer of a service, read in one look: a plain head with one Content-Length. Pure.

Anything else about an answer (chunks, interim heads, an unusual line) is left to the strict parser.
"""

import re
from typing import Final, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from judgify.core.gateway.header import RESPONSE_DROP, SECURITY, is_length

_STATUS: Final = {b"%d" % status: status for status in STATUS_LINE if status >= 200 and status not in {204, 205, 304}}
_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff]*)")
_SECURITY: Final = dict(SECURITY)
SECURITY_LINES: Final = b"".join(b"%b: %b\r\n" % pair for pair in SECURITY)
_MAX_KNOWN: Final = 4096
_known: dict[bytes, bytes | int | None] = {}
"""What a line means, for lines that come again: bytes are passed on, b"" is dropped, a number is the body's length."""


class PlainAnswer(NamedTuple):
    """The head for the client but for the request id and its last line, and how long the body is."""

    status: int
    head: bytes
    length: int


_heads: dict[bytes, PlainAnswer] = {}
"""Heads that came before, without the request id that they repeat."""


def read_plain(data: bytes, end: int, request_id: bytes | None) -> PlainAnswer | None:
    """Read the head that ends at `end`, before its empty line; None when it is not plain.

    `request_id` is the one that was made for this request: where the service repeats it, heads are alike but for it.
    """
    head = data[:end] if request_id is None else data[:end].replace(request_id, b"")
    known = _heads.get(head)
    if known is None:
        known = _read(head)
        if known is not None:
            if len(_heads) >= _MAX_KNOWN:
                _heads.clear()
            _heads[head] = known
    return known


def _read(data: bytes) -> PlainAnswer | None:
    status = _STATUS.get(data[9:12]) if data[:9] == b"HTTP/1.1 " and data[12:13] in {b" ", b"\r"} else None
    if status is None:
        return None
    lines = data.split(b"\r\n")
    kept = [STATUS_LINE[status]]
    length = -1
    for index in range(1, len(lines)):
        line = lines[index]
        meaning = _known[line] if line in _known else _judge(line)
        if isinstance(meaning, bytes):
            kept.append(meaning)
        elif meaning is None or length >= 0:
            return None
        else:
            length = meaning
            kept.append(b"content-length: %d\r\n" % length)
    if length < 0:
        return None
    kept.append(SECURITY_LINES)
    return PlainAnswer(status, b"".join(kept), length)


def _judge(line: bytes) -> bytes | int | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    name, value = found[1].lower(), found[2].rstrip()
    if name in {b"date", b"x-request-id"}:
        return b""  # dropped, and never the same again
    meaning: bytes | int | None = b"%b: %b\r\n" % (name, value)
    if name == b"content-length":
        meaning = int(value) if is_length(value) else None
    elif name == b"connection":
        meaning = b"" if value.lower() == b"keep-alive" else None
    elif name in {b"transfer-encoding", b"upgrade", b"trailer"}:
        meaning = None
    elif name in RESPONSE_DROP:
        meaning = b""
    elif name in _SECURITY:
        # The same line is added to every answer; another value is the service's own and stands alone.
        meaning = b"" if value == _SECURITY[name] else None
    if len(_known) >= _MAX_KNOWN:
        _known.clear()
    _known[line] = meaning
    return meaning
