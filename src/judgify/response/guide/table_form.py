"""The guide's own tables for those who look at a file of them: the severities and the matrix as decision tables."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from judgify.response.guide.base import GuideError, GuideProblem, Model
from judgify.response.guide.catalogue import SignalsFile
from judgify.response.guide.matrix import matrix_form
from judgify.response.guide.people import EscalationFile
from judgify.response.guide.record import read_record

_FORMS: Final[tuple[tuple[frozenset[str], type[Model], Callable[[Any], dict[str, Any]]], ...]] = (
    (frozenset({"rows", "repeat"}), EscalationFile, matrix_form),
    (frozenset({"signals", "rules"}), SignalsFile, SignalsFile.table),
)
"""By which keys a file is known, what it must fit, and what makes a table of it."""


def table_form(raw: Any, text: str, file: str) -> dict[str, Any] | None:
    """Give the table of a file of the guide in the mapping format of `judgify.decision`; None for any other file.

    Args:
        raw: What the file holds.
        text: The same as JSON.
        file: What messages call it.

    Raises:
        GuideError: It is of the guide and does not fit its record; every mistake is listed.
    """
    for keys, record, form in _FORMS:
        if isinstance(raw, Mapping) and keys <= raw.keys():
            problems: list[GuideProblem] = []
            found = read_record(record, text, file, problems)
            if found is None:
                raise GuideError(problems)
            return form(found)
    return None
