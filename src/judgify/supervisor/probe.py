"""Asking a unit whether it works, with as little as the protocol allows; never more than ``timeout_s``."""

import asyncio
import contextlib
import struct
from typing import Final
from urllib.parse import urlsplit

from judgify.kit.supervisor_types import ProbeSpec

_STARTUP: Final = b"user\0judgify\0database\0judgify\0\0"
_PROTOCOL: Final = 196_608


async def passes(probe: ProbeSpec) -> bool | None:
    """Whether the unit passes its probe now; ``None`` when it has none."""
    if probe.kind == "none":
        return None
    try:
        async with asyncio.timeout(probe.timeout_s):
            match probe.kind:
                case "http":
                    return await _http(probe)
                case "postgres":
                    return await _postgres(probe.host, probe.port or 0)
                case "redis":
                    return await _redis(probe.host, probe.port or 0)
                case _:
                    return await _tcp(probe.host, probe.port or 0)
    except (OSError, TimeoutError, EOFError, ValueError):
        return False


async def _http(probe: ProbeSpec) -> bool:
    for url in (probe.live_url, probe.ready_url):
        if url is not None and not await _get(url):
            return False
    return True


async def _get(url: str) -> bool:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        path = parts.path or "/"
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: judgify-supervisor\r\n"
            "Connection: close\r\n\r\n".encode("ascii")
        )
        await writer.drain()
        status_line = await reader.readline()
        words = status_line.split()
        good = len(words) >= 2 and words[0].startswith(b"HTTP/1.") and words[1] == b"200"
        if good:
            await reader.read()
        return good
    finally:
        await _close(writer)


async def _tcp(host: str, port: int) -> bool:
    _, writer = await asyncio.open_connection(host, port)
    await _close(writer)
    return True


async def _postgres(host: str, port: int) -> bool:
    """As ``pg_isready``: a startup packet is answered with a request to authenticate once connections are taken."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(struct.pack("!II", 8 + len(_STARTUP), _PROTOCOL) + _STARTUP)
        await writer.drain()
        return await reader.readexactly(1) == b"R"
    finally:
        await _close(writer)


async def _redis(host: str, port: int) -> bool:
    """A password asked for is an answer too; "loading" is not."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"PING\r\n")
        await writer.drain()
        answer = await reader.readline()
        return answer.startswith((b"+PONG", b"-NOAUTH"))
    finally:
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
