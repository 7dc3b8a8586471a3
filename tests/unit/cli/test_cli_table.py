from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from judgify.cli import table
from judgify.kit.supervisor_types import Unit

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def unit(**more: Any) -> Unit:
    instance = {"index": 0, "pid": 42, "started_at": NOW, "revision": 1, "log": "x"}
    values = {
        "name": "judgment",
        "kind": "service",
        "state": "running",
        "desired": "running",
        "instances": [instance],
        "replicas": 1,
        "scalable": True,
        "release": "2.0.0",
        "revision": 1,
        "revisions": [],
        "env": {},
        "limits": {},
        "restarts": 0,
        "autorestart": False,
        "healthy": True,
        "probe": {},
        "port": 8002,
        "depends_on": [],
        "since": NOW,
        **more,
    }
    return Unit.model_validate(values)


@pytest.mark.parametrize(
    ("more", "well", "word"),
    [
        ({}, True, "healthy"),
        ({"healthy": None}, True, "unknown"),
        ({"healthy": False}, False, "unhealthy"),
        ({"replicas": 2}, False, "healthy"),
        ({"state": "stopped", "healthy": None, "instances": []}, False, "-"),
        ({"state": "exited", "healthy": False, "instances": []}, False, "unhealthy"),
        ({"state": "starting", "healthy": False}, False, "not yet"),
    ],
)
def test_what_counts_as_well(more: dict[str, Any], well: bool, word: str) -> None:  # noqa: FBT001 - a case's column
    assert table.is_well(unit(**more)) is well
    assert table.health_word(unit(**more)) == word


def test_the_table_names_every_unit_and_the_zone() -> None:
    console = Console(width=160, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    console.print(table.of_units([unit(), unit(name="redis", replicas=2, since=None, port=None, instances=[])]))
    text = console.export_text()
    console.file.close()
    assert "judgment" in text
    assert "2026-11-22 21:00:00 KST" in text
    assert "redis ×2" in text


def test_a_row_for_programs() -> None:
    row = table.row(unit())
    assert (row["pid"], row["port"], row["well"], row["since"]) == (42, 8002, True, "2026-11-22T12:00:00+00:00")
