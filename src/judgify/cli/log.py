"""``judgify log search|tail|errors|slow``: the log lines of all services, through the gateway (guide 5.1, 8.1)."""

import json
import sys
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from judgify.cli import connect
from judgify.cli.incident import cells
from judgify.cli.output import Json, emit, err, out, printable
from judgify.kit.client import ServiceClient
from judgify.kit.clock import SEOUL, SystemClock, parse, show
from judgify.kit.errors import JudgifyError, Unavailable, from_problem

PREFIX: Final = "/api/v2/logging"
PAGE: Final = 1_000
AGAIN_S: Final = 1.0
"""How long a tail that was broken off waits before it comes again."""
_STYLE: Final = {"CRITICAL": "bold red", "ERROR": "red", "WARNING": "yellow", "INFO": "", "DEBUG": "dim"}

app: Final = typer.Typer(
    name="log", help="Log lines of all services: search, follow, count what comes up most.", no_args_is_help=True
)

Service = Annotated[str | None, typer.Option(help="Only of this service.")]
Level = Annotated[str | None, typer.Option(help="Only of these levels, such as ERROR,CRITICAL.")]

_ABOUT: Final = ("method", "path", "status", "error")


def register(root: typer.Typer) -> None:
    """Add the group `log`."""
    root.add_typer(app)


@app.command("search")
def search(
    query: Annotated[str, typer.Argument(help="In Lucene's form: 'level:ERROR AND @timestamp:[now-15m TO now]'.")],
    *,
    start: Annotated[str | None, typer.Option("--from", help="2026-01-31T14:30 (Asia/Seoul) or with a zone.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Up to, not including, this moment.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many lines at most, the newest.")] = 100,
    service: Service = None,
    level: Level = None,
    as_json: Json = False,
) -> None:
    """Find log lines; the newest come last. The language: docs/reference/log-query.md."""
    wanted = {"q": query, "from": start, "to": end, "service": service, "level": level}
    rows, more = _run(_search(wanted, limit), as_json=as_json)
    if as_json:
        emit(rows)
        return
    for row in reversed(rows):
        out.print(_line(row), soft_wrap=True)
    if not rows:
        err.print("no line matches")
    elif more:
        err.print(f"there are older lines; these are the newest {len(rows)}: --limit, --to")


@app.command("tail")
def tail(
    query: Annotated[str | None, typer.Option("--query", "-q", help="Only lines that match, in Lucene's form.")] = None,
    service: Service = None,
    level: Level = None,
    as_json: Json = False,
) -> None:
    """Show new log lines as they come, until Ctrl-C. With --json each is one line of JSON."""
    _run(_follow({"q": query, "service": service, "level": level}, as_json=as_json), as_json=as_json)


@app.command("errors")
def errors(
    hours: Annotated[int, typer.Option(min=1, max=8784, help="Of the last so many hours.")] = 168,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many patterns.")] = 10,
    level: Annotated[str, typer.Option(help="This level and worse.")] = "ERROR",
    as_json: Json = False,
) -> None:
    """Show the messages that come up most, their particulars masked (guide 8.1)."""
    data = _run(_get("/patterns", hours=hours, limit=limit, level=level.upper()), as_json=as_json)
    if as_json:
        emit(data)
        return
    table = Table("count", "pattern", "services", "first", "last")
    table.columns[1].overflow = "fold"
    for row in data["patterns"]:
        table.add_row(*cells(
            row["count"], row["pattern"], ", ".join(row["services"]),
            show(parse(row["first_seen"])), show(parse(row["last_seen"])),
        ))  # fmt: skip
    _show_table(table, data, "patterns", f"of the last {hours} hours")


@app.command("slow")
def slow(
    hours: Annotated[int, typer.Option(min=1, max=8784, help="Of the last so many hours.")] = 24,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many statements.")] = 20,
    as_json: Json = False,
) -> None:
    """Show the statements that took PostgreSQL the most time, of those that it logged as slow (guide 5.1)."""
    data = _run(_get("/slow-queries", hours=hours, limit=limit), as_json=as_json)
    if as_json:
        emit(data)
        return
    table = Table("count", "max ms", "mean ms", "total ms", "statement", "last")
    table.columns[4].overflow = "fold"
    for row in data["queries"]:
        numbers = [f"{row[name]:,.1f}" for name in ("max_ms", "mean_ms", "total_ms")]
        table.add_row(*cells(row["count"], *numbers, row["statement"], show(parse(row["last_seen"]))))
    _show_table(table, data, "queries", f"of the last {hours} hours")


def _show_table(table: Table, data: dict[str, Any], name: str, when: str) -> None:
    if data[name]:
        out.print(table)
    else:
        err.print(f"there is none {when}")
    if not data["complete"]:
        err.print(f"not all lines {when} were looked at, only the newest {data['examined']:,}")


def _run(work: Any, *, as_json: bool) -> Any:
    """Run a command; of a query that cannot be read, show the character that it fails at."""
    try:
        return connect.run(work)
    except JudgifyError as error:
        arrow = error.fields.get("arrow")
        if isinstance(arrow, str) and not as_json:
            for line in arrow.split("\n"):
                err.print(Text(f"  {printable(line)}"), soft_wrap=True)
        raise


def _line(row: dict[str, Any]) -> Text:
    """A log line for people: time in Korea's zone to the millisecond, level, service, message."""
    moment = parse(row["timestamp"]).astimezone(SEOUL)
    written = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} {moment.tzname()}"
    text = Text(f"{written}  ")
    text.append(f"{row['level']:<8}", style=_STYLE.get(row["level"], ""))
    text.append(f"  {row['service']:<12}  ")
    text.append(printable(" ⏎ ".join(row["message"].splitlines())))
    # A request's line says "request"; which one, and what became of it, is in its fields.
    fields = row.get("fields") or {}
    about = [str(fields[name])[:100] for name in _ABOUT if fields.get(name) is not None]
    return text.append(printable(f"  {' '.join(about)}"), style="dim") if about else text


async def _get(path: str, **params: Any) -> Any:
    async with connect.gateway(connect.settings()) as client:
        return await client.get(f"{PREFIX}{path}", **params)


async def _search(wanted: dict[str, str | None], limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Give the newest lines, page by page, and whether there are older ones."""
    rows: list[dict[str, Any]] = []
    given = {name: value for name, value in wanted.items() if value is not None}
    async with connect.gateway(connect.settings()) as client:
        while True:
            given["limit"] = str(min(PAGE, limit - len(rows)))
            document = await _page(client, given)
            rows += document["data"]
            cursor = document["meta"]["pagination"]["next_cursor"]
            if cursor is None or len(rows) >= limit:
                return rows, cursor is not None
            given["cursor"] = cursor


async def _page(client: ServiceClient, given: dict[str, str]) -> dict[str, Any]:
    response = await client.raw("GET", f"{PREFIX}/lines", params=given)
    document: dict[str, Any] = response.json()
    if response.is_success:
        return document
    raise from_problem(response.status_code, document)


async def _follow(wanted: dict[str, str | None], *, as_json: bool) -> None:
    """Print events for ever; a broken stream is taken up again after the line that came last."""
    last: str | None = None
    clock = SystemClock()
    while True:
        try:
            async for kind, number, data in _events(wanted, last):
                last = number or last
                _print_event(kind, data, as_json=as_json)
        except Unavailable as error:
            if last is None:
                raise
            err.print(f"broken off: {error.detail}; coming again", markup=False)
        await clock.sleep(AGAIN_S)


def _print_event(kind: str, data: Any, *, as_json: bool) -> None:
    if kind == "line" and as_json:
        sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
    elif kind == "line":
        out.print(_line(data), soft_wrap=True)
    elif kind in {"dropped", "notice"}:
        err.print(f"{kind}: {json.dumps(data, ensure_ascii=False)}", markup=False)
    # Into a pipe too each line goes at once.
    sys.stdout.flush()


async def _events(wanted: dict[str, str | None], last: str | None) -> AsyncIterator[tuple[str, str | None, Any]]:
    """Give the stream's events: kind, id and data."""
    import httpx  # noqa: PLC0415 - the only use, and slow to import

    known = connect.settings()
    headers = {"Authorization": f"Bearer {known.cli_token}"} | ({"Last-Event-ID": last} if last else {})
    params = {name: value for name, value in wanted.items() if value is not None}
    timeout = httpx.Timeout(10, read=60)
    try:
        async with (
            httpx.AsyncClient(base_url=known.url("gateway"), timeout=timeout, trust_env=False) as client,
            client.stream("GET", f"{PREFIX}/tail", params=params, headers=headers) as response,
        ):
            if not response.is_success:
                body = await response.aread()
                raise from_problem(response.status_code, _problem(body))
            kind, number, data = "", None, ""
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                if not line and kind:
                    yield kind, number, json.loads(data or "null")
                if not line:
                    kind, data = "", ""
                elif name == "event":
                    kind = value
                elif name == "id":
                    number = value
                elif name == "data":
                    data += value
    except httpx.HTTPError as error:
        raise Unavailable(f"the stream of {known.url('gateway')} ended: {type(error).__name__}") from error


def _problem(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return {}
