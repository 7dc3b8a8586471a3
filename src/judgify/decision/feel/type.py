"""The types of FEEL: which values belong to one, which types stand in for others, what is converted on the way.

Standard: DMN 1.5, 10.3.2.9 (type lattice, conformance, implicit conversions). Null belongs to no type but `Null`, and
is never converted; as an item or a member it stands for an absent value and belongs anywhere.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.temporal import date_to_midnight
from judgify.decision.feel.value import kind


class Type(ABC):
    """A set of values. Subclasses say which; every one of them is immutable and has a `name` for messages."""

    name: str

    @abstractmethod
    def admits(self, value: Any) -> bool:
        """Tell whether a value belongs to the type, as `instance of` asks; allowed values are not looked at."""

    @abstractmethod
    def stands_for(self, other: "Type") -> bool:
        """Tell whether every value of this type belongs to the other type (conformance)."""

    def violated(self, value: Any) -> str | None:
        """Give the constraint that a value of the type breaks; None when it breaks none."""
        del value
        return None

    def settled(self) -> "Type":
        """Give the type itself, where this one only names or constrains another."""
        return self


@dataclass(frozen=True, slots=True)
class AnyType(Type):
    """Every value but null."""

    name: str = "Any"

    def admits(self, value: Any) -> bool:
        """Tell whether there is a value."""
        return value is not None

    def stands_for(self, other: Type) -> bool:
        """Tell whether the other is `Any` too."""
        return isinstance(other.settled(), AnyType)


@dataclass(frozen=True, slots=True)
class NullType(Type):
    """Null alone."""

    name: str = "Null"

    def admits(self, value: Any) -> bool:
        """Tell whether there is no value."""
        return value is None

    def stands_for(self, other: Type) -> bool:
        """Tell that null stands for a value of any type."""
        del other
        return True


_KINDS: Final = {
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "date": "date",
    "time": "time",
    "date and time": "date-time",
    "days and time duration": "duration",
    "years and months duration": "months",
}
_NAMES: Final = {found: name for name, found in _KINDS.items()}


@dataclass(frozen=True, slots=True, init=False)
class SimpleType(Type):
    """One of FEEL's types without parts, by its name (`date and time`) or the kind of its values (`date-time`)."""

    kind: str
    name: str = field(compare=False)

    def __init__(self, name: str) -> None:
        found = _KINDS.get(name, name)
        object.__setattr__(self, "kind", found)
        object.__setattr__(self, "name", _NAMES[found])

    def admits(self, value: Any) -> bool:
        """Tell whether a value is of the kind."""
        return kind(value) == self.kind

    def stands_for(self, other: Type) -> bool:
        """Tell whether the other is the same type, or `Any`."""
        own = other.settled()
        return isinstance(own, AnyType) or own == self


def _member(declared: Type, value: Any) -> bool:
    return value is None or declared.admits(value)


@dataclass(frozen=True, slots=True)
class ListType(Type):
    """A list whose items all belong to one type."""

    item: Type

    @property
    def name(self) -> str:  # type: ignore[override] # worked out, where the other types hold it
        """The type as FEEL writes it."""
        return f"list<{self.item.name}>"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is a list, and every item null or of the type."""
        return isinstance(value, list) and all(_member(self.item, item) for item in value)

    def stands_for(self, other: Type) -> bool:
        """Tell whether the other is a list of a type that the items stand for."""
        own = other.settled()
        return isinstance(own, AnyType) or (isinstance(own, ListType) and self.item.stands_for(own.item))

    def violated(self, value: Any) -> str | None:
        """Give the constraint that an item breaks."""
        return next((broken for item in value if (broken := _violated(self.item, item)) is not None), None)


def _violated(declared: Type, value: Any) -> str | None:
    return None if value is None else declared.violated(value)


@dataclass(frozen=True, slots=True)
class ContextType(Type):
    """A context that has at least these members, each null or of its type."""

    members: Mapping[str, Type]

    @property
    def name(self) -> str:  # type: ignore[override] # worked out, where the other types hold it
        """The type as FEEL writes it; the types of members are left out, since a type may hold itself."""
        return f"context<{', '.join(self.members)}>"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is a context with every member; it may have more."""
        if not isinstance(value, Mapping):
            return False
        return all(name in value and _member(declared, value[name]) for name, declared in self.members.items())

    def stands_for(self, other: Type) -> bool:
        """Tell whether every member of the other has a member here that stands for it."""
        own = other.settled()
        if not isinstance(own, ContextType):
            return isinstance(own, AnyType)
        return all(
            name in self.members and self.members[name].stands_for(declared) for name, declared in own.members.items()
        )

    def violated(self, value: Any) -> str | None:
        """Give the constraint that a member breaks."""
        pairs = ((declared, value[name]) for name, declared in self.members.items())
        return next((broken for pair in pairs if (broken := _violated(*pair)) is not None), None)


@dataclass(frozen=True, slots=True)
class RangeType(Type):
    """A range whose ends belong to one type."""

    item: Type

    @property
    def name(self) -> str:  # type: ignore[override] # worked out, where the other types hold it
        """The type as FEEL writes it."""
        return f"range<{self.item.name}>"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is a range, and each end open or of the type."""
        return kind(value) == "range" and _member(self.item, value.low) and _member(self.item, value.high)

    def stands_for(self, other: Type) -> bool:
        """Tell whether the other is a range of a type that the ends stand for."""
        own = other.settled()
        return isinstance(own, AnyType) or (isinstance(own, RangeType) and self.item.stands_for(own.item))


@dataclass(frozen=True, slots=True)
class FunctionType(Type):
    """A function that takes these types and gives that; `parameters` None takes a function of any parameters."""

    parameters: tuple[Type, ...] | None
    result: Type

    @property
    def name(self) -> str:  # type: ignore[override] # worked out, where the other types hold it
        """The type as FEEL writes it."""
        if self.parameters is None:
            return "function"
        return f"function<{', '.join(one.name for one in self.parameters)}> -> {self.result.name}"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is a function that can stand where such a function is called."""
        if kind(value) != "function":
            return False
        parameters = tuple(parameter.type or ANY for parameter in value.parameters)
        return FunctionType(parameters, value.result or ANY).stands_for(self)

    def stands_for(self, other: Type) -> bool:
        """Tell whether the other takes no more than this one, and gives no less."""
        own = other.settled()
        if not isinstance(own, FunctionType):
            return isinstance(own, AnyType)
        if not self.result.stands_for(own.result):
            return False
        if own.parameters is None or self.parameters is None:
            return own.parameters is None
        return len(own.parameters) == len(self.parameters) and all(
            theirs.stands_for(ours) for ours, theirs in zip(self.parameters, own.parameters, strict=True)
        )


@dataclass(slots=True, eq=False)
class NamedType(Type):
    """A type by its name, so that types may name each other in any order; `target` is filled in once."""

    name: str
    target: Type

    def settled(self) -> Type:
        """Give the type that the name leads to."""
        return self.target.settled()

    def admits(self, value: Any) -> bool:
        """Ask the type that the name leads to."""
        return self.target.admits(value)

    def stands_for(self, other: Type) -> bool:
        """Ask the type that the name leads to; a name stands for itself."""
        return other is self or self.target.stands_for(other)

    def violated(self, value: Any) -> str | None:
        """Ask the type that the name leads to."""
        return self.target.violated(value)


@dataclass(frozen=True, slots=True)
class ConstrainedType(Type):
    """A type of which only the values that pass a test are allowed; it belongs to conversion, not to conformance."""

    base: Type
    allows: Callable[[Any], bool] = field(compare=False)
    text: str

    @property
    def name(self) -> str:  # type: ignore[override] # worked out, where the other types hold it
        """The name of the type below."""
        return self.base.name

    def settled(self) -> Type:
        """Give the type below."""
        return self.base.settled()

    def admits(self, value: Any) -> bool:
        """Ask the type below."""
        return self.base.admits(value)

    def stands_for(self, other: Type) -> bool:
        """Ask the type below."""
        return self.base.stands_for(other)

    def violated(self, value: Any) -> str | None:
        """Give the type's own constraint, or one below."""
        return self.base.violated(value) or (None if self.allows(value) else self.text)


ANY: Final = AnyType()
NULL: Final = NullType()
_MOMENT: Final = SimpleType("date and time")
_ALIASES: Final = {
    "dateTime": "date and time",
    "dayTimeDuration": "days and time duration",
    "yearMonthDuration": "years and months duration",
}
_OTHERS: Final[dict[str, Type]] = {
    "Any": ANY,
    "Null": NULL,
    "list": ListType(ANY),
    "context": ContextType({}),
    "function": FunctionType(None, ANY),
}


def named(text: str) -> Type | None:
    """Give FEEL's own type of a name (`number`, `date and time`, `Any`, …), else None.

    The shorter names of older files (`dateTime`, `dayTimeDuration`, `yearMonthDuration`) are known too.
    """
    name = " ".join(text.split())
    name = _ALIASES.get(name, name)
    return SimpleType(name) if name in _KINDS else _OTHERS.get(name)


def coerce(value: Any, declared: Type) -> Any:
    """Turn a value into a declared type, as the standard converts on binding; null stays null.

    A list of one item becomes the item, an item becomes a list of one, a date becomes its midnight in UTC. Nothing
    else is converted.

    Raises:
        EvaluationError: `wrong-type`, or `not-allowed` when the value breaks a constraint of the type.
    """
    if value is None:
        return None
    found = _converted(value, declared)
    if found is None:
        raise EvaluationError("wrong-type", value=value, type=declared.name, found=kind(value))
    broken = declared.violated(found)
    if broken is not None:
        raise EvaluationError("not-allowed", value=value, allowed=broken)
    return found


def _converted(value: Any, declared: Type) -> Any:
    if declared.admits(value):
        return value
    own = declared.settled()
    if isinstance(own, ListType):
        return [value] if own.item.admits(value) else None
    if own == _MOMENT and kind(value) == "date":
        return date_to_midnight(value)
    if isinstance(own, FunctionType) and kind(value) == "function" and value.result is None:
        # FEEL's function literals cannot say what they give: what they do give is then held to the declared type.
        given = value.giving(own.result)
        return given if own.admits(given) else None
    if isinstance(value, list) and len(value) == 1 and own.admits(value[0]):
        return value[0]
    return None
