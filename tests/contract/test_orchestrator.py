"""One suite for every orchestrator: in memory, and the real supervisor with real processes."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import psutil
import pytest
from tests.support.supervised import CLOCK, Home, alive, supervised, until

from judgify.kit.errors import Conflict, Invalid, NotFound, Unavailable
from judgify.kit.settings import Settings
from judgify.kit.supervisor_types import Unit
from judgify.response.orchestrators.local import LocalOrchestrator
from judgify.response.orchestrators.memory import MemoryOrchestrator
from judgify.response.ports import Orchestrator

pytestmark = pytest.mark.enable_socket  # the guard against other hosts refuses Unix sockets, too


@dataclass
class World:
    """An orchestrator with one running unit `web` of release v1, and what a test may do behind its back."""

    orchestrator: Orchestrator
    release: Callable[[str], Awaitable[None]]
    die: Callable[[], Awaitable[None]]
    kill: Callable[[], None]


async def _memory(_: AsyncExitStack) -> World:
    orchestrator = MemoryOrchestrator(CLOCK)
    orchestrator.define("web", "v1")
    orchestrator.say("web", "one line")

    async def release(name: str) -> None:
        orchestrator.release("web", name)

    async def die() -> None:
        orchestrator.fail("web")

    def kill() -> None:
        orchestrator.dead = True

    return World(orchestrator, release, die, kill)


async def _local(stack: AsyncExitStack) -> World:
    home: Home = await stack.enter_async_context(supervised())
    await home.started("web", release="v1", scalable=True)
    settings = Settings.from_env({**home.environ})
    orchestrator = await stack.enter_async_context(LocalOrchestrator(settings, CLOCK, environ=home.environ))

    async def release(name: str) -> None:
        await home.define("web", name, scalable=True)
        await home.client.start("web", reason="test", wait_s=15)

    async def die() -> None:
        pid = (await home.client.unit("web")).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        async def gone() -> bool:
            return (await home.client.unit("web")).state == "exited"

        await until(gone)

    return World(orchestrator, release, die, home.kill_supervisor)


@pytest.fixture(params=[_memory, _local], ids=["memory", "local"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await request.param(stack)


def tag(number: int, reason: str = "test") -> dict[str, str]:
    return {"by": "engine", "reason": reason, "operation_id": f"op_contract_{number}"}


async def healthy(world: World) -> Unit:
    async def well() -> bool:
        return (await world.orchestrator.unit("web")).healthy is True

    await until(well, 20)
    return await world.orchestrator.unit("web")


async def test_the_same_operation_id_acts_once(world: World) -> None:
    first = await world.orchestrator.restart("web", **tag(1))
    again = await world.orchestrator.restart("web", **tag(1))
    assert first.unit.revision == again.unit.revision
    assert (await healthy(world)).revision == first.unit.revision == 2
    assert (await world.orchestrator.restart("web", **tag(2))).unit.revision == 3


async def test_starting_a_running_unit_changes_nothing_and_a_dead_one_comes_back(world: World) -> None:
    assert (await world.orchestrator.start("web", **tag(1))).changed is False
    await world.die()
    dead = await world.orchestrator.unit("web")
    assert (dead.state, dead.desired) == ("exited", "running")
    assert (await world.orchestrator.start("web", **tag(2))).changed is True
    assert (await healthy(world)).state == "running"


async def test_a_stopped_unit_says_that_it_was_asked_to(world: World) -> None:
    await world.orchestrator.stop("web", **tag(1))
    unit = await world.orchestrator.unit("web")
    assert (unit.state, unit.desired) == ("stopped", "stopped")
    event = (await world.orchestrator.events(after=-1, limit=1))[0]
    assert (event.unit, event.kind, event.by, event.reason) == ("web", "stopped", "engine", "test")


@pytest.mark.guide("G12", "G13")
async def test_restart_and_then_roll_back_yields_the_older_release(world: World) -> None:
    await world.release("v2")
    await healthy(world)
    await world.orchestrator.restart("web", **tag(1))
    await healthy(world)
    change = await world.orchestrator.roll_back("web", **tag(2))
    assert change.unit.release == "v1"
    assert (await healthy(world)).release == "v1"


async def test_a_release_that_was_rolled_back_from_is_never_returned_to(world: World) -> None:
    await world.release("v2")
    await healthy(world)
    change = await world.orchestrator.roll_back("web", **tag(1))
    assert [(known.release, known.rollback) for known in change.unit.revisions] == [
        ("v1", False),
        ("v2", False),
        ("v1", True),
    ]
    assert [known.withdrawn_at is not None for known in change.unit.revisions] == [False, True, False]
    await healthy(world)
    with pytest.raises(Conflict, match="cannot be rolled back"):
        await world.orchestrator.roll_back("web", **tag(2))


async def test_without_another_healthy_release_there_is_nothing_to_roll_back_to(world: World) -> None:
    await world.orchestrator.restart("web", **tag(1))
    with pytest.raises(Conflict, match="cannot be rolled back"):
        await world.orchestrator.roll_back("web", **tag(2))


@pytest.mark.guide("G14")
async def test_an_emergency_variable_survives_a_rollback_and_has_its_own_undo(world: World) -> None:
    await world.release("v2")
    await healthy(world)
    change = await world.orchestrator.set_env("web", {"ENABLE_LLM_ENGINE": "false"}, **tag(1))
    assert change.previous == {"set": {}, "unset": ["ENABLE_LLM_ENGINE"]}
    await healthy(world)
    await world.orchestrator.roll_back("web", **tag(2))
    unit = await healthy(world)
    assert (unit.release, unit.env.get("ENABLE_LLM_ENGINE")) == ("v1", "false")
    await world.orchestrator.set_env("web", change.previous["set"], change.previous["unset"], **tag(3))
    assert "ENABLE_LLM_ENGINE" not in (await healthy(world)).env
    with pytest.raises(Invalid):
        await world.orchestrator.set_env("web", {}, (), **tag(4))


async def test_limits_and_replicas_tell_what_undoes_them(world: World) -> None:
    limits = await world.orchestrator.set_limits(
        "web", memory_bytes=512 * 1024 * 1024, by="engine", reason="test", operation_id="op_limits_1"
    )
    assert limits.unit.limits.memory_bytes == 512 * 1024 * 1024
    assert limits.previous["memory_bytes"] is None
    back = await world.orchestrator.set_limits("web", cpu_millis=2000, by="engine", reason="test", operation_id="op_2")
    assert back.unit.limits.memory_bytes == 512 * 1024 * 1024
    scaled = await world.orchestrator.scale("web", 1, **tag(3))
    assert (scaled.changed, scaled.previous.get("replicas", 1)) == (False, 1)


async def test_traffic_is_blocked_and_unblocked(world: World) -> None:
    assert (await world.orchestrator.traffic()).blocked is False
    blocked = await world.orchestrator.block_traffic(45, **tag(1))
    assert (blocked.blocked, blocked.retry_after_s, blocked.by) == (True, 45, "engine")
    assert (await world.orchestrator.traffic()).blocked is True
    await world.orchestrator.unblock_traffic(**tag(2))
    assert (await world.orchestrator.traffic()).blocked is False


async def test_an_unknown_unit_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await world.orchestrator.unit("nothing")
    with pytest.raises(NotFound):
        await world.orchestrator.start("nothing", **tag(1))


async def test_logs_resources_and_events_are_readable(world: World) -> None:
    lines = await world.orchestrator.logs("web", 10)
    assert all(isinstance(line, str) for line in lines)
    assert (await world.orchestrator.resources("web")).rss_bytes > 0
    assert [unit.name for unit in await world.orchestrator.units()] == ["web"]
    events = await world.orchestrator.events(after=0, limit=100)
    assert [event.id for event in events] == sorted(event.id for event in events)
    assert await world.orchestrator.events(after=events[-1].id, limit=10) == ()
    await world.die()
    news = await world.orchestrator.events(after=events[-1].id, limit=10)
    assert "exited" in [event.kind for event in news]
    with pytest.raises(Conflict):
        await world.orchestrator.resources("web")


async def test_a_dead_orchestrator_says_so_and_is_started_again(world: World) -> None:
    assert await world.orchestrator.alive() is True
    assert await world.orchestrator.revive() is True
    before = await world.orchestrator.unit("web")
    world.kill()
    assert await world.orchestrator.alive() is False
    with pytest.raises(Unavailable):
        await world.orchestrator.units()
    assert await world.orchestrator.revive() is True
    assert (await world.orchestrator.unit("web")).pid == before.pid


async def test_a_revived_supervisor_is_nobodys_child() -> None:
    async with supervised() as home:
        await home.started()
        home.kill_supervisor()
        environ = {**home.environ, "JUDGIFY_SUPERVISED": "as the engine's own environment says"}
        async with LocalOrchestrator(Settings.from_env(environ), CLOCK, environ=environ) as orchestrator:
            assert await orchestrator.revive() is True
        document = (home.path / "supervisor" / "process.json").read_text(encoding="utf-8")
        pid = int(document.split('"pid":')[1].split(",")[0])
        assert alive(pid)
        assert psutil.Process(pid).ppid() != os.getpid()
