"""Whether two addresses are of one PostgreSQL server: the pager must not live in what it watches."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from judgify.kit.errors import JudgifyError
from judgify.kit.settings import Settings

ANSWER_S: Final = 3.0


def shares_the_platforms_database(settings: Settings) -> bool:
    """Tell whether the response engine's database is on the very server that the platform keeps its data in."""
    url = settings.response_database_url
    if url is None:
        return False
    port = settings.ports.of("postgres")
    return server(url) == server(settings.environ.get("DATABASE_URL") or f"postgresql://127.0.0.1:{port}/judgify")


def server(url: str) -> tuple[str, int]:
    """Give host and port of a database's address; all names of this machine are one."""
    parts = urlsplit(url)
    host = parts.hostname or "127.0.0.1"
    here = host in {"localhost", "::1"} or host.startswith("127.")
    return "127.0.0.1" if here else host, parts.port or 5432


@dataclass(frozen=True, slots=True)
class Cluster:
    """What tells one running PostgreSQL from every other, by whatever address it is reached.

    The identifier alone does not: a copy of a server's files, and a standby, have their origin's. Neither started at
    the same microsecond.
    """

    identifier: int
    started_at: datetime


async def cluster_at(url: str) -> Cluster | None:
    """Ask who answers at an address; None when nobody does within `ANSWER_S`, or not to these credentials."""
    import asyncpg  # noqa: PLC0415 - the command line starts quickly, and asks this seldom

    try:
        connection = await asyncpg.connect(url, timeout=ANSWER_S, command_timeout=ANSWER_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, ValueError):
        return None  # a time that ran out is an OSError, too
    try:
        [row] = await connection.fetch("SELECT system_identifier, pg_postmaster_start_time() FROM pg_control_system()")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        return None
    finally:
        connection.terminate()
    return Cluster(row[0], row[1])


async def same_cluster(settings: Settings) -> tuple[bool, bool]:
    """Tell (whether the engine's database is on the platform's server, whether the engine's database answers).

    Known by the address at once; where the addresses differ, by what both servers say of themselves.
    """
    url = settings.response_database_url
    if url is None:
        return False, False
    try:
        platforms = settings.database_url
    except JudgifyError:
        platforms = None  # before the first start there is no password to ask the platform's own with
    own = await cluster_at(url)
    shared = shares_the_platforms_database(settings)
    if not shared and own is not None and platforms is not None:
        shared = await cluster_at(platforms) == own
    return shared, own is not None
