"""From a request to panels: nothing is guessed; what is open becomes a question, what is unknown is named. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from judgify.core.dashboard.grammar.ask import BASES, JOIN, PERIODS, Asker
from judgify.core.dashboard.grammar.draft import Drafter
from judgify.core.dashboard.grammar.lexicon import GLOSSARY
from judgify.core.dashboard.grammar.phrase import (
    Segment,
    before,
    earlier,
    grouped,
    inherit,
    only_groups,
    segments,
)
from judgify.core.dashboard.grammar.spec import KnownWorkflow, PanelSpec, Period, Understanding, Unit
from judgify.core.dashboard.grammar.token import tokenize

DEFAULT: Final = Period(form="last", unit="hour", number=24)
"""The time of a request that names none."""
MAX_PANELS: Final = 12
_CORE: Final = (
    "subject", "split", "count", "rate", "duration", "stat", "group", "interval", "field", "trend", "pattern",
    "verdict", "level", "result", "workflow", "service", "state", "method", "failure", "kind",
)  # fmt: skip


def parse(text: str, known: Sequence[KnownWorkflow] = (), answers: Mapping[str, str] | None = None) -> Understanding:
    """Understand a request: panels when all is clear, else questions; `unknown` alone when nothing was understood.

    `Invalid` for a request of more than 500 characters.
    """
    parts, compare = segments(tokenize(text, names(known)))
    unknown = tuple(dict.fromkeys(token.text for part in parts for token in part.all("unknown")))
    if not any(part.has(*_CORE) for part in parts):
        return Understanding(unknown=unknown)
    asker = Asker(answers or {})
    for word in unknown:
        asker.ignored(word)
    parts = _complete(_joined(parts, asker))
    panels: list[PanelSpec] = []
    notes: list[str] = []
    for number, part in enumerate(parts):
        for period, base in _periods(part, number, asker, notes, compare=compare):
            panels += Drafter(part, number, known, asker, notes).panels(period, base)
    if asker.questions:
        return Understanding(questions=tuple(asker.questions))
    if len(panels) > MAX_PANELS:
        notes.append("panels")
    return Understanding(panels=tuple(panels[:MAX_PANELS]), notes=tuple(dict.fromkeys(notes)))


def names(known: Sequence[KnownWorkflow]) -> dict[str, tuple[str, str]]:
    """Give every name that a request may use for a part of the workflows; a workflow's own name comes first."""
    found: dict[str, tuple[str, str]] = {}
    korean = {english: word for word, english in GLOSSARY.items()}
    for workflow in known:
        for field, others in workflow.fields.items():
            low = field.casefold()
            for name in (field, *others, korean.get(low, ""), GLOSSARY.get(low, "")):
                found[name.casefold()] = ("field", field)
    for workflow in known:
        found |= {str(value).casefold(): ("result", str(value)) for value in workflow.results}
    for workflow in known:
        for name in (workflow.name, workflow.label or "", workflow.name.replace("-", " ").replace("_", " ")):
            found[name.casefold()] = ("workflow", workflow.name)
    return {name: meaning for name, meaning in found.items() if name.strip()}


def _joined(parts: list[Segment], asker: Asker) -> list[Segment]:
    """Settle what a bare grouping belongs to: to its neighbour's chart, or a chart of its own."""
    done: list[Segment] = []
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if not only_groups(part) or (not done and last):
            done.append(part)
        elif done and not grouped(done[-1]):
            done[-1].tokens += part.tokens
        elif not done and not grouped(parts[number + 1]):
            parts[number + 1].tokens[:0] = part.tokens
        else:
            chosen = asker.ask(number, "join", JOIN, about=" ".join(token.text for token in part.tokens))
            if chosen != "together":
                done.append(part)
            elif done:
                done[-1].tokens += part.tokens
            else:
                parts[number + 1].tokens[:0] = part.tokens
    return done


def _complete(parts: list[Segment]) -> list[Segment]:
    """Let each part take from its neighbours what it leaves out: what is measured, and the time."""
    done: list[Segment] = []
    for number, part in enumerate(parts):
        whole = part
        if not _measured(part):
            source = next((other for other in (*reversed(done), *parts[number + 1 :]) if _measured(other)), None)
            whole = part if source is None else inherit(part, source)
        if not whole.periods:
            times = next((other.periods for other in (*reversed(done), *parts[number + 1 :]) if other.periods), [])
            whole = replace(whole, periods=list(times))
        if done and _of_any_workflow(whole):
            whole = replace(whole, tokens=[*done[-1].all("workflow"), *whole.tokens])
        done.append(whole)
    return done


def _of_any_workflow(part: Segment) -> bool:
    """Tell whether a part is about judgments and leaves out of which workflow."""
    judged = part.has("rate", "duration", "split", "verdict") or any(
        token.value == "judgment" for token in part.all("subject")
    )
    named = part.has("workflow", "field", "result", "all") or any(
        token.value == "workflow" for token in part.all("group")
    )
    return judged and not named


def _measured(part: Segment) -> bool:
    return part.has("subject", "rate", "duration", "pattern", "level", "verdict", "failure", "split", "result", "state")


def _periods(
    part: Segment, number: int, asker: Asker, notes: list[str], *, compare: bool
) -> list[tuple[Period, Period | None]]:
    times = list(dict.fromkeys(part.periods))
    if len(times) > 1 and not compare:
        chosen = asker.ask(number, "periods", PERIODS)
        if chosen == "each":
            return [(time, None) for time in times]
        compare = chosen == "compare"
    if not compare:
        if not times:
            notes.append("period")
        return [(times[0] if times else DEFAULT, None)]
    if len(times) > 1:
        base, period = earlier(times[0], times[1])
        return [(period, base)]
    if times:
        one = times[0]
        if one.form == "calendar" and one.number < 0:
            return [(one.model_copy(update={"number": one.number + 1}), one)]
        return [(one, before(one))]
    chosen = asker.ask(number, "base", BASES)
    now = Period(form="calendar", unit=cast("Unit", (chosen or "calendar:day").split(":")[1]), number=0)
    return [(now, before(now))]
