"""What is known of a session or an API key, cached in memory and Redis; PostgreSQL is the truth.

How old an answer may be: 5 s in memory plus 60 s in Redis (the latter only where Redis missed the note of an end).
While PostgreSQL does not answer, a known record is believed for ten minutes after it was last checked.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

import msgspec

from judgify.core.gateway.door import RedisDoor
from judgify.kit.clock import Clock
from judgify.kit.errors import Unavailable

FRESH_S: Final = 5.0
SHARED_S: Final = 60.0
OUTAGE_S: Final = 600.0
LOAD_TIMEOUT_S: Final = 1.0
BREAK_S: Final = 1.0
"""After the database did not answer, how long it is not asked again."""
MAX_RECORDS: Final = 20_000


class Record(msgspec.Struct, frozen=True):
    """What a credential stands for. `checked` is when PostgreSQL said so, in seconds since 1970."""

    active: bool
    subject: str = ""
    role: str = "viewer"
    checked: float = 0.0


Load = Callable[[], Awaitable[Record]]
Lookup = Literal["hit", "miss", "away"]
"""What Redis gave: a fresh record, none that is fresh, or no answer at all."""


class RecordCache:
    """Looks in memory, then Redis, then PostgreSQL; a name is like `session:ses_…` or `key:key_…`."""

    def __init__(self, door: RedisDoor, clock: Clock, *, note: Callable[[Lookup], None] | None = None) -> None:
        """Start empty; `note` is told of every look into Redis, where there is one."""
        self._note = note
        self._door = door
        self._clock = clock
        self._memory: OrderedDict[str, tuple[Record, float]] = OrderedDict()
        self._broken_until = float("-inf")
        self._asking: dict[str, asyncio.Future[Record]] = {}

    def peek(self, name: str, now: float) -> Record | None:
        """Give a record that is fresh in memory at a monotonic moment, without asking anybody."""
        held = self._memory.get(name)
        return held[0] if held is not None and now < held[1] else None

    async def get(self, name: str, load: Load) -> Record:
        """Give the record; `Unavailable` when no store can answer and nothing is known of it."""
        held = self._memory.get(name)
        if held is not None and self._clock.monotonic() < held[1]:
            return held[0]
        # All who ask for one record at once share one question to the stores.
        asking = self._asking.get(name)
        if asking is None:
            asking = asyncio.ensure_future(self._ask(name, held, load))
            self._asking[name] = asking
            asking.add_done_callback(lambda done: self._asked(name, done))
        return await asyncio.shield(asking)

    def _asked(self, name: str, done: "asyncio.Future[Record]") -> None:
        self._asking.pop(name, None)
        if not done.cancelled():
            # Marks a failure as seen, should all who asked have gone.
            done.exception()

    async def _ask(self, name: str, held: tuple[Record, float] | None, load: Load) -> Record:
        shared = await self._shared(name)
        wall = self._clock.now().timestamp()
        fresh = shared is not None and wall - shared.checked <= SHARED_S
        if self._note is not None and self._door.enabled:
            self._note("hit" if fresh else "miss" if self._door.usable else "away")
        if shared is not None and fresh:
            self._remember(name, shared)
            return shared
        try:
            record = await self._load(load)
        except Unavailable:
            known = [item for item in (shared, held[0] if held is not None else None) if item is not None]
            known = [item for item in known if wall - item.checked <= OUTAGE_S]
            if not known:
                raise
            best = max(known, key=lambda item: item.checked)
            self._remember(name, best)
            return best
        present = self._memory.get(name)
        if present is not None and present is not held and not present[0].active:
            # It was ended while the database was being read: what was read is out of date.
            return present[0]
        await self.put(name, record)
        return record

    async def put(self, name: str, record: Record) -> None:
        """Note what PostgreSQL said, here and in Redis."""
        record = msgspec.structs.replace(record, checked=self._clock.now().timestamp())
        self._remember(name, record)
        text = msgspec.json.encode(record).decode()
        await self._door.use(lambda client: client.set(f"judgify:{name}", text, ex=int(OUTAGE_S)))

    async def forget(self, names: list[str]) -> None:
        """Drop records, so that the next use asks PostgreSQL."""
        for name in names:
            self._memory.pop(name, None)
        if names:
            await self._door.use(lambda client: client.delete(*(f"judgify:{name}" for name in names)))

    def clear_memory(self) -> None:
        """Forget what this process knows, as a restart does; Redis keeps its part."""
        self._memory.clear()

    def age_memory(self, seconds: float) -> None:
        """Hold what this process knows for older than it is; for operators' checks and tests of an outage."""
        for name, (record, until) in self._memory.items():
            self._memory[name] = (record, until - seconds)

    async def _shared(self, name: str) -> Record | None:
        text: Any = await self._door.use(lambda client: client.get(f"judgify:{name}"))
        if text is None:
            return None
        try:
            return msgspec.json.decode(text, type=Record)
        except msgspec.DecodeError:
            return None

    async def _load(self, load: Load) -> Record:
        if self._clock.monotonic() < self._broken_until:
            raise Unavailable("the database does not answer", slug="database-unavailable")
        try:
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                return await load()
        except (TimeoutError, Unavailable) as error:
            self._broken_until = self._clock.monotonic() + BREAK_S
            raise Unavailable("the database does not answer", slug="database-unavailable") from error

    def _remember(self, name: str, record: Record) -> None:
        self._memory[name] = (record, self._clock.monotonic() + FRESH_S)
        self._memory.move_to_end(name)
        if len(self._memory) > MAX_RECORDS:
            self._memory.popitem(last=False)
