"""The first 15 minutes (guide chapter 3): which box is ticked, by whom, and how each step's own clock stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from judgify.response.guide.base import SeverityName, Text
from judgify.response.guide.procedure import ChecklistFact, ChecklistFile, ChecklistItem, ChecklistStep

StepStatus = Literal["waiting", "running", "late", "done", "done-late"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the timeline shows as done."""

    kind: ChecklistFact
    at: datetime
    by: str
    by_machine: bool


@dataclass(frozen=True, slots=True)
class ItemState:
    """One box; `done` is the first fact that ticked it."""

    id: str
    text: Text
    optional: bool
    done: Fact | None


@dataclass(frozen=True, slots=True)
class StepState:
    """One step with its clock. `remaining_s` is 0 once it is done or out of time, the whole clock while it waits."""

    id: str
    title: Text
    guide: str
    status: StepStatus
    started_at: datetime
    deadline: datetime
    done_at: datetime | None
    remaining_s: float
    items: tuple[ItemState, ...]


def state(
    checklist: ChecklistFile, *, severity: SeverityName, opened_at: datetime, facts: Iterable[Fact], now: datetime
) -> tuple[StepState, ...]:
    """Work out the checklist from what the timeline shows.

    A step's clock starts when the step before is done or out of time, the first one's when the incident's does. What
    was done before its step began counts. Steps without an item for the severity are left out.
    """
    first: dict[str, Fact] = {}
    for fact in sorted(facts, key=lambda each: each.at):
        first.setdefault(fact.kind, fact)
    steps: list[StepState] = []
    started = opened_at
    for step in checklist.steps:
        items = [item for item in step.items if severity in item.severities]
        if items:
            steps.append(_step(step, items, first, started, now))
            done = steps[-1].done_at
            started = steps[-1].deadline if done is None else max(started, min(done, steps[-1].deadline))
    return tuple(steps)


def _step(
    step: ChecklistStep, items: list[ChecklistItem], first: dict[str, Fact], started: datetime, now: datetime
) -> StepState:
    states = tuple(ItemState(item.id, item.text, item.optional, first.get(item.done_when)) for item in items)
    needed = [each for each in states if not each.optional] or list(states)
    facts = [each.done for each in needed if each.done is not None]
    done_at = max(fact.at for fact in facts) if len(facts) == len(needed) else None
    deadline = started + timedelta(seconds=step.clock_s)
    status = _status(started, deadline, done_at, now)
    remaining = {"waiting": step.clock_s, "running": (deadline - now).total_seconds()}.get(status, 0.0)
    return StepState(step.id, step.title, step.guide, status, started, deadline, done_at, remaining, states)


def _status(started: datetime, deadline: datetime, done_at: datetime | None, now: datetime) -> StepStatus:
    if done_at is not None:
        return "done" if done_at <= deadline else "done-late"
    if now < started:
        return "waiting"
    return "running" if now <= deadline else "late"
