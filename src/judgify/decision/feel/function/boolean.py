"""Boolean functions (DMN 1.5, table 73), and `is` (table 77)."""

from typing import Any, Final

from judgify.decision.feel.function.comparison import equal
from judgify.decision.feel.function.signature import ANY, BOOLEAN, builtin, form, needs
from judgify.decision.feel.temporal import TEMPORAL, identical


def _not(negand: bool | None) -> bool | None:  # noqa: FBT001 - FEEL's own signature
    return None if negand is None else not negand


def _is(left: Any, right: Any) -> bool:
    return identical(left, right) if isinstance(left, TEMPORAL) else equal(left, right)


FUNCTIONS: Final = (
    builtin("not", form(_not, needs("negand", BOOLEAN, nullable=True))),
    builtin("is", form(_is, needs("value1", ANY), needs("value2", ANY))),
)
"""The functions of this module."""
