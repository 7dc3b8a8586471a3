"""Looking before starting: ``python -m judgify.supervisor.preflight`` prints as JSON what is wrong, and the mend.

The command line runs this as a program of its own, since it knows the units and their ports, and the command line
does not.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from judgify.kit.errors import JudgifyError
from judgify.kit.secrets import NAMES
from judgify.kit.settings import Settings
from judgify.supervisor.platform_units import platform_units, store_account
from judgify.supervisor.preparation import StorePreparation, unreadable_folder
from judgify.supervisor.process import can_bind, holder, holder_pid
from judgify.supervisor.sweep import left_over

DISK_WARNING: Final = 1024**3
DISK_ERROR: Final = 200 * 1024**2
SOCKET_LIMIT: Final = 100
"""Bytes that the path of a Unix socket may have; Linux allows 107, macOS 103."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One look: what was looked at, how it is, and what to do when it is not well."""

    check: str
    level: Literal["ok", "warning", "error"]
    text: str
    mend: str = ""


def look(settings: Settings) -> list[Finding]:
    """Everything that has to be right before `up` can work; the order is the order to mend it in."""
    return [
        _python(),
        _home(settings.home),
        _disk(settings.home),
        _user(settings.home),
        _secrets(settings.home),
        *_programs(settings),
        *_ports(settings),
    ]


def _python() -> Finding:
    words = f"Python {sys.version.split()[0]} ({sys.executable})"
    if sys.version_info < (3, 11):  # noqa: UP036 - the wheel refuses it, a clone with a path file does not
        return Finding("python", "error", words, "install Python 3.11 or newer, remove .venv, run ./judgify up again")
    return Finding("python", "ok", words)


def _home(home: Path) -> Finding:
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return Finding("home", "error", f"{place} cannot be written", "set JUDGIFY_HOME to a folder of your own")
    if len(os.fsencode(home / "run" / "supervisor.sock")) > SOCKET_LIMIT:
        return Finding("home", "error", f"{home} is too long for the path of a socket", "choose a shorter JUDGIFY_HOME")
    return Finding("home", "ok", f"state is kept in {home}")


def _disk(home: Path) -> Finding:
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    words = f"{free / 1024**3:.1f} GiB free on the disk of {home}"
    if free < DISK_ERROR:
        return Finding("disk", "error", words, "free at least 1 GiB, or set JUDGIFY_HOME to another disk")
    if free < DISK_WARNING:
        return Finding("disk", "warning", words, "free at least 1 GiB: the database stops when the disk is full")
    return Finding("disk", "ok", words)


def _user(home: Path) -> Finding:
    account = store_account()
    if account is None:
        return Finding("user", "ok", f"everything runs as user id {os.geteuid()}")
    closed = next((folder for folder in home.parents if unreadable_folder(folder) == folder), None)
    if closed is not None:
        return Finding(
            "user",
            "error",
            f"as root the stores run as account {account}, which may not enter {closed}",
            "set JUDGIFY_HOME to a folder that others may pass through, such as /var/lib/judgify",
        )
    return Finding("user", "ok", f"running as root; the stores run as account {account}")


def _secrets(home: Path) -> Finding:
    folder = home / "secrets"
    if not folder.exists():
        return Finding("secrets", "ok", "made at the first start")
    open_ones = [
        str(path)
        for path in (folder, *(folder / name for name in NAMES))
        if path.exists() and path.stat().st_mode & 0o077
    ]
    if open_ones:
        mend = f"chmod 700 {folder} && chmod 600 {folder}/*; if others use this machine, make new ones: remove, restart"
        return Finding("secrets", "error", f"others may read {', '.join(open_ones)}", mend)
    return Finding("secrets", "ok", f"{folder} is for its owner only")


def _programs(settings: Settings) -> list[Finding]:
    stores = StorePreparation(settings.home)
    findings = []
    if settings.external_database:
        findings.append(Finding("postgres", "ok", "given by DATABASE_URL"))
    else:
        findings.append(
            _program("postgres", "give a server by DATABASE_URL", lambda: stores.postgres_program("postgres", None))
        )
    if not settings.redis_enabled:
        findings.append(Finding("redis", "ok", "switched off by REDIS_ENABLED"))
    elif settings.external_redis:
        findings.append(Finding("redis", "ok", "given by REDIS_URL"))
    else:
        findings.append(
            _program("redis", "install redis-server, or set REDIS_ENABLED=false", lambda: stores.redis_program(None))
        )
    return findings


def _program(name: str, mend: str, find: Callable[[], Path]) -> Finding:
    try:
        path = find()
    except JudgifyError as error:
        return Finding(name, "error", error.detail, mend)
    if not os.access(path, os.X_OK):
        return Finding(name, "error", f"{path} is not there or cannot be run", mend)
    return Finding(name, "ok", str(path))


def _ports(settings: Settings) -> list[Finding]:
    try:
        units = platform_units(settings, StorePreparation(settings.home))
    except JudgifyError:
        return []  # said by the programs' own finding
    findings = []
    ours = left_over(settings.home)
    users: dict[int, str] = {}
    for unit in units:
        port = unit.port
        if port is None:
            continue
        mend = f"stop that process, or choose another port: judgify up --port {unit.name}=N"
        if port in users:
            findings.append(Finding("port", "error", f"{unit.name} and {users[port]} both want port {port}", mend))
        elif not can_bind(port) and holder_pid(port) not in ours:
            words = f"port {port} ({unit.name}) is taken by {holder(port) or 'a process that cannot be seen'}"
            findings.append(Finding("port", "error", words, mend))
        users[port] = unit.name
    if not findings:
        listed = ", ".join(str(port) for port in sorted(users))
        findings.append(Finding("port", "ok", f"free or ours: {listed}"))
    return findings


def main() -> int:
    """Print the findings; 1 when one is an error."""
    try:
        findings = look(Settings.from_env())
    except JudgifyError as error:
        findings = [Finding("settings", "error", error.detail, "correct the variable, or leave it out")]
    sys.stdout.write(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False) + "\n")
    return int(any(finding.level == "error" for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
