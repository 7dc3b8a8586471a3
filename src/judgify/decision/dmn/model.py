"""A DMN model, read once and evaluated often."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, NoReturn, cast

from judgify.decision.dmn.definition import Decision, Definitions, InputData, Key, KnowledgeModel, Service
from judgify.decision.dmn.engine import Engine
from judgify.decision.dmn.error import ModelError, ModelProblem
from judgify.decision.dmn.given import Given
from judgify.decision.dmn.graph import Graph, spoken
from judgify.decision.dmn.outcome import Decided, NotDecided, Outcome, Place
from judgify.decision.dmn.reader import read_definitions
from judgify.decision.dmn.session import Session
from judgify.decision.error import did_you_mean
from judgify.decision.feel import Mode
from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.meter import bounded, metered
from judgify.decision.feel.value import canonical
from judgify.kit.errors import Invalid, NotFound


class Model:
    """A DMN model with the models that it imports: immutable, safe to share between threads.

    Make one with `read_model`; the constructor takes parts that were checked already.

    Attributes:
        definitions: What the file says.
        imports: The models that it imports, by namespace.
    """

    def __init__(self, definitions: Definitions, imports: Mapping[str, "Model"]) -> None:
        self.definitions = definitions
        self.imports = dict(imports)
        self.graph: Graph = Graph.of(definitions, (model.graph for model in self.imports.values()))
        self._engines: dict[Mode, Engine] = {}

    @property
    def name(self) -> str:
        """The model's name."""
        return self.definitions.name

    @property
    def namespace(self) -> str:
        """The model's namespace."""
        return self.definitions.namespace

    @property
    def decisions(self) -> tuple[str, ...]:
        """The names of the model's own decisions, in the order of the file."""
        return self._names(Decision)

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the model's own decision services."""
        return self._names(Service)

    @property
    def knowledge(self) -> tuple[str, ...]:
        """The names of the model's own business knowledge models."""
        return self._names(KnowledgeModel)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the model's own inputs."""
        return self._names(InputData)

    def _names(self, kind: type) -> tuple[str, ...]:
        return tuple(node.name for node in self.definitions.nodes if isinstance(node, kind))

    @cached_property
    def problems(self) -> tuple[ModelProblem, ...]:
        """What is wrong inside the elements of this model: expressions, types, references. Empty for a sound model.

        A model with problems can be evaluated; in strict mode what depends on a faulty element is not evaluable, in
        the standard's mode the element is null.
        """
        return self.engine(Mode.STRICT).problems()

    def engine(self, mode: Mode) -> Engine:
        """Give what evaluates this model in a mode."""
        found = self._engines.get(mode)
        if found is None:
            others = {namespace: model.engine(mode) for namespace, model in self.imports.items()}
            found = self._engines.setdefault(mode, Engine(self.graph, others, mode))
        return found

    def evaluate(
        self, decision: str, inputs: Mapping[Any, Any], *, mode: Mode = Mode.STRICT, now: datetime | None = None
    ) -> Outcome:
        """Work out one decision and everything that it requires.

        Never raises for a value. Members that no input names are ignored.

        Args:
            decision: The name or the id of one of the model's decisions, also `import.name`.
            inputs: The values by the names of inputs. Those of an imported model stand under the import's name, or
                under `(namespace, name)`.
            mode: Strict (a fault ends the evaluation and is told) or the standard's (a fault is null, and is told).
            now: What `now()` and `today()` mean; without it they are not evaluable.

        Raises:
            NotFound: The model has no such decision.
            Invalid: `inputs` is not a mapping, or `now` has no time zone.
        """
        key = self._find(decision, Decision)

        def work_out(session: Session, given: Given) -> dict[str, Any]:
            self.engine(mode).work_out([key], session, given)
            return {self.graph.nodes[key].name: session.values[key]}

        return self._outcome(work_out, key, inputs, mode, now)

    def invoke(
        self, name: str, inputs: Mapping[Any, Any], *, mode: Mode = Mode.STRICT, now: datetime | None = None
    ) -> Outcome:
        """Work out a decision service, or call a business knowledge model.

        Args:
            name: The name or the id of one of the model's decision services or business knowledge models, also
                `import.name`.
            inputs: The values of its input data and input decisions, or of its parameters, by their names.
            mode: As for `evaluate`.
            now: As for `evaluate`.

        Raises:
            NotFound: The model has no such service or function.
            Invalid: `inputs` is not a mapping, or `now` has no time zone.
        """
        key = self._find(name, (Service, KnowledgeModel))
        node = self.graph.nodes[key]

        def run(session: Session, given: Given) -> dict[str, Any]:
            engine = self.engine(mode)
            if isinstance(node, KnowledgeModel):
                return {node.name: engine.engines[key.namespace].apply(node, session, given.values)}
            return engine.serve(cast("Service", node), session, given)

        return self._outcome(run, key, inputs, mode, now)

    def _outcome(
        self,
        run: Callable[[Session, Given], dict[str, Any]],
        key: Key,
        inputs: Mapping[Any, Any],
        mode: Mode,
        now: datetime | None,
    ) -> Outcome:
        if not isinstance(inputs, Mapping):
            raise Invalid(f"a model judges an object of named values, not a {type(inputs).__name__}")
        if now is not None and now.utcoffset() is None:
            raise Invalid("the moment that now() means needs a time zone")
        session = Session(mode, {})
        given = Given(inputs, self.graph, strict=mode.strict)
        try:
            # Each part is small; boxed lists of them can grow with every decision that takes them up.
            outputs = bounded(metered(run, session, given, faults=session.raw, moment=canonical(now)))
        except EvaluationError as error:
            session.tell(error, Place(spoken(self.graph.nodes[key])))
            return NotDecided(tuple(session.faults), tuple(session.steps))
        value = next(iter(outputs.values())) if len(outputs) == 1 else outputs
        return Decided(value, outputs, tuple(session.steps), tuple(session.faults))

    def _find(self, wanted: str, kind: type | tuple[type, ...]) -> Key:
        by_name: dict[str, Key] = {}
        for key, node in self.graph.nodes.items():
            if isinstance(node, kind) and (key.namespace == self.namespace or key.namespace in self.graph.aliases):
                alias = self.graph.aliases.get(key.namespace, "")
                by_name.setdefault(f"{alias}.{node.name}" if alias else node.name, key)
        found = by_name.get(wanted)
        if found is None:
            own = Key(self.namespace, wanted)
            found = own if isinstance(self.graph.nodes.get(own), kind) else None
        if found is None:
            self._unknown(wanted, by_name)
        return found

    def _unknown(self, wanted: str, known: Iterable[str]) -> NoReturn:
        mend = did_you_mean(wanted, known)
        raise NotFound(f'{self.name} has no "{wanted}"' + (f" ({mend})" if mend else ""))


def read_model(data: bytes, imports: Iterable[Model] = (), *, where: str = "model") -> Model:
    """Read a model.

    Args:
        data: The XML, of DMN 1.2 to 1.5.
        imports: The models that it may import; they are matched by namespace, and never fetched. Unused ones are
            passed over.
        where: What messages call it.

    Raises:
        ModelError: The file is unsafe or no DMN, its parts do not fit, an import is not given, or its decisions require
            each other in a circle; every mistake is listed with its line.
    """
    return _model(read_definitions(data, where), imports)


def _model(definitions: Definitions, imports: Iterable[Model]) -> Model:
    known = {model.namespace: model for model in imports}
    missing = [
        ModelProblem(f'the import "{one.name}" ({one.namespace}) is not among the models given', one.line)
        for one in definitions.imports
        if one.namespace not in known
    ]
    if missing:
        raise ModelError(definitions.where, missing)
    return Model(definitions, {one.namespace: known[one.namespace] for one in definitions.imports})


def read_models(files: Mapping[str, bytes]) -> dict[str, Model]:
    """Read several models that may import each other, in whatever order they are given.

    Args:
        files: The XML of each model by the name of its file.

    Raises:
        ModelError: As `read_model`; two files with one namespace, or models that import each other in a circle.
    """
    waiting = {where: read_definitions(data, where) for where, data in files.items()}
    by_namespace: dict[str, str] = {}
    for where, definitions in waiting.items():
        other = by_namespace.setdefault(definitions.namespace, where)
        if other != where:
            message = f"{other} has the same namespace: {definitions.namespace}"
            raise ModelError(where, [ModelProblem(message)])
    read: dict[str, Model] = {}
    while waiting:
        inside = {definitions.namespace for definitions in waiting.values()}
        ready = [where for where, one in waiting.items() if not any(used.namespace in inside for used in one.imports)]
        if not ready:
            where = next(iter(waiting))
            raise ModelError(where, [ModelProblem("models import each other in a circle")])
        for where in ready:
            read[where] = _model(waiting.pop(where), read.values())
    return {where: read[where] for where in files}
