"""The usual answer of a service, read in one look: a plain head with one Content-Length. Pure.

Anything else about an answer (chunks, interim heads, an unusual line) is left to the strict parser.
"""

import re
from dataclasses import dataclass
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from judgify.core.gateway.header import RESPONSE_DROP, SECURITY, is_length

_STATUS: Final = {b"%d" % status: status for status in STATUS_LINE if status >= 200 and status not in {204, 205, 304}}
_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff]*)")
_SECURITY: Final = dict(SECURITY)
SECURITY_LINES: Final = b"".join(b"%b: %b\r\n" % pair for pair in SECURITY)
_MAX_KNOWN: Final = 4096
_known: dict[bytes, bytes | int | None] = {}
"""What a line means, for lines that come again: bytes are passed on, b"" is dropped, a number is the body's length."""


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """The head for the client but for the request id and its last line; where the body begins, and its length."""

    status: int
    head: bytes
    start: int
    length: int


def read_plain(data: bytes) -> PlainAnswer | None:
    """Read the head that `data` begins with; None when it is not whole or not plain."""
    end = data.find(b"\r\n\r\n")
    if end < 0 or data[:9] != b"HTTP/1.1 " or data[12:13] not in {b" ", b"\r"}:
        return None
    status = _STATUS.get(data[9:12])
    if status is None:
        return None
    lines = data[:end].split(b"\r\n")
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
    return PlainAnswer(status, b"".join(kept), end + 4, length)


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
