"""``judgify oncall …``: who is on call, who stands in, gaps, calendars, and whether people can be reached."""

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from judgify.cli import connect
from judgify.cli.incident import cells, get, post
from judgify.cli.oncall_import import app as importing
from judgify.cli.output import Json, emit, err, on_terminal, out, printable
from judgify.kit.clock import SystemClock, iso, parse
from judgify.kit.clock import show as show_time
from judgify.kit.errors import Invalid

app: Final = typer.Typer(
    name="oncall", help="On call: who, who stands in, gaps, calendars, contact methods.", no_args_is_help=True
)
Lang = Annotated[str, typer.Option("--lang", help="ko or en: the language of names and words.")]
When = Annotated[str | None, typer.Option("--at", help="Another moment than now: 2026-01-31T18:00 (Asia/Seoul).")]
Target = Annotated[str, typer.Argument(help="A schedule of oncall.yaml, or a person of contacts.yaml.")]
_FOR: Final = re.compile(r"(\d+(?:\.\d+)?)([mhdw])")
_UNITS: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_WORDS: Final = {
    "nobody": ("아무도 없음", "nobody"),
    "contacts": ("연락처 파일", "contacts.yaml"),
    "override": ("대리", "stand-in"),
    "next": ("다음", "next"),
    "active": ("진행 중", "active"),
    "coming": ("예정", "coming"),
    "ended": ("종료", "ended"),
    "cancelled": ("취소됨", "cancelled"),
    "none": ("없습니다", "there are none"),
    "no-gaps": ("공백이 없습니다", "no gaps"),
    "verified": ("확인됨", "verified"),
    "unverified": ("확인 안 됨", "not verified"),
    "schedule": ("일정", "schedule"),
    "on-call": ("당직", "on call"),
    "until": ("까지", "until"),
    "from": ("부터", "from"),
    "role": ("역할", "role"),
    "by": ("근거", "by"),
    "made-by": ("만든 사람", "made by"),
    "minute": ("분", "minute"),
    "persons": ("담당", "persons"),
    "id": ("번호", "id"),
    "for": ("대상", "for"),
    "person": ("대리인", "person"),
    "state": ("상태", "state"),
    "reason": ("사유", "reason"),
    "severity": ("심각도", "severity"),
    "channel": ("채널", "channel"),
    "owner": ("사람", "person"),
    "since": ("확인 시각", "since"),
}


def register(root: typer.Typer) -> None:
    """Add the group `oncall`."""
    app.add_typer(importing)
    root.add_typer(app)


@app.command("show")
def show(
    schedule: Annotated[str | None, typer.Argument(help="Only this schedule, turn by turn.")] = None,
    *,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days of it.")] = 14,
    at: When = None,
    lang: Lang = "ko",
    as_json: Json = False,
) -> None:
    """Show who is on call by every schedule and who is next, or one schedule turn by turn."""
    say = _words(lang)
    if schedule is not None:
        path = f"/oncall/schedules/{quote(schedule, safe='')}"
        turns = connect.run(get(path, at=_moment(at), days=days, lang=lang))
        if as_json:
            emit(turns)
            return
        table = Table(say("from"), say("until"), say("on-call"), say("by"))
        for turn in turns:
            table.add_row(*cells(*_span(turn), _name(turn, say), _by(turn, say)))
        out.print(table)
        return
    found = connect.run(get("/oncall", at=_moment(at), lang=lang))
    if as_json:
        emit(found)
        return
    table = Table(say("schedule"), say("on-call"), say("until"), say("next"))
    for row in found["schedules"]:
        after = "" if row["next"] is None else _name(row["next"], say)
        until = "" if row["next"] is None else _time(row["on_call"]["end"])
        table.add_row(*cells(f"{row['schedule']} ({row['label']})", _name(row["on_call"], say), until, after))
    if found["schedules"]:
        out.print(table)
    table = Table(say("role"), say("persons"), say("by"))
    for row in found["roles"]:
        by = say("contacts") if row["by"] == "contacts.yaml" else ", ".join(row["by"])
        table.add_row(*cells(f"{row['role']} ({row['label']})", ", ".join(row["persons"]) or say("nobody"), by))
    out.print(table)
    if found["overrides"]:
        _print_overrides(found["overrides"], lang)


@app.command("who")
def who(
    service: Annotated[str | None, typer.Argument(help="The service whose owner is meant.")] = None,
    *,
    severity: Annotated[str, typer.Option(help="P0, P1, P2 or P3.")] = "P1",
    at: When = None,
    lang: Lang = "ko",
    as_json: Json = False,
) -> None:
    """Say whom each row of the matrix would page for an incident that begins now, or at another moment."""
    say = _words(lang)
    found = connect.run(get("/oncall/who", service=service, severity=severity, at=_moment(at), lang=lang))
    if as_json:
        emit(found)
        return
    table = Table(say("minute"), say("role"), say("persons"))
    for row in found["rows"]:
        table.add_row(*cells(row["from_minute"], row["label"], ", ".join(row["names"]) or say("nobody")))
    out.print(table)


@app.command("override")
def override(
    target: Target,
    person: Annotated[str, typer.Argument(help="Who stands in: a person of contacts.yaml.")],
    *,
    lasting: Annotated[str | None, typer.Option("--for", help="How long: 90m, 8h, 2d, 1w.")] = None,
    until: Annotated[str | None, typer.Option(help="Until when: 2026-01-31T18:00 (Asia/Seoul).")] = None,
    start: Annotated[str | None, typer.Option("--from", help="From when; without it from now on.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    lang: Lang = "ko",
    as_json: Json = False,
) -> None:
    """Let somebody stand in for a schedule or a person. It ends by itself; who made it stands on the record."""
    if (lasting is None) == (until is None):
        raise Invalid("say how long: --for 8h, or --until 2026-01-31T18:00; one of the two")
    begins = parse(start) if start is not None else SystemClock().now()
    ends = parse(until) if until is not None else begins + _length(lasting or "")
    body = {
        "target": target,
        "person": person,
        "start": iso(begins) if start is not None else None,
        "end": iso(ends),
        "reason": reason,
    }
    made = connect.run(post("/oncall/overrides", body))
    if as_json:
        emit(made)
        return
    _print_overrides([made], lang)
    for covered in made["covers"]:
        words = (
            f"{covered}와(과) 시간이 겹칩니다: 나중에 만든 이 대리가 우선합니다"
            if lang == "ko"
            else f"{covered} is at the same time: this one was made last, so it counts"
        )
        err.print(Text(printable(words)), style="yellow")


@app.command("overrides")
def overrides(
    *,
    past: Annotated[bool, typer.Option("--past", help="Also those that ended or were cancelled.")] = False,
    lang: Lang = "ko",
    as_json: Json = False,
) -> None:
    """List who stands in for whom, now and later."""
    rows = connect.run(get("/oncall/overrides", past=str(past).lower()))
    if as_json:
        emit(rows)
    else:
        _print_overrides(rows, lang)


@app.command("cancel")
def cancel(
    override_id: Annotated[str, typer.Argument(metavar="OVERRIDE", help="ovr_…")],
    lang: Lang = "ko",
    as_json: Json = False,
) -> None:
    """End an override now, or take back one that has not begun."""
    row = connect.run(post(f"/oncall/overrides/{quote(override_id, safe='')}/cancel"))
    if as_json:
        emit(row)
    else:
        _print_overrides([row], lang)


@app.command("gaps")
def gaps(
    *,
    days: Annotated[int, typer.Option(min=1, max=366)] = 92,
    lang: Lang = "ko",
    as_json: Json = False,
) -> None:
    """List when a schedule has nobody; exit 1 when it does."""
    say = _words(lang)
    rows = connect.run(get("/oncall/gaps", days=days, lang=lang))
    if as_json:
        emit(rows)
    elif rows:
        table = Table(say("schedule"), say("severity"), say("from"), say("until"))
        for row in rows:
            table.add_row(*cells(row["schedule"], row["severity"], *_span(row)))
        out.print(table)
    else:
        out.print(say("no-gaps"))
    if rows:
        sys.exit(1)


@app.command("export")
def export(
    schedule: Annotated[str, typer.Argument(help="A schedule of oncall.yaml.")],
    *,
    days: Annotated[int, typer.Option(min=1, max=366)] = 90,
    output: Annotated[Path | None, typer.Option(help="A file; without it standard output.")] = None,
    lang: Lang = "ko",
    as_json: Json = False,
) -> None:
    """Write a schedule as an iCalendar file."""
    text = connect.run(get(f"/oncall/schedules/{quote(schedule, safe='')}/calendar", days=days, lang=lang))
    if output is not None:
        output.write_bytes(text.encode())
    if as_json:
        emit({"schedule": schedule, "file": str(output) if output else None, "calendar": None if output else text})
    elif output is None:
        sys.stdout.write(text)


@app.command("feed")
def feed(
    schedule: Annotated[str, typer.Argument(help="A schedule of oncall.yaml.")],
    as_json: Json = False,
) -> None:
    """Make a calendar address that calendar programs can subscribe to; printed once, kept nowhere."""
    if not as_json and not on_terminal():
        raise Invalid("the address is a secret: make it on a terminal, or with --json if you mean to keep it")
    made = connect.run(post("/oncall/feeds", {"schedule": schedule}))
    if as_json:
        emit(made)
        return
    out.print(Text(printable(f"{made['id']}  {made['schedule']}")))
    out.print(Text(printable(made["url"])), soft_wrap=True)


@app.command("feeds")
def feeds(as_json: Json = False) -> None:
    """List the calendar addresses that were made; their secret part is not kept."""
    rows = connect.run(get("/oncall/feeds"))
    if as_json:
        emit(rows)
        return
    table = Table("id", "schedule", "by", "made")
    for row in rows:
        table.add_row(*cells(row["id"], row["schedule"], row["by"], _time(row["made_at"])))
    out.print(table)


@app.command("revoke")
def revoke(feed_id: Annotated[str, typer.Argument(metavar="FEED", help="cal_…")], as_json: Json = False) -> None:
    """Let a calendar address answer no more."""
    row = connect.run(post(f"/oncall/feeds/{quote(feed_id, safe='')}/revoke"))
    if as_json:
        emit(row)
    else:
        out.print(Text(printable(f"{row['id']} revoked")))


@app.command("methods")
def methods(lang: Lang = "ko", as_json: Json = False) -> None:
    """List by what each person can be reached, and whether a code was read there."""
    say = _words(lang)
    rows = connect.run(get("/oncall/methods"))
    if as_json:
        emit(rows)
        return
    table = Table(say("owner"), say("channel"), say("state"), say("since"))
    for row in rows:
        since = row.get("verified_at")
        state = say("verified" if since else "unverified")
        table.add_row(*cells(row["person"], row["channel"], state, _time(since) if since else ""))
    out.print(table if rows else say("none"))


@app.command("verify")
def verify(
    person: Annotated[str, typer.Argument(help="A person of contacts.yaml.")],
    method: Annotated[str, typer.Argument(help="A channel of channels.yaml that uses their own address.")],
    *,
    code: Annotated[str | None, typer.Option(help="The code that arrived there; without it one is sent.")] = None,
    lang: Lang = "ko",
    as_json: Json = False,
) -> None:
    """Send a code to a person's own address, and with --code take it: only then the address counts as verified."""
    path = f"/oncall/methods/{quote(person, safe='')}/{quote(method, safe='')}"
    if code is None:
        answer = connect.run(post(f"{path}/code"))
        again = f"judgify oncall verify {person} {method} --code ______"
        words = f"번호를 보냈습니다. 받은 번호로: {again}" if lang == "ko" else f"a code is on its way; then: {again}"
    else:
        answer = connect.run(post(f"{path}/verify", {"code": code}))
        words = f"{person} {method}: " + ("확인되었습니다" if lang == "ko" else "verified")
    if as_json:
        emit(answer)
    else:
        out.print(Text(printable(words)), soft_wrap=True)


def _words(lang: str) -> Any:
    if lang not in {"ko", "en"}:
        raise Invalid("--lang is ko or en")
    return lambda key: _WORDS[key][0 if lang == "ko" else 1]


def _moment(at: str | None) -> str | None:
    return None if at is None else iso(parse(at))


def _length(text: str) -> timedelta:
    found = _FOR.fullmatch(text.strip().lower())
    if found is None or float(found[1]) <= 0:
        raise Invalid(f"--for {text!r}: write a length such as 90m, 8h, 2d or 1w")
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def _time(moment: str) -> str:
    return show_time(parse(moment), ZoneInfo("Asia/Seoul"))


def _span(row: dict[str, Any]) -> tuple[str, str]:
    return _time(row["start"]), _time(row["end"])


def _name(row: dict[str, Any], say: Any) -> str:
    return say("nobody") if row["person"] is None else f"{row['person']} ({row['name']})"


def _by(row: dict[str, Any], say: Any) -> str:
    return f"{say('override')} {row['by']}" if row["override"] else row["by"]


def _print_overrides(rows: list[dict[str, Any]], lang: str) -> None:
    say = _words(lang)
    if not rows:
        out.print(say("none"))
        return
    names = ("id", "for", "person", "from", "until", "state", "reason", "made-by")
    table = Table(*(say(name) for name in names))
    for row in rows:
        words = (say(row["state"]), row["reason"], row["by"])
        table.add_row(*cells(row["id"], row["target"], row["person"], *_span(row), *words))
    out.print(table)
