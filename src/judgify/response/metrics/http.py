"""The smallest HTTP GET that a probe needs: one connection, one deadline, a bounded answer; no redirects, no proxy."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

_LIMIT: Final = 64 * 1024
_MOST_HEADERS: Final = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status and the body."""

    status: int
    body: bytes

    def text(self) -> str:
        """Give the body as text; bytes that are no UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")

    def document(self) -> Mapping[str, Any]:
        """Give the body as a JSON object; an empty one when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


async def get(url: str, *, timeout_s: float, limit: int = _LIMIT) -> Answer:
    """GET an http address of ours within the time.

    A fresh connection each time, on purpose: a pool would go on talking to a process that no longer accepts anybody.

    Raises:
        TimeoutError: no whole answer in time.
        OSError: the connection was refused or broken.
        ValueError: what came back is no HTTP, or is larger than `limit` bytes.
        EOFError: the connection ended in the middle.
    """
    parts = urlsplit(url)
    path = parts.path or "/"
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80, limit=_LIMIT)
        try:
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: judgify-response\r\n"
                "Accept-Encoding: identity\r\nConnection: close\r\n\r\n".encode("ascii")
            )
            await writer.drain()
            return await _read(reader, limit)
        finally:
            # Not awaited: the far side may be frozen, and the deadline is for the answer, not for the farewell.
            writer.close()


async def _read(reader: asyncio.StreamReader, limit: int) -> Answer:
    first = await reader.readline()
    if not first:
        raise EOFError("the connection ended without an answer")
    words = first.split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise ValueError("the answer is not HTTP")
    headers: dict[bytes, bytes] = {}
    for _ in range(_MOST_HEADERS):
        line = await reader.readline()
        if line in {b"\r\n", b"\n", b""}:
            break
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    else:
        raise ValueError("the answer has too many headers")
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        body = await _read_chunks(reader, limit)
    elif b"content-length" in headers:
        length = int(headers[b"content-length"])
        if length > limit:
            raise ValueError(f"the answer is larger than {limit:,} bytes")
        body = await reader.readexactly(length)
    else:
        body = await reader.read(limit)
    return Answer(int(words[1]), body)


async def _read_chunks(reader: asyncio.StreamReader, limit: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    while True:
        size = int((await reader.readline()).split(b";")[0] or b"0", 16)
        if size == 0:
            with contextlib.suppress(EOFError):
                await reader.readline()
            return b"".join(parts)
        total += size
        if total > limit:
            raise ValueError(f"the answer is larger than {limit:,} bytes")
        parts.append(await reader.readexactly(size))
        await reader.readline()
