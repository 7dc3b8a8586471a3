"""What a channel must remember of what it told: where it stands, so that a later message can join or change it."""

import asyncio
import json
from pathlib import Path
from typing import Final, Protocol

from judgify.kit.files import write_atomic

MOST: Final = 2_000
"""Entries that are kept, the newest; an older incident then begins a new thread."""


class Threads(Protocol):
    """Remembers, for one channel, by which name the vendor knows what was told. Durable when `keep` returns."""

    async def find(self, key: str) -> str | None:
        """Give what was kept under a key, or None."""
        ...

    async def keep(self, key: str, value: str) -> None:
        """Keep a value. Raises `OSError` when it cannot be made durable; it is remembered until then all the same."""
        ...


class FileThreads:
    """One JSON file, replaced whole. For one process; engines that share the work need a shared place instead."""

    def __init__(self, path: Path) -> None:
        """Keep them in this file; its folder is made when it is needed."""
        self._path = path
        self._known: dict[str, str] | None = None
        self._lock = asyncio.Lock()

    async def find(self, key: str) -> str | None:
        """Give what was kept under a key, or None. An unreadable file counts as empty."""
        return (await self._load()).get(key)

    async def keep(self, key: str, value: str) -> None:
        """Keep a value; on the disk when this returns."""
        async with self._lock:
            known = await self._load()
            known.pop(key, None)
            known[key] = value
            for old in list(known)[: max(0, len(known) - MOST)]:
                del known[old]
            await asyncio.to_thread(self._write, json.dumps(known, ensure_ascii=False).encode())

    async def _load(self) -> dict[str, str]:
        if self._known is None:
            # Both of two that read at once find the same; the first one's stays.
            self._begin(await asyncio.to_thread(self._read))
        return self._known if self._known is not None else {}

    def _begin(self, read: dict[str, str]) -> None:
        if self._known is None:
            self._known = read

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}

    def _write(self, content: bytes) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(self._path, content)
