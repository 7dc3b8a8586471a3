"""What the guide knows of the platform: severities, services, signals."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from judgify.response.guide.base import Identifier, Line, Minutes, Model, Name, Seconds, SeverityName, Text

Scalar = str | int | float | bool | None
FACTS: Final = frozenset({"service", "signal", "value", "alert_severity"})
"""What an example may give; the rest is worked out."""
KNOWN: Final = "known"
"""The column of the severity table that says whether a signal is in the closed list."""
FailureClass = Literal["service", "data", "security", "monitoring", "presentation", "unknown"]
"""The class of failure in an incident's key: one fault seen through two signals of a class is one incident."""


class SeverityExample(Model):
    """One printed example of section 1.1 and the rule of the table that answers for it."""

    text: Text
    rule: Identifier


class Severity(Model):
    """One severity of section 1.1: what it means, who is told at once, how soon a person must answer."""

    name: Line
    emoji: Line
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    target_minutes: Minutes
    definition: Text
    impact: Text
    duty: Text
    examples: Annotated[tuple[SeverityExample, ...], Field(min_length=1)]
    convene: Literal["team", "owner"]
    report_to: tuple[Identifier, ...]
    solve: Literal["now", "business-hours", "maintenance-window"]
    quiet_outside_business_hours: bool


class SeveritiesFile(Model):
    """`severities.yaml`."""

    severities: dict[SeverityName, Severity]


class Kubernetes(Model):
    """How a service is named on a cluster: the names that the guide's own commands print."""

    kind: Literal["deployment", "statefulset"]
    name: Line
    selector: Line
    container: Line
    configmap: Line | None = None
    ingress: Line | None = None


class Probe(Model):
    """One regular question to a service. `threshold` failures in a row raise `signal`; one good answer ends it.

    `kind` http asks `path` on the unit's port and wants 200; postgres and redis speak enough of the protocol to tell
    "serves" from "starting"; tcp wants the port to accept. `check` is what the probe's answer stands for.
    """

    check: Literal["live", "ready", "health"]
    kind: Literal["http", "tcp", "postgres", "redis"]
    path: Annotated[str, Field(pattern=r"^/[a-z0-9/_-]*$")] | None = None
    interval_s: Seconds
    timeout_s: Seconds
    threshold: Annotated[int, Field(ge=1, le=100)]
    signal: Name


class Service(Model):
    """One entry of the catalogue. `priority` is the recovery order of section 1.2; `unit` the supervisor's name."""

    label: Text
    role: Text
    priority: Annotated[int, Field(ge=1, le=99)]
    port: Annotated[int, Field(ge=1, le=65_535)]
    unit: Identifier
    job: Line
    depends_on: tuple[Name, ...]
    """What it cannot start or serve without: its recovery waits for these."""
    reflects: tuple[Name, ...] = ()
    """Whose failures it shows as its own, though it runs well: such a signal names these as the root."""
    owner: Identifier
    life_safety: bool
    store: bool
    release_managed: bool
    """Whether the unit has releases of ours to roll back to."""
    health_path: Annotated[str, Field(pattern=r"^/[a-z0-9/_-]*$")] | None = None
    runbook: Identifier
    kubernetes: Kubernetes
    probes: tuple[Probe, ...]
    not_in_guide: bool = False


class Namespace(Model):
    """Where the platform lives on a cluster (row S09)."""

    namespace: Line
    label: Line
    ingress: Line


class ServicesFile(Model):
    """`services.yaml`."""

    kubernetes: Namespace
    services: dict[Name, Service]


class SignalName(Model):
    """One canonical signal: what is observed, and the unit of its value when it carries one."""

    label: Text
    value: Literal["seconds", "ratio", "count"] | None = None
    reflected: bool = False
    """Whether a service shows this only because one that it `reflects` fails (an error share, not a dead process)."""


class Rule(Model):
    """One row of the severity table. `guide` names the section; a row of ours says `not_in_guide`."""

    id: Identifier
    guide: Line | None = None
    not_in_guide: bool = False
    reason: Text
    when: dict[Name, str | int | float | bool]
    then: dict[Name, str]


class Example(Model):
    """A test case of the severity table: the facts, and the rule and severity that must come out."""

    id: Identifier
    given: dict[Name, Scalar]
    severity: SeverityName
    rule: Identifier


class Column(Model):
    """An input or output of the severity table."""

    name: Name
    type: Literal["string", "number", "boolean"]
    optional: bool | None = None
    allowed: tuple[str, ...] | None = None
    values: tuple[str, ...] | None = None


class SignalsFile(Model):
    """`signals.yaml`: the closed list of signals, and the decision table from signal to severity (section 1.1)."""

    name: Line
    hit_policy: Literal["U", "F", "A", "P"]
    signals: dict[Name, SignalName]
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    examples: tuple[Example, ...]

    def table(self) -> dict[str, Any]:
        """Give the table in the mapping format of `judgify.decision`.

        The column `known` is written out as a test of the signal itself, so that the closed list stands in one place
        and an analysis sees that what speaks of unknown signals speaks of no other.
        """
        spoken = any(column.name == KNOWN for column in self.inputs)
        return {
            "name": self.name,
            "hit_policy": self.hit_policy,
            "inputs": [_column(column) for column in self.inputs if column.name != KNOWN],
            "outputs": [_column(column) for column in self.outputs],
            "rules": [
                {
                    "id": rule.id,
                    "note": rule.reason.ko,
                    "when": self._spelt_out(rule.when) if spoken else dict(rule.when),
                    "then": dict(rule.then),
                }
                for rule in self.rules
            ],
            "examples": list(self._shown()),
        }

    def _shown(self) -> Iterator[dict[str, Any]]:
        answers = {rule.id: rule.then for rule in self.rules}
        for example in self.examples:
            # One of a rule that is not there is told by the checks, with the rule that was meant.
            if example.rule in answers and example.given.keys() <= FACTS:
                yield {
                    "in": facts(**example.given),
                    "out": {**answers[example.rule], "severity": example.severity},
                }

    def _spelt_out(self, when: dict[str, Any]) -> dict[str, Any]:
        names = ", ".join(f'"{name}"' for name in self.signals)
        cell = {"false": f"not({names})", "true": names, "-": "-"}.get(str(when.get(KNOWN, "-")).strip().lower())
        if cell is None or (cell != "-" and "signal" in when):
            # Left as it is: the table then refuses it with its place.
            return dict(when)
        rest = {name: test for name, test in when.items() if name != KNOWN}
        return rest if cell == "-" else {"signal": cell, **rest}


def facts(*, service: Any = "", signal: Any = "", value: Any = None, alert_severity: Any = "") -> dict[str, Any]:
    """Give what the severity table is asked with; `measured` is worked out here, so that no caller can claim it."""
    return {
        "service": service,
        "signal": signal,
        "value": value,
        "measured": value is not None,
        "alert_severity": alert_severity,
    }


def _column(column: Column) -> dict[str, Any]:
    return column.model_dump(exclude_none=True, mode="json")
