"""A real supervisor process with real units: what it promises over its socket, and what survives which death."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.supervised import CLOCK, Home, alive, supervised, until

from judgify.kit.errors import Conflict, Invalid, Unavailable
from judgify.kit.supervisor_launch import launch

pytestmark = pytest.mark.enable_socket  # the guard against other hosts refuses Unix sockets, too


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    async with supervised() as one:
        yield one


NOTICED_S = 2.0
"""An exit is seen at once; the rest is for a machine that is busy with other tests."""


async def state_is(home: Home, state: str, name: str = "web") -> bool:
    return (await home.client.unit(name)).state == state


async def test_a_unit_starts_is_healthy_and_stops(home: Home) -> None:
    await home.define()
    assert (await home.client.unit("web")).state == "stopped"
    change = await home.client.start("web", reason="test", wait_s=15)
    assert (change.changed, change.healthy, change.unit.state) == (True, True, "running")
    assert change.unit.revisions[0].healthy_at is not None
    pid = change.unit.pid
    assert pid is not None
    assert os.getsid(pid) == pid
    again = await home.client.start("web", reason="test", wait_s=15)
    assert (again.changed, again.unit.pid) == (False, pid)
    used = await home.client.resources("web")
    assert used.rss_bytes > 1024**2
    stopped = await home.client.stop("web", reason="test")
    assert (stopped.changed, stopped.unit.state, stopped.unit.healthy) == (True, "stopped", None)
    assert not alive(pid)
    assert (await home.client.stop("web", reason="test")).changed is False
    assert await home.kinds() == ["defined", "started", "healthy", "stopped"]
    with pytest.raises(Conflict):
        await home.client.resources("web")


async def test_a_killed_unit_is_noticed_at_once_and_left_to_the_engine(home: Home) -> None:
    pid = (await home.started()).unit.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert await until(lambda: state_is(home, "exited")) < NOTICED_S
    unit = await home.client.unit("web")
    assert unit.instances[0].exit_code == -signal.SIGKILL
    assert unit.healthy is False
    event = (await home.client.events(after=-1, limit=1))[0]
    assert (event.kind, event.detail["signal"]) == ("exited", "SIGKILL")
    await CLOCK.sleep(0.5)  # long enough for a restart by itself to show, were there one
    assert (await home.client.unit("web")).restarts == 0
    assert (await home.client.start("web", reason="runbook", wait_s=15)).healthy is True


async def test_the_engine_alone_is_restarted_within_two_seconds(home: Home) -> None:
    pid = (await home.started("response", autorestart=True)).unit.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    async def back() -> bool:
        unit = await home.client.unit("response")
        return unit.pid not in {None, pid} and unit.healthy is True

    await until(back)
    times = {event.kind: event.time for event in await home.client.events() if event.unit == "response"}
    assert 0 <= (times["restarted"] - times["exited"]).total_seconds() < 2
    unit = await home.client.unit("response")
    assert (unit.restarts, unit.revision) == (1, 1)
    assert "restarted" in await home.kinds("response")
    await home.client.stop("response", reason="test")
    assert unit.pid is not None
    assert not alive(unit.pid)


async def test_a_crash_loop_does_not_keep_a_caller_waiting_and_never_gives_up(home: Home) -> None:
    await home.define("response", autorestart=True, env={"CRASH": "3"})
    change = await home.client.start("response", reason="test", wait_s=60)
    assert change.healthy is False
    # Mended, it is taken up by the restarts that go on by themselves or by the definition, whichever is first.
    await home.define("response", release="1.1", autorestart=True)

    async def well() -> bool:
        return (await home.client.unit("response")).healthy is True

    await until(well)


async def test_units_outlive_the_supervisor_and_are_found_again(home: Home) -> None:
    pid = (await home.started()).unit.pid
    assert pid is not None
    before = await home.client.events()
    home.kill_supervisor()
    assert await home.client.alive() is False
    with pytest.raises(Unavailable, match="does not answer"):
        await home.client.units()
    assert (await home.answer())["pid"] == pid
    await home.open()
    unit = await home.client.unit("web")
    assert (unit.pid, unit.desired, unit.state) == (pid, "running", "running")
    after = await home.client.events()
    assert after[: len(before)] == before
    assert after[len(before)].kind == "adopted"
    assert [event.id for event in after] == list(range(1, len(after) + 1))
    os.kill(pid, signal.SIGKILL)
    assert await until(lambda: state_is(home, "exited")) < NOTICED_S
    instance = (await home.client.unit("web")).instances[0]
    assert instance.exited_at is not None
    assert instance.exit_code is None


async def test_an_adopted_unit_stops(home: Home) -> None:
    pid = (await home.started()).unit.pid
    assert pid is not None
    home.kill_supervisor()
    await home.open()
    await home.client.stop("web", reason="test")
    assert not alive(pid)


async def test_a_unit_that_died_while_nobody_looked_is_reported(home: Home) -> None:
    pid = (await home.started()).unit.pid
    assert pid is not None
    home.kill_supervisor()
    os.kill(pid, signal.SIGKILL)
    await home.open()
    assert await state_is(home, "exited")
    assert (await home.client.events(after=-1, limit=1))[0].reason == "ended while no supervisor ran"


async def test_a_process_whose_id_was_never_written_down_is_found_by_its_mark(home: Home) -> None:
    pid = (await home.started()).unit.pid
    home.kill_supervisor()
    path = home.path / "supervisor" / "units" / "web.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["processes"] = []
    path.write_text(json.dumps(record), encoding="utf-8")
    await home.open()
    assert (await home.client.unit("web")).pid == pid


async def test_a_reused_process_id_is_not_taken_for_the_unit(home: Home) -> None:
    pid = (await home.started()).unit.pid
    assert pid is not None
    home.kill_supervisor()
    os.kill(pid, signal.SIGKILL)
    path = home.path / "supervisor" / "units" / "web.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["processes"][0]["pid"] = os.getpid()  # somebody else has that id now: this test
    path.write_text(json.dumps(record), encoding="utf-8")
    await home.open()
    assert await state_is(home, "exited")


async def test_a_broken_unit_file_is_set_aside_and_the_rest_goes_on(home: Home) -> None:
    await home.started()
    home.kill_supervisor()
    (home.path / "supervisor" / "units" / "other.json").write_text("{torn", encoding="utf-8")
    with (home.path / "supervisor" / "events.jsonl").open("a", encoding="utf-8") as events:
        events.write('{"id": 99, "torn')
    await home.open()
    assert [unit.name for unit in await home.client.units()] == ["web"]
    assert (home.path / "supervisor" / "units" / "other.broken").exists()
    assert 99 not in [event.id for event in await home.client.events()]


async def test_restart_then_rollback_yields_the_older_release(home: Home) -> None:
    await home.started(release="1.0")
    await home.define(release="2.0")
    assert (await home.answer())["release"] == "2.0"
    restarted = await home.client.restart("web", reason="hung", wait_s=15)
    assert (restarted.unit.release, restarted.unit.revision) == ("2.0", 3)
    back = await home.client.rollback("web", reason="bad release", wait_s=15)
    assert (back.healthy, back.unit.release, back.previous["from_release"]) == (True, "1.0", "2.0")
    assert (await home.answer())["release"] == "1.0"
    assert "rolled-back" in await home.kinds()


async def test_a_rollback_without_an_earlier_healthy_release_changes_nothing(home: Home) -> None:
    pid = (await home.started()).unit.pid
    with pytest.raises(Conflict, match="cannot be rolled back"):
        await home.client.rollback("web", reason="test")
    assert (await home.client.unit("web")).pid == pid


async def test_a_bad_release_fails_shows_its_last_words_and_is_rolled_back(home: Home) -> None:
    await home.started()
    await home.define(release="2.0", env={"CRASH": "7"})
    unit = await home.client.unit("web")
    assert (unit.state, unit.detail) == ("failed", "ended before it was healthy (exit code 7)")
    assert "cannot go on" in await home.client.logs("web", lines=5)
    assert (await home.client.rollback("web", reason="bad", wait_s=15)).healthy is True


async def test_a_variable_is_set_survives_a_rollback_and_is_undone(home: Home) -> None:
    await home.started()
    await home.define(release="2.0")
    change = await home.client.set_env("web", to_set={"FEATURE": "off"}, reason="emergency", wait_s=15)
    assert change.healthy is True
    assert (await home.answer())["env"]["FEATURE"] == "off"
    await home.client.rollback("web", reason="bad", wait_s=15)
    answer = await home.answer()
    assert (answer["release"], answer["env"]["FEATURE"]) == ("1.0", "off")
    undo = change.previous
    await home.client.set_env("web", to_set=undo["set"], to_unset=undo["unset"], reason="over", wait_s=15)
    assert "FEATURE" not in (await home.answer())["env"]


async def test_secrets_are_masked_wherever_a_unit_is_shown(home: Home) -> None:
    canary = "canary-9f2c81"
    await home.started(env={"API_KEY": canary, "PLAIN": "seen"})
    shown = json.dumps([unit.model_dump(mode="json") for unit in await home.client.units()])
    assert canary not in shown
    assert "seen" in shown
    assert canary not in (home.path / "logs" / "supervisor.log").read_text(encoding="utf-8")


async def test_a_unit_runs_several_times_on_one_port(home: Home) -> None:
    first = (await home.started(scalable=True)).unit.pid
    change = await home.client.scale("web", 3, reason="load", wait_s=15)
    pids = {instance.pid for instance in change.unit.instances if instance.exited_at is None}
    assert len(pids) == 3
    assert first in pids

    async def all_answer() -> bool:
        seen.add((await home.answer())["pid"])
        return seen == pids

    seen: set[int] = set()
    await until(all_answer)
    back = await home.client.scale("web", change.previous["replicas"], reason="over")
    assert [instance.pid for instance in back.unit.instances if instance.exited_at is None] == [first]
    assert (await home.client.scale("web", 1, reason="again")).changed is False
    for replicas in (0, 17):
        with pytest.raises(Invalid):
            await home.client.scale("web", replicas, reason="test")


async def test_what_cannot_share_its_port_refuses_to_be_scaled(home: Home) -> None:
    await home.started()
    with pytest.raises(Conflict, match="more than once"):
        await home.client.scale("web", 2, reason="test")


@pytest.mark.guide("G14")
async def test_a_unit_above_its_memory_limit_is_killed_and_says_why(home: Home) -> None:
    await home.started(env={"EAT_MIB": "200"})
    await home.client.set_limits("web", memory_bytes=100 * 1024**2, cpu_millis=500, reason="test")
    assert (await home.client.unit("web")).state == "running"
    with contextlib.suppress(OSError):  # it may be killed before it answers
        await home.answer(path="/eat")
    await until(lambda: state_is(home, "exited"))
    event = (await home.client.events(after=-1, limit=1))[0]
    assert event.detail["reason"].startswith("out of memory (limit): ")
    assert event.detail["rss_bytes"] > event.detail["limit_bytes"] == 100 * 1024**2


async def test_limits_are_changed_one_by_one_and_lifted(home: Home) -> None:
    pid = (await home.started()).unit.pid
    assert pid is not None
    await home.client.set_limits("web", cpu_millis=900, reason="test")
    assert len(os.sched_getaffinity(pid)) == 1
    change = await home.client.set_limits("web", memory_bytes=10**9, reason="test")
    assert (change.unit.limits.cpu_millis, change.unit.limits.memory_bytes) == (900, 10**9)
    await home.client.set_limits("web", cpu_millis=None, memory_bytes=None, reason="over")
    assert os.sched_getaffinity(pid) == os.sched_getaffinity(0)


async def test_a_unit_that_ignores_its_signal_is_killed_with_its_group(home: Home) -> None:
    pid = (await home.started(env={"STUBBORN": "1"}, stop_timeout_s=0.5)).unit.pid
    assert pid is not None
    await home.client.stop("web", reason="test")
    assert not alive(pid)


@pytest.mark.guide("G12")
async def test_what_hangs_is_not_waited_for_in_an_incident(home: Home, tmp_path: Path) -> None:
    """A service that does not answer gets the short grace; one that passes its probes keeps its whole stop timeout."""
    flag = tmp_path / "ready"
    flag.touch()
    env = {"STUBBORN": "1", "READY_AFTER": str(flag)}
    await home.started(env=env, stop_timeout_s=1.5)
    began = CLOCK.monotonic()
    well = await home.client.restart("web", reason="test", wait_s=10, grace_s=0.2)
    assert CLOCK.monotonic() - began >= 1.5
    assert well.healthy is True
    await home.define(env=env, stop_timeout_s=60)
    flag.unlink()
    began = CLOCK.monotonic()
    pid = (await home.client.unit("web")).pid
    hung = await home.client.restart("web", reason="test", grace_s=0.2)
    assert CLOCK.monotonic() - began < 10
    assert hung.unit.pid not in {None, pid}
    # So that the end of this test need not wait for a minute.
    assert hung.unit.pid is not None
    os.kill(hung.unit.pid, signal.SIGKILL)
    await until(lambda: state_is(home, "failed"))


async def test_a_definition_is_read_back_as_it_was_given(home: Home) -> None:
    given = await home.define(env={"API_KEY": "not-masked-here"}, stop_timeout_s=7)
    assert await home.client.spec("web") == given


async def test_a_program_that_is_not_there_is_said_so(home: Home) -> None:
    await home.define(command=["/nonexistent/program"])
    with pytest.raises(Unavailable, match=r"could not be started.*/nonexistent/program"):
        await home.client.start("web", reason="test", wait_s=5)
    assert (await home.client.unit("web")).state == "failed"
    await home.client.stop("web", reason="test")
    assert (await home.client.unit("web")).state == "stopped"


async def test_a_port_taken_by_a_stranger_names_the_stranger(home: Home) -> None:
    spec = await home.define()
    assert spec.port is not None
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", spec.port))
        stranger.listen()
        with pytest.raises(Unavailable, match=rf"port {spec.port} is taken by process {os.getpid()}"):
            await home.client.start("web", reason="test", wait_s=5)


async def test_readiness_decides_about_health(home: Home, tmp_path: Path) -> None:
    gate = tmp_path / "ready"
    await home.define(env={"READY_AFTER": str(gate)}, start_timeout_s=1)
    change = await home.client.start("web", reason="test", wait_s=0.3)
    assert (change.healthy, change.unit.state) == (False, "starting")
    assert change.unit.revisions[0].healthy_at is None
    gate.touch()

    async def well() -> bool:
        return (await home.client.unit("web")).healthy is True

    await until(well)
    assert (await home.client.unit("web")).revisions[0].healthy_at is not None
    gate.unlink()

    async def unwell() -> bool:
        return (await home.client.unit("web")).healthy is False

    await until(unwell)
    assert (await home.client.unit("web")).state == "running"
    assert (await home.kinds())[-1] == "unhealthy"


async def test_the_same_operation_id_acts_once(home: Home) -> None:
    await home.started()
    answers = await asyncio.gather(
        *(home.client.restart("web", reason="test", wait_s=15, operation_id="op-1") for _ in range(3))
    )
    assert len({answer.model_dump_json() for answer in answers}) == 1
    home.kill_supervisor()
    await home.open()
    again = await home.client.restart("web", reason="test", wait_s=15, operation_id="op-1")
    assert again == answers[0]
    assert (await home.kinds()).count("restarted") == 1
    other = await home.client.restart("web", reason="test", wait_s=15, operation_id="op-2")
    assert other.unit.revision == 3


async def test_a_failed_operation_may_be_tried_again_under_its_id(home: Home) -> None:
    await home.define(command=["/nonexistent/program"])
    for _ in range(2):
        with pytest.raises(Unavailable):
            await home.client.start("web", reason="test", operation_id="op-1")
    await home.define()
    assert (await home.client.start("web", reason="test", wait_s=15, operation_id="op-1")).healthy is True


async def test_opposite_operations_at_once_leave_the_unit_in_one_piece(home: Home) -> None:
    await home.started()
    orders = [
        home.client.restart("web", reason="a"),
        home.client.stop("web", reason="b"),
        home.client.start("web", reason="c"),
        home.client.restart("web", reason="d"),
    ]
    await asyncio.gather(*orders)
    unit = await home.client.unit("web")
    living = [instance for instance in unit.instances if instance.exited_at is None]
    assert len(living) == (1 if unit.desired == "running" else 0)


async def test_the_traffic_switch_is_a_file_and_survives_the_supervisor(home: Home) -> None:
    assert (await home.client.traffic()).blocked is False
    blocked = await home.client.set_traffic(blocked=True, retry_after_s=60, reason="database corrupt")
    path = home.path / "run" / "traffic.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["blocked"] is True
    assert (document["retry_after_s"], document["by"], document["reason"]) == (60, "test", "database corrupt")
    home.kill_supervisor()
    await home.open()
    assert (await home.client.traffic()) == blocked
    assert (await home.client.set_traffic(blocked=True, reason="still")).since == blocked.since
    await home.client.set_traffic(blocked=False, reason="over")
    assert await home.kinds("gateway") == ["traffic-blocked", "traffic-unblocked"]


async def test_events_can_be_waited_for(home: Home) -> None:
    await home.define()
    last = (await home.client.events(after=-1, limit=1))[0].id
    assert await home.client.events(after=last, wait_s=0.1) == []
    waiting = asyncio.ensure_future(home.client.events(after=last, wait_s=20))
    await asyncio.sleep(0)
    await home.client.start("web", reason="test")
    assert (await waiting)[0].kind == "started"


async def test_one_supervisor_for_each_home(home: Home) -> None:
    second = launch(home.path, home.environ)
    assert await asyncio.to_thread(second.wait, 20) == 1
    assert await home.client.alive() is True


async def test_a_shutdown_leaves_nothing_or_leaves_the_units(home: Home) -> None:
    pid = (await home.started()).unit.pid
    assert pid is not None
    assert home.process is not None
    await home.client.shutdown(units=False)
    assert await asyncio.to_thread(home.process.wait, 10) == 0
    assert alive(pid)
    await home.open()
    done = await home.client.shutdown()
    assert done.done == ("web",)
    assert await asyncio.to_thread(home.process.wait, 10) == 0
    assert not alive(pid)
    with pytest.raises(Unavailable, match="no supervisor runs"):
        await home.client.units()
