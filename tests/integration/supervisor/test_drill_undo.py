"""What a drill changed is put back from its journal on the disk, by whoever comes: the drill, its guard, the next."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from tests.support.supervised import CLOCK, Home, alive, supervised

from judgify.drill.undo import Undo
from judgify.kit.client import ServiceClient

pytestmark = pytest.mark.enable_socket  # the guard against other hosts refuses Unix sockets, too


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    async with supervised() as one:
        yield one


async def test_everything_is_put_back_by_another_process_than_changed_it(home: Home) -> None:
    spec = await home.define(env={"KEPT": "1"})
    await home.client.start("web", reason="test", wait_s=15)
    program = await asyncio.to_thread(subprocess.Popen, [sys.executable, "-c", "import time; time.sleep(600)"])
    made = home.path / "made"
    undo = Undo(home.path)
    undo.environment("web", ["ADDED", "KEPT"], (await home.client.unit("web")).env)
    await home.client.set_env("web", to_set={"ADDED": "x", "KEPT": "2"}, reason="drill", wait_s=15)
    undo.limits("web", None)
    await home.client.set_limits("web", memory_bytes=10**9, reason="drill")
    undo.definition(spec, "bad")
    await home.client.define(spec.model_copy(update={"release": "bad"}), reason="drill", restart=True, wait_s=15)
    undo.process(program.pid)
    undo.file(made)
    made.touch()
    async with ServiceClient("http://127.0.0.1:9", clock=CLOCK) as gateway:
        assert await Undo(home.path).run(home.client, gateway) == []
        after = await home.client.unit("web")
        assert (after.release, after.env, after.limits.memory_bytes) == ("1.0", {"KEPT": "1"}, None)
        assert after.healthy is True
        assert await home.client.spec("web") == spec
        assert [known.release for known in after.revisions if known.withdrawn_at is not None] == ["bad"]
        assert not alive(program.pid)
        assert not made.exists()
        assert not undo.path.exists()
        assert await Undo(home.path).run(home.client, gateway) == []
    program.wait()


async def test_what_cannot_be_put_back_is_said_and_stays_in_the_journal(home: Home) -> None:
    await home.define()
    undo = Undo(home.path)
    undo.account("drill-person")
    undo.limits("gone", None)
    async with ServiceClient("http://127.0.0.1:9", clock=CLOCK, token="test") as gateway:
        faults = await undo.run(home.client, gateway)
    assert len(faults) == 1
    assert "account of drill-person" in faults[0]
    assert [entry["do"] for entry in Undo(home.path).entries] == ["account"]
