"""Two connections beside the one that writes: the last question before a send, and what other engines commit."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import asyncpg

from judgify.kit.clock import SystemClock
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger
from judgify.response.hold import Standing
from judgify.response.stores.postgres.link import CONNECT_S, FAULTS, GUARDS, told
from judgify.response.stores.postgres.skew import Skew
from judgify.response.stores.sql_tx import read_incident

log = get_logger("judgify.response.store")
CHANNEL: Final = "judgify_response"
PROVE_S: Final = 5.0
"""A connection on which nothing was heard this long is asked whether it still stands."""
ANSWER_S: Final = 3.0
AGAIN_S: Final = 0.5
"""A broken connection is opened again after this long."""
NAMES: Final = 0x6E616D65
"""Space of the advisory locks that hold the engines' names."""
PAST: Final = datetime.min.replace(tzinfo=UTC)
# The incident comes along only where its timeline has grown: most answers are three numbers.
CLAIMS: Final = (
    "SELECT page.id, page.token, extract(epoch FROM page.lease_at - clock_timestamp())::float8, incident.body"
    ' FROM unnest($1::text[], $2::int[]) AS held (id, seq) JOIN page ON page.id = held.id COLLATE "C"'
    " LEFT JOIN incident ON incident.id = page.incident_id"
    " AND held.seq < (SELECT max(entry.seq) FROM entry WHERE entry.incident_id = page.incident_id)"
)
# Some ids among a hundred thousand: by their index, and planned once.
BY_INDEX: Final = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}


class OtherEngines:
    """See `ports.Beside`. Both connections live in the event loop of whoever asks, so no thread is waited for."""

    def __init__(self, url: str, engine: str, where: str, skew: Skew, own: Callable[[], int | None]) -> None:
        """Ask the database at `url`; `own` gives the server's number of the connection by which this engine writes."""
        self._skew = skew
        self._url = url
        self._engine = engine
        self.where = where
        """The database's address without the password."""
        self._named = False
        self._own = own
        self._clock = SystemClock()
        self._connection: Any = None
        self._opening: asyncio.Task[None] | None = None

    @property
    def ahead_s(self) -> float | None:
        """How many seconds the database's clock is ahead; see `ports.Beside.ahead_s`."""
        measured = self._skew.measured
        return None if measured is None else measured.total_seconds()

    async def claims(self, held: Mapping[str, int]) -> dict[str, Standing]:
        """Say how claims stand; see `ports.Beside.claims`."""
        try:
            connection = await self._opened()
            rows = await connection.fetch(CLAIMS, list(held), list(held.values()))
        except FAULTS as error:
            self._drop()
            raise told(error, self.where) from error
        except asyncio.CancelledError:
            # Nobody knows in which state this leaves the connection.
            self._drop()
            raise
        return {
            page_id: Standing(token, lease_s, None if body is None else read_incident(body))
            for page_id, token, lease_s, body in rows
            if lease_s is not None
        }

    async def open(self) -> None:
        """Open what `claims` asks on, let the server plan the question, and take the engine's name.

        Raises `Unavailable`, also while an engine of the same name works on the database: each would take the other's
        claims for its own, and both would lead.
        """
        await self.claims({})
        if not self._named:
            self._named = await self._take_name(self._connection)
        if not self._named:
            raise Unavailable(
                f"another engine named {self._engine!r} works on the database {self.where}; "
                "give each a JUDGIFY_ENGINE of its own",
                slug="store-unavailable",
            )

    async def _opened(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            if self._opening is None or self._opening.done():
                self._opening = asyncio.create_task(self._open(), name="store-claims")
                self._opening.add_done_callback(_seen)
            # It goes on although whoever waits gives up: the next one finds it open.
            await asyncio.shield(self._opening)
        return self._connection

    async def _open(self) -> None:
        connection = await self._connect("claims", BY_INDEX)
        had, self._named = self._named, await self._take_name(connection)
        if had and not self._named:
            log.error("another engine works under this one's name; give each its own JUDGIFY_ENGINE", name=self._engine)
        self._connection = connection

    async def _take_name(self, connection: Any) -> bool:
        """Take the name for as long as the connection lasts; the server lets go of it when this process is gone."""
        return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", NAMES, self._engine))

    async def _connect(self, purpose: str, more: Mapping[str, str]) -> Any:
        return await asyncpg.connect(
            self._url,
            timeout=CONNECT_S,
            command_timeout=ANSWER_S,
            server_settings={**GUARDS, **more, "application_name": f"judgify-response-{self._engine}-{purpose}"},
        )

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        """Give up what is open; what asks afterwards opens it again."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        connection, self._connection = self._connection, None
        await _ended(connection)

    async def news(self, hear: Callable[[datetime | None], None]) -> None:
        """Tell of what other engines commit; see `ports.Beside.news`."""
        away = False
        while True:
            connection: Any = None
            gone = asyncio.Event()
            try:
                connection = await self._connect("news", {})
                connection.add_termination_listener(lambda _, gone=gone: gone.set())
                await connection.add_listener(CHANNEL, partial(self._heard, hear))
                away = False
                with suppress(Unavailable):
                    await self.open()
                # Only now: whatever was committed before this is seen by those who look, and what comes later is heard.
                hear(PAST)
                hear(None)
                while not await self._clock.wait(gone, PROVE_S):
                    await connection.execute("SELECT 1")
            except FAULTS as error:
                if not away:
                    log.warning(
                        "what other engines commit is not heard, only looked for", reason=str(told(error, self.where))
                    )
                away = True
            finally:
                if connection is not None:
                    connection.terminate()
            await self._clock.sleep(AGAIN_S)

    def _heard(self, hear: Callable[[datetime | None], None], _: Any, pid: int, channel: str, word: str) -> None:
        del channel
        if pid == self._own():
            return
        kind, _, moment = word.partition(" ")
        if kind == "page":
            hear(datetime.fromtimestamp(float(moment), UTC) if moment else PAST)
        else:
            hear(None)


async def _ended(connection: Any) -> None:
    if connection is not None:
        try:
            await connection.close(timeout=1)
        except FAULTS:
            connection.terminate()


def _seen(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        task.exception()
