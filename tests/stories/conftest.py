from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.response_world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World(tmp_path).up()
    yield made
    await made.down()


@pytest.fixture
async def stored_world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World(tmp_path, sqlite=True).up()
    yield made
    await made.down()
