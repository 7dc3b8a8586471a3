"""``judgify incident checklist|announce|scope`` and ``judgify emergency``: the first 15 minutes (guide chapter 3)."""

import hashlib
import json
import sys
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.table import Table
from rich.text import Text

from judgify.cli import connect
from judgify.cli.incident import Id, cells, get, post
from judgify.cli.output import Json, emit, on_terminal, out, printable
from judgify.kit.errors import Invalid

_TO: Final = ("internal", "customers", "executives")
_NOT_MEASURED: Final = "not measurable"


def add_to(app: typer.Typer) -> None:
    """Add the commands of one incident to the group `incident`."""
    app.command("checklist")(checklist)
    app.command("announce")(announce)
    app.command("scope")(scope)


def register(root: typer.Typer) -> None:
    """Add the command `emergency`."""
    root.command("emergency")(emergency)


def checklist(
    incident_id: Id,
    done: Annotated[str | None, typer.Option(help="Tick this item: its id, as the list shows it.")] = None,
    detail: Annotated[str, typer.Option(help="What was done, in a word.")] = "",
    lang: Annotated[str, typer.Option(help="ko or en.")] = "ko",
    as_json: Json = False,
) -> None:
    """Show the first-15-minutes checklist with each step's clock; tick an item with --done."""
    path = f"/incidents/{quote(incident_id, safe='')}"
    steps = connect.run(get(path, lang=lang))["checklist"]
    if done is not None:
        items = {item["id"]: item["fact"] for step in steps for item in step["items"]}
        if done not in items:
            raise Invalid(f"there is no item {done!r}; known are {', '.join(items)}")
        connect.run(post(f"{path}/checklist", {"item": items[done], "detail": detail}))
    shown = connect.run(get(path, lang=lang))
    if as_json:
        emit({"checklist": shown["checklist"], "receipts": shown["receipts"]})
        return
    for step in shown["checklist"]:
        left = f", {step['remaining_s']:.0f} s left" if step["status"] == "running" else ""
        out.print(Text(printable(f"{step['title']}  [{step['status']}{left}]"), style="bold"))
        for item in step["items"]:
            by = f"  {item['by']} ({item['how']})  {item['done_at']}" if item["done_at"] else ""
            mark = "x" if item["done_at"] else " "
            out.print(Text(printable(f"  [{mark}] {item['id']:<18} {item['text']}{by}")), soft_wrap=True)
    for row in shown["receipts"]["missing"]:
        out.print(Text(printable(f"no receipt yet: {row}"), style="yellow"))


def announce(
    incident_id: Id,
    *,
    to: Annotated[str, typer.Option(help="internal, customers or executives.")] = "internal",
    ko: Annotated[str | None, typer.Option(help="Other Korean text than the drafted one.")] = None,
    en: Annotated[str | None, typer.Option(help="Other English text than the drafted one.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Send without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent.")] = False,
    as_json: Json = False,
) -> None:
    """Show what would be sent, in both languages, and send it once. Sending the same again does nothing."""
    if to not in _TO:
        raise Invalid(f"--to is one of {', '.join(_TO)}")
    path = f"/incidents/{quote(incident_id, safe='')}"
    draft = connect.run(get(f"{path}/draft", audience=to))
    texts = {"ko": ko or draft["text"]["ko"], "en": en or draft["text"]["en"]}
    if not as_json:
        for lang, text in texts.items():
            out.print(Text(f"--- {lang} ---", style="bold"))
            out.print(Text("\n".join(printable(line) for line in text.splitlines())), soft_wrap=True)
        if to == "customers":
            out.print(Text(f"goes to the status page and to {draft['subscribers']} confirmed subscribers"))
    if dry_run or not (yes or _agreed(as_json=as_json)):
        if as_json:
            emit({**draft, "text": texts, "sent_now": False})
        return
    said = json.dumps([to, texts], sort_keys=True, ensure_ascii=False)
    once = hashlib.sha256(said.encode()).hexdigest()[:32]
    sent = connect.run(post(f"{path}/announce", {"audience": to, "text": texts, "once": once}))
    if as_json:
        emit({"incident_id": incident_id, "audience": to, "text": texts, "sent_now": True})
    else:
        out.print(Text(printable(f"{sent['id']}: announced to {to}")))


def _agreed(*, as_json: bool) -> bool:
    if as_json or not on_terminal() or not sys.stdin.isatty():
        raise Invalid("nothing was sent: give --yes where nobody can be asked, or --dry-run to look")
    return typer.confirm("Send it?", default=False)


def scope(
    incident_id: Id,
    refresh: Annotated[bool, typer.Option("--refresh", help="Measure now instead of showing the last.")] = False,
    as_json: Json = False,
) -> None:
    """Show the scope of an incident with the time of its measurement: units, users, errors, response time, events."""
    path = f"/incidents/{quote(incident_id, safe='')}"
    shown = connect.run(post(f"{path}/scope") if refresh else get(path))
    found = shown["scope"]
    if as_json:
        emit(found)
        return
    if found is None:
        out.print("not measured yet; --refresh measures now")
        return
    out.print(Text(printable(f"measured {found['at']}"), style="bold"))
    down = ", ".join(found["units_down"]) or ("none" if found["units"] else _NOT_MEASURED)
    out.print(Text(printable(f"  not in order  {down}")))
    table = Table("figure", "before", "now")
    for key in ("active_users", "error_percentage", "sla_p95_ms"):
        values = [found[when].get(key) for when in ("before", "now")]
        table.add_row(*cells(key, *(_NOT_MEASURED if value is None else f"{value:.2f}" for value in values)))
    out.print(table)
    for event in found["events"]:
        out.print(Text(printable(f"  {event['at']}  {event['unit']}  {event['kind']}  {event['by']}")))
    for reason in found["missing"]:
        out.print(Text(printable(f"  {_NOT_MEASURED}: {reason}"), style="yellow"))


def emergency(
    step: Annotated[str | None, typer.Argument(help="restart-gateway, rollback-judgment, block-traffic …")] = None,
    *,
    incident: Annotated[str | None, typer.Option(help="The incident that it is for; may be left out.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it will do.")] = False,
    as_json: Json = False,
) -> None:
    """Take an emergency action of guide 3.2; without a name, list them. What it will do is always shown first."""
    book = connect.run(get("/runbooks/emergency"))
    steps = {row["step"]: row for row in book["recover"]}
    if step is None:
        _list(book, as_json=as_json)
        return
    if step not in steps:
        raise Invalid(f"there is no emergency action {step!r}; known are {', '.join(steps)}")
    if not as_json:
        _show(steps[step])
    if dry_run:
        if as_json:
            emit(steps[step])
        return
    if not yes and not _sure(as_json=as_json):
        return
    answer = connect.run(post("/runbooks/emergency/run", {"step": step, "incident_id": incident, "dry_run": False}))
    if as_json:
        emit(answer)
    else:
        waits = f", waits for approval {answer['waiting_for']}" if answer.get("waiting_for") else ""
        out.print(Text(printable(f"{answer['state']}: {answer.get('outcome', '')}{waits}")))
    if answer["state"] in {"failed", "stopped"}:
        sys.exit(1)


def _sure(*, as_json: bool) -> bool:
    if as_json or not on_terminal() or not sys.stdin.isatty():
        raise Invalid("nothing was done: give --yes where nobody can be asked, or --dry-run to look")
    return typer.confirm("Do it now?", default=False)


def _list(book: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(book["recover"])
        return
    for row in book["recover"]:
        out.print(Text(printable(row["step"]), style="bold"))
        _show(row)


def _show(row: dict[str, Any]) -> None:
    out.print(Text(printable(f"  {row['will']['ko']}")), soft_wrap=True)
    for line in str(row["command"]).splitlines():
        out.print(Text(printable(f"  $ {line}"), style="dim"), soft_wrap=True)
    if row.get("not_available"):
        out.print(Text(printable(f"  {row['not_available']}"), style="yellow"))
