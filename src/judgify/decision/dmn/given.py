"""The caller's values, found for the inputs of a model."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from judgify.decision.dmn.definition import Decision, InputData
from judgify.decision.dmn.graph import Graph
from judgify.decision.feel.error import MISSING, EvaluationError
from judgify.decision.feel.temporal import read_date, read_date_time, read_duration, read_time
from judgify.decision.feel.type import ContextType, ListType, SimpleType, Type, coerce
from judgify.decision.feel.value import deep, finder

_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "date": read_date,
    "time": read_time,
    "date-time": read_date_time,
    "duration": read_duration,
    "months": read_duration,
}


class Given:
    """What the caller gave; `strict` reads texts as dates and durations where the model says that they are such."""

    def __init__(self, values: Mapping[Any, Any], graph: Graph, *, strict: bool) -> None:
        self.values = values
        self.graph = graph
        self.strict = strict

    def raw(self, node: InputData | Decision) -> Any:
        """Give the value for an element as it was given; `MISSING` when there is none."""
        key, own = node.key, self.graph.own.namespace
        if (key.namespace, node.name) in self.values:
            return self.values[key.namespace, node.name]
        find, alias = finder(node.name), self.graph.aliases.get(key.namespace)
        if key.namespace == own or alias == "":
            return find(self.values)
        if alias:
            holder = finder(alias)(self.values)
            for found in (
                find(holder) if isinstance(holder, Mapping) else MISSING,
                finder(f"{alias}.{node.name}")(self.values),
            ):
                if found is not MISSING:
                    return found
        return find(self.values) if self._only(node) else MISSING

    def _only(self, node: InputData | Decision) -> bool:
        """Tell whether no other input of all models has the name, so that it needs no prefix."""
        same = [one for one in self.graph.nodes.values() if isinstance(one, type(node)) and one.name == node.name]
        return len(same) == 1

    def value(self, node: InputData | Decision, declared: Type | None) -> Any:
        """Give the value for an element in the engine's form and of its type.

        Raises:
            EvaluationError: It is missing (strict), of another type, not allowed, or nothing that the engine knows.
        """
        raw = self.raw(node)
        if raw is MISSING:
            if self.strict:
                raise EvaluationError("missing", name=node.name)
            return None
        value = deep(raw)
        if declared is None:
            return value
        return coerce(_read(value, declared) if self.strict else value, declared)


def _read(value: Any, declared: Type) -> Any:
    """Read texts as dates and durations where they are declared; JSON has none."""
    own = declared.settled()
    if isinstance(value, str) and isinstance(own, SimpleType) and own.kind in _READERS:
        found = _READERS[own.kind](value)
        return value if found is None else found
    if isinstance(value, list) and isinstance(own, ListType):
        return [_read(item, own.item) for item in value]
    if isinstance(value, dict) and isinstance(own, ContextType):
        return {name: _read(item, own.members[name]) if name in own.members else item for name, item in value.items()}
    return value
