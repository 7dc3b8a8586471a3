"""``judgify test-page PERSON``: whether a page reaches somebody, through every channel, and what became of each."""

import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from judgify.cli import connect
from judgify.cli.incident import cells, get, post
from judgify.cli.output import Json, emit, out
from judgify.kit.clock import SystemClock

_WAIT_S = 30


def register(root: typer.Typer) -> None:
    """Add the command `test-page`."""
    root.command("test-page")(page)


def page(
    person: Annotated[str, typer.Argument(help="Key of the contact in the guide: ops-lead, dev-lead …")],
    as_json: Json = False,
) -> None:
    """Send a test page through every channel of a person and wait for what becomes of it; exit 1 when one failed."""
    pages = connect.run(_send(person))
    if as_json:
        emit(pages)
    else:
        table = Table("channel", "state", "outcome", "detail")
        for row in pages:
            table.add_row(*cells(row["channel"], row["state"], row["outcome"], row["detail"]))
        out.print(table)
    if any(row["state"] != "sent" for row in pages):
        sys.exit(1)


async def _send(person: str) -> list[dict[str, Any]]:
    sent = await post("/test-page", {"person": person})
    clock = SystemClock()
    deadline = clock.monotonic() + _WAIT_S
    while True:
        pages = [await get(f"/pages/{page_id}") for page_id in sent["pages"]]
        settled = all(row["state"] not in {"due", "claimed"} for row in pages)
        if settled or clock.monotonic() >= deadline:
            return pages
        await clock.sleep(0.25)
