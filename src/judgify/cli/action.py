"""``judgify action add|list|done``: what is to be done after incidents, by whom and by when."""

from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.table import Table
from rich.text import Text

from judgify.cli import connect
from judgify.cli.incident import cells, get, post
from judgify.cli.output import Json, emit, out, printable
from judgify.kit.clock import SystemClock, iso, parse, show

app: Final = typer.Typer(name="action", help="Action items after incidents.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the group `action`."""
    root.add_typer(app)


@app.command("add")
def add(
    text: Annotated[str, typer.Argument(help="What is to be done.")],
    *,
    owner: Annotated[str, typer.Option(help="By whom.")],
    due: Annotated[str, typer.Option(help="By when: 2026-01-31, 2026-01-31T18:00 (Asia/Seoul), or +7d.")] = "+7d",
    incident: Annotated[str | None, typer.Option(help="After which incident.")] = None,
    horizon: Annotated[str, typer.Option(help="week, month or quarter (guide 7.2).")] = "month",
    as_json: Json = False,
) -> None:
    """Add an action item; it is reminded of until it is done."""
    body = {"text": text, "owner": owner, "due": _due(due), "incident_id": incident, "horizon": horizon}
    _say(connect.run(post("/actions", body)), as_json=as_json)


@app.command("list")
def listing(
    incident: Annotated[str | None, typer.Option(help="Only of this incident.")] = None,
    undone: Annotated[bool, typer.Option("--undone", help="Only what is not done yet.")] = False,
    as_json: Json = False,
) -> None:
    """List action items by due date."""
    rows = connect.run(get("/actions", incident=incident, undone=undone or None))
    if as_json:
        emit(rows)
        return
    table = Table("id", "due", "owner", "what", "incident", "done")
    for row in rows:
        done = "yes" if row["done_at"] else ("OVERDUE" if row["overdue"] else "")
        table.add_row(*cells(row["id"], show(parse(row["due"])), row["owner"], row["text"], row["incident_id"], done))
    out.print(table)


@app.command("done")
def done(action: Annotated[str, typer.Argument(help="act_…")], as_json: Json = False) -> None:
    """Say that an action item is done."""
    _say(connect.run(post(f"/actions/{quote(action, safe='')}/done")), as_json=as_json)


def _due(text: str) -> str:
    if text.startswith("+") and text.endswith("d") and text[1:-1].isdigit():
        return iso(SystemClock().now() + timedelta(days=int(text[1:-1])))
    # A date alone is its end: work is due by the evening.
    return iso(parse(f"{text}T18:00" if len(text) == len("2026-01-31") else text))


def _say(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(row)
    else:
        state = "done" if row["done_at"] else f"due {show(parse(row['due']))}"
        out.print(Text(printable(f"{row['id']}  {row['owner']}  {row['text']}  ({state})")))
