"""The proleptic Gregorian calendar for any year, in whole days since 1970-01-01.

FEEL's years reach from -999,999,999 to 999,999,999, far beyond `datetime`; a year 0 exists, as in ISO 8601.
"""

from typing import Final

CYCLE: Final = 146_097
"""Days after which the calendar repeats itself, weekdays included: 400 years."""
_FROM_MARCH_0: Final = 719_468
_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_leap(year: int) -> bool:
    """Tell whether the year has a 29 February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    """Give the length of a month (1..12)."""
    return 29 if month == 2 and is_leap(year) else _LENGTHS[month - 1]


def days_of(year: int, month: int, day: int) -> int:
    """Count the days from 1970-01-01 to a date that exists."""
    # Years that begin in March put the leap day at their end, so that no month before it depends on it.
    shifted = year - (month <= 2)
    era, of_era = divmod(shifted, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * CYCLE + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _FROM_MARCH_0


def civil(days: int) -> tuple[int, int, int]:
    """Give year, month and day of a count of days: the inverse of `days_of`."""
    era, of_era = divmod(days + _FROM_MARCH_0, CYCLE)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return era * 400 + year + (month <= 2), month, day


def weekday(days: int) -> int:
    """Give the day of the week, Monday 1 to Sunday 7 (ISO 8601)."""
    return (days + 3) % 7 + 1


def week_of_year(days: int) -> int:
    """Give the number of the ISO 8601 week: week 1 holds the year's first Thursday."""
    thursday = days - weekday(days) + 4
    first = days_of(civil(thursday)[0], 1, 1)
    return (thursday - first) // 7 + 1
