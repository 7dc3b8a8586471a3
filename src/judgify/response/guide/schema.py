"""The guide as one typed, frozen object. Wrong states cannot be built: every file is checked against its record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from judgify.decision import DecisionTable
from judgify.kit.errors import NotFound
from judgify.response.guide.base import GuideProblem, Identifier, Lang, Line, Model, Name, SeverityName, Text
from judgify.response.guide.catalogue import Namespace, Service, SeveritiesFile, Severity, SignalsFile
from judgify.response.guide.catalogue import ServicesFile as ServicesFile  # noqa: PLC0414 - part of this module's face
from judgify.response.guide.intake import IntakeFile
from judgify.response.guide.matrix import Matrix
from judgify.response.guide.oncall_file import OnCallFile
from judgify.response.guide.people import (
    CalendarFile,
    Channel,
    ChannelsFile,
    ChannelWatch,
    ContactsFile,
    EscalationFile,
    LinksFile,
    NoticesFile,
    Person,
)
from judgify.response.guide.procedure import AutomationFile, ChecklistFile, PhasesFile, Runbook

DocumentKind = Literal["announcement", "customers", "log", "postmortem"]
DOCUMENTS: Final[tuple[DocumentKind, ...]] = ("announcement", "customers", "log", "postmortem")
LANGS: Final[tuple[Lang, ...]] = ("ko", "en")


class AboutFile(Model):
    """`guide.yaml`: the guide's own head and foot."""

    title: Text
    version: Line
    updated: Line
    audience: Text
    author: Line
    reviewer: Line
    approver: Line


class LossTerm(Model):
    """One term of the estimate: `amount` for each unit of what was measured."""

    measure: Literal["outage_minutes", "failed_requests", "unfinished_requests", "lost_judgments", "affected_users"]
    amount: Annotated[Decimal, Field(ge=0)]


class BusinessLoss(Model):
    """The loss formula: the sum of its terms. Without terms a report says "not estimated"."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    terms: tuple[LossTerm, ...]


class SlaFile(Model):
    """`sla.yaml` (section 5.2)."""

    availability_percent: Annotated[float, Field(gt=0, lt=100)]
    p95_ms: Annotated[float, Field(gt=0)]
    error_percent: Annotated[float, Field(gt=0, lt=100)]
    budget_days: Annotated[int, Field(ge=1, le=366)]
    business_loss: BusinessLoss


class WeeklyItem(Model):
    """One item of the weekly check (section 8.1)."""

    id: Identifier
    title: Text
    kind: Literal["node_resources", "unit_resources", "disk", "error_patterns", "performance_trend"]
    services: tuple[Name, ...] = ()
    hours: Annotated[int, Field(ge=1, le=24 * 31)] = 168
    top: Annotated[int, Field(ge=1, le=100)] = 10
    kubectl: tuple[Line, ...]


class WeeklyCheckFile(Model):
    """`weekly_check.yaml` (section 8.1)."""

    day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    at: time
    items: Annotated[tuple[WeeklyItem, ...], Field(min_length=1)]


Unset = Annotated[str, Field(pattern=r"[X_]")]


class DrillFile(Model):
    """`drill.yaml`: when the next drill is (end of the guide) and what it rehearses."""

    next_date: date | Unset
    remind_days_before: tuple[Annotated[int, Field(ge=0, le=365)], ...]
    scenarios: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """The whole guide, checked. `digest` names this very text; `warnings` are what is still to be filled in."""

    directory: Path
    digest: str
    about: AboutFile
    severities: Mapping[SeverityName, Severity]
    kubernetes: Namespace
    services: Mapping[str, Service]
    signals: SignalsFile
    table: DecisionTable
    intake: IntakeFile
    escalation: EscalationFile
    contacts: ContactsFile
    oncall: OnCallFile = field(default_factory=OnCallFile)
    channels: Mapping[str, Channel]
    watch: ChannelWatch = field(default_factory=ChannelWatch)
    """How the channels are watched."""
    calendar: CalendarFile
    sla: SlaFile
    phases: PhasesFile
    checklist: ChecklistFile
    runbooks: Mapping[str, Runbook]
    automation: AutomationFile
    weekly_check: WeeklyCheckFile
    drill: DrillFile
    links: LinksFile
    notices: NoticesFile
    templates: Mapping[tuple[Lang, DocumentKind], str]
    """Source text of the document templates."""
    warnings: tuple[GuideProblem, ...] = ()
    matrix: Matrix = field(init=False, repr=False, compare=False)
    """`escalation` as a decision table."""

    def __post_init__(self) -> None:
        """Make the matrix of the escalation that this guide has, also of one that was put in another's place."""
        object.__setattr__(self, "matrix", Matrix(self.escalation))

    def service(self, name: str) -> Service:
        """Give one entry of the catalogue; an unknown name is `NotFound`."""
        try:
            return self.services[name]
        except KeyError:
            raise NotFound(f"service {name!r} is not in the guide; known are {', '.join(self.services)}") from None

    def service_of_unit(self, unit: str) -> str | None:
        """Give the catalogue name of a supervisor's unit (`postgres` → `database`), or None."""
        return next((name for name, service in self.services.items() if service.unit == unit), None)

    def service_of_job(self, job: str) -> str | None:
        """Give the catalogue name for a Prometheus `job` label, a unit's name or the catalogue name itself, or None."""
        if job in self.services:
            return job
        return next((name for name, service in self.services.items() if job in {service.job, service.unit}), None)

    def runbook_for(self, service: str) -> Runbook:
        """Give the runbook of a service; an unknown name is `NotFound`."""
        return self.runbooks[self.service(service).runbook]

    def persons_of(self, role: str, service: str) -> tuple[tuple[str, Person], ...]:
        """Give who fills a role for a service, as (id, person), in the guide's order.

        The owner of a service that is not in the catalogue is whoever stands in for it.
        """
        entry = self.contacts.roles[role]
        owned = entry.per_service and service in self.services
        ids = (self.services[service].owner,) if owned else entry.persons
        return tuple((person, self.contacts.persons[person]) for person in ids)

    def needs(self, service: str) -> frozenset[str]:
        """Give everything that a service cannot serve without, directly or through others; never itself."""
        return self._reach(service, reflected=False)

    def roots_behind(self, service: str, *, reflected: bool) -> frozenset[str]:
        """Give every service whose failure can show as a signal on this one; never itself.

        `reflected`: the signal is one that a well-running service shows for another (an error share).
        """
        return self._reach(service, reflected=reflected)

    def _reach(self, service: str, *, reflected: bool) -> frozenset[str]:
        seen: set[str] = set()
        waiting = [service]
        while waiting:
            entry = self.services.get(waiting.pop())
            if entry is None:
                continue
            names = {*entry.depends_on, *(entry.reflects if reflected else ())} - seen
            seen |= names
            waiting.extend(names)
        return frozenset(seen - {service})


FILES: Final[Mapping[str, type[Model]]] = {
    "guide.yaml": AboutFile,
    "severities.yaml": SeveritiesFile,
    "services.yaml": ServicesFile,
    "signals.yaml": SignalsFile,
    "intake.yaml": IntakeFile,
    "escalation.yaml": EscalationFile,
    "contacts.yaml": ContactsFile,
    "oncall.yaml": OnCallFile,
    "channels.yaml": ChannelsFile,
    "calendar.yaml": CalendarFile,
    "sla.yaml": SlaFile,
    "phases.yaml": PhasesFile,
    "checklist.yaml": ChecklistFile,
    "automation.yaml": AutomationFile,
    "weekly_check.yaml": WeeklyCheckFile,
    "drill.yaml": DrillFile,
    "links.yaml": LinksFile,
    "notices.yaml": NoticesFile,
}
"""Every file of the guide and the record it must fit; runbooks and templates lie in their folders."""
OPTIONAL: Final = frozenset({"oncall.yaml"})
"""Files that a guide written before there were such may lack; each of their fields has a default."""
