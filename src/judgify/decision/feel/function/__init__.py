"""The built-in functions of DMN 1.5: `BUILTINS` holds every one by its name.

A call has the standard's meaning: by position or by names, with `[x]` taken for x and x for `[x]` where only that fits.
What the standard answers with null because an argument is outside its domain raises `EvaluationError` here, with the
reason; the standard's mode turns it into null.
"""

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

from judgify.decision.feel.function import (
    aggregate,
    boolean,
    calendar,
    context,
    conversion,
    interval,
    list,  # noqa: A004 - named as the standard names the group
    numeric,
    string,
)
from judgify.decision.feel.function.signature import Builtin, Domain, Form, Parameter

_GROUPS: Final = (conversion, boolean, string, list, aggregate, numeric, calendar, interval, context)

BUILTINS: Final[Mapping[str, Builtin]] = MappingProxyType(
    {function.name: function for function in chain.from_iterable(group.FUNCTIONS for group in _GROUPS)}
)
"""Every built-in function by its name."""

__all__ = ["BUILTINS", "Builtin", "Domain", "Form", "Parameter"]
