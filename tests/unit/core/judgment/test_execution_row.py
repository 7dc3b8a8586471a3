from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from judgify.core.judgment.history import summarise
from judgify.core.judgment.row import Order, Row, TornLine, from_line, id_from_key, to_line
from judgify.kit.ids import is_id


def row(**changes: Any) -> Row:
    values: dict[str, Any] = {
        "id": "exe_1",
        "created_at": "2026-01-01T00:00:00.000000Z",
        "workflow_id": "wfl_1",
        "workflow_name": "온도",
        "workflow_version": 1,
        "method_used": "rule",
        "verdict": "matched",
        "result": "NG",
        "degraded": False,
        "time_ms": 0.1,
        "record": msgspec.Raw(b'{"id":"exe_1","input_data":{"a":1.10}}'),
        "input_sha256": None,
        "orders": [Order("exe_1:0", msgspec.Raw(b"{}"))],
    }
    return Row(**(values | changes))


def test_a_row_survives_its_line_byte_for_byte() -> None:
    line = to_line(row())
    assert line.endswith(b"\n")
    found = from_line(line.rstrip(b"\n"))
    assert bytes(found.record) == b'{"id":"exe_1","input_data":{"a":1.10}}'
    assert found.orders[0].key == "exe_1:0"
    assert (found.workflow_name, found.result) == ("온도", "NG")


def test_line_breaks_of_the_caller_do_not_break_the_line() -> None:
    line = to_line(row(record=msgspec.Raw(b'{"a":\r\n1}')))
    assert line.count(b"\n") == 1
    assert msgspec.json.decode(bytes(from_line(line[:-1]).record)) == {"a": 1}


@pytest.mark.parametrize("at", range(0, len(to_line(row())) - 1, 7))
def test_a_line_cut_anywhere_is_torn(at: int) -> None:
    with pytest.raises(TornLine):
        from_line(to_line(row())[:at])


def test_a_changed_byte_and_a_foreign_line_are_torn() -> None:
    line = bytearray(to_line(row())[:-1])
    line[40] ^= 1
    with pytest.raises(TornLine):
        from_line(bytes(line))
    with pytest.raises(TornLine):
        # The right checksum of something that is no row.
        from_line(b"a3830348 abc"[:8] + b" " + b"null")


def test_a_key_stands_for_one_id_on_one_workflow() -> None:
    one = id_from_key("wfl_1", "k")
    assert is_id(one, "exe")
    assert one == id_from_key("wfl_1", "k")
    assert len({one, id_from_key("wfl_2", "k"), id_from_key("wfl_1", "k2")}) == 3


def test_a_summary_has_every_minute_and_adds_up() -> None:
    since = datetime(2026, 1, 1, 0, 0, tzinfo=UTC)
    rows = [
        {"minute": since, "workflow_id": "a", "workflow_name": "A", "verdict": "matched", "number": 3},
        {"minute": since, "workflow_id": "b", "workflow_name": "B", "verdict": "not_evaluable", "number": 5},
        {
            "minute": since + timedelta(minutes=2),
            "workflow_id": "a",
            "workflow_name": "A",
            "verdict": "not_matched",
            "number": 1,
        },
    ]
    found = summarise(rows, since, since + timedelta(minutes=2, seconds=9), 3)
    assert found["total"] == 9
    assert found["by_verdict"] == {"matched": 3, "not_matched": 1, "not_evaluable": 5}
    assert [entry["workflow_name"] for entry in found["by_workflow"]] == ["B", "A"]
    assert [entry["total"] for entry in found["per_minute"]] == [8, 0, 1]
