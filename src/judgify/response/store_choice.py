"""Which store the engine keeps its memory in: SQLite in its folder, or a PostgreSQL of its own where one is set."""

from pathlib import Path
from typing import Final

from judgify.kit.clock import Clock
from judgify.kit.cluster import shares_the_platforms_database
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger
from judgify.kit.settings import Settings
from judgify.response.ports import Store
from judgify.response.stores.sqlite import SqliteStore

log = get_logger("judgify.response.store")
PATIENCE_S: Final = 30.0
"""How long an engine that starts waits for its database before it gives up, to be started anew."""
AGAIN_S: Final = 0.5


def chosen_store(settings: Settings, folder: Path, clock: Clock) -> Store:
    """Give the store of this installation, not open yet."""
    url = settings.response_database_url
    if url is None:
        return SqliteStore(folder / "response.db")
    if shares_the_platforms_database(settings):
        log.error("the engine's database is on the server that it watches: when that goes, so does the pager")
    # Most installations have no such database, and the engine must start quickly.
    from judgify.response.stores.postgres.store import PostgresStore  # noqa: PLC0415

    return PostgresStore(url, engine=settings.engine_name, clock=clock)


def lock_file(settings: Settings, folder: Path) -> Path:
    """Give the file that only one engine may hold: one for a SQLite store, one for each name on a shared database."""
    shared = settings.response_database_url is not None
    return folder / (f"engine-{settings.engine_name}.lock" if shared else "engine.lock")


async def opened(store: Store, clock: Clock) -> None:
    """Open the store; one that cannot be reached yet is waited for, up to `PATIENCE_S`, then `Unavailable`."""
    until = clock.monotonic() + PATIENCE_S
    told = False
    while True:
        try:
            await store.open()
        except Unavailable as error:
            if clock.monotonic() >= until:
                raise
            if not told:
                log.warning("the engine's store cannot be opened yet", reason=error.detail)
                told = True
            await clock.sleep(AGAIN_S)
        else:
            return
