"""The supervisor's parts, each against the real thing: files, sockets, processes."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.stores import free_base, free_port
from tests.support.supervised import new_home, until

from judgify.kit.clock import FakeClock, SystemClock
from judgify.kit.errors import Unavailable
from judgify.kit.settings import Settings
from judgify.kit.supervisor_launch import MARK
from judgify.kit.supervisor_types import ProbeSpec, UnitSpec
from judgify.supervisor import logfile, model, platform_units, preflight, process, store, sweep
from judgify.supervisor.fleet import Supervisor
from judgify.supervisor.journal import Journal
from judgify.supervisor.preparation import StorePreparation
from judgify.supervisor.probe import passes

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert logfile.tail(path, 3) == []
    path.write_text("".join(f"line {number} 한글\n" for number in range(20_000)), encoding="utf-8")
    assert logfile.tail(path, 2) == ["line 19998 한글", "line 19999 한글"]
    assert len(logfile.tail(path, 15_000)) == 15_000
    with path.open("ab") as file:
        file.write(b"torn \xff end")
    assert logfile.tail(path, 1) == ["torn � end"]


def test_the_older_part_of_a_grown_log_is_freed_while_its_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert logfile.rotate(path, 10) is False
    lines = b"".join(b"line %06d\n" % number for number in range(100_000))
    with path.open("ab") as writer:
        writer.write(lines)
        writer.flush()
        assert logfile.rotate(path, len(lines)) is False
        assert logfile.rotate(path, 100_000) is True
        assert logfile.rotate(path, 100_000) is False, "freed already"
        writer.write(b"after\n")
    kept = path.read_bytes()
    assert len(kept) == len(lines) + 6
    assert kept[:4096] == lines[:4096]
    assert kept[-100_006:] == lines[-100_000:] + b"after\n"
    assert path.stat().st_blocks * 512 < 130_000
    assert logfile.tail(path, 2) == ["line 099999", "after"]


def test_where_files_have_no_holes_a_grown_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "_free", lambda *_: False)
    path = tmp_path / "a.log"
    with path.open("ab") as writer:
        writer.write(b"x" * 20_000)
        writer.flush()
        assert logfile.rotate(path, 5_000) is True
        writer.write(b"after")
    assert path.read_bytes() == b"after"
    assert (tmp_path / "a.log.1").read_bytes() == b"x" * 20_000


def test_a_process_is_told_from_a_later_one_and_a_zombie_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as child:
        known = process.identity(child.pid)
        assert known is not None
        assert process.alive(child.pid, known)
        assert not process.alive(child.pid, known + "0")
        assert not process.alive(os.getpid(), known)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has collected it
        assert process.identity(child.pid) is None
    assert process.identity(child.pid) is None


def test_who_holds_a_port() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert process.holder(port) is None  # bound, but nobody listens
        listener.listen()
        words = process.holder(port)
        assert words is not None
        assert words.startswith(f"process {os.getpid()} (")
        assert process.holder_pid(port) == os.getpid()
        assert not process.can_bind(port)
    assert process.can_bind(port)


async def test_an_adopted_process_that_has_gone_is_reported() -> None:
    ended: list[int | None] = []
    child = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", "")
    await child.wait()
    handle = process.Handle(child.pid, "boot:0", None, ended.append)
    await asyncio.wait_for(handle.exited.wait(), 5)
    assert ended == [None]
    recycled = process.Handle(os.getpid(), "boot:0", None, ended.append)
    await asyncio.wait_for(recycled.exited.wait(), 5)
    assert ended == [None, None]
    assert list(recycled.tree()) == []


@asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(reply)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    ("kind", "reply", "good"),
    [
        ("http", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", True),
        ("http", b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False),
        ("http", b"HTTP/1.1 302 Found\r\n\r\n", False),
        ("http", b"SSH-2.0-OpenSSH\r\n", False),
        ("http", b"", False),
        ("redis", b"+PONG\r\n", True),
        ("redis", b"-NOAUTH Authentication required.\r\n", True),
        ("redis", b"-LOADING Redis is loading the dataset in memory\r\n", False),
        ("postgres", b"R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0", True),
        ("postgres", b"E\0\0\0\x10SFATAL\0C57P03\0", False),
        ("postgres", b"", False),
        ("tcp", b"", True),
    ],
)
async def test_what_counts_as_working(kind: str, reply: bytes, good: bool) -> None:  # noqa: FBT001 - a case's column
    async with answering(reply) as port:
        url = f"http://127.0.0.1:{port}"
        spec = {"kind": kind, "port": port}
        if kind == "http":
            spec |= {"live_url": f"{url}/live", "ready_url": f"{url}/ready"}
        assert await passes(ProbeSpec.model_validate(spec)) is good


async def test_nobody_there_no_answer_and_no_probe() -> None:
    assert await passes(ProbeSpec(kind="tcp", port=free_port())) is False
    assert await passes(ProbeSpec()) is None
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        assert await passes(ProbeSpec(kind="redis", port=port, timeout_s=0.1)) is False


def test_events_are_bounded_and_never_numbered_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("judgify.supervisor.journal.MAX_EVENTS", 10)
    journal = Journal(store.DiskState(tmp_path), FakeClock(NOW))
    for _ in range(11):
        journal.add("web", "started", "test", "x", reason="a detail may have this name, too")
    again = Journal(store.DiskState(tmp_path), FakeClock(NOW))
    assert [event.id for event in again.after(0, 100)] == [7, 8, 9, 10, 11]
    assert again.add("web", "stopped", "test", "x").id == 12
    assert [event.id for event in again.after(-1, 2)] == [11, 12]
    assert [event.id for event in again.after(9, 1)] == [10]


def test_an_event_is_told_even_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = store.DiskState(tmp_path)

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "append_event", full)
    assert Journal(disk, FakeClock(NOW)).add("web", "exited", "test", "x").id == 1


def test_unreadable_switch_and_answers_count_as_none(tmp_path: Path) -> None:
    disk = store.DiskState(tmp_path)
    (disk.run / "traffic.json").write_text("{torn", encoding="utf-8")
    (disk.folder / "operations.json").write_text("[]", encoding="utf-8")
    assert disk.load_traffic().blocked is False
    assert disk.load_operations() == {}
    (disk.folder / "operations.json").write_text("{torn", encoding="utf-8")
    assert disk.load_operations() == {}


def test_only_so_many_answers_are_kept(tmp_path: Path) -> None:
    disk = store.DiskState(tmp_path)
    disk.save_operations({f"op-{number}": number for number in range(store.MAX_OPERATIONS + 5)})
    kept = disk.load_operations()
    assert len(kept) == store.MAX_OPERATIONS
    assert f"op-{store.MAX_OPERATIONS + 4}" in kept


def settings(home: Path, **environ: str) -> Settings:
    return Settings.from_env({"JUDGIFY_PORT_BASE": str(free_base()), **environ}, home)


def test_the_shipped_units_fit_together(tmp_path: Path) -> None:
    known = settings(tmp_path)
    units = platform_units.platform_units(known, StorePreparation(tmp_path))
    names = [unit.name for unit in units]
    assert names[:2] == ["postgres", "redis"]
    assert names[-1] == "response"
    assert len(set(names)) == len(units) == 10
    assert len({unit.port for unit in units}) == 10
    assert [unit.name for unit in units if unit.autorestart] == ["response"]
    assert model.order(unit for unit in units if unit.kind != "engine")[0] == ["postgres", "redis"]
    secret = (tmp_path / "secrets").exists()
    assert not secret  # describing the units makes nothing


@pytest.mark.parametrize(
    ("environ", "absent"),
    [
        ({"DATABASE_URL": "postgresql://elsewhere/x"}, {"postgres"}),
        ({"REDIS_URL": "redis://elsewhere"}, {"redis"}),
        ({"REDIS_ENABLED": "false"}, {"redis"}),
        ({"JUDGIFY_UNITS": "none"}, {"postgres", "redis", "gateway", "response"}),
        ({"JUDGIFY_UNITS": "redis, gateway"}, {"postgres", "response"}),
    ],
)
def test_stores_given_by_address_or_left_out_are_not_ours(
    tmp_path: Path, environ: dict[str, str], absent: set[str]
) -> None:
    units = platform_units.platform_units(settings(tmp_path, **environ), StorePreparation(tmp_path))
    names = {unit.name for unit in units}
    assert not names & absent
    assert all(set(unit.depends_on) <= names | {"postgres", "redis"} for unit in units)


def levels(found: list[preflight.Finding]) -> dict[str, str]:
    return {finding.check: finding.level for finding in found}


def test_a_fresh_home_may_start() -> None:
    home = new_home()
    assert set(levels(preflight.look(settings(home))).values()) == {"ok"}
    home.rmdir()


def test_a_taken_port_is_named_with_its_process_and_the_way_out(tmp_path: Path) -> None:
    known = settings(tmp_path)
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", known.ports.of("workflow")))
        stranger.listen()
        found = [finding for finding in preflight.look(known) if finding.check == "port"]
    assert len(found) == 1
    assert found[0].level == "error"
    assert f"(workflow) is taken by process {os.getpid()}" in found[0].text
    assert "judgify up --port workflow=N" in found[0].mend


def test_two_parts_on_one_port_are_refused(tmp_path: Path) -> None:
    known = settings(tmp_path, JUDGIFY_PORT_ACTION="18999", JUDGIFY_PORT_DASHBOARD="18999")
    assert any("both want port 18999" in finding.text for finding in preflight.look(known))


@pytest.mark.parametrize(
    ("free", "level"), [(preflight.DISK_ERROR - 1, "error"), (preflight.DISK_WARNING - 1, "warning"), (10**12, "ok")]
)
def test_disk_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - what shutil itself gives
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**12, 0, free))
    assert levels(preflight.look(settings(tmp_path / "not" / "yet" / "there")))["disk"] == level


def test_secrets_that_others_may_read_are_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    (folder / "jwt_secret").write_text("x", encoding="utf-8")
    (folder / "jwt_secret").chmod(0o644)
    assert levels(preflight.look(settings(tmp_path)))["secrets"] == "error"
    (folder / "jwt_secret").chmod(0o600)
    assert levels(preflight.look(settings(tmp_path)))["secrets"] == "ok"


def test_a_home_too_long_for_a_socket_is_an_error(tmp_path: Path) -> None:
    assert levels(preflight.look(settings(tmp_path / ("x" * 100))))["home"] == "error"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs its stores as another account")
def test_as_root_a_home_that_others_cannot_enter_is_an_error() -> None:
    closed = new_home()
    closed.chmod(0o700)
    assert levels(preflight.look(settings(closed / "inside")))["user"] == "error"
    (closed / "inside").mkdir()
    with pytest.raises(Unavailable, match="may not enter"):
        StorePreparation(closed / "inside")._pass_through(65534)
    (closed / "inside").rmdir()
    closed.rmdir()


def test_without_its_packages_a_store_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("judgify.supervisor.preparation.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    found = preflight.look(settings(tmp_path))
    assert levels(found)["postgres"] == levels(found)["redis"] == "error"
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/redis-server" if name == "redis-server" else None)
    assert StorePreparation(tmp_path).redis_program(None) == Path("/usr/bin/redis-server")


def test_preflight_is_a_program(tmp_path: Path) -> None:
    environ = {**os.environ, "JUDGIFY_HOME": str(tmp_path), "JUDGIFY_PORT_BASE": "nonsense"}
    done = subprocess.run(
        [sys.executable, "-m", "judgify.supervisor.preflight"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "JUDGIFY_PORT_BASE" in json.loads(done.stdout)[0]["text"]


def test_a_sweep_ends_what_a_dead_supervisor_left(tmp_path: Path) -> None:
    assert sweep.left_over(tmp_path / "nothing") == {}
    disk = store.DiskState(tmp_path)
    spec = UnitSpec(name="web", command=("x",), release="1")
    record = model.define(spec, NOW, "test", "x")
    stubborn = "import signal,sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    child = subprocess.Popen([sys.executable, "-S", "-c", stubborn], stdout=subprocess.PIPE)
    marked = subprocess.Popen(
        [sys.executable, "-S", "-c", "import signal; print(flush=True); signal.pause()"],
        env={MARK: f"{tmp_path}:other:0"},
        stdout=subprocess.PIPE,
    )
    for one in (child, marked):
        assert one.stdout is not None
        one.stdout.readline()
    known = process.identity(child.pid)
    assert known is not None
    record.processes = [
        model.Process(index=0, pid=child.pid, identity=known, revision=1, started_at=NOW, log="x"),
        model.Process(index=1, pid=os.getpid(), identity="boot:0", revision=1, started_at=NOW, log="x"),
    ]
    disk.save_unit(record)
    assert sweep.left_over(tmp_path) == {child.pid: "web", marked.pid: "other"}
    sweep._GRACE_S, before = 0.3, sweep._GRACE_S
    try:
        assert sweep.end(tmp_path) == {}
    finally:
        sweep._GRACE_S = before
    for one in (child, marked):
        one.wait(5)
        assert one.stdout is not None
        one.stdout.close()


async def test_time_runs_while_waiting_for_an_event(tmp_path: Path) -> None:
    journal = Journal(store.DiskState(tmp_path), SystemClock())
    assert await journal.wait_after(0, 10, 0) == []
    waiting = asyncio.ensure_future(journal.wait_after(0, 10, 10))
    await asyncio.sleep(0)
    journal.add("web", "started", "test", "x")
    assert [event.id for event in await waiting] == [1]


async def test_a_full_disk_neither_stops_a_start_nor_the_engines_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    disk = store.DiskState(tmp_path)
    supervisor = Supervisor(disk, SystemClock())
    program = (sys.executable, "-S", "-c", "import time; time.sleep(600)")
    spec = UnitSpec(name="response", command=program, release="1", autorestart=True)
    supervisor.open([spec])
    for name in ("save_unit", "append_event", "save_operations", "save_traffic"):
        monkeypatch.setattr(disk, name, full)
    try:

        async def start() -> object:
            return (await supervisor.start("response", "test", "x", 5)).model_dump()

        await supervisor.once("op-1", start)
        first = supervisor.unit("response").pid
        assert first is not None
        os.kill(first, signal.SIGKILL)

        async def back() -> bool:
            return supervisor.unit("response").pid not in {None, first}

        assert await until(back) < 5
        with pytest.raises(Unavailable, match="No space left"):
            supervisor.set_traffic(blocked=True, retry_after_s=1, by="test", reason="x")
    finally:
        await supervisor.stop_all("test", "x")
        supervisor.close()
