"""`oncall.yaml`: schedules, which role of the matrix they fill, and how each person is reached. Not in the guide."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, NaiveDatetime, model_validator

from judgify.response.guide.base import Identifier, Line, Model, Name, SeverityName, Text
from judgify.response.guide.people import CalendarFile, Weekday
from judgify.response.oncall.local_time import instant
from judgify.response.oncall.rotation import Rotation, Unit
from judgify.response.oncall.schedule import Layer, Override, Schedule
from judgify.response.oncall.window import Restriction, Window

DAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHORT: Final[Mapping[str, tuple[int, Unit]]] = {"daily": (1, "days"), "weekly": (1, "weeks")}


class Length(Model):
    """A rotation of any length."""

    every: Annotated[int, Field(ge=1, le=1000)]
    unit: Literal["hours", "days", "weeks"]


class WeeklyWindow(Model):
    """A window of each week; an end that is not after the start lies on the next day."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = DAYS
    start: time
    end: time

    @property
    def window(self) -> Window:
        """Give it as the rotation's arithmetic takes it."""
        return Window(frozenset(DAYS.index(day) for day in self.days), self.start, self.end)


class LayerEntry(Model):
    """Persons who take turns, the first hand-over at `start`, `at` o'clock in the schedule's zone."""

    name: Identifier
    persons: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=200)]
    rotation: Literal["daily", "weekly"] | Length = "weekly"
    start: date
    at: time = time(9)
    on: Weekday | None = None
    """The day on which a weekly rotation hands over, for the reader: it is that of `start`, which the check holds."""
    until: date | None = None
    severities: Annotated[tuple[SeverityName, ...], Field(min_length=1)] | None = None
    hours: Literal["business"] | Annotated[tuple[WeeklyWindow, ...], Field(min_length=1)] | None = None
    """When this layer serves: `business` is the calendar's business hours, holidays left out; None: always."""

    @property
    def length(self) -> tuple[int, Unit]:
        """Give the rotation as a number of units."""
        if isinstance(self.rotation, Length):
            return self.rotation.every, self.rotation.unit
        return _SHORT[self.rotation]


class OverrideEntry(Model):
    """Somebody stands in; local times of the schedule's zone, the end excluded."""

    person: Identifier
    start: NaiveDatetime
    end: NaiveDatetime
    reason: Line | None = None


class ScheduleEntry(Model):
    """A schedule: at any instant at most one person. The last layer that has somebody counts."""

    label: Text
    zone: Line
    layers: Annotated[tuple[LayerEntry, ...], Field(min_length=1, max_length=20)]
    overrides: tuple[OverrideEntry, ...] = ()


class ContactStep(Model):
    """One step of a contact rule: a channel of channels.yaml, or a call list of persons, so long after the page."""

    channel: Identifier | None = None
    persons: tuple[Identifier, ...] = ()
    after_s: Annotated[float, Field(ge=0, le=86_400)] = 0

    @model_validator(mode="after")
    def _one(self) -> "ContactStep":
        if (self.channel is None) == (not self.persons):
            msg = "a step is either a channel or a list of persons"
            raise ValueError(msg)
        return self


class PersonContact(Model):
    """How one person is reached. A severity without a rule: every channel of the guide at once.

    During quiet hours (the calendar's zone unless one is given) P2 and P3 use channels that wake nobody; P0 and P1
    take no notice of them.
    """

    rules: dict[SeverityName, Annotated[tuple[ContactStep, ...], Field(min_length=1, max_length=20)]] = Field(
        default_factory=dict
    )
    quiet_hours: tuple[WeeklyWindow, ...] = ()
    zone: Line | None = None


class OnCallFile(Model):
    """`oncall.yaml`. A role that is not here is filled by contacts.yaml, an owner by services.yaml, always."""

    schedules: dict[Identifier, ScheduleEntry] = Field(default_factory=dict)
    roles: dict[Identifier, Annotated[tuple[Identifier, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """Role of the matrix → the schedules that fill it; each gives one person."""
    services: dict[Name, Annotated[tuple[Identifier, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """Service → the schedules that own it (the guide's 담당자), in place of the owner in services.yaml."""
    contact: dict[Identifier, PersonContact] = Field(default_factory=dict)


def guide_schedules(file: OnCallFile, calendar: CalendarFile) -> dict[str, Schedule]:
    """Give the schedules as the arithmetic takes them. The zones must exist, as `guide check` sees to."""
    return {name: schedule_of(name, entry, calendar) for name, entry in file.schedules.items()}


def schedule_of(name: str, entry: ScheduleEntry, calendar: CalendarFile) -> Schedule:
    """Give one schedule as the arithmetic takes it."""
    zone = ZoneInfo(entry.zone)
    return Schedule(
        name,
        tuple(_layer(layer, zone, calendar) for layer in entry.layers),
        tuple(
            Override(f"guide-{index + 1}", one.person, instant(one.start, zone), instant(one.end, zone))
            for index, one in enumerate(entry.overrides)
        ),
    )


def _layer(entry: LayerEntry, zone: ZoneInfo, calendar: CalendarFile) -> Layer:
    every, unit = entry.length
    return Layer(
        name=entry.name,
        rotation=Rotation(zone, datetime.combine(entry.start, entry.at), every, unit),
        persons=entry.persons,
        until=None if entry.until is None else datetime.combine(entry.until, entry.at),
        only=_restriction(entry, zone, calendar),
        severities=None if entry.severities is None else frozenset(entry.severities),
    )


def _restriction(entry: LayerEntry, zone: ZoneInfo, calendar: CalendarFile) -> Restriction | None:
    if entry.hours is None:
        return None
    if entry.hours == "business":
        return business_hours(calendar)
    return Restriction(zone, tuple(window.window for window in entry.hours))


def business_hours(calendar: CalendarFile) -> Restriction:
    """Give the calendar's business hours, closed on its holidays."""
    hours = calendar.business_hours
    window = Window(frozenset(DAYS.index(day) for day in hours.days), hours.start, hours.end)
    closed = frozenset(holiday.date for year in calendar.holidays.values() for holiday in year)
    return Restriction(ZoneInfo(calendar.zone), (window,), closed)
