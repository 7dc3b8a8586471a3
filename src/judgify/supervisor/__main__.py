"""The supervisor's process: ``python -m judgify.supervisor``. One for each home; its units outlive it."""

import asyncio
import contextlib
import fcntl
import os
import socket
import sys
from functools import partial
from pathlib import Path

import uvicorn

from judgify.kit.clock import SystemClock
from judgify.kit.errors import JudgifyError, Unavailable
from judgify.kit.files import write_atomic
from judgify.kit.log import configure, get_logger
from judgify.kit.secrets import NAMES, ensure_secret
from judgify.kit.settings import Settings
from judgify.kit.supervisor_launch import MARK
from judgify.kit.supervisor_types import UnitSpec
from judgify.supervisor.api import build
from judgify.supervisor.fleet import Supervisor
from judgify.supervisor.platform_units import platform_units
from judgify.supervisor.preflight import SOCKET_LIMIT
from judgify.supervisor.preparation import StorePreparation
from judgify.supervisor.process import identity
from judgify.supervisor.store import DiskState


def main() -> int:
    """Serve until a shutdown, SIGTERM or SIGINT. Answers 1 when another supervisor serves this home already."""
    settings = Settings.from_env()
    configure("supervisor", settings.log_level)
    log = get_logger("judgify.supervisor")
    try:
        settings.home.mkdir(mode=0o755, parents=True, exist_ok=True)
        disk = DiskState(settings.home)
        lock = _lock(disk.folder / "lock")
        listener = _listen(disk.run / "supervisor.sock")
    except (JudgifyError, OSError) as error:
        log.error("supervisor cannot start", error=str(error))  # noqa: TRY400 - the sentence says all; no trace needed
        return 1
    for name in NAMES:
        ensure_secret(settings.home, name)
    write_atomic(disk.folder / "process.json", _who_am_i())
    slow = settings.number("JUDGIFY_SLOW_QUERY_MS", StorePreparation.SLOW_QUERY_MS, lowest=-1)
    stores = StorePreparation(settings.home, slow)
    shipped = platform_units(settings, stores)
    try:
        asyncio.run(_serve(settings, disk, stores, shipped, listener))
    finally:
        with contextlib.suppress(OSError):
            (disk.run / "supervisor.sock").unlink()
        (disk.folder / "process.json").unlink(missing_ok=True)
        os.close(lock)
    return 0


async def _serve(
    settings: Settings,
    disk: DiskState,
    stores: StorePreparation,
    shipped: list[UnitSpec],
    listener: socket.socket,
) -> None:
    inherited = {name: value for name, value in os.environ.items() if name != MARK}
    inherited["JUDGIFY_HOME"] = str(settings.home)
    supervisor = Supervisor(
        disk,
        SystemClock(),
        prepare={
            "postgres": lambda spec, living: stores.postgres(spec.run_as, living),
            "redis": lambda spec, living: stores.redis(spec.run_as, living),
        },
        inherited=inherited,
    )
    supervisor.open(shipped)
    if shipped:
        supervisor.retire(spec.name for spec in shipped)

    def leave() -> None:
        # A moment later, so that the answer to the shutdown is out first.
        asyncio.get_running_loop().call_later(0.05, partial(setattr, server, "should_exit", True))

    app = build(supervisor, settings, leave=leave)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="on", ws="none", timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    await server.serve(sockets=[listener])


def _lock(path: Path) -> int:
    """Hold the home's lock for the life of this process; the kernel lets it go however the process ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise Unavailable("another supervisor serves this home already") from error
    return descriptor


def _listen(path: Path) -> socket.socket:
    """Listen on the socket. A file left by a killed supervisor is replaced: we hold the lock, so it is nobody's."""
    if len(os.fsencode(path)) > SOCKET_LIMIT:
        raise Unavailable(f"the path {path} is too long for a socket: choose a shorter JUDGIFY_HOME")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    listener.listen(128)
    return listener


def _who_am_i() -> bytes:
    import json  # noqa: PLC0415 - used once

    return json.dumps({"pid": os.getpid(), "identity": identity(os.getpid())}).encode()


if __name__ == "__main__":
    sys.exit(main())
