"""Reading lines under a time limit: a search that would take too long ends with a sentence, not with a dead page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from judgify.kit.db import Database
from judgify.kit.errors import Invalid

TIMEOUT_S: Final = 5.0
"""How long one statement of a search may take."""


@asynccontextmanager
async def reading(database: Database) -> AsyncIterator[Any]:
    """Lend a connection in a read-only transaction, each statement limited to `TIMEOUT_S`.

    Plans are made for the very values that are asked for: a plan for any value could not leave out the days that the
    time range leaves out, nor use the index of bad lines. `Invalid` (`search-too-slow`) when the time runs out.
    """
    try:
        async with database.connection() as connection, connection.transaction(readonly=True):
            await connection.execute(
                f"SET LOCAL statement_timeout = {int(TIMEOUT_S * 1000)}; "
                "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off"
            )
            yield connection
    except asyncpg.QueryCanceledError as error:
        raise Invalid(
            f"this search took longer than {TIMEOUT_S:g} seconds and was ended; narrow the time range, for example "
            "@timestamp:[now-1h TO now], or add a level or a service",
            slug="search-too-slow",
        ) from error
