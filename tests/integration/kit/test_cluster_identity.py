"""Which PostgreSQL answers at an address, and what `up` and `doctor` say of the engine's; on real servers."""

from pathlib import Path

import asyncpg
import pytest
from tests.support.stores import Postgres, free_port

from judgify.cli import engine_database
from judgify.kit.cluster import cluster_at, same_cluster
from judgify.kit.settings import Settings

NOBODY = "postgresql://u:p@127.0.0.1:1/x"


def told(own: str, platform: str) -> Settings:
    names = {"JUDGIFY_RESPONSE_DATABASE_URL": own, "DATABASE_URL": platform}
    return Settings.from_env({name: url for name, url in names.items() if url}, Path("/state"))


async def test_one_server_is_itself_whatever_the_database_and_the_account(
    postgres_server: Postgres, postgres_url: str
) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE ROLE plain LOGIN PASSWORD 'made-up'")
    try:
        here = await cluster_at(postgres_url)
        assert here is not None
        address = f"127.0.0.1:{postgres_server.port}"
        assert await cluster_at(f"postgresql://plain:made-up@{address}/postgres") == here
        assert await cluster_at(f"postgresql://plain:wrong@{address}/postgres") is None
    finally:
        await connection.execute("DROP ROLE plain")
        await connection.close()
    assert await cluster_at(f"postgresql://u:p@127.0.0.1:{free_port()}/x") is None
    assert await cluster_at("postgresql://u:p@127.0.0.1:not-a-port/x") is None


async def test_a_database_on_the_platforms_server_is_refused_however_it_is_addressed(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [same] = await engine_database.look(told(postgres_url, postgres_url))
    assert (same["check"], same["level"]) == ("engine-db", "error")
    assert "PostgreSQL 서버에 있습니다" in same["text"]
    assert "nobody is paged" in same["text"]
    # As where two names stand for one machine: what the addresses do not tell, the server does.
    monkeypatch.setattr("judgify.kit.cluster.server", lambda url: (url, 5432))
    [same] = await engine_database.look(told(postgres_url, f"{postgres_url}?application_name=platform"))
    assert same["level"] == "error"


async def test_a_server_of_its_own_is_well_and_one_that_is_away_is_told(postgres_url: str) -> None:
    assert await engine_database.look(told("", postgres_url)) == []
    [well] = await engine_database.look(told(postgres_url, NOBODY))
    assert well["level"] == "ok"
    [away] = await engine_database.look(told(NOBODY, postgres_url))
    assert (away["level"], away["text"].split(";")[0]) == (
        "warning",
        "the response engine's database at 127.0.0.1:1 does not answer, or not to these credentials",
    )
    [wrong] = await engine_database.look(told("mysql://x", postgres_url))
    assert wrong["level"] == "error"


async def test_before_the_first_start_the_platform_has_no_server_to_be_mistaken_for(
    postgres_url: str, tmp_path: Path
) -> None:
    fresh = Settings.from_env({"JUDGIFY_RESPONSE_DATABASE_URL": postgres_url}, tmp_path)
    assert await same_cluster(fresh) == (False, True)
    assert await same_cluster(Settings.from_env({}, tmp_path)) == (False, False)


def test_doctor_tells_of_clocks_that_differ() -> None:
    def line(value: str) -> str:
        return f"# HELP x\njudgify_response_database_clock_ahead_seconds {value}\n"

    assert engine_database.clocks(None) == engine_database.clocks(line("NaN")) == engine_database.clocks("x 1\n") == []
    [near] = engine_database.clocks(line("-0.25"))
    assert near["level"] == "ok"
    assert "-0.250 s" in near["text"]
    [far] = engine_database.clocks(line("3.5e+00"))
    assert far["level"] == "warning"
    assert far["mend"]
