"""A type as it is written to the type that it names."""

from collections.abc import Mapping

from judgify.decision.feel.ast import TypeNode
from judgify.decision.feel.type import AnyType, ContextType, FunctionType, ListType, RangeType, Type, named


class Types:
    """The types that expressions may name: those of FEEL and those of the model."""

    def __init__(self, known: Mapping[str, Type]) -> None:
        self.known = known

    def made(self, node: TypeNode) -> Type | None:
        """Give the type that is written; None when a name in it is not known."""
        items = [self.made(item) for item in node.items]
        whole = [item for item in items if item is not None]
        result = AnyType() if node.result is None else self.made(node.result)
        if len(whole) < len(items) or result is None:
            return None
        if node.name == "context" and node.keys:
            return ContextType(dict(zip(node.keys, whole, strict=True)))
        if node.name == "function" and (node.result is not None or whole):
            return FunctionType(tuple(whole), result)
        if whole:
            return ListType(whole[0]) if node.name == "list" else RangeType(whole[0])
        return self.known.get(node.name) or named(node.name)
