"""``judgify delivery list|show|targets|dead|replay|discard``: the orders of the action service, and what failed."""

import getpass
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.table import Table
from rich.text import Text

from judgify.cli import connect
from judgify.cli.incident import cells
from judgify.cli.output import Json, emit, out, printable
from judgify.kit.clock import parse, show
from judgify.kit.errors import Invalid

PREFIX: Final = "/api/v2/action"
PAGE: Final = 200

app: Final = typer.Typer(
    name="delivery", help="Orders of the action service: what was sent, and what failed.", no_args_is_help=True
)

Target = Annotated[str | None, typer.Option(help="Only to this target: host:port, or notification.")]
Kind = Annotated[str | None, typer.Option("--type", help="webhook, slack, email or notify.")]
Outcome = Annotated[str | None, typer.Option(help="Only with this last outcome, such as timeout.")]
Since = Annotated[str | None, typer.Option(help="Only accepted since: 2026-01-31T18:00 (Asia/Seoul).")]
Until = Annotated[str | None, typer.Option(help="Only accepted before.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


def register(root: typer.Typer) -> None:
    """Add the group `delivery`."""
    root.add_typer(app)


@app.command("list")
def listing(
    state: Annotated[str | None, typer.Option(help="waiting, done, dead or discarded.")] = None,
    target: Target = None,
    kind: Kind = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List orders, newest first."""
    _show(connect.run(_pages("/actions", limit, state=state, target=target, type=kind)), as_json=as_json)


@app.command("dead")
def dead(
    *,
    target: Target = None,
    kind: Kind = None,
    outcome: Outcome = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List dead orders: refused for good, or out of tries."""
    given = {"target": target, "type": kind, "outcome": outcome, "since": since, "until": until}
    _show(connect.run(_pages("/dead", limit, **given)), as_json=as_json)


@app.command("show")
def one(order: Annotated[str, typer.Argument(help="act_…")], as_json: Json = False) -> None:
    """Show an order with every try."""
    row = connect.run(_call("GET", f"/actions/{quote(order, safe='')}"))
    if as_json:
        emit(row)
        return
    _show([row], as_json=False)
    table = Table("try", "at", "outcome", "detail")
    for entry in row["tries"]:
        table.add_row(*cells(str(entry["number"]), show(parse(entry["started_at"])), entry["outcome"], entry["detail"]))
    out.print(table)


@app.command("targets")
def targets(as_json: Json = False) -> None:
    """List whom orders go to: the breaker's state, what waits, and what is dead."""
    rows = connect.run(_call("GET", "/targets"))
    if as_json:
        emit(rows)
        return
    table = Table("target", "breaker", "failures", "next try", "waiting", "dead")
    for row in rows:
        again = show(parse(row["retry_at"])) if row["retry_at"] else ""
        counts = (str(row["failures"]), again, str(row["waiting"]), str(row["dead"]))
        table.add_row(*cells(row["target"], row["state"], *counts))
    out.print(table)


@app.command("replay")
def replay(
    order: Annotated[str | None, typer.Argument(help="act_…; without it, those that the options choose.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every dead order.")] = False,
    target: Target = None,
    kind: Kind = None,
    outcome: Outcome = None,
    since: Since = None,
    until: Until = None,
    as_json: Json = False,
) -> None:
    """Try dead orders again, under their old idempotency keys."""
    given = {"target": target, "type": kind, "outcome": outcome, "since": since, "until": until}
    chosen = {name: value for name, value in given.items() if value is not None}
    if sum((order is not None, everything, bool(chosen))) != 1:
        raise Invalid("say which: an order's id, or --all, or options such as --target")
    if order is not None:
        row = connect.run(_call("POST", f"/actions/{quote(order, safe='')}/replay"))
        _show([row], as_json=as_json)
        return
    count = connect.run(_replay_all(chosen))
    if as_json:
        emit({"replayed": count})
    else:
        out.print(f"{count} dead orders are tried again")


@app.command("discard")
def discard(
    order: Annotated[str, typer.Argument(help="act_…")],
    *,
    reason: Annotated[str, typer.Option(help="Why it need not be carried out any more.")],
    as_json: Json = False,
) -> None:
    """Give a dead order up for good."""
    body = {"reason": reason, "by": _by()}
    _show([connect.run(_call("POST", f"/actions/{quote(order, safe='')}/discard", body))], as_json=as_json)


async def _call(method: str, path: str, body: Any = None) -> Any:
    async with connect.gateway(connect.settings()) as client:
        return await client.request(method, PREFIX + path, **({} if body is None else {"json": body}))


async def _pages(path: str, limit: int, **filters: str | None) -> list[dict[str, Any]]:
    params = {name: value for name, value in filters.items() if value is not None}
    found: list[dict[str, Any]] = []
    async with connect.gateway(connect.settings()) as client:
        while len(found) < limit:
            asked = {**params, "limit": str(min(PAGE, limit - len(found)))}
            # The last id seen is the cursor: lists are ordered by id.
            more = {"cursor": found[-1]["id"]} if found else {}
            rows = await client.get(PREFIX + path, **asked, **more)
            found += rows
            if len(rows) < int(asked["limit"]):
                break
    return found


async def _replay_all(chosen: dict[str, str]) -> int:
    count = 0
    async with connect.gateway(connect.settings()) as client:
        more = True
        while more:
            done = await client.post(f"{PREFIX}/dead/replay", {"filter": chosen, "by": _by()})
            count += done["replayed"]
            more = done["more"]
    return count


def _by() -> str:
    return f"OS user {getpass.getuser()}"


def _show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        emit(rows)
        return
    if not rows:
        out.print("there are none")
        return
    table = Table("id", "type", "target", "state", "tries", "last outcome", "accepted")
    for row in rows:
        moment = show(parse(row["created_at"]))
        outcome = row["last_outcome"] or ""
        table.add_row(
            *cells(row["id"], row["type"], row["target"], row["state"], str(row["attempts"]), outcome, moment)
        )
    out.print(table)
    if len(rows) == 1 and rows[0]["last_detail"]:
        out.print(Text(printable(rows[0]["last_detail"])))
