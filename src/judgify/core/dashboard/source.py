"""Asking the other services for a panel's figures, and for what requests can name. Over HTTP only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from judgify.core.dashboard.grammar.spec import KnownWorkflow, PanelSpec, Period
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock, iso
from judgify.kit.errors import Invalid, JudgifyError

CATALOGUE_S: Final = 5.0
"""Seconds for which the names of workflows, fields and results are kept."""
MAX_WORKFLOWS: Final = 50


class PanelRefused(Exception):
    """A panel's figures cannot be had; the reason names the service and what it said."""

    def __init__(self, detail: str) -> None:
        """Keep the reason."""
        self.detail = detail
        super().__init__(detail)


class _Given(BaseModel):
    # More than is asked for may come: the other service may be newer than this one.
    model_config = ConfigDict(extra="ignore", frozen=True)


class Row(_Given):
    """One figure: of a bucket of time, of a group, of both, or of everything."""

    bucket: datetime | None = None
    keys: list[str | None] = []
    value: float | None = None
    number: Annotated[int, Field(ge=0)] = 0


class Figures(_Given):
    """What a source answered, checked: the groups are those that were asked for."""

    unit: str = "count"
    rows: list[Row]
    total: Annotated[int, Field(ge=0)]
    cut: int = 0


class Pattern(_Given):
    """One message pattern."""

    pattern: str
    count: int
    last_seen: datetime | None = None
    services: list[str] = []


@dataclass(frozen=True, slots=True)
class Measured:
    """A panel's figures: of its time and, where it compares, of the other."""

    figures: Figures | None = None
    base: Figures | None = None
    patterns: tuple[Pattern, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    notes: tuple[str, ...] = field(default=())


_PATTERNS: Final = TypeAdapter(list[Pattern])


class Sources:
    """The services that dashboards are made from."""

    def __init__(self, clients: Mapping[str, ServiceClient], clock: Clock) -> None:
        """Know the clients of judgment, logging, action and workflow."""
        self._clients = clients
        self._clock = clock
        self._known: tuple[float, list[KnownWorkflow]] | None = None

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.close()

    async def catalogue(self) -> list[KnownWorkflow]:
        """Give the active workflows with the names of their fields and results; `JudgifyError` when they are away."""
        now = self._clock.monotonic()
        if self._known is None or now - self._known[0] >= CATALOGUE_S:
            rows = await self._clients["workflow"].get("/api/v2/workflow/workflows", limit=MAX_WORKFLOWS)
            found = []
            for row in rows:
                whole = (
                    row
                    if "document" in row
                    else await self._clients["workflow"].get(f"/api/v2/workflow/workflows/{row['id']}")
                )
                found.append(known_workflow(whole["document"]))
            self._known = (now, found)
        return self._known[1]

    async def measure(self, spec: PanelSpec) -> Measured:
        """Run a panel's question. `PanelRefused` with the reason when it fails or its answer does not fit."""
        now = self._clock.now()
        start, end = spec.period.resolve(now)
        try:
            if spec.source == "pattern":
                return await self._patterns(spec, start, end)
            figures = await self._figures(spec, start, end)
            base = await self._base(spec, spec.base, now) if spec.base is not None else None
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"]))
            raise PanelRefused(f"{_SERVICE[spec.source]}: the answer cannot be read at {place or 'its root'}") from None
        except PanelRefused:
            raise
        except JudgifyError as error:
            raise PanelRefused(f"{_SERVICE[spec.source]}: {error.detail}") from error
        self._check_fields(spec, figures)
        return Measured(figures, base, start=start, end=end)

    async def _base(self, spec: PanelSpec, base: Period, now: datetime) -> Figures:
        return await self._figures(spec, *base.resolve(now))

    async def _figures(self, spec: PanelSpec, start: datetime, end: datetime) -> Figures:
        service = _SERVICE[spec.source]
        answer = await self._clients[service].get(_PATH[spec.source], **_question(spec, start, end))
        figures = Figures.model_validate(answer)
        if any(len(row.keys) != len(spec.by) for row in figures.rows):
            raise PanelRefused(f"{service}: the answer is not grouped as it was asked for")
        return figures

    async def _patterns(self, spec: PanelSpec, start: datetime, end: datetime) -> Measured:
        hours = min(max(round((end - start).total_seconds() / 3600), 1), 168)
        answer = await self._clients["logging"].get(
            "/api/v2/logging/patterns", level="ERROR" if "ERROR" in spec.levels else spec.levels[0], hours=hours,
            limit=spec.limit,
        )  # fmt: skip
        return Measured(patterns=tuple(_PATTERNS.validate_python(answer["patterns"])), start=start, end=end)

    @staticmethod
    def _check_fields(spec: PanelSpec, figures: Figures) -> None:
        if figures.total == 0:
            return
        if "input" in spec.by and all(row.keys[0] is None for row in figures.rows if row.number):
            raise PanelRefused(f'judgment: no execution in this time has the input field "{spec.field}"')
        if spec.of is not None and all(row.value is None for row in figures.rows):
            raise PanelRefused(f'judgment: no execution in this time has a number in the input field "{spec.of}"')


_SERVICE: Final = {"judgment": "judgment", "log": "logging", "action": "action", "pattern": "logging"}
_PATH: Final = {
    "judgment": "/api/v2/judgment/aggregate",
    "log": "/api/v2/logging/aggregate",
    "action": "/api/v2/action/actions/aggregate",
}


def _question(spec: PanelSpec, start: datetime, end: datetime) -> dict[str, Any]:
    asked: dict[str, Any] = {"from": iso(start), "to": iso(end), "interval": spec.interval}
    if spec.source == "judgment":
        return asked | {
            "measure": spec.measure, "by": ",".join(spec.by) or None, "of": spec.of, "field": spec.field,
            "workflow": spec.workflow, "verdict": list(spec.verdicts) or None, "result": list(spec.results) or None,
            "method": spec.method, "limit": spec.limit,
        }  # fmt: skip
    if spec.source == "action":
        if len(spec.by) > 1:
            raise Invalid("actions are grouped by one thing at a time")
        return asked | {"by": spec.by[0] if spec.by else None, "state": list(spec.states) or None}
    terms = [f"level:({' OR '.join(spec.levels)})"] if spec.levels else []
    terms += [f"service:{spec.service}"] if spec.service else []
    if spec.interval == "1w":
        asked["interval"] = "1d"
    return asked | {"by": ",".join(spec.by) or None, "q": " AND ".join(terms) or None, "limit": spec.limit}


def known_workflow(document: Mapping[str, Any]) -> KnownWorkflow:
    """Read from a workflow's document what requests can name."""
    properties: Mapping[str, Any] = (document.get("input_schema") or {}).get("properties") or {}
    tables: list[Mapping[str, Any]] = document.get("tables") or []
    fields: dict[str, list[str]] = {str(name): [] for name in properties}
    columns = (document.get("files") or {}).get("columns") or []
    named = [(one.get("name"), one.get("aliases") or []) for one in columns]
    named += [
        (one.get("name"), [one["label"]]) for table in tables for one in table.get("inputs") or [] if one.get("label")
    ]
    for name, others in named:
        if name in fields:
            fields[name] += map(str, others)
    reference: Mapping[str, Any] = document.get("result") or {}
    return KnownWorkflow(
        str(document.get("name")),
        cast("str | None", document.get("label")),
        {name: tuple(others) for name, others in fields.items()},
        frozenset(name for name, about in properties.items() if _is_number(about)),
        tuple(result for table in tables if table.get("name") == reference.get("table")
              for result in _results(table, str(reference.get("output")))),
    )  # fmt: skip


def _results(table: Mapping[str, Any], output: str) -> list[str]:
    columns = [one for one in table.get("outputs") or [] if one.get("name") == output]
    found = [value for one in columns for value in one.get("values") or []]
    found += [(rule.get("then") or {}).get(output) for rule in table.get("rules") or []]
    return list(dict.fromkeys(value for value in found if isinstance(value, str)))


def _is_number(about: Any) -> bool:
    kind = about.get("type") if isinstance(about, Mapping) else None
    return bool({"number", "integer"} & set(kind if isinstance(kind, list) else [kind]))
