"""The escalation matrix of section 6.2 as a decision table: severity and minutes since the beginning → who is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

from judgify.decision import DecisionTable, Matched
from judgify.response.guide.base import SEVERITIES, SeverityName
from judgify.response.guide.people import Cell, EscalationFile, MatrixRow, PageKind

NAME: Final = "escalation"
"""What the table is called."""
NOBODY: Final = "-"


@dataclass(frozen=True, slots=True)
class Step:
    """What the matrix says of one severity from one minute on.

    `roles` are told as `kind` says; `notices` are the roles that are told beside them without being asked to answer.
    """

    row: MatrixRow
    kind: PageKind
    roles: tuple[str, ...]
    notices: tuple[str, ...]


def matrix_form(file: EscalationFile) -> dict[str, Any]:
    """Give the matrix in the mapping format of `judgify.decision`: a rule for each of its cells.

    A rule holds from its row's minute up to the next row's. Its outputs are in the guide's own notation.
    """
    ends = [row.from_minute for row in file.rows[1:]]
    spans = [f"[{row.from_minute}..{end})" for row, end in zip(file.rows, ends, strict=False)]
    spans.append(f">= {file.rows[-1].from_minute}")
    return {
        "name": NAME,
        "hit_policy": "U",
        "inputs": [
            {"name": "severity", "label": "심각도", "type": "string", "allowed": list(SEVERITIES)},
            {"name": "minute", "label": "경과(분)", "type": "number", "allowed": ">= 0"},
        ],
        "outputs": [
            {"name": "brings", "label": "부르는 역할", "type": "string"},
            {"name": "told", "label": "방식", "type": "string"},
            {"name": "also", "label": "함께 알리는 역할", "type": "string"},
        ],
        "rules": [
            {
                "id": f"{severity}-{row.from_minute}",
                "note": row.label.ko,
                "when": {"severity": f'"{severity}"', "minute": span},
                "then": {
                    "brings": _spaced(row.cell(severity).text),
                    "told": row.kind,
                    "also": " + ".join(row.also.get(severity, ())) or NOBODY,
                },
            }
            for severity in SEVERITIES
            for row, span in zip(file.rows, spans, strict=True)
        ],
        "examples": [
            {
                "in": {"severity": one.severity, "minute": one.minute},
                "out": {"brings": _spaced(one.brings), "told": one.told, "also": _spaced(one.also)},
            }
            for one in file.examples
        ],
    }


class Matrix:
    """The matrix of one guide. The table is compiled when it is first asked, each severity worked out once."""

    def __init__(self, file: EscalationFile) -> None:
        """Take the file; that its rows are in order is for the guide's checks to say."""
        self._file = file
        self._steps: dict[SeverityName, tuple[Step, ...]] = {}

    @cached_property
    def table(self) -> DecisionTable:
        """The decision table.

        Raises:
            TableError: The rows are not in the order of time.
        """
        return DecisionTable.from_mapping(matrix_form(self._file), "escalation.yaml")

    def steps(self, severity: SeverityName) -> tuple[Step, ...]:
        """Give what the table says of a severity at the minute of each row, in the order of time."""
        if severity not in self._steps:
            self._steps[severity] = tuple(
                Step(row, answer["told"], _roles(answer["brings"]), _roles(answer["also"]))
                for row in self._file.rows
                for answer in (self._ask(severity, row.from_minute),)
            )
        return self._steps[severity]

    def _ask(self, severity: SeverityName, minute: int) -> Mapping[str, Any]:
        # A rule begins at each of the minutes that are asked for.
        return cast("Matched", self.table.evaluate({"severity": severity, "minute": minute})).output


def _roles(text: str) -> tuple[str, ...]:
    return Cell.model_validate(text).roles


def _spaced(text: str) -> str:
    return " ".join(text.split())
