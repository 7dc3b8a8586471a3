"""What a drill reaches the installation by: the three APIs, the state folder, and the clock."""

from collections.abc import Callable
from dataclasses import dataclass

from judgify.drill.engine import Engine
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock
from judgify.kit.settings import Settings
from judgify.kit.supervisor_client import SupervisorClient

Say = Callable[[str], None]
"""Tells the person at the screen one line."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The three APIs that a drill uses, the settings of the installation, and the clock."""

    supervisor: SupervisorClient
    gateway: ServiceClient
    engine: Engine
    clock: Clock
    settings: Settings
