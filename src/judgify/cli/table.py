"""The table of units that `up` and `status` end with."""

from collections.abc import Sequence
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from judgify.kit.clock import show
from judgify.kit.supervisor_types import Unit

_STATE_STYLE: Final = {"running": "green", "starting": "yellow", "stopped": "dim", "exited": "red", "failed": "red"}


def is_well(unit: Unit) -> bool:
    """Whether the unit does what it is there for: it runs, with all its processes, and passes its probes."""
    living = sum(1 for instance in unit.instances if instance.exited_at is None)
    return unit.state == "running" and unit.healthy is not False and living >= unit.replicas


def health_word(unit: Unit) -> str:
    """Health in a word or two; a unit without a probe, or one that was not asked yet, is "unknown"."""
    if unit.state == "stopped":
        return "-"
    if unit.healthy:
        return "healthy"
    if unit.state == "starting":
        return "not yet"
    return "unknown" if unit.healthy is None else "unhealthy"


def row(unit: Unit) -> dict[str, Any]:
    """What `--json` gives for each unit."""
    return {
        "name": unit.name,
        "kind": unit.kind,
        "state": unit.state,
        "health": health_word(unit),
        "well": is_well(unit),
        "port": unit.port,
        "pid": unit.pid,
        "replicas": unit.replicas,
        "release": unit.release,
        "revision": unit.revision,
        "restarts": unit.restarts,
        "since": unit.since.isoformat() if unit.since else None,
        "detail": unit.detail,
    }


def of_units(units: Sequence[Unit]) -> Table:
    """The table for people; times in Asia/Seoul, named."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("name", "state", "health", "port", "pid", "release", "since"):
        table.add_column(name, justify="right" if name in {"port", "pid"} else "left", no_wrap=name != "release")
    for unit in units:
        health = health_word(unit)
        style = {"healthy": "green", "unhealthy": "red"}.get(health, "dim")
        table.add_row(
            unit.name if unit.replicas == 1 else f"{unit.name} ×{unit.replicas}",
            Text(unit.state, style=_STATE_STYLE[unit.state]),
            Text(health, style=style),
            str(unit.port or "-"),
            str(unit.pid or "-"),
            unit.release,
            show(unit.since) if unit.since else "-",
        )
    return table
