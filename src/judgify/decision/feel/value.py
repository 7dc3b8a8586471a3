"""Values as the engine computes with them, and the ways in and out.

Numbers are `int` (exact) or `decimal.Decimal` (34 digits when computed with), never `float`; texts are in Unicode
normal form C, so that Hangul typed on any system compares alike; dates, times and durations are of the types in
`temporal`, since FEEL's years, zones and fractions of seconds go beyond Python's.
"""

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from judgify.decision.feel.error import MISSING, EvaluationError
from judgify.decision.feel.meter import enter, leave, spend
from judgify.decision.feel.range import Range
from judgify.decision.feel.temporal import (
    TEMPORAL,
    Date,
    DateTime,
    DayTimeDuration,
    MonthDuration,
    Time,
    from_python,
    read_date,
    read_date_time,
    read_duration,
    to_python,
)
from judgify.decision.limit import MAX_BITS, MAX_EXPONENT, MAX_NESTING

if TYPE_CHECKING:
    from judgify.decision.feel.type import Type

TYPES: Final = ("number", "string", "boolean", "date", "date-time", "duration", "any")
"""The types that a column may declare."""


class Parameter(NamedTuple):
    """A parameter of a function; without a type it takes anything."""

    name: str
    type: "Type | None" = None


class Function:
    """A function as a value: what `function(…) …` gives, a business knowledge model, or a built-in one by its name.

    Attributes:
        name: What it is called, where it has a name.
        parameters: Its parameters in order.
        run: Works it out for a list of arguments, one for each parameter.
        result: The type that its result is converted to.
        strict: Whether a result that does not fit its type is a fault; else it is null, as in the standard.
        builtin: The built-in function that it is, which checks its arguments itself.
    """

    __slots__ = ("builtin", "name", "parameters", "result", "run", "strict")

    def __init__(
        self,
        name: str | None,
        parameters: Sequence[Parameter],
        run: Callable[[list[Any]], Any],
        result: "Type | None" = None,
        *,
        strict: bool = True,
        builtin: str | None = None,
    ) -> None:
        self.name = name
        self.parameters = tuple(one if type(one) is Parameter else Parameter(*one) for one in parameters)
        self.run = run
        self.result = result
        self.strict = strict
        self.builtin = builtin

    def __call__(self, *arguments: Any) -> Any:
        """Work it out.

        Raises:
            EvaluationError: `arguments` for another number of them; whatever its body raises.
            LimitError: Calls within calls beyond the limit.
        """
        values = list(arguments)
        if self.builtin is None:
            if len(values) != len(self.parameters):
                raise EvaluationError("arguments", function=self.name or "function", found=str(len(values)))
            for place, parameter in enumerate(self.parameters):
                if parameter.type is not None:
                    values[place] = _fitted(values[place], parameter.type)
        enter()
        try:
            value = self.run(values)
        finally:
            leave()
        if self.result is None:
            return value
        try:
            return _fitted(value, self.result)
        except EvaluationError:
            if self.strict:
                raise
            return None

    def giving(self, result: "Type") -> "Function":
        """Give the same function with a type that its result is converted to."""
        return Function(self.name, self.parameters, self.run, result, strict=self.strict, builtin=self.builtin)

    def __repr__(self) -> str:
        return f"<function {self.name or ''}({', '.join(parameter.name for parameter in self.parameters)})>"


def _fitted(value: Any, declared: "Type") -> Any:
    from judgify.decision.feel.type import coerce as convert  # noqa: PLC0415 - types are made of kinds of values

    return convert(value, declared)


_KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    Decimal: "number",
    str: "string",
    DateTime: "date-time",
    Date: "date",
    Time: "time",
    DayTimeDuration: "duration",
    MonthDuration: "months",
    Range: "range",
    Function: "function",
    list: "list",
    tuple: "list",
    dict: "context",
    datetime: "date-time",
    date: "date",
    time: "time",
    timedelta: "duration",
}


def kind(value: object) -> str:
    """Name the kind of a canonical value; years-and-months durations are `months`, mappings `context`."""
    return _KINDS.get(type(value), "context")


def _whole(value: Any) -> int:
    if value.bit_length() > MAX_BITS:
        raise EvaluationError("out-of-range", value=value)
    return int(value)


_REALS: Final[dict[float, Decimal]] = {}
"""Floats met before: readings repeat, and to write one out and read it again is most of what an addition costs."""
_MOST_REALS: Final = 4096


known_real = _REALS.get
"""Gives the decimal of a float that was met lately, else None."""


def real(value: float) -> Decimal:
    """Give the decimal that a float prints as.

    Raises:
        EvaluationError: `not-finite`.
    """
    known = _REALS.get(value)
    if known is not None:
        return known
    if not math.isfinite(value):
        raise EvaluationError("not-finite", value=value)
    known = Decimal(float.__repr__(value))
    if len(_REALS) >= _MOST_REALS:
        _REALS.clear()
    _REALS[value] = known
    return known


def _decimal(value: Any) -> Decimal:
    if not value.is_finite():
        raise EvaluationError("not-finite", value=value)
    if abs(value.adjusted()) > MAX_EXPONENT:
        raise EvaluationError("out-of-range", value=value)
    return Decimal(value)


def _text(value: Any) -> str:
    text = str.__str__(value)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _same(value: Any) -> Any:
    return value


# Order matters where a class inherits from another: bool is an int, datetime is a date.
_WAYS_IN: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (type(None), _same),
    (bool, _same),
    (int, _whole),
    (float, real),
    (Decimal, _decimal),
    (str, _text),
    (datetime, from_python),
    (date, from_python),
    (time, from_python),
    (timedelta, from_python),
    *((known, _same) for known in (*TEMPORAL, Range, Function)),
    (list, list),
    (tuple, list),
    (Mapping, _same),
)
_EXACT: Final = dict(_WAYS_IN)


def canonical(raw: object) -> Any:
    """Turn a value from outside into the engine's form.

    A float becomes the decimal of its shortest representation (0.1 is exactly 0.1). The members of lists and mappings
    are left as they are; `deep` converts them too.

    Raises:
        EvaluationError: NaN, an infinity, a number out of range, or a type that the engine does not know.
    """
    way = _EXACT.get(type(raw))
    if way is not None:
        return way(raw)
    for parent, convert in _WAYS_IN:
        if isinstance(raw, parent):
            return convert(raw)
    raise EvaluationError("unknown-type", value=raw, type=type(raw).__name__)


_WHOLE: Final = frozenset(_KINDS) - {list, tuple, dict}


def deep(value: Any, level: int = 0) -> Any:
    """Turn a value with all its members into the engine's form: lists are `list`, mappings are `dict`.

    Raises:
        EvaluationError: A member that `canonical` refuses, or nesting beyond the limit.
    """
    value = canonical(value)
    if type(value) in _WHOLE:
        return value
    if level > MAX_NESTING:
        raise EvaluationError("out-of-range", value=value)
    # A step is enough for a good many members: the caller's own data is converted once.
    spend(len(value) // 8 + 1)
    if type(value) is list:
        return [deep(member, level + 1) for member in value]
    return {_text(str(key)): deep(member, level + 1) for key, member in value.items()}


_NATIVE: Final = frozenset({Date, Time, DateTime, DayTimeDuration})


def native(value: Any) -> Any:
    """Give a canonical value in Python's own types, as far as those can hold it.

    A date beyond year 9999, and a moment finer than a microsecond, stay as they are.
    """
    if type(value) in _NATIVE:
        try:
            return to_python(value)
        except EvaluationError:
            return value
    if type(value) is list:
        return [native(member) for member in value]
    return {key: native(member) for key, member in value.items()} if type(value) is dict else value


def finder(name: str) -> Callable[[Mapping[str, Any]], Any]:
    """Make what gives the member of a name as it was given; `MISSING` when there is none.

    The key may be in Unicode normal form C or D: Hangul typed on some systems comes decomposed.
    """
    decomposed = unicodedata.normalize("NFD", name)
    if decomposed == name:
        return lambda inputs: inputs.get(name, MISSING)

    def find(inputs: Mapping[str, Any]) -> Any:
        value = inputs.get(name, MISSING)
        return inputs.get(decomposed, MISSING) if value is MISSING else value

    return find


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "date": read_date,
    "date-time": lambda text: read_date_time(text, lenient=True),
    "duration": read_duration,
}


def coerce(raw: object, declared: str) -> Any:
    """Turn a value from outside into the declared type; null stays null.

    JSON and CSV have no dates, so a text is read as one where the column says date, date-time or duration. Nothing
    else is converted: the text "85" is not a number.

    Raises:
        EvaluationError: `wrong-type`, `unreadable`, or a reason of `canonical`.
    """
    value = canonical(raw)
    if value is None or declared == "any":
        return value
    found = kind(value)
    if found == declared or (found == "months" and declared == "duration"):
        return value
    if found == "string" and declared in _READERS:
        value = _READERS[declared](value)
        if value is None:
            raise EvaluationError("unreadable", value=raw, type=declared)
        return value
    raise EvaluationError("wrong-type", value=raw, type=declared, found=found)
