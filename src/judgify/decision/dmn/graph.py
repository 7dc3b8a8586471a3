"""The requirement graph over all models: what leads where, under which name, in which order.

Standard: DMN 1.5, 6.2 (requirements) and 6.3.2 (imports). Only what an element requires is in its scope; what comes
from another model stands under the name of the import.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from judgify.decision.dmn.definition import Decision, Definitions, InputData, Key, KnowledgeModel, Node, Service
from judgify.decision.dmn.error import ModelError, ModelProblem
from judgify.decision.dmn.form import one_name
from judgify.decision.error import listing


@dataclass(frozen=True, slots=True)
class Link:
    """A required element and the name under which it is in scope; `alias` is the import's name, or empty."""

    key: Key
    alias: str
    name: str


@dataclass(slots=True)
class Graph:
    """Every element of a model and of the models that it reaches through imports."""

    own: Definitions
    aliases: Mapping[str, str]
    nodes: Mapping[Key, Node]
    problems: dict[Key, list[ModelProblem]] = field(default_factory=dict)

    @classmethod
    def of(cls, own: Definitions, others: Iterable["Graph"]) -> "Graph":
        """Join a model with those that it imports.

        Raises:
            ModelError: Its information requirements go in a circle.
        """
        nodes: dict[Key, Node] = {}
        for other in others:
            nodes.update(other.nodes)
        nodes.update({node.key: node for node in own.nodes})
        aliases = {one.namespace: one_name(one.name) for one in own.imports}
        graph = cls(own, aliases, nodes)
        for node in own.nodes:
            graph._check(node)
        graph._refuse_circles()
        return graph

    def _check(self, node: Node) -> None:
        """Keep what a node requires and no model has, or has as something else."""
        for role, keys, kinds in _requirements(node):
            for key in keys:
                found = self.nodes.get(key)
                if found is None:
                    where = "" if key.namespace == self.own.namespace else f" of {key.namespace}"
                    self._report(node, f'{role} "#{key.id}"{where} leads to nothing')
                elif not isinstance(found, kinds):
                    self._report(node, f'{role} "{found.name}" is of another kind')

    def _report(self, node: Node, message: str) -> None:
        self.problems.setdefault(node.key, []).append(ModelProblem(message, node.line, spoken(node)))

    def _refuse_circles(self) -> None:
        state: dict[Key, bool] = {}
        for start in self.own.nodes:
            path: list[tuple[Key, Iterator[Key]]] = []
            self._enter(start.key, path, state)
            while path:
                key = next(path[-1][1], None)
                if key is None:
                    state[path.pop()[0]] = True
                elif state.get(key) is False:
                    names = [self.nodes[one].name for one, _ in path]
                    circle = names[[one for one, _ in path].index(key) :]
                    message = f"decisions require each other in a circle: {listing(circle)}"
                    line = self.nodes[key].line
                    raise ModelError(self.own.where, [ModelProblem(message, line)])
                else:
                    self._enter(key, path, state)

    def _enter(self, key: Key, path: list[tuple[Key, Iterator[Key]]], state: dict[Key, bool]) -> None:
        node = self.nodes.get(key)
        if key not in state and isinstance(node, Decision):
            state[key] = False
            path.append((key, iter(node.requires)))

    def link(self, key: Key) -> Link:
        """Give the name under which an element of this model or of an import is in scope."""
        return Link(key, self.aliases.get(key.namespace, ""), self.nodes[key].name)

    def links(self, keys: Iterable[Key]) -> tuple[Link, ...]:
        """Give the names of those elements that exist."""
        return tuple(self.link(key) for key in keys if key in self.nodes)

    def order(self, wanted: Sequence[Key], known: Iterable[Key] = ()) -> list[Decision | InputData]:
        """Give the decisions and inputs to work out for others, each after what it requires; without those known."""
        done = set(known)
        found: list[Decision | InputData] = []
        stack: list[tuple[Key, bool]] = [(key, False) for key in reversed(wanted)]
        while stack:
            key, ready = stack.pop()
            node = self.nodes.get(key)
            if not isinstance(node, Decision | InputData):
                continue
            if ready:
                found.append(node)
            if ready or key in done:
                continue
            done.add(key)
            stack.append((key, True))
            if isinstance(node, Decision):
                stack.extend((required, False) for required in reversed(node.requires))
        return found


def _requirements(node: Node) -> Iterator[tuple[str, tuple[Key, ...], tuple[type, ...]]]:
    if isinstance(node, Decision):
        yield "the required information", node.requires, (Decision, InputData)
    if isinstance(node, Decision | KnowledgeModel):
        yield "the required knowledge", node.knows, (KnowledgeModel, Service)
    if isinstance(node, Service):
        yield "the decision", (*node.outputs, *node.encapsulated, *node.decisions), (Decision,)
        yield "the input", node.inputs, (InputData,)


_WORDS = {InputData: "input", Decision: "decision", KnowledgeModel: "knowledge model", Service: "decision service"}


def spoken(node: Node) -> str:
    """Name an element in a few words."""
    return f'{_WORDS[type(node)]} "{node.name}"'
