"""What a built-in function takes, and how a call finds the form that fits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.range import Range
from judgify.decision.feel.temporal import KINDS, TEMPORAL, Date, DateTime, DayTimeDuration, MonthDuration, Time

_NAMES: Final = KINDS | {
    type(None): "null",
    bool: "boolean",
    int: "number",
    Decimal: "number",
    str: "string",
    list: "list",
    dict: "context",
    Range: "range",
}


def kind(value: object) -> str:
    """Name the kind of a canonical value."""
    return _NAMES.get(type(value), "function")


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that an argument may have.

    Attributes:
        name: What they are called.
        types: Their types; none at all stands for any value, null included.
    """

    name: str
    types: frozenset[type]

    def holds(self, value: object) -> bool:
        """Tell whether the value is one of them."""
        return not self.types or type(value) in self.types


class _Functions(Domain):
    def holds(self, value: object) -> bool:
        return callable(value)


ANY: Final = Domain("any", frozenset())
NUMBER: Final = Domain("number", frozenset({int, Decimal}))
STRING: Final = Domain("string", frozenset({str}))
BOOLEAN: Final = Domain("boolean", frozenset({bool}))
LIST: Final = Domain("list", frozenset({list}))
CONTEXT: Final = Domain("context", frozenset({dict}))
FUNCTION: Final = _Functions("function", frozenset())
RANGE: Final = Domain("range", frozenset({Range}))
POINT: Final = Domain("point", frozenset({int, Decimal, str, *TEMPORAL}))
DATE: Final = Domain("date", frozenset({Date}))
MOMENT: Final = Domain("date-time", frozenset({DateTime}))
DAY: Final = Domain("date", frozenset({Date, DateTime}))
CLOCK: Final = Domain("time", frozenset({Time, DateTime, Date}))
TIME: Final = Domain("time", frozenset({Time}))
DURATION: Final = Domain("duration", frozenset({DayTimeDuration}))
SIZE: Final = Domain("number", frozenset({int, Decimal, DayTimeDuration, MonthDuration}))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a function.

    Attributes:
        name: Its name in a call by names.
        domain: What it may be.
        optional: Whether it may be left out; null says the same.
        nullable: Whether null is a value that means something.
    """

    name: str
    domain: Domain
    optional: bool = False
    nullable: bool = False

    def takes(self, value: object) -> bool:
        """Tell whether the argument fits as it is."""
        return self.domain.holds(value) or (value is None and (self.optional or self.nullable))

    @property
    def types(self) -> frozenset[type] | None:
        """The types that it takes as they are; None for any value, none at all where the type does not tell."""
        if self.domain is FUNCTION:
            return frozenset()
        null = {type(None)} if self.optional or self.nullable else set()
        return self.domain.types | null if self.domain.types else None

    def converted(self, value: object) -> object:
        """Give the argument after the standard's implicit conversions: `[x]` for x, and x for `[x]`, where it helps."""
        if self.takes(value):
            return value
        if isinstance(value, list) and len(value) == 1:
            return value[0]
        return [value] if self.domain is LIST and value is not None else value


@dataclass(frozen=True, slots=True)
class Form:
    """One way to call a function.

    Attributes:
        parameters: What it takes, in the order of a call by position.
        run: The function itself, called with values of its domains; an optional argument left out is not passed, or
            passed as null before one that is given.
        variadic: Whether the last argument may be repeated, once at least.
    """

    parameters: tuple[Parameter, ...]
    run: Callable[..., Any]
    variadic: bool = False

    @property
    def least(self) -> int:
        """How many arguments a call by position has at least."""
        return sum(not parameter.optional for parameter in self.parameters)

    def counts(self, given: int) -> bool:
        """Tell whether a call by position may have so many arguments."""
        return self.least <= given and (self.variadic or given <= len(self.parameters))

    def pairs(self, arguments: Sequence[object]) -> list[tuple[Parameter, object]]:
        """Give each argument with its parameter."""
        last = len(self.parameters) - 1
        return [(self.parameters[min(index, last)], value) for index, value in enumerate(arguments)]

    def by_name(self, names: Sequence[str], arguments: Sequence[object]) -> list[object] | None:
        """Give the arguments in order of position, null where one is missing; None when a name is not known here."""
        own = [parameter.name for parameter in self.parameters]
        given = dict(zip(names, arguments, strict=True))
        if not given.keys() <= set(own):
            return None
        values = [given.get(name) for name in own]
        while len(values) > self.least and own[len(values) - 1] not in given:
            values.pop()
        return values


_Plan = list[tuple[Callable[..., Any], tuple[frozenset[type] | None, ...]]]
_PLANNED: Final = 16
"""Arguments up to which the forms that fit are worked out once."""


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function of the standard.

    Attributes:
        name: Its name.
        forms: The ways to call it; the first that fits is taken.
        moment: Whether it needs the moment of evaluation.
    """

    name: str
    forms: tuple[Form, ...]
    moment: bool = False
    _plans: dict[int, _Plan] = field(default_factory=dict, repr=False, compare=False)

    @property
    def overloads(self) -> tuple[tuple[str, ...], ...]:
        """The parameters' names of each form."""
        return tuple(tuple(parameter.name for parameter in form.parameters) for form in self.forms)

    def run(self, *arguments: Any, moment: Any = None) -> Any:
        """Call the function by position.

        Args:
            arguments: Canonical values.
            moment: The moment of evaluation, where the function needs it.

        Raises:
            EvaluationError: `arguments` for a number of them that no form takes, `bad-argument` for one outside its
                domain, or what the function itself refuses.
        """
        if not self.moment:
            plan = self._plans.get(len(arguments)) or self._planned(len(arguments))
            for run, domains in plan:
                for value, types in zip(arguments, domains, strict=False):
                    if types is not None and type(value) not in types:
                        break
                else:
                    return run(*arguments)
        extra = {"moment": moment} if self.moment else {}
        fitting = [form for form in self.forms if form.counts(len(arguments))]
        for form in fitting:
            if all(parameter.takes(value) for parameter, value in form.pairs(arguments)):
                return form.run(*arguments, **extra)
        if not fitting:
            raise EvaluationError("arguments", function=self.name, found=str(len(arguments)))
        return self._converted([(form, arguments) for form in fitting], extra)

    def _planned(self, count: int) -> _Plan:
        """Work out which forms take so many arguments, and which types each has to have."""
        forms = [form for form in self.forms if form.counts(count)]
        plan = [(form.run, tuple(pair[0].types for pair in form.pairs([None] * count))) for form in forms]
        if count <= _PLANNED:
            self._plans[count] = plan
        return plan

    def run_named(self, names: Sequence[str], arguments: Sequence[Any], moment: Any = None) -> Any:
        """Call the function by names; an argument that is not named is null.

        Raises:
            EvaluationError: `no-parameter` for a name that no form has together with the others, and as `run`.
        """
        extra = {"moment": moment} if self.moment else {}
        bound = [(form, values) for form in self.forms if (values := form.by_name(names, arguments)) is not None]
        # `before(point, range)` and `before(range, point)` have the same names: the order tells which is meant.
        bound.sort(key=lambda pair: [parameter.name for parameter in pair[0].parameters] != list(names))
        if not bound:
            raise EvaluationError("no-parameter", function=self.name, parameter=", ".join(names))
        for form, values in bound:
            if all(parameter.takes(value) for parameter, value in form.pairs(values)):
                return form.run(*values, **extra)
        return self._converted(bound, extra)

    def _converted(self, bound: Sequence[tuple[Form, Sequence[Any]]], extra: dict[str, Any]) -> Any:
        for form, arguments in bound:
            pairs = form.pairs(arguments)
            values = [parameter.converted(value) for parameter, value in pairs]
            if all(parameter.takes(value) for (parameter, _), value in zip(pairs, values, strict=True)):
                return form.run(*values, **extra)
        form, arguments = bound[-1]
        pairs = form.pairs(arguments)
        parameter, value = next(pair for pair in pairs if not pair[0].takes(pair[0].converted(pair[1])))
        raise EvaluationError(
            "bad-argument",
            value=value,
            function=self.name,
            argument=parameter.name,
            found=kind(value),
        )


def needs(name: str, domain: Domain, *, optional: bool = False, nullable: bool = False) -> Parameter:
    """Make a parameter."""
    return Parameter(name, domain, optional, nullable)


def builtin(name: str, *forms: Form, moment: bool = False) -> Builtin:
    """Make a function of the standard."""
    return Builtin(name, forms, moment)


def form(run: Callable[..., Any], *parameters: Parameter, variadic: bool = False) -> Form:
    """Make one way to call a function."""
    return Form(parameters, run, variadic)
