"""An incident's timeline as documents read it: by kind of entry, each statement with the entries behind it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from judgify.kit.clock import SEOUL
from judgify.response import timeline as t
from judgify.response.documents.markdown import Markdown, fill
from judgify.response.documents.stretch import outages
from judgify.response.documents.wording import WORDING
from judgify.response.guide.schema import Guide
from judgify.response.incident import Incident
from judgify.response.model import Actor, Finding, Lang

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Said:
    """One statement, and the sequence numbers of the entries that it was drawn from."""

    text: Markdown
    seqs: tuple[int, ...]

    def join(self, other: "Said", separator: str = ", ") -> "Said":
        """Give both statements as one, resting on the entries of both."""
        return Said(Markdown(f"{self.text}{separator}{other.text}"), (*self.seqs, *other.seqs))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline of guide 7.1."""

    at: datetime
    said: Said


class Record:
    """Incident, timeline and guide for one document in one language."""

    def __init__(self, guide: Guide, lang: Lang, incident: Incident, entries: Sequence[t.Entry]) -> None:
        """Read these; the entries are the incident's own, in order."""
        self.guide = guide
        self.lang: Lang = lang
        self.incident = incident
        self.entries = tuple(entries)
        self.outages = outages(incident, self.entries)

    def of(self, kind: type[E]) -> Iterator[tuple[t.Entry, E]]:
        """Give every entry of one kind with its event, in order."""
        for entry in self.entries:
            if isinstance(entry.event, kind):
                yield entry, entry.event

    def last(self, *kinds: type[Any]) -> t.Entry | None:
        """Give the newest entry of these kinds, or None."""
        return next((entry for entry in reversed(self.entries) if isinstance(entry.event, kinds)), None)

    def word(self, key: str, **values: Any) -> Markdown:
        """Give one wording in the document's language, its values escaped."""
        return fill(WORDING[key].of(self.lang), **values)

    def say(self, key: str, seqs: Iterable[int], **values: Any) -> Said:
        """Make a statement of one wording and the entries behind it."""
        return Said(self.word(key, **values), tuple(seqs))

    # -- who and what, in the words of the guide ---------------------------------------------------------------------

    def service(self, name: str) -> str:
        """Give a service's label, or the name as it came when the guide does not know it."""
        known = self.guide.services.get(name)
        return name if known is None else known.label.of(self.lang)

    def signal(self, name: str) -> str:
        """Give a signal's label, or the name as it came."""
        known = self.guide.signals.signals.get(name)
        return name if known is None else known.label.of(self.lang)

    def mention(self, person: str) -> str | Markdown:
        """Give how a person is called in a chat when the guide knows the person, else the name as it came."""
        known = self.guide.contacts.persons.get(person)
        if known is not None:
            return Markdown(known.slack)
        return Markdown(f"@{person}") if person in self.guide.contacts.roles else person

    def person(self, person: str) -> str:
        """Give a person's title, or the name as it came; a room where nobody in particular is told is everyone."""
        if person == "everyone":
            return self.word("everyone")
        if person == "hotline":
            return self.word("hotline")
        known = self.guide.contacts.persons.get(person)
        return person if known is None else known.title.of(self.lang)

    def actor(self, actor: Actor) -> str:
        """Give who did something: the engine by its own word, everybody else by name."""
        return str(self.word("engine")) if actor.kind == "engine" else str(actor)

    def reason(self, rule: str, recorded: str) -> str:
        """Give a rule's reason in the document's language where the record holds just that, else as recorded."""
        declared = WORDING["declared_reason"]
        if recorded in {"declared so", declared.ko, declared.en}:
            return declared.of(self.lang)
        for known in self.guide.signals.rules:
            if known.id == rule and recorded in {known.reason.ko, known.reason.en}:
                return known.reason.of(self.lang)
        return recorded

    def step(self, run_id: str, step: str) -> str:
        """Give a runbook step's title, or its name when the guide does not have it."""
        for _, event in self.of(t.RunbookStarted):
            book = self.guide.runbooks.get(event.runbook) if event.run_id == run_id else None
            known = None if book is None else book.step(step)
            if known is not None:
                return known.title.of(self.lang)
        return step

    def runbook(self, name: str) -> str:
        """Give a runbook's title, or its name."""
        known = self.guide.runbooks.get(name)
        return name if known is None else known.title.of(self.lang)

    def finding(self, finding: Finding) -> str:
        """Give a finding's title in the document's language where it is the guide's own, else as recorded."""
        for book in self.guide.runbooks.values():
            for known in book.diagnose:
                if known.id == finding.step and finding.title in {known.title.ko, known.title.en}:
                    return known.title.of(self.lang)
        return finding.title

    def item(self, fact: str) -> str:
        """Give the wording of a checklist item by the fact that it waits for, or the fact's name."""
        for step in self.guide.checklist.steps:
            for item in step.items:
                if item.done_when == fact:
                    return item.text.of(self.lang)
        return fact

    def checklist_step(self, step: str) -> str:
        """Give the title of a step of the checklist, or its id when the guide does not have it."""
        titles = {known.id: known.title.of(self.lang) for known in self.guide.checklist.steps}
        return titles.get(step, step)

    def phase(self, phase: int) -> str:
        """Give the title of a phase of guide 6.1."""
        return next(known.title.of(self.lang) for known in self.guide.phases.phases if known.id == phase)

    # -- figures -----------------------------------------------------------------------------------------------------

    def marked(self, said: Said, extra: str = "") -> str:
        """Give a statement with its evidence: the numbers of the entries that it was drawn from."""
        return f"{said.text} {self.word('evidence', numbers=listed(said.seqs) + extra)}"

    def took(self, length: timedelta) -> Markdown:
        """Give a duration for people: `4.2초`, `1분 12초`, `1시간 5분`; tenths below a minute."""
        seconds = max(0.0, length.total_seconds())
        if round(seconds, 1) < 60:
            return self.word("seconds", s=number(round(seconds, 1)))
        whole = round(seconds)
        minutes, rest = divmod(whole, 60)
        if minutes < 60:
            return self.word("minutes_seconds", m=minutes, s=rest) if rest else self.word("minutes", m=minutes)
        hours, minutes = divmod(minutes, 60)
        return self.word("hours_minutes", h=hours, m=minutes) if minutes else self.word("hours", h=hours)


def minute(moment: datetime) -> str:
    """Give a moment as guide 7.1 writes it: `2026-11-22 14:30 KST`."""
    return moment.astimezone(SEOUL).strftime("%Y-%m-%d %H:%M %Z")


def clock_time(moment: datetime, beside: datetime) -> str:
    """Give `14:30`, with the date in front on another day than `beside`, in Asia/Seoul."""
    here = moment.astimezone(SEOUL)
    return here.strftime("%H:%M" if here.date() == beside.astimezone(SEOUL).date() else "%Y-%m-%d %H:%M")


def listed(seqs: Iterable[int]) -> str:
    """Name entries by their numbers; three or more in a row become a range: `1, 4–7`."""
    runs: list[list[int]] = []
    for seq in sorted(set(seqs)):
        if runs and runs[-1][-1] == seq - 1:
            runs[-1].append(seq)
        else:
            runs.append([seq])
    parts = [f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(parts)


def number(value: float | Decimal) -> str:
    """Give a figure for people: thousands separated, at most two places, no trailing zeros."""
    text = f"{value:,.2f}"
    return text.rstrip("0").rstrip(".")


def last_of(items: Iterable[E]) -> E | None:
    """Give the last of some, or None."""
    found = None
    for item in items:
        found = item
    return found
