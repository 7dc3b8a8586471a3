"""`INFO memory` of a server that speaks the Redis protocol, over one short connection."""

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class RedisMemory:
    """Bytes used, the limit in bytes (0 = none), and the fragmentation ratio as the server tells it."""

    used: int
    limit: int
    fragmentation: str


async def memory_of(url: str) -> RedisMemory:
    """Ask the server; OSError, TimeoutError, EOFError or ValueError when it does not answer as one."""
    parts = urlsplit(url)
    async with asyncio.timeout(_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 6379)
        try:
            if parts.password:
                writer.write(_command("AUTH", unquote(parts.password)))
                await reader.readline()
            writer.write(_command("INFO", "memory"))
            head = await reader.readline()
            if not head.startswith(b"$"):
                raise ValueError("the server does not answer INFO")
            text = (await reader.readexactly(int(head[1:]))).decode("utf-8", "replace")
        finally:
            writer.close()
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return RedisMemory(
        int(fields.get("used_memory", "0")),
        int(fields.get("maxmemory", "0")),
        fields.get("mem_fragmentation_ratio", "unknown"),
    )


def _command(*words: str) -> bytes:
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)
