"""Business hours, public holidays and the maintenance window, as pure functions of a moment."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

from judgify.response.guide.people import CalendarFile, Hours, Weekday

_DAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def is_business_time(calendar: CalendarFile, moment: datetime) -> bool:
    """Say whether an aware moment lies within business hours: the end excluded, public holidays never."""
    local = moment.astimezone(ZoneInfo(calendar.zone))
    hours = calendar.business_hours
    return _open_on(calendar, hours, local) and hours.start <= local.time() < hours.end


def next_business_time(calendar: CalendarFile, moment: datetime) -> datetime:
    """Give the moment itself within business hours, else when they next begin (UTC)."""
    return moment if is_business_time(calendar, moment) else _next_start(calendar, calendar.business_hours, moment)


def next_maintenance(calendar: CalendarFile, moment: datetime) -> datetime:
    """Give when the next maintenance window after a moment begins (UTC)."""
    return _next_start(calendar, calendar.maintenance_window, moment)


def _next_start(calendar: CalendarFile, hours: Hours, moment: datetime) -> datetime:
    zone = ZoneInfo(calendar.zone)
    today = moment.astimezone(zone).date()
    # Holidays are a finite list and a window has at least one weekday, so a day is always found.
    return next(
        start.astimezone(UTC)
        for days in count()
        if (start := datetime.combine(today + timedelta(days=days), hours.start, zone)) > moment
        and _open_on(calendar, hours, start)
    )


def _open_on(calendar: CalendarFile, hours: Hours, local: datetime) -> bool:
    if _DAYS[local.weekday()] not in hours.days:
        return False
    if hours is calendar.maintenance_window:
        return True
    holidays = calendar.holidays.get(str(local.year), ())
    return all(holiday.date != local.date() for holiday in holidays)
