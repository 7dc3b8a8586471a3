"""What the engine asks of the guide, as one Protocol; `guide_policy` answers it from a loaded guide. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from judgify.response.incident import Incident
from judgify.response.model import Classification, Lang, PageKind, Severity, Signal, Value
from judgify.response.stand_in import StandIn


class PlannedRow(Value):
    """A page that the guide asks for: to whom, through what, by when."""

    kind: PageKind
    person: str
    role: str
    channel: str
    address: str = ""
    row: str
    due_at: datetime
    wakes: bool = True
    after_s: float = 0.0
    """How much later than its row this step of a contact rule comes."""


class Gap(Value):
    """A row of the matrix of which nobody is on call: what is planned for it goes to the next row and the hotline."""

    row: str
    roles: tuple[str, ...]
    due_at: datetime


class Responder(Value):
    """The first responder that the guide names (G08)."""

    person: str
    role: str
    reason: str


class Team(Value):
    """Whom the guide calls together (G08): the role, and its persons."""

    role: str
    persons: tuple[str, ...]


class StepDue(Value):
    """A step of the checklist with its clock: the items still to be done, and by when."""

    id: str
    title: dict[Lang, str]
    deadline: datetime
    late: bool
    missing: tuple[str, ...]
    missing_text: dict[Lang, str]


class StormRule(Value):
    """When pages become a digest (see `storm`), and how many incidents it names one by one."""

    pages: int = 3
    within_s: float = 60
    repeat_s: float = 120
    names: int = 20


class Policy(Protocol):
    """The guide as the engine sees it. Nothing here reads a clock or does I/O."""

    def service(self, name: str) -> str | None:
        """Give the catalogue's name for a service, a unit or a Prometheus job; None when it is not in the guide."""
        ...

    def title(self, service: str, signal: str) -> str:
        """Give an incident's title."""
        ...

    def classify(self, signal: Signal) -> Classification:
        """Classify a signal; an unknown one says so and still has a severity. Never raises for a signal's content."""
        ...

    def roots_behind(self, service: str, signal: str) -> frozenset[str]:
        """Give every other service whose failure can show as this signal on a service."""
        ...

    def heartbeat_of(self, signal: Signal) -> str | None:
        """Give the heartbeat whose beat an outside alert is, or None."""
        ...

    def storm(self) -> StormRule:
        """Give what a storm is, and how it is told."""
        ...

    def strange_roots(self) -> int:
        """Give how many services that the guide does not know may have open incidents of their own."""
        ...

    def may_join(self, failure_class: str, of_incident: str) -> bool:
        """Tell whether a signal of one class of failure may be part of an incident of another."""
        ...

    def reroot_within_s(self) -> float:
        """Give how long after its opening an incident may still get another root."""
        ...

    def settling_s(self) -> float:
        """Give for how long after a root is well again what its dependents show may still be its doing."""
        ...

    def reopen_within_s(self) -> float:
        """Give how long after recovery the same key reopens the incident."""
        ...

    def hold_s(self, drill: str | None) -> float:
        """Give how long every own check must hold until the incident counts as recovered."""
        ...

    def resolve_after_s(self) -> float:
        """Give how long an incident must be steady after recovery until it counts as resolved."""
        ...

    def approval_lapses_s(self) -> float:
        """Give how long a request for approval stands."""
        ...

    def beside(self, stand_ins: Sequence[StandIn]) -> "Policy":
        """Give the same policy with these quick overrides laid over its schedules."""
        ...

    def pages(
        self, severity: Severity, service: str, started_at: datetime, now: datetime | None = None
    ) -> list[PlannedRow]:
        """Give every page, report and notice of the escalation matrix, with absolute due times.

        Each goes to whoever is on call at its time, or `now` where that has been. Where nobody is, the next row's
        come instead, and the hotline's.
        """
        ...

    def gaps(self, severity: Severity, service: str, started_at: datetime, now: datetime | None = None) -> list[Gap]:
        """Give the rows of the matrix of which nobody is on call."""
        ...

    def guide_digest(self) -> str:
        """Give what names the very text of the guide."""
        ...

    def duty_changes(self, after: datetime) -> datetime | None:
        """Give the next instant at which somebody else may be on call, or None."""
        ...

    def neglected_after_s(self, severity: Severity) -> float | None:
        """Give after how long without an act of a person an acknowledged incident escalates anew; None: never."""
        ...

    def hotline_pages(self, severity: Severity, row: str, now: datetime) -> list[PlannedRow]:
        """Give what the 24/7 hotline is called through when nobody of a row could be reached."""
        ...

    def quiet(self, severity: Severity, moment: datetime) -> bool:
        """Tell whether nobody is to be woken for this severity at that moment."""
        ...

    def local_channel(self, channel: str) -> bool:
        """Tell whether a channel stays on this machine (console, mailbox): it reaches only who looks."""
        ...

    def follows(self, channel: str) -> bool:
        """Tell whether a channel can change what it told before, so that it is told how things stand."""
        ...

    def repeat(self) -> tuple[float, int]:
        """Give (seconds between repeats, how many at most) of a page that nobody acknowledged."""
        ...

    def responder(self, severity: Severity, service: str, now: datetime) -> Responder | None:
        """Give the first responder."""
        ...

    def team(self, severity: Severity, service: str, now: datetime) -> Team | None:
        """Give the team that is called together for a severity; None where one owner is enough."""
        ...

    def open_steps(self, incident: Incident, now: datetime) -> list[StepDue]:
        """Give the steps of the checklist whose clock runs or has run out and that are not done."""
        ...

    def test_pages(self, person: str, now: datetime) -> list[PlannedRow]:
        """Give one test page for each channel of a contact; `NotFound` for an unknown one."""
        ...

    def reminder_pages(self, person: str, now: datetime) -> list[PlannedRow]:
        """Give what a reminder is sent through, waking nobody; without a contact of that name, to the team leads."""
        ...

    def drill_reminder(self, now: datetime) -> int | None:
        """Give in how many days the next drill is, on the days on which the guide wants it reminded of; else None."""
        ...

    def announcement_pages(self, severity: Severity, audience: str, now: datetime) -> list[PlannedRow]:
        """Give what an announcement is sent through."""
        ...

    def customer_rows(self, kind: str, person: str, row: str, now: datetime) -> list[PlannedRow]:
        """Give the channel through which a subscriber's e-mail or SMS goes."""
        ...

    def phase(self, started_at: datetime, recovered_at: datetime | None, now: datetime) -> int:
        """Give the phase of guide 6.1."""
        ...

    def checklist(self, incident: Incident, now: datetime, lang: Lang) -> list[dict[str, Any]]:
        """Give the first-15-minutes checklist with each step's clock, as the console and the API show it."""
        ...

    def phases(self, incident: Incident, now: datetime, lang: Lang) -> list[dict[str, Any]]:
        """Give the phases with goals and tasks, the present one marked."""
        ...

    def services(self, lang: Lang) -> list[dict[str, Any]]:
        """Give the catalogue in the order of recovery."""
        ...

    def automation(self) -> dict[str, Any]:
        """Give what the engine may do without asking, and the other numbers of the automation policy."""
        ...

    def deadlines(self, severity: Severity, started_at: datetime) -> tuple[datetime, datetime]:
        """Give (by when a person must answer, from when it is to be solved)."""
        ...

    def duty(self, severity: Severity) -> dict[str, Any]:
        """Give the severity's name, response target in minutes and what is asked for, in both languages."""
        ...
