"""Whether two addresses are of one PostgreSQL server: the pager must not live in what it watches."""

from urllib.parse import urlsplit

from judgify.kit.settings import Settings


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
