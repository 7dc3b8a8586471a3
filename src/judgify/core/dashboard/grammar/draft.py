"""One part of a request becomes panels: subject, measure, groups and shape, each settled or asked for. Pure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, cast

from judgify.core.dashboard.grammar.ask import (
    GROUPS,
    INTERVALS,
    KINDS,
    LEAVE_OUT,
    MEASURES,
    STATS,
    SUBJECTS,
    VERDICTS,
    Asker,
    some,
)
from judgify.core.dashboard.grammar.phrase import Segment
from judgify.core.dashboard.grammar.spec import LENGTHS, Group, Interval, KnownWorkflow, Measure, PanelSpec, Period

_HOME: Final[dict[str, tuple[str, ...]]] = {
    "judgment": ("workflow", "verdict", "result", "method", "input"),
    "log": ("service", "level"),
    "action": ("state", "type"),
    "pattern": (),
}
_RECORDS: Final = frozenset({"workflow", "result", "verdict", "method", "rate", "duration", "split", "stat"})
_STRANGE: Final[dict[str, frozenset[str]]] = {
    "judgment": frozenset({"service", "level", "state"}),
    "log": _RECORDS | {"state"},
    "action": _RECORDS | {"service", "level"},
    "pattern": _RECORDS | {"state"},
}
"""What is said of another source: to leave it out in silence would show another figure than was asked for."""
_RATIOS: Final = ("success_rate", "match_rate", "mismatch_rate", "unclear_rate")
_STEPS: Final[tuple[tuple[timedelta, Interval], ...]] = (
    (timedelta(hours=2), "1m"),
    (timedelta(hours=6), "5m"),
    (timedelta(hours=12), "15m"),
    (timedelta(days=3), "1h"),
    (timedelta(days=120), "1d"),
)
MAX_BUCKETS: Final = 2_000
"""Points over time that the services count at once."""
_ERRORS: Final = ("ERROR", "CRITICAL")
Shape = tuple[Any, tuple[Group, ...], Interval | None]


def interval_for(period: Period) -> Interval:
    """Give the interval that a time of this length is shown in when none was named."""
    return next((interval for longest, interval in _STEPS if period.span() <= longest), "1w")


class Drafter:
    """Settles one part of a request. What stays open is asked, and gives no panel."""

    def __init__(
        self, part: Segment, number: int, known: Sequence[KnownWorkflow], asker: Asker, notes: list[str]
    ) -> None:
        """Work on the part with this number."""
        self._part = part
        self._number = number
        self._known = known
        self._asker = asker
        self._notes = notes
        self._errors = False

    def panels(self, period: Period, base: Period | None) -> list[PanelSpec]:
        """Give the part's panels: one, or one for each of several figures; none while something is open."""
        source = self._source()
        if source is None or self._unfit(source):
            return []
        fields = self._fields()
        groups, interval = self._groups(source, period, fields)
        filters = self._filters(source)
        measures = self._measures(source, filters, fields)
        if groups is None or filters is None or measures is None:
            return []
        made = []
        for measure, of in measures:
            shape = self._shape(source, measure, groups, interval, period, compared=base is not None)
            if shape is None:
                return []
            kind, by, step = shape
            made.append(
                PanelSpec(
                    kind=kind,
                    source=cast("Any", source),
                    measure=measure,
                    of=of,
                    by=by,
                    interval=step,
                    period=period,
                    base=base,
                    field=self._grouping(fields) if "input" in by else None,
                    limit=self._limit(source, step, by),
                    **filters,
                )
            )
        return made

    def _ask(self, name: str, choices: dict[str, tuple[str, str]], about: str = "") -> str | None:
        return self._asker.ask(self._number, name, choices, about=about)

    # -- what is looked at

    def _source(self) -> str | None:
        part = self._part
        if part.has("pattern"):
            return "pattern"
        found = {token.value for token in part.all("subject")}
        if part.has("rate", "duration", "split", "verdict", "workflow", "result", "field", "method"):
            found.add("judgment")
        if part.has("level"):
            found.add("log")
        if part.has("state"):
            found.add("action")
        named = {token.value for token in part.all("group")}
        for source, home in _HOME.items():
            if not found and named & set(home):
                found.add(source)
        if not found and part.has("service", "stat"):
            found.add("log" if part.has("service") else "judgment")
        if len(found) == 1:
            return found.pop()
        chosen = self._ask("subject", some(SUBJECTS, sorted(found) or ("judgment", "errors", "log", "action")))
        self._errors = chosen == "errors"
        return "log" if chosen == "errors" else chosen

    def _unfit(self, source: str) -> bool:
        """Tell whether words are open that cannot be said of this source."""
        words = [
            token.text
            for token in self._part.tokens
            if token.kind in _STRANGE[source] and (source, token.value) != ("judgment", "judgment")
        ]
        return bool(words) and self._ask("unfit", LEAVE_OUT, ", ".join(dict.fromkeys(words))) is None

    def _fields(self) -> list[str]:
        return list(dict.fromkeys(token.value for token in self._part.all("field")))

    # -- how it is grouped

    def _groups(
        self, source: str, period: Period, fields: list[str]
    ) -> tuple[tuple[Group, ...] | None, Interval | None]:
        part, found, interval = self._part, [], None
        tokens = part.tokens
        open_before = len(self._asker.questions)
        for place, token in enumerate(tokens):
            around = tokens[max(0, place - 1) : place + 2]
            by = any(one.kind == "by" for one in around)
            if token.kind == "interval":
                interval = token.value or self._ask("interval", dict(INTERVALS), token.text)
            elif token.kind == "split" or (
                token.kind == "subject" and token.value == "judgment" and by and _after(tokens, place)
            ):
                found.append("verdict")
            elif token.kind == "group":
                found += self._group(tokens, place, by=by)
            elif token.kind == "field" and _after(tokens, place):
                found.append("input")
        groups = list(dict.fromkeys(found))
        strange = [group for group in groups if group not in _HOME[source]]
        if strange and source != "pattern":
            choice = self._ask(
                "where",
                some(GROUPS, (*(g for g in _HOME[source] if g != "input"), "none")),
                GROUPS[strange[0]][0] if strange[0] in GROUPS else fields[0],
            )
            groups = [] if choice in {None, "none"} else [choice]
        if part.has("trend") and interval is None:
            interval = interval_for(period)
            self._notes.append("interval")
        interval = self._coarse(interval, period)
        groups = [] if source == "pattern" else sorted(groups, key=lambda group: group != "input")
        if len(self._asker.questions) > open_before:
            return None, None
        return cast("tuple[Group, ...]", tuple(groups)), cast("Interval | None", interval)

    def _coarse(self, interval: str | None, period: Period) -> str | None:
        """Ask for a longer interval where the one named gives more points than a chart can be asked for."""
        if interval is None or period.span() / LENGTHS[cast("Interval", interval)] <= MAX_BUCKETS:
            return interval
        fitting = [name for name, length in LENGTHS.items() if period.span() / length <= MAX_BUCKETS]
        return self._ask("too_fine", some(INTERVALS, fitting or ["1w"]), self._part.all("interval")[-1].text)

    def _group(self, tokens: Sequence[Any], place: int, *, by: bool) -> list[str]:
        token = tokens[place]
        named = place > 0 and tokens[place - 1].kind in {"workflow", "service", "unknown"}
        follows = place + 1 < len(tokens) and tokens[place + 1].kind == "workflow" and not by
        if token.value in {"workflow", "service"} and ((named and not _after(tokens, place)) or follows):
            return []
        if token.value == "result" and not by:
            answer = self._ask("result", some(GROUPS, ("verdict", "result", "none")), token.text)
            return [answer] if answer in {"verdict", "result"} else []
        return [token.value]

    # -- which of them

    def _filters(self, source: str) -> dict[str, Any] | None:
        part = self._part
        levels = tuple(dict.fromkeys(token.value for token in part.all("level")))
        if self._errors or "ERROR" in levels or (source == "pattern" and not levels):
            levels = tuple(dict.fromkeys((*levels, *_ERRORS)))
        states = tuple(dict.fromkeys(token.value for token in part.all("state")))
        verdicts = tuple(dict.fromkeys(token.value for token in part.all("verdict")))
        if part.has("failure"):
            if source == "judgment":
                chosen = self._ask("failure", some(VERDICTS, ("not_matched", "not_evaluable")))
                if chosen is None:
                    return None
                verdicts = (*verdicts, chosen)
            states = (*states, "dead") if source == "action" else states
            levels = (*levels, *_ERRORS) if source in {"log", "pattern"} else levels
        services = list(dict.fromkeys(token.value for token in part.all("service")))
        if len(services) > 1 and source in {"log", "pattern"}:
            choices = {name: (name, name) for name in services} | {"all": ("모든 서비스", "all services")}
            chosen = self._ask("service", choices, ", ".join(services))
            if chosen is None:
                return None
            services = [] if chosen == "all" else [chosen]
        filters: dict[str, Any] = {
            "levels": levels if source in {"log", "pattern"} else (),
            "service": services[0] if services and source in {"log", "pattern"} else None,
            "states": states if source == "action" else (),
        }
        if source != "judgment":
            return filters
        workflow = self._workflow()
        if workflow is None:
            return None
        methods = [token.value for token in part.all("method")]
        results = tuple(dict.fromkeys(token.value for token in part.all("result")))
        return filters | {
            "workflow": workflow or None, "verdicts": verdicts, "results": results,
            "method": methods[0] if len(methods) == 1 else None,
        }  # fmt: skip

    def _workflow(self) -> str | None:
        """Give the workflow's name, an empty text for all of them, None while that is open."""
        named = list(dict.fromkeys(token.value for token in self._part.all("workflow")))
        wanted = [token.value for token in self._part.all("field")]
        results = [token.value for token in self._part.all("result")]
        fitting = [
            one.name
            for one in self._known
            if all(field in one.fields for field in wanted) and all(result in one.results for result in results)
        ]
        if not named and not wanted and not results:
            return ""
        choices = named if len(named) > 1 else [name for name in fitting if name in named or not named]
        if len(choices) == 1:
            return choices[0]
        choices = choices or fitting or [one.name for one in self._known]
        about = " ".join((*wanted, *results))
        return self._ask("workflow", {name: (name, name) for name in choices[:20]}, about)

    # -- what is measured

    def _measures(
        self, source: str, filters: dict[str, Any] | None, fields: list[str]
    ) -> list[tuple[Measure, str | None]] | None:
        if source != "judgment" or filters is None:
            return [("count", None)]
        rates = list(dict.fromkeys(token.value for token in self._part.all("rate")))
        if rates:
            return [(cast("Measure", rate), None) for rate in rates]
        measured = [field for field in fields if not self._by_field(field)]
        if measured:
            return self._stats("field_stat", measured[0])
        stats = self._part.all("stat")
        if self._part.has("duration") or (stats and all(stat.value.startswith("p") for stat in stats)):
            return self._stats("stat", None)
        if stats:
            wanted = self._ask("measure", some(MEASURES, ("count", "duration")), stats[0].text)
            if wanted != "count":
                return None if wanted is None else self._stats("stat", None)
        return [("count", None)]

    def _stats(self, question: str, of: str | None) -> list[tuple[Measure, str | None]] | None:
        named = list(dict.fromkeys(token.value for token in self._part.all("stat")))
        if not named:
            chosen = self._ask(question, dict(STATS), of or "")
            named = [] if chosen is None else [chosen]
        return [(cast("Measure", stat), of) for stat in named] or None

    def _by_field(self, field: str) -> bool:
        tokens = self._part.tokens
        return any(
            token.kind == "field" and token.value == field and _after(tokens, place)
            for place, token in enumerate(tokens)
        )

    def _grouping(self, fields: list[str]) -> str:
        # "average temperature by line": what is measured stands first, what groups is the other one.
        return next((field for field in fields if self._by_field(field)), fields[0])

    # -- how it is shown

    def _shape(
        self,
        source: str,
        measure: str,
        groups: tuple[Group, ...],
        interval: Interval | None,
        period: Period,
        *,
        compared: bool,
    ) -> Shape | None:
        kinds = list(dict.fromkeys(token.value for token in self._part.all("kind")))
        kind = self._ask("kinds", some(KINDS, kinds)) if len(kinds) > 1 else kinds[0] if kinds else None
        if len(kinds) > 1 and kind is None:
            return None
        if source == "pattern":
            return self._one_of(kind or "table", ("table", "bar"), (), None)
        if compared:
            return self._one_of("" if groups or interval else kind or "kpi", ("kpi", "bar"), (), None)
        if len(groups) + (interval is not None) > 2:
            drop = self._ask("drop", {**some(GROUPS, groups), **({"time": GROUPS["time"]} if interval else {})})
            groups, interval = tuple(g for g in groups if g != drop)[:2], None if drop == "time" else interval
        if kind == "line" and interval is None:
            return self._line(groups, period)
        if kind in {"bar", "pie", "table"} and not groups and interval is None:
            return self._grouped(source, str(kind), period)
        return self._one_of(kind or _natural(groups, interval), _fitting(measure, groups, interval), groups, interval)

    def _one_of(
        self, kind: str, fitting: Sequence[str], groups: tuple[Group, ...], interval: Interval | None
    ) -> Shape | None:
        chosen = kind if kind in fitting else self._ask("kind", some(KINDS, fitting))
        return None if chosen is None else (chosen, groups, interval)

    def _line(self, groups: tuple[Group, ...], period: Period) -> Shape | None:
        # A line runs over time; of groups alone it would join what has no order.
        if groups and groups != ("verdict",):
            chosen = self._ask("kind", some(KINDS, ("line", "bar")))
            if chosen != "line":
                return None if chosen is None else ("bar", groups, None)
        self._notes.append("interval")
        return "line", groups[:1], interval_for(period)

    def _grouped(self, source: str, kind: str, period: Period) -> Shape | None:
        choices = [group for group in _HOME[source] if group != "input"] + (["time"] if kind != "pie" else [])
        chosen = self._ask("group", some(GROUPS, choices))
        if chosen is None:
            return None
        if chosen == "time":
            self._notes.append("interval")
            return kind, (), interval_for(period)
        return kind, (cast("Group", chosen),), None

    def _limit(self, source: str, interval: Interval | None, by: tuple[Group, ...]) -> int:
        numbers = [int(token.value) for token in self._part.all("number")]
        if numbers:
            return numbers[0]
        if self._part.has("top") or source == "pattern":
            return 10
        return 12 if by and (interval or len(by) > 1) else 50


def _after(tokens: Sequence[Any], place: int) -> bool:
    """Tell whether a grouping word follows, as in Korean, or leads, as in English."""
    follows = place + 1 < len(tokens) and tokens[place + 1].kind == "by" and tokens[place + 1].text in _KOREAN
    leads = place > 0 and tokens[place - 1].kind == "by" and tokens[place - 1].text not in _KOREAN
    return follows or leads


_KOREAN: Final = frozenset({"별", "별로", "마다", "당", "기준"})


def _natural(groups: tuple[Group, ...], interval: Interval | None) -> str:
    if interval is not None:
        return "line"
    return "bar" if groups else "kpi"


def _fitting(measure: str, groups: tuple[Group, ...], interval: Interval | None) -> list[str]:
    if interval is not None:
        return ["line", "bar", "table"]
    if groups:
        return ["bar", *(["pie"] if len(groups) == 1 and measure == "count" else []), "table"]
    return ["kpi", *(["gauge"] if measure in _RATIOS else [])]
