"""The columns of a table: inputs that are read strictly, outputs that are checked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from judgify.decision.error import listing
from judgify.decision.feel.compiler import kind_of_type
from judgify.decision.feel.error import MISSING, EvaluationError, FeelError
from judgify.decision.feel.operator import equal
from judgify.decision.feel.scope import Run
from judgify.decision.feel.unary import Check
from judgify.decision.feel.value import canonical, coerce, deep, finder, kind

_WIDE: Final = 1 << 63
"""Whole numbers short of this need no look at how long they are."""
_AS_IS: Final[dict[type, str]] = {int: "number", bool: "boolean", str: "string"}
_IS_PLAIN: Final[dict[type, Callable[[Any], bool]]] = {
    int: lambda value: -_WIDE < value < _WIDE,
    bool: lambda _: True,
    str: str.isascii,
}
"""Whether a value of a type is already in the engine's form; a text beyond ASCII may have another normal form."""
_ARE_PLAIN: Final[dict[type, Callable[[Sequence[Any]], bool]]] = {
    int: lambda values: min(values) > -_WIDE and max(values) < _WIDE,
    bool: lambda _: True,
    str: lambda values: all(map(str.isascii, values)),
}
"""The same of many values of one type."""
_READ_ONCE: Final = frozenset({type(None), bool, int, float, str})
"""Types whose equal values are the same value; equal decimals may have other digits."""


class InputNames:
    """The scope of an input's expression: whatever the caller's object holds."""

    raw = True
    closed = False

    @staticmethod
    def declares(name: str) -> bool:  # noqa: ARG004 - the protocol's signature
        """Know no name beforehand."""
        return False

    @staticmethod
    def resolve(name: str, at: int) -> tuple[Run, str | None]:  # noqa: ARG004 - the protocol's signature
        """Load a member of the caller's object."""
        find = finder(name)

        def load(inputs: Mapping[str, Any]) -> Any:
            value = find(inputs)
            if value is MISSING:
                raise EvaluationError("missing", name=name)
            return canonical(value)

        return load, None


class NoNames:
    """The scope of what has to be constant."""

    raw = False
    closed = True

    @staticmethod
    def declares(name: str) -> bool:  # noqa: ARG004 - the protocol's signature
        """Know no name."""
        return False

    @staticmethod
    def resolve(name: str, at: int) -> tuple[Run, str | None]:
        """Refuse every name."""
        raise FeelError(f"only constants may stand here, and {name} is none", at, f'a text is written "{name}"')


@dataclass(frozen=True, slots=True)
class InputColumn:
    """One input of a table.

    Attributes:
        name: Its name: the key in the caller's object unless there is an expression, and its name in cells.
        type: One of `TYPES`.
        label: What people call it.
        expression: FEEL over the caller's object, where the value is not simply the member of that name.
        allowed: Unary tests that every value has to pass.
        optional: An absent key is read as null. Without it absent is not evaluable even for the cell `null`.
    """

    name: str
    type: str = "any"
    label: str | None = None
    expression: str | None = None
    allowed: str | None = None
    optional: bool = False
    load: Run = field(kw_only=True, repr=False, compare=False)
    check: Check | None = field(default=None, kw_only=True, repr=False, compare=False)
    members: tuple[Any, ...] = field(default=(), kw_only=True, repr=False, compare=False)

    @property
    def kind(self) -> str | None:
        """The kind of every value that is read, where the type settles it."""
        return kind_of_type(self.type)

    def read(self, inputs: Mapping[str, Any]) -> Any:
        """Read the value; null is None.

        Raises:
            EvaluationError: It is missing, of another type, unreadable or not allowed.
        """
        try:
            raw = self.load(inputs)
        except EvaluationError as fault:
            if fault.code == "missing" and self.optional:
                return None
            raise
        sort = type(raw)
        if self.check is None and _AS_IS.get(sort) == self.type and _IS_PLAIN[sort](raw):
            return raw
        value = coerce(raw, self.type)
        if isinstance(value, list | Mapping):
            value = deep(value)
        if value is not None and self.check is not None and not self.check(value, None):
            raise EvaluationError("not-allowed", value=raw, allowed=listing([str(self.allowed)]))
        return value

    def tell(self, inputs: Mapping[str, Any]) -> Any:
        """Read the value as `read` does; what cannot be read comes back as its error, which names the input."""
        try:
            return self.read(inputs)
        except EvaluationError as fault:
            fault.name = self.name
            return fault

    def tell_all(self, raws: Sequence[Any]) -> Sequence[Any]:
        """Read what many objects give for an input without expression, `MISSING` where one gives nothing.

        Each value is what `tell` gives; equal ones are read once. `raws` itself comes back where nothing is to be done.
        """
        sorts = set(map(type, raws))
        if self.check is None and len(sorts) == 1 and (sort := sorts.pop()) in _AS_IS:
            plain = _ARE_PLAIN[sort](raws) if self.type in {_AS_IS[sort], "any"} else False
            if plain:
                return raws
        known: dict[tuple[type, Any], Any] = {}
        values = []
        for raw in raws:
            if (sort := type(raw)) in _READ_ONCE:
                if (key := (sort, raw)) not in known:
                    known[key] = self.tell({self.name: raw})
                values.append(known[key])
            else:
                values.append(self.tell({} if raw is MISSING else {self.name: raw}))
        return values


def direct(name: str) -> Callable[[Mapping[str, Any]], Any]:
    """Make the loader of an input without expression: the member of that very name, as it was given."""
    find = finder(name)

    def load(inputs: Mapping[str, Any]) -> Any:
        value = find(inputs)
        if value is MISSING:
            raise EvaluationError("missing")
        return value

    return load


def same(left: Any, right: Any) -> bool:
    """Tell whether two outputs are equal; true is not 1, 1.0 is 1, and a moment with a zone is none without."""
    try:
        return equal(left, right)
    except EvaluationError:
        return False


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """One output of a table.

    Attributes:
        name: Its key in the output.
        type: One of `TYPES`.
        label: What people call it.
        values: The only values it may have; for hit policy P from the highest priority to the lowest.
    """

    name: str
    type: str = "any"
    label: str | None = None
    values: tuple[Any, ...] = ()
    _places: dict[tuple[str, Any], int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        plain = (pair for pair in enumerate(self.values) if not isinstance(pair[1], list | dict))
        object.__setattr__(self, "_places", {(kind(value), value): place for place, value in plain})

    def take(self, raw: object) -> Any:
        """Give an output in the engine's form.

        Raises:
            EvaluationError: It is null where a type is declared, of another type, or not one of the values.
        """
        value = deep(coerce(raw, self.type))
        if value is None and self.type != "any":
            raise EvaluationError("null", value=None)
        if self.values and self.rank(value) == len(self.values):
            raise EvaluationError("output-not-allowed", value=raw, allowed=self.listed())
        return value

    def listed(self) -> str:
        """Word the declared values."""
        return listing(map(str, self.values))

    def rank(self, value: Any) -> int:
        """Give the place of a value among the declared ones, 0 the highest; their number when it is none of them."""
        last = len(self.values)
        if isinstance(value, list | dict):
            return next((place for place, declared in enumerate(self.values) if same(declared, value)), last)
        return self._places.get((kind(value), value), last)
