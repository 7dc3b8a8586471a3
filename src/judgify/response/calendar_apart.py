"""Reads a calendar that somebody handed to the engine in a process of its own: the pager waits for no file.

`python -m judgify.response.calendar_apart FIRST UNTIL ZONE` reads a calendar from its input and writes JSON.
"""

import asyncio
import json
import sys
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from judgify.kit.clock import iso, parse
from judgify.kit.errors import Invalid
from judgify.response.guide.calendar_reader import (
    MAX_BYTES,
    SECONDS,
    CalendarEvent,
    Reading,
    Unreadable,
    read_entries,
)

ALLOWED_S: Final = SECONDS + 10.0
"""So long the process may live; it ends its own reading before."""


async def read_apart(data: bytes, *, first: datetime, until: datetime, zone: str) -> Reading:
    """Give what `read_entries` gives, without holding up anything else. `Invalid` says what is wrong with the file."""
    _zone(zone)
    if len(data) > MAX_BYTES:
        raise Invalid(f"the calendar is larger than {MAX_BYTES} bytes")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, iso(first), iso(until), zone,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(ALLOWED_S):
            written, _ = await child.communicate(data)
    except TimeoutError:
        raise Invalid(f"reading the calendar takes longer than {ALLOWED_S:g} s; it repeats too much") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    try:
        found = json.loads(written)
    except ValueError:
        raise Invalid("the calendar cannot be read") from None
    if "refused" in found:
        raise Invalid(str(found["refused"]))
    return Reading(
        tuple(_event(one) for one in found["events"]), tuple(Unreadable(**one) for one in found["unreadable"])
    )


def _event(one: dict[str, Any]) -> CalendarEvent:
    moments = {"start": parse(one["start"]), "end": parse(one["end"])}
    return CalendarEvent(**{**one, **moments, "attendees": tuple(one["attendees"])})


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"{name!r} is not a time zone; write one like Asia/Seoul", path="zone") from None


def main(arguments: list[str], data: bytes) -> str:
    """Read a calendar; give the JSON that the parent takes."""
    first, until, zone = arguments
    try:
        found = read_entries(data, first=parse(first), until=parse(until), zone=_zone(zone))
    except Invalid as error:
        return json.dumps({"refused": error.detail})
    events = [
        {
            "source": one.source,
            "summary": one.summary,
            "attendees": one.attendees,
            "start": iso(one.start),
            "end": iso(one.end),
            "whole_days": one.whole_days,
        }
        for one in found.events
    ]
    unreadable = [{"summary": one.summary, "reason": one.reason} for one in found.unreadable]
    return json.dumps({"events": events, "unreadable": unreadable})


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:], sys.stdin.buffer.read(MAX_BYTES + 1)))
