"""The engine's questions answered from a loaded guide. Pure: values in, values out."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, get_args

from judgify.kit.clock import SEOUL, iso
from judgify.kit.errors import NotFound
from judgify.response import checklist, escalation, phases, severity
from judgify.response.contact_rule import Told
from judgify.response.guide.base import Text
from judgify.response.guide.catalogue import FailureClass
from judgify.response.guide.procedure import ChecklistFact
from judgify.response.guide.schema import Guide
from judgify.response.incident import Incident
from judgify.response.model import Classification, Lang, PageKind, Severity, Signal
from judgify.response.policy import Gap, PlannedRow, Responder, StepDue, StormRule, Team
from judgify.response.roster import Roster
from judgify.response.stand_in import StandIn

_FACTS: Final[tuple[ChecklistFact, ...]] = get_args(ChecklistFact)
_CLASSES: Final[tuple[FailureClass, ...]] = get_args(FailureClass)
_CLASSIFIED: Final = 4_096
"""Answers of the severity table that are remembered."""
_LANGS: Final[tuple[Lang, ...]] = ("ko", "en")
TEAM: Final = "response-team"
"""Who is called together for P0 and P1 (guide 1.1)."""
LEADS: Final = "team-lead"
GAP: Final = "gap-"
"""What begins the row of a hotline page that stands in for a row of which nobody is on call."""
HOTLINE: Final = "hotline"
"""Whom the 24/7 hotline of the contacts is paged as."""
CUSTOMER: Final = "customer"
"""The role under which a subscriber of the status page is written to."""
EVERYONE: Final = "everyone"
"""Whom an announcement is owed to: whoever reads its channel."""


class GuidePolicy:
    """See `policy.Policy`."""

    def __init__(self, guide: Guide, lang: Lang = "ko", roster: Roster | None = None) -> None:
        """Answer from this guide; titles and reasons are kept in its default language."""
        self.guide = guide
        self.roster = roster or Roster(guide)
        self._lang: Lang = lang
        self._classified: dict[tuple[object, ...], Classification] = {}
        self._roots: dict[tuple[str, bool], frozenset[str]] = {}
        self._joins: dict[str, tuple[str, ...]] = {name: guide.intake.failure_classes[name].joins for name in _CLASSES}
        self._beats = {one.alert: one.name for one in guide.intake.heartbeats if one.alert is not None}

    def beside(self, stand_ins: Sequence[StandIn]) -> "GuidePolicy":
        """Give the same policy with these quick overrides laid over its schedules."""
        return GuidePolicy(self.guide, self._lang, self.roster.beside(stand_ins)) if stand_ins else self

    def service(self, name: str) -> str | None:
        """Give the catalogue's name for a service, a unit or a Prometheus job."""
        return self.guide.service_of_job(name)

    def title(self, service: str, signal: str) -> str:
        """Give an incident's title: the service's label and the signal's."""
        entry = self.guide.services.get(service)
        known = self.guide.signals.signals.get(signal)
        channel = self.guide.channels.get(service.removeprefix("channel:")) if service.startswith("channel:") else None
        named = entry or channel
        label = named.label.of(self._lang) if named is not None else service
        return f"{label}: {known.label.of(self._lang) if known is not None else signal}"

    def classify(self, signal: Signal) -> Classification:
        """Classify a signal by the table of guide 1.1."""
        asked = [signal.labels.get(label, "") for label in ("severity", *self.guide.intake.service_labels)]
        key = (signal.service, signal.signal, signal.value, *asked)
        known = self._classified.get(key)
        if known is None:
            # The table gives one answer to one question, and a storm asks the same one over and over.
            if len(self._classified) >= _CLASSIFIED:
                self._classified.clear()
            known = self._classified[key] = self._classify(signal)
        return known

    def _classify(self, signal: Signal) -> Classification:
        found = severity.classify(
            self.guide, service=signal.service, signal=signal.signal, value=signal.value, labels=signal.labels
        )
        return Classification(
            severity=found.severity,
            rule=found.rule,
            reason=found.reason.of(self._lang),
            failure_class=found.failure_class,
            known=found.known,
            in_guide=not found.not_in_guide,
            life_at_risk=found.life_at_risk,
        )

    def roots_behind(self, service: str, signal: str) -> frozenset[str]:
        """Give every other service whose failure can show as this signal on a service."""
        known = self.guide.signals.signals.get(signal)
        reflected = known is not None and bool(getattr(known, "reflected", False))
        found = self._roots.get((service, reflected))
        if found is None:
            found = self.guide.roots_behind(service, reflected=reflected)
            if service in self.guide.services:
                self._roots[service, reflected] = found
        return found

    def heartbeat_of(self, signal: Signal) -> str | None:
        """Give the heartbeat whose beat an outside alert is (Prometheus' Watchdog), or None."""
        if signal.own or not self._beats:
            return None
        return self._beats.get(signal.labels.get("alertname", ""))

    def storm(self) -> StormRule:
        """Give what a storm is, and how it is told."""
        given = self.guide.intake.storm
        return StormRule(pages=given.pages, within_s=given.within_s, repeat_s=given.repeat_s, names=given.names)

    def strange_roots(self) -> int:
        """Give how many services that the guide does not know may have open incidents of their own."""
        return self.guide.intake.storm.roots

    def may_join(self, failure_class: str, of_incident: str) -> bool:
        """Tell whether a signal of one class of failure may be part of an incident of another."""
        return of_incident in self._joins.get(failure_class, ())

    def reroot_within_s(self) -> float:
        """Give how long after its opening an incident may still get another root."""
        return self.guide.intake.reroot_within_s

    def settling_s(self) -> float:
        """Give for how long after a root is well again what its dependents show may still be its doing."""
        return self.guide.intake.settle_within_s

    def reopen_within_s(self) -> float:
        """Give how long after recovery the same key reopens the incident."""
        return self.guide.intake.reopen_within_minutes * 60.0

    def hold_s(self, drill: str | None) -> float:
        """Give how long every own check must hold."""
        automation = self.guide.automation
        return automation.recovered_hold_s if drill is None else automation.drill_hold_s

    def resolve_after_s(self) -> float:
        """Give how long an incident must be steady after recovery."""
        return self.guide.automation.resolve_after_minutes * 60.0

    def approval_lapses_s(self) -> float:
        """Give how long a request for approval stands."""
        return self.guide.automation.approval_lapses_minutes * 60.0

    def pages(
        self, severity: Severity, service: str, started_at: datetime, now: datetime | None = None
    ) -> list[PlannedRow]:
        """Give every page, report and notice of the matrix, one row for each channel; each thing once."""
        plan = self._plan(severity, service, started_at, now)
        rows = [
            PlannedRow(
                kind=due.kind,
                person=told.person,
                role=due.role,
                channel=told.channel,
                row=f"{due.minute}:{due.kind}:{told.person}",
                due_at=due.due_at + timedelta(seconds=told.after_s),
                wakes=self._wakes(told.channel),
                after_s=told.after_s,
            )
            for due in plan.rows
            for told in due.told or tuple(Told(due.person, name) for name in self._any_channel(due.kind))
        ]
        for hole in plan.holes:
            rows += self.hotline_pages(severity, f"{GAP}{hole.minute}", hole.due_at)
        once: dict[tuple[str, str, str], PlannedRow] = {}
        for row in sorted(rows, key=lambda row: row.due_at):
            once.setdefault((row.person, row.channel, row.row), row)
        return list(once.values())

    def gaps(self, severity: Severity, service: str, started_at: datetime, now: datetime | None = None) -> list[Gap]:
        """Give the rows of the matrix of which nobody is on call."""
        holes = self._plan(severity, service, started_at, now).holes
        return [Gap(row=str(hole.minute), roles=hole.roles, due_at=hole.due_at) for hole in holes]

    def _plan(self, severity: Severity, service: str, started_at: datetime, now: datetime | None) -> escalation.Plan:
        return escalation.escalate(
            self.guide, self.roster, severity=severity, service=service, opened_at=started_at, now=now
        )

    def guide_digest(self) -> str:
        """Give what names the very text of the guide."""
        return self.guide.digest

    def duty_changes(self, after: datetime) -> datetime | None:
        """Give the next instant at which somebody else may be on call."""
        return self.roster.next_change(after)

    def neglected_after_s(self, severity: Severity) -> float | None:
        """Give after how long without an act of a person an acknowledged incident escalates anew."""
        minutes = self.guide.escalation.neglected_after_minutes.get(severity)
        return None if minutes is None else minutes * 60.0

    def _wakes(self, channel: str) -> bool:
        known = self.guide.channels.get(channel)
        return known is not None and known.wakes

    def _any_channel(self, kind: PageKind) -> Sequence[str]:
        # A guide may limit every channel to other roles; a page is then owed through the console all the same.
        fitting = [name for name, channel in self.guide.channels.items() if channel.enabled and kind in channel.kinds]
        return fitting or ["console"]

    def hotline_pages(self, severity: Severity, row: str, now: datetime) -> list[PlannedRow]:
        """Give one page for each channel through which this severity pages; the row's order is not waited for."""
        fitting = [
            name
            for name, channel in self.guide.channels.items()
            if channel.enabled
            and severity in channel.severities
            and "page" in channel.kinds
            and not (channel.wakes and self.quiet(severity, now))
        ]
        return [
            PlannedRow(
                kind="page",
                person=HOTLINE,
                role=HOTLINE,
                channel=name,
                row=f"hotline:{row}",
                due_at=now,
                wakes=self._wakes(name),
            )
            for name in fitting or ["console"]
        ]

    def quiet(self, severity: Severity, moment: datetime) -> bool:
        """Tell whether nobody is to be woken for this severity at that moment."""
        return escalation.is_quiet(self.guide, severity, moment)

    def local_channel(self, channel: str) -> bool:
        """Tell whether a channel is the console or the mailbox of this machine."""
        known = self.guide.channels.get(channel)
        return known is None or known.kind in {"console", "mailbox"}

    def follows(self, channel: str) -> bool:
        """Tell whether a channel can change what it told before."""
        known = self.guide.channels.get(channel)
        return known is not None and known.enabled and known.kind in {"slack_bot", "pagerduty"}

    def repeat(self) -> tuple[float, int]:
        """Give (seconds between repeats, how many at most)."""
        policy = self.guide.escalation.repeat
        return policy.every_s, policy.times

    def responder(self, severity: Severity, service: str, now: datetime) -> Responder | None:
        """Give the first responder: who is on call for the first row's first role that has somebody."""
        for role in self.guide.escalation.rows[0].cell(severity).roles:
            for person in self.roster.persons(role, service, severity, now):
                label = self.guide.contacts.roles[role].label.of(self._lang)
                shown = self.guide.contacts.persons[person].shown
                return Responder(person=person, role=role, reason=f"{label}: {shown}")
        return None

    def team(self, severity: Severity, service: str, now: datetime) -> Team | None:
        """Give the response team where guide 1.1 convenes it (P0, P1)."""
        if self.guide.severities[severity].convene != "team" or TEAM not in self.guide.contacts.roles:
            return None
        persons = self.roster.persons(TEAM, service, severity, now)
        return Team(role=TEAM, persons=persons) if persons else None

    def open_steps(self, incident: Incident, now: datetime) -> list[StepDue]:
        """Give the steps of the checklist whose clock runs or has run out and that are not done."""
        return [
            StepDue(
                id=step.id,
                title=_both(step.title),
                deadline=step.deadline,
                late=step.status == "late",
                missing=tuple(item.id for item in missing),
                missing_text={lang: ", ".join(item.text.of(lang) for item in missing) for lang in _LANGS},
            )
            for step in self._steps(incident, now)
            if step.status in {"running", "late", "waiting"}
            if (missing := [item for item in step.items if item.done is None and not item.optional])
        ]

    def _steps(self, incident: Incident, now: datetime) -> tuple[checklist.StepState, ...]:
        facts = [
            checklist.Fact(kind, mark.at, str(mark.actor), mark.how == "machine")
            for kind in _FACTS
            if (mark := incident.checklist.get(kind)) is not None
        ]
        return checklist.state(
            self.guide.checklist, severity=incident.severity, opened_at=incident.started_at, facts=facts, now=now
        )

    def test_pages(self, person: str, now: datetime) -> list[PlannedRow]:
        """Give one test page for each enabled channel of a contact."""
        if person not in self.guide.contacts.persons:
            raise NotFound(f"{person!r} is not in the contacts; known are {', '.join(self.guide.contacts.persons)}")
        return [
            PlannedRow(
                kind="test", person=person, role="test", channel=name, row="test", due_at=now, wakes=channel.wakes
            )
            for name, channel in self.guide.channels.items()
            if channel.enabled and "page" in channel.kinds
        ]

    def reminder_pages(self, person: str, now: datetime) -> list[PlannedRow]:
        """Give what a reminder is sent through, waking nobody; without a contact of that name, to the team leads."""
        known = person in self.guide.contacts.persons
        leads = [key for key, _ in self.guide.persons_of(LEADS, "")] if LEADS in self.guide.contacts.roles else []
        return [
            PlannedRow(
                kind="notice", person=whom, role="reminder", channel=name, row="reminder", due_at=now, wakes=False
            )
            for whom in ([person] if known else leads)
            for name, channel in self.guide.channels.items()
            if channel.enabled and not channel.wakes and "notice" in channel.kinds
        ]

    def drill_reminder(self, now: datetime) -> int | None:
        """Give in how many days the next drill is, on the days on which the guide wants it reminded of."""
        drill = self.guide.drill
        if not isinstance(drill.next_date, date):
            return None
        days = (drill.next_date - now.astimezone(SEOUL).date()).days
        return days if days in drill.remind_days_before else None

    def announcement_pages(self, severity: Severity, audience: str, now: datetime) -> list[PlannedRow]:
        """Give the channels that an announcement goes to."""
        return [
            PlannedRow(
                kind="notice", person=EVERYONE, role=audience, channel=name, row="announcement", due_at=now, wakes=False
            )
            for name in escalation.announcement_channels(self.guide, severity)
        ]

    def customer_rows(self, kind: str, person: str, row: str, now: datetime) -> list[PlannedRow]:
        """Give the channel through which a subscriber's e-mail or SMS goes: the guide's first that takes any address.

        While the guide has none switched on, the mailbox of this machine keeps what would have been sent.
        """
        open_ones = {name: channel for name, channel in self.guide.channels.items() if channel.enabled}
        fitting = [
            name for name, channel in open_ones.items() if channel.kind == kind and getattr(channel, "to", None) is None
        ] or [name for name, channel in open_ones.items() if channel.kind == "mailbox"]
        return [
            PlannedRow(kind="notice", person=person, role=CUSTOMER, channel=name, row=row, due_at=now, wakes=False)
            for name in fitting[:1]
        ]

    def phase(self, started_at: datetime, recovered_at: datetime | None, now: datetime) -> int:
        """Give the phase of guide 6.1."""
        return phases.state(self.guide.phases, opened_at=started_at, recovered_at=recovered_at, now=now).phase.id

    def checklist(self, incident: Incident, now: datetime, lang: Lang) -> list[dict[str, Any]]:
        """Give the first-15-minutes checklist with each step's own clock."""
        steps = self._steps(incident, incident.recovered_at or now)
        facts = {item.id: item.done_when for step in self.guide.checklist.steps for item in step.items}
        return [
            {
                "id": step.id,
                "title": step.title.of(lang),
                "guide": step.guide,
                "status": step.status,
                "started_at": iso(step.started_at),
                "deadline": iso(step.deadline),
                "done_at": None if step.done_at is None else iso(step.done_at),
                "remaining_s": step.remaining_s,
                "items": [
                    {
                        "id": item.id,
                        "text": item.text.of(lang),
                        "optional": item.optional,
                        "fact": facts[item.id],
                        "detail": "" if item.done is None else incident.checklist[facts[item.id]].detail,
                        "done_at": None if item.done is None else iso(item.done.at),
                        "by": None if item.done is None else item.done.by,
                        "how": None if item.done is None else ("machine" if item.done.by_machine else "person"),
                    }
                    for item in step.items
                ],
            }
            for step in steps
        ]

    def phases(self, incident: Incident, now: datetime, lang: Lang) -> list[dict[str, Any]]:
        """Give the phases with goals and tasks, the present one marked."""
        current = phases.state(
            self.guide.phases, opened_at=incident.started_at, recovered_at=incident.recovered_at, now=now
        )
        return [
            {
                "id": phase.id,
                "title": phase.title.of(lang),
                "goal": phase.goal.of(lang),
                "tasks": [{"id": task.id, "text": task.text.of(lang)} for task in phase.tasks],
                "current": phase.id == current.phase.id,
                "from_minute": phase.from_minute,
                "to_minute": phase.to_minute,
                "remaining_s": current.remaining_s if phase.id == current.phase.id else None,
            }
            for phase in self.guide.phases.phases
        ]

    def services(self, lang: Lang) -> list[dict[str, Any]]:
        """Give the catalogue in the order of recovery."""
        names = sorted(self.guide.services, key=lambda name: self.guide.services[name].priority)
        return [
            {
                "service": name,
                "label": self.guide.services[name].label.of(lang),
                "role": self.guide.services[name].role.of(lang),
                "priority": self.guide.services[name].priority,
                "unit": self.guide.services[name].unit,
                "depends_on": list(self.guide.services[name].depends_on),
                "life_safety": self.guide.services[name].life_safety,
                "runbook": self.guide.services[name].runbook,
            }
            for name in names
        ]

    def automation(self) -> dict[str, Any]:
        """Give the guide's automation policy."""
        return self.guide.automation.model_dump(mode="json")

    def deadlines(self, severity: Severity, started_at: datetime) -> tuple[datetime, datetime]:
        """Give (by when a person must answer, from when it is to be solved): guide 1.1."""
        found = escalation.deadlines(self.guide, severity=severity, opened_at=started_at)
        return found.respond_by, found.solve_from

    def duty(self, severity: Severity) -> dict[str, Any]:
        """Give a severity's name, target and what is asked for (guide 1.1)."""
        entry = self.guide.severities[severity]
        return {
            "severity": severity,
            "name": entry.name,
            "emoji": entry.emoji,
            "colour": entry.colour,
            "target_minutes": entry.target_minutes,
            "definition": _both(entry.definition),
            "impact": _both(entry.impact),
            "duty": _both(entry.duty),
            "convene": entry.convene,
        }


def _both(text: Text) -> dict[Lang, str]:
    return {"ko": text.ko, "en": text.en}
