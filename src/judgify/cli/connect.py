"""How commands reach the parts: settings, the supervisor's socket, the gateway and the response engine over HTTP."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from judgify.kit.client import ServiceClient
from judgify.kit.clock import SystemClock
from judgify.kit.settings import Settings
from judgify.kit.supervisor_client import SupervisorClient

BY: Final = "cli"
"""The name under which the command line's operations are recorded."""

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's asynchronous part."""
    return asyncio.run(work)


def settings() -> Settings:
    """The settings of this installation, as `up` was given them."""
    return Settings.from_env()


def supervisor(known: Settings) -> SupervisorClient:
    """A client of the supervisor; close it, or use it as a context manager."""
    return SupervisorClient(known.home, clock=SystemClock(), by=BY)


def gateway(known: Settings, *, timeout_s: float = 30.0) -> ServiceClient:
    """A client of the gateway that carries the command line's token. `Unavailable` when `up` has never run."""
    return ServiceClient(known.url("gateway"), clock=SystemClock(), token=known.cli_token, timeout_s=timeout_s)


def engine(known: Settings, *, timeout_s: float = 30.0) -> ServiceClient:
    """A client of the response engine that carries the command line's token. `Unavailable` when `up` has never run."""
    return ServiceClient(known.url("response"), clock=SystemClock(), token=known.cli_token, timeout_s=timeout_s)
