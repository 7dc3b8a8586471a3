"""What a request comes to: panels as data, or questions, or words that are not understood. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from judgify.kit.clock import SEOUL

Lang = Literal["ko", "en"]
Kind = Literal["kpi", "line", "bar", "pie", "gauge", "table"]
Source = Literal["judgment", "log", "action", "pattern"]
Measure = Literal[
    "count", "success_rate", "match_rate", "mismatch_rate", "unclear_rate", "avg", "min", "max", "p50", "p90", "p95",
    "p99",
]  # fmt: skip
Group = Literal["workflow", "verdict", "result", "method", "input", "service", "level", "state", "type"]
Interval = Literal["1m", "5m", "10m", "15m", "30m", "1h", "1d", "1w"]
Unit = Literal["minute", "hour", "day", "week", "month"]

LENGTHS: dict[Interval, timedelta] = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "10m": timedelta(minutes=10),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "1w": timedelta(weeks=1),
}
_STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_DAYS = {"week": 7, "month": 30}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Period(_Frozen):
    """A time, kept as it was said, so that a dashboard goes on meaning it.

    `last`: the `number` units up to now. `calendar`: the whole `unit` that lies `number` units from this one
    (0 is this one, up to now). `dates`: from the beginning of one day to the end of another.
    """

    form: Literal["last", "calendar", "dates"]
    unit: Unit = "day"
    number: int = Field(default=0, ge=-400, le=100_000)
    first: str | None = None
    last: str | None = None
    """Dates; no last one means up to now."""
    back: int = Field(default=0, ge=0, le=1)
    """How many of its lengths a `last` time lies back: 1 is the time before."""

    def resolve(self, now: datetime, zone: ZoneInfo = SEOUL) -> tuple[datetime, datetime]:
        """Give beginning and end at a moment."""
        if self.form == "last":
            end = now - self.back * self.number * _length(self.unit)
            return end - self.number * _length(self.unit), end
        if self.form == "dates":
            first = datetime.fromisoformat(str(self.first)).replace(tzinfo=zone)
            if self.last is None:
                return first, max(now, first + timedelta(minutes=1))
            return first, datetime.fromisoformat(self.last).replace(tzinfo=zone) + timedelta(days=1)
        start = _begin(now.astimezone(zone), self.unit)
        begin, end = _shift(start, self.unit, self.number), _shift(start, self.unit, self.number + 1)
        return begin, max(min(end, now), begin + timedelta(seconds=1))

    def span(self) -> timedelta:
        """Give about how long it is."""
        if self.form == "dates":
            if self.last is None:
                return timedelta(days=30)
            return datetime.fromisoformat(self.last) - datetime.fromisoformat(str(self.first)) + timedelta(days=1)
        return (self.number if self.form == "last" else 1) * _length(self.unit)


def _length(unit: Unit) -> timedelta:
    return _STEPS.get(unit) or timedelta(days=_DAYS[unit])


def _begin(moment: datetime, unit: Unit) -> datetime:
    if unit == "hour":
        return moment.replace(minute=0, second=0, microsecond=0)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def _shift(start: datetime, unit: Unit, number: int) -> datetime:
    if unit == "month":
        months = start.year * 12 + start.month - 1 + number
        return start.replace(year=months // 12, month=months % 12 + 1)
    return start + number * _length(unit)


class PanelSpec(_Frozen):
    """One panel: what is asked of which source, and how it is shown."""

    kind: Kind
    source: Source
    measure: Measure = "count"
    of: str | None = None
    by: tuple[Group, ...] = ()
    field: str | None = None
    interval: Interval | None = None
    period: Period
    base: Period | None = None
    """The time that it is compared with."""
    workflow: str | None = None
    verdicts: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    method: Literal["rule", "llm"] | None = None
    levels: tuple[str, ...] = ()
    service: str | None = None
    states: tuple[str, ...] = ()
    limit: int = Field(default=50, ge=1, le=100)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question."""

    value: str
    ko: str
    en: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a request leaves open. The answer is sent back under its id, and is one of the choices' values."""

    id: str
    ko: str
    en: str
    choices: tuple[Choice, ...]

    def data(self, lang: Lang) -> dict[str, Any]:
        """Give it as it is answered."""
        return {
            "id": self.id,
            "text": self.ko if lang == "ko" else self.en,
            "choices": [{"value": one.value, "label": one.ko if lang == "ko" else one.en} for one in self.choices],
        }


@dataclass(frozen=True, slots=True)
class Understanding:
    """What came of a request: panels when nothing is open, else questions; words that nobody here knows."""

    panels: tuple[PanelSpec, ...] = ()
    questions: tuple[Question, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What was taken for granted: `period`, `interval`."""


@dataclass(frozen=True, slots=True)
class KnownWorkflow:
    """A workflow as far as requests can name its parts."""

    name: str
    label: str | None = None
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Fields of the input with the other names that they go by."""
    numbers: frozenset[str] = frozenset()
    results: tuple[str, ...] = ()
