"""Fixtures that every kind of test may ask for; a server starts only when a test asks."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.support.stores import Postgres, Valkey

_NUMBER = itertools.count()

# How long an example takes says something about the machine, not about the property. CI tries the same ones each time.
settings.register_profile(
    "judgify", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("judgify")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL for the whole run. A test that kills it starts a server of its own instead."""
    # Not under pytest's tmp_path: another account has to pass through the folders above.
    folder = Path(tempfile.mkdtemp(prefix="judgify-test-pg-"))
    folder.chmod(0o755)
    server = Postgres(folder / "server")
    try:
        yield server.create()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> str:
    """The address of an empty database, for this test alone."""
    return postgres_server.make_database(f"test_{next(_NUMBER)}")


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """One Redis-protocol server for the whole run."""
    folder = Path(tempfile.mkdtemp(prefix="judgify-test-valkey-"))
    server = Valkey(folder).start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_url(valkey_server: Valkey) -> str:
    """The address of a Redis-protocol server; other tests' keys may be in it."""
    return valkey_server.url
