"""``judgify channel list|status|test``: through what people are reached, and whether it works."""

import sys
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.table import Table
from rich.text import Text

from judgify.cli import connect
from judgify.cli.incident import cells, get, post
from judgify.cli.output import Json, emit, out, printable
from judgify.kit.clock import parse, show

app: Final = typer.Typer(
    name="channel", help="Channels: through what people are reached, and whether it works.", no_args_is_help=True
)
BAD: Final = frozenset({"failing", "refusing"})


def register(root: typer.Typer) -> None:
    """Add the group `channel`."""
    root.add_typer(app)


@app.command("list")
def listing(as_json: Json = False) -> None:
    """List the channels of the guide: kind, state, severities, and the canary that each carries."""
    rows = connect.run(get("/channels"))["channels"]
    if as_json:
        emit(rows)
        return
    table = Table("channel", "kind", "state", "wakes", "severities", "canary")
    for row in rows:
        every = "" if row["canary_every_s"] is None else f"every {row['canary_every_s']:g} s"
        wakes = "yes" if row["wakes"] else ""
        table.add_row(*cells(row["channel"], row["kind"], row["state"], wakes, " ".join(row["severities"]), every))
    out.print(table)


@app.command("status")
def status(as_json: Json = False) -> None:
    """Show how the channels that are on do, and the outward heartbeat; exit 1 when one fails or refuses."""
    found = connect.run(get("/channels"))
    open_ones = [row for row in found["channels"] if row["state"] != "off"]
    if as_json:
        emit({"channels": open_ones, "heartbeat": found["heartbeat"]})
    else:
        table = Table("channel", "state", "delivered", "tries", "last delivered", "canary", "why")
        for row in open_ones:
            share = "" if row["delivered_percent"] is None else f"{row['delivered_percent']:g} %"
            why = f"{row['reason']} since {_at(row['since'])}: {row['detail']}" if row["state"] in BAD else ""
            tries = row["tries"] or ""
            table.add_row(
                *cells(row["channel"], row["state"], share, tries, _at(row["last_good_at"]), _canary(row), why)
            )
        out.print(table)
        out.print(Text(printable(f"heartbeat outwards: {_heart(found['heartbeat'])}")))
    if any(row["state"] in BAD for row in open_ones):
        sys.exit(1)


@app.command("test")
def carry(
    channel: Annotated[str, typer.Argument(help="A channel of the guide: sms, email-person …")], as_json: Json = False
) -> None:
    """Send a canary through a channel now (one without a sink is looked at, without sending); exit 1 when it fails."""
    row = connect.run(post(f"/channels/{quote(channel, safe='')}/test"))
    if as_json:
        emit(row)
    else:
        how = "a canary went through" if row["tested"] == "canary" else "it could deliver; nothing was sent"
        took = f" in {row['canary_s']:.3f} s" if row["good"] and row["tested"] == "canary" else ""
        told = f"{how}{took}" if row["good"] else f"{row['reason']}: {row['detail']}"
        out.print(Text(printable(f"{channel}: {told}")))
    if not row["good"]:
        sys.exit(1)


def _at(moment: str | None) -> str:
    return "" if moment is None else show(parse(moment))


def _canary(row: dict[str, Any]) -> str:
    if row["canary_every_s"] is None:
        return "none"
    if row["canary_at"] is None:
        return "not yet"
    took = "" if row["canary_s"] is None else f" ({row['canary_s']:.3f} s)"
    return f"{_at(row['canary_at'])}{took}"


def _heart(heart: dict[str, Any]) -> str:
    if not heart["set"]:
        return "not set (JUDGIFY_HEARTBEAT_URL); if this machine dies, nobody hears of it"
    if heart["result"] is None:
        return "not yet"
    if heart["result"] == "delivered":
        return f"delivered {_at(heart['delivered_at'])}"
    return f"{heart['result']} since {_at(heart['failing_since'])}: {heart['detail']}"
