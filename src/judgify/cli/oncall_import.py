"""``judgify oncall import overrides|holidays FILE``: from an iCalendar file to stand-ins, or into the guide."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.table import Table
from rich.text import Text

from judgify.cli import connect
from judgify.cli.incident import cells, get, post
from judgify.cli.output import Json, emit, err, out, printable
from judgify.kit.clock import SEOUL, SystemClock, iso
from judgify.kit.clock import show as show_time
from judgify.kit.errors import Invalid
from judgify.response.guide.calendar_reader import days_of, holiday_line, person_of, read_calendar
from judgify.response.guide.loader import default_guide_dir, read_guide

app: Final = typer.Typer(name="import", help="From an iCalendar file: overrides, holidays.", no_args_is_help=True)
Source = Annotated[Path, typer.Argument(metavar="FILE", help="An iCalendar file (.ics).")]
Days = Annotated[int, typer.Option(min=1, max=366, help="How many days from now on.")]
Zone = Annotated[str, typer.Option("--zone", help="Zone of whole days and of times without one.")]


@app.command("overrides")
def overrides(
    source: Source,
    target: Annotated[str, typer.Option("--for", help="The schedule or the person that is stood in for.")],
    *,
    person: Annotated[str | None, typer.Option(help="Who stands in, for every event.")] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out events that name no contact.")
    ] = False,
    days: Days = 90,
    zone: Zone = "Asia/Seoul",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be made.")] = False,
    as_json: Json = False,
) -> None:
    """Make an override of each event; all or none. The same event read again replaces what it made before.

    Who stands in: --person, else the contact whose e-mail is among the event's attendees, else the one whose key,
    name, e-mail or Slack name is the event's title.
    """
    known = _zone(zone)
    now = SystemClock().now()
    events = read_calendar(_bytes(source), first=now, until=now + timedelta(days=days), zone=known)
    people = connect.run(get("/oncall"))["people"]
    if person is not None and person not in people:
        raise Invalid(f"{person!r} is not in the contacts; known are {', '.join(people)}")
    known_by = {key: (one["name"], one["email"], one["slack"]) for key, one in people.items()}
    named = [(event, person or person_of(event, known_by)) for event in events]
    strangers = [event for event, whom in named if whom is None]
    if strangers and not skip_unknown:
        told = ", ".join(f"{event.summary!r} ({show_time(event.start)})" for event in strangers[:5])
        raise Invalid(
            f"{len(strangers)} events name no contact: {told}; give --person, or --skip-unknown to leave them out"
        )
    rows = [
        {
            "person": whom,
            "start": iso(max(event.start, now)),
            "end": iso(event.end),
            "source": event.source,
            "reason": event.summary,
        }
        for event, whom in named
        if whom is not None
    ]
    made = rows
    if rows and not dry_run:
        made = connect.run(post("/oncall/overrides/import", {"target": target, "overrides": rows}))
    if as_json:
        emit({"read": len(events), "skipped": len(strangers), "made": 0 if dry_run else len(made), "overrides": made})
        return
    table = Table("person", "from", "until", "event")
    for row in rows:
        start, end = next((event.start, event.end) for event, _ in named if event.source == row["source"])
        table.add_row(*cells(row["person"], show_time(start), show_time(end), row["reason"]))
    out.print(table)
    done = "nothing was made (--dry-run)" if dry_run else f"{len(made)} made or changed for {target}"
    err.print(Text(printable(f"{len(events)} events read, {len(strangers)} left out, {done}")))


@app.command("holidays")
def holidays(
    source: Source,
    *,
    guide: Annotated[Path | None, typer.Option(help="The guide's folder; without it the one in use.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write them into its calendar.yaml.")] = False,
    days: Days = 366,
    as_json: Json = False,
) -> None:
    """Show the days of a calendar that the guide's calendar.yaml lacks; with --write add them there."""
    folder = guide or connect.settings().guide_dir or default_guide_dir()
    loaded, problems = read_guide(folder)
    if loaded is None:
        raise Invalid(f"the guide has mistakes: {problems[0]}; judgify guide check")
    zone = _zone(loaded.calendar.zone)
    now = SystemClock().now()
    known = {holiday.date: holiday.name for year in loaded.calendar.holidays.values() for holiday in year}
    found = days_of(read_calendar(_bytes(source), first=now, until=now + timedelta(days=days), zone=zone), zone)
    new = {day: name for day, name in found.items() if day not in known}
    if write and new:
        _write(folder / "calendar.yaml", known | new)
    if as_json:
        emit([{"date": str(day), "name": name, "written": write} for day, name in new.items()])
        return
    for day, name in new.items():
        out.print(Text(printable(f"    - {holiday_line(day, name)}")), soft_wrap=True)
    told = f"written to {folder / 'calendar.yaml'}" if write else "--write adds them to calendar.yaml"
    err.print(Text(printable(f"{len(new)} of {len(found)} days are not in the guide yet; {told}")))


def _write(path: Path, days: dict[date, str]) -> None:
    text = path.read_text("utf-8")
    head, found, tail = text.partition("\nholidays:")
    if not found or any(line and not line[0].isspace() and not line.startswith("#") for line in tail.splitlines()[1:]):
        raise Invalid(f"{path}: holidays is not the last entry; add the days by hand")
    lines: list[str] = []
    for year in sorted({day.year for day in days}):
        lines.append(f'  "{year}":')
        lines += [f"    - {holiday_line(day, name)}" for day, name in sorted(days.items()) if day.year == year]
    path.write_text("\n".join([head, "holidays:", *lines, ""]), "utf-8")


def _bytes(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise Invalid(f"{source} cannot be read: {error.strerror}") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return SEOUL if name == SEOUL.key else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"{name!r} is not a time zone; write one like Asia/Seoul") from None
