"""Active workflows, in memory and mirrored on disk, so that judging goes on without the workflow service."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import msgspec

from judgify.core.contracts.plan import Plan, compile_document, normal_name, read_document
from judgify.core.contracts.problem import DocumentError
from judgify.core.contracts.wire import ActiveWorkflow
from judgify.kit.clock import Clock
from judgify.kit.errors import NotFound, Unavailable
from judgify.kit.files import write_atomic
from judgify.kit.ids import is_id
from judgify.kit.log import get_logger

log = get_logger("judgify.judgment.cache")
REFRESH_S: Final = 1.0
ASK_AGAIN_S: Final = 0.2
"""Least time between two questions that unknown names set off."""
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


class Source(Protocol):
    """What the cache needs of a client of the workflow service."""

    async def raw(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request; `Unavailable` when there is no answer."""
        ...


@dataclass(frozen=True, slots=True)
class Cached:
    """One active workflow, compiled."""

    id: str
    name: str
    version: int
    sha256: str
    plan: Plan


class WorkflowCache:
    """Every active workflow by id and name, at most about a second behind the workflow service while that answers."""

    def __init__(self, source: Source, folder: Path, clock: Clock) -> None:
        """Describe; `load` reads the mirror, `start` begins to follow the service."""
        self._source = source
        self._folder = folder
        self._clock = clock
        self._by_id: dict[str, Cached] = {}
        self._by_name: dict[str, Cached] = {}
        self._tag: str | None = None
        self._synced = False
        self._reachable = False
        self._asked_at = -ASK_AGAIN_S
        self._refreshing: asyncio.Task[None] | None = None
        self._follower: asyncio.Task[None] | None = None

    @property
    def reachable(self) -> bool:
        """Whether the workflow service answered when it was last asked."""
        return self._reachable

    def __len__(self) -> int:
        return len(self._by_id)

    def load(self) -> None:
        """Read the mirror; a file that is torn or no longer understood is passed over and logged."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in sorted(self._folder.glob("wfl_*.json")):
            try:
                self._put(_compile(_DECODER.decode(path.read_bytes())))
            except (OSError, msgspec.MsgspecError, DocumentError, Unavailable) as error:
                log.warning("a mirrored workflow cannot be used", file=path.name, reason=str(error)[:300])

    def start(self) -> None:
        """Begin to follow the workflow service."""
        self._follower = asyncio.create_task(self._follow(), name="follow workflows")

    async def close(self) -> None:
        """Stop following."""
        for task in (self._follower, self._refreshing):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def get(self, *, number: str | None, name: str | None) -> Cached:
        """Give an active workflow by id or name.

        An unknown one is asked for at once, so that a workflow judges as soon as it is activated.

        Raises:
            NotFound: there is no active workflow of that id or name.
            Unavailable: it is not in the cache, and the workflow service does not answer.
        """
        found = self._look_up(number, name)
        if found is None:
            await self._ask_since(self._clock.monotonic())
            found = self._look_up(number, name)
        if found is not None:
            return found
        wanted = (number or name or "")[:120]
        if not self._reachable:
            raise Unavailable(
                f"the workflow {wanted!r} is not in the cache and the workflow service does not answer",
                slug="workflow-unavailable",
            )
        raise NotFound(f"there is no active workflow {wanted!r}; activate a version of it first")

    def _look_up(self, number: str | None, name: str | None) -> Cached | None:
        if number is not None:
            return self._by_id.get(number)
        return self._by_name.get(normal_name(name or ""))

    async def _ask_since(self, moment: float) -> None:
        """Return once a refresh that began at or after `moment` has ended; callers share one, at a bounded rate."""
        while True:
            if self._refreshing is not None and not self._refreshing.done():
                await asyncio.shield(self._refreshing)
            elif self._asked_at >= moment:
                return
            elif (rest := self._asked_at + ASK_AGAIN_S - self._clock.monotonic()) > 0:
                await self._clock.sleep(rest)
            else:
                self._refreshing = asyncio.create_task(self.refresh(), name="refresh workflows")
                self._asked_at = self._clock.monotonic()

    async def _follow(self) -> None:
        while True:
            await self._ask_since(self._clock.monotonic())
            await self._clock.sleep(REFRESH_S)

    async def refresh(self) -> None:
        """Ask the workflow service what is active, and fetch what changed. Keeps what it has when that fails."""
        try:
            await self._refresh()
        except (Unavailable, msgspec.MsgspecError, OSError) as error:
            if self._reachable or not self._synced:
                log.warning("workflows cannot be refreshed", reason=str(error)[:300], cached=len(self._by_id))
            self._synced = True
            self._reachable = False
            self._tag = None

    async def _refresh(self) -> None:
        headers = {"If-None-Match": f'"{self._tag}"'} if self._tag else {}
        response = await self._source.raw("GET", "/internal/workflows/active", headers=headers)
        if response.status_code == 304:
            self._reachable = True
            return
        index = {row["id"]: row for row in _data(response)}
        for number in [known for known in self._by_id if known not in index]:
            self._drop(number)
        whole = True
        for number, row in index.items():
            known = self._by_id.get(number)
            same = known is not None and (known.sha256, known.version) == (row["sha256"], row["version"])
            if not same and not await self._fetch(number):
                whole = False
        self._reachable = self._synced = True
        self._tag = response.headers.get("etag", "").strip('"') if whole else None

    async def _fetch(self, number: str) -> bool:
        response = await self._source.raw("GET", f"/internal/workflows/{number}")
        if response.status_code == 404 or not is_id(number, "wfl"):
            return False
        data = _data(response)
        try:
            # In a thread: judging goes on while a large workflow is compiled.
            cached = await asyncio.to_thread(_compile, data)
        except DocumentError as error:
            # A newer or older release may have accepted it. The version known so far goes on judging.
            log.error("an active workflow is not understood", workflow=number, reason=error.detail)  # noqa: TRY400 - the detail says it
            return False
        self._put(cached)
        await asyncio.to_thread(
            write_atomic, self._folder / f"{number}.json", msgspec.json.Encoder(decimal_format="number").encode(data)
        )
        log.info("workflow cached", workflow=cached.name, version=cached.version)
        return True

    def _put(self, cached: Cached) -> None:
        self._by_id[cached.id] = cached
        self._by_name[cached.name] = cached

    def _drop(self, number: str) -> None:
        gone = self._by_id.pop(number)
        self._by_name.pop(gone.name, None)
        (self._folder / f"{number}.json").unlink(missing_ok=True)
        log.info("workflow no longer active", workflow=gone.name)


def _compile(data: Any) -> Cached:
    active = msgspec.convert(data, ActiveWorkflow)
    plan = compile_document(read_document(active.document))
    return Cached(active.id, active.name, active.version, active.sha256, plan)


def _data(response: httpx.Response) -> Any:
    if response.status_code != 200:
        raise Unavailable(f"the workflow service answered {response.status_code}")
    return _DECODER.decode(response.content)["data"]
