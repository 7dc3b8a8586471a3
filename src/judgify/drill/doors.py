"""What a drill reaches the installation by: the three APIs, the state folder, and the clock."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from judgify.drill.engine import Engine
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock
from judgify.kit.settings import Settings
from judgify.kit.supervisor_client import SupervisorClient

Say = Callable[[str], None]
"""Tells the person at the screen one line."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long right answers have to go on, in seconds: before anything is broken, and to count as restored."""

    before_s: float = 5.0
    stretch_s: float = 10.0


SHORT: Final = Pace(before_s=2.0, stretch_s=4.0)
"""For a machine that only has to notice when a drill stops working. It proves less, and its report says so."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The three APIs that a drill uses, the settings of the installation, the clock, and the pace."""

    supervisor: SupervisorClient
    gateway: ServiceClient
    engine: Engine
    clock: Clock
    settings: Settings
    pace: Pace = Pace()
