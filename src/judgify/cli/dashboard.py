"""`judgify dashboard ask|list|show|open|delete`: dashboards from requests in words."""

import re
import sys
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.prompt import IntPrompt
from rich.table import Table
from rich.text import Text

from judgify.cli import connect
from judgify.cli.dashboard_door import serve
from judgify.cli.output import Json, emit, err, fail, on_terminal, out, printable
from judgify.kit.clock import parse
from judgify.kit.clock import show as show_time
from judgify.kit.errors import Invalid, JudgifyError, NotFound

PREFIX: Final = "/api/v2/dashboard"
_ID: Final = re.compile(r"dsh_[0-9a-z]{26}")
OPEN: Final = 3
"""Exit code of a request that leaves a question open where nobody can be asked."""
_SHOWN: Final = 30
_MAX_ROUNDS: Final = 20
app: Final = typer.Typer(name="dashboard", help="Dashboards from requests in words.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the group `dashboard`."""
    root.add_typer(app)


@app.command("ask")
def ask(
    request: Annotated[str, typer.Argument(help='What you want to see: "워크플로우별 불일치 건수 막대 그래프".')],
    *,
    name: Annotated[str | None, typer.Option(help="What the dashboard is called; else the request itself.")] = None,
    answer: Annotated[list[str] | None, typer.Option(help="QUESTION=CHOICE, as a first run has asked.")] = None,
    no_save: Annotated[bool, typer.Option("--no-save", help="Show it and keep nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Make a dashboard of a request in Korean or English.

    What the request leaves open is asked on a terminal; elsewhere the questions are printed and the command ends with
    3: run it again with --answer. Ends with 1 when nothing was understood or no panel could be filled.
    """
    answers = dict(_pair(one) for one in answer or ())
    try:
        data = connect.run(_ask({"request": request, "name": name, "save": not no_save}, answers))
        for _ in range(_MAX_ROUNDS):
            if data["status"] != "questions" or as_json or not (on_terminal() and sys.stdin.isatty()):
                break
            answers |= dict(_put(question) for question in data["questions"])
            data = connect.run(_ask({"request": request, "name": name, "save": not no_save}, answers))
    except JudgifyError as error:
        for example in [] if as_json else error.fields.get("examples", []):
            err.print(f"  judgify dashboard ask {example!r}", markup=False)
        fail(error, as_json=as_json)
    if as_json:
        emit(data)
    elif data["status"] == "questions":
        _print_questions(data)
    else:
        _print_panels(data)
    if data["status"] == "questions":
        raise typer.Exit(OPEN)


@app.command("list")
def listing(as_json: Json = False) -> None:
    """List the dashboards that are kept, newest first."""
    try:
        rows = connect.run(_get("/dashboards", limit=200))
    except JudgifyError as error:
        fail(error, as_json=as_json)
    if as_json:
        emit(rows)
        return
    table = Table("id", "name", "panels", "made by", "made at")
    for row in rows:
        title = row.get("name") or row["title"]["ko"]
        cells = (
            row["id"],
            title,
            row.get("panels", "–"),
            row.get("owner", "built in"),
            show_time(parse(row["created_at"])) if row.get("created_at") else "–",
        )
        table.add_row(*(Text(printable(str(cell))) for cell in cells))
    out.print(table)


@app.command("show")
def show(
    dashboard: Annotated[str, typer.Argument(help="Its id, dsh_…, or its name.")],
    *,
    png: Annotated[Path | None, typer.Option(help="Write the panel's picture to this .png or .svg file.")] = None,
    panel: Annotated[int, typer.Option(min=1, max=100, help="Which panel's picture.")] = 1,
    as_json: Json = False,
) -> None:
    """Show a dashboard with the figures of now; with --png, write the picture of one panel to a file."""
    try:
        if png is not None:
            form = png.suffix.lower().removeprefix(".")
            if form not in {"png", "svg"}:
                raise Invalid("--png: the name must end in .png or .svg")
            body = connect.run(_picture(f"{_path(_found(dashboard))}/panels/{panel}.{form}"))
            png.write_bytes(body)
            emit({"file": str(png), "bytes": len(body)}) if as_json else out.print(Text(f"{png}: {len(body):,} bytes"))
            return
        data = connect.run(_get(_path(_found(dashboard))))
    except JudgifyError as error:
        fail(error, as_json=as_json)
    except OSError as error:
        fail(Invalid(f"{png}: cannot be written: {error.strerror}"), as_json=as_json)
    emit(data) if as_json else _print_panels(data)


@app.command("delete")
def delete(
    dashboard: Annotated[str, typer.Argument(help="Its id, dsh_…, or its name.")], as_json: Json = False
) -> None:
    """Remove a dashboard."""
    try:
        data = connect.run(_request("DELETE", _path(_found(dashboard))))
    except JudgifyError as error:
        fail(error, as_json=as_json)
    emit(data) if as_json else out.print(Text(f"{printable(dashboard)} removed"))


@app.command("open")
def open_(
    dashboard: Annotated[
        str | None, typer.Argument(help="Its id or its name; without it the list of dashboards.")
    ] = None,
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
) -> None:
    """Open the dashboards in a browser of this machine, until Ctrl-C.

    Serves them on 127.0.0.1 with the command line's own credential; the printed link works once. Whoever opens it
    sees dashboards and can make them; nothing else of the platform can be reached through it.
    """
    try:
        known = connect.settings()
        page = f"{_path(_found(dashboard))}.html" if dashboard else "/dashboards.html"
        serve(known.url("gateway"), known.cli_token, PREFIX + page, port=port, tell=lambda url: out.print(
            Text(f"{url}\nworks once, on this machine; Ctrl-C ends it"), soft_wrap=True))  # fmt: skip
    except JudgifyError as error:
        fail(error, as_json=False)
    except OSError as error:
        fail(Invalid(f"port {port} cannot be opened: {error.strerror}"), as_json=False)


def _found(dashboard: str) -> str:
    """Give the id of a dashboard that is named by it or by its name; of several of one name the newest."""
    if _ID.fullmatch(dashboard):
        return dashboard
    wanted = unicodedata.normalize("NFC", dashboard).strip()
    rows = connect.run(_get("/dashboards", limit=200))
    named = (row["id"] for row in rows if (row.get("name") or row["title"]["ko"]) == wanted)
    found = next(named, wanted if wanted in {row["id"] for row in rows} else None)
    if found is None:
        raise NotFound(f"there is no dashboard {dashboard[:60]!r}; `judgify dashboard list` shows them")
    return str(found)


def _path(dashboard: str) -> str:
    return f"/dashboards/{quote(dashboard, safe='')}"


async def _ask(body: dict[str, Any], answers: dict[str, str]) -> dict[str, Any]:
    return dict(await _request("POST", "/generate", json={**body, "answers": answers}))


async def _get(path: str, **params: Any) -> Any:
    return await _request("GET", path, params=params)


async def _request(method: str, path: str, **options: Any) -> Any:
    async with connect.gateway(connect.settings()) as client:
        return await client.request(method, PREFIX + path, **options)


async def _picture(path: str) -> bytes:
    async with connect.gateway(connect.settings()) as client:
        answer = await client.raw("GET", PREFIX + path)
        if not answer.is_success:
            raise Invalid(str(answer.json().get("detail", answer.status_code)))
        return answer.content


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter("write QUESTION=CHOICE", param_hint="--answer")
    return key, value


def _put(question: dict[str, Any]) -> tuple[str, str]:
    out.print(Text(printable(question["text"]), style="bold"))
    for number, choice in enumerate(question["choices"], 1):
        out.print(Text(f"  {number}  {printable(choice['label'])}"))
    numbers = [str(number) for number in range(1, len(question["choices"]) + 1)]
    chosen = IntPrompt.ask("", choices=numbers, show_choices=False, console=out)
    return question["id"], question["choices"][chosen - 1]["value"]


def _print_questions(data: dict[str, Any]) -> None:
    for question in data["questions"]:
        out.print(Text(printable(question["text"]), style="bold"))
        for choice in question["choices"]:
            out.print(Text(f"  --answer {question['id']}={choice['value']}    {printable(choice['label'])}"))


def _print_panels(data: dict[str, Any]) -> None:
    out.print(Text(printable(data["understood"])), soft_wrap=True)
    for panel in data["panels"]:
        out.print()
        out.print(Text(f"{panel['number']}. {printable(panel['title'])} · {printable(panel['when'])}", style="bold"))
        if panel["status"] == "error":
            out.print(Text(printable(panel["text"]), style="red"), soft_wrap=True)
        elif panel["text"]:
            out.print(Text(f"{printable(panel['text'])}  {printable(panel['change'])}".rstrip()))
        if len(panel["rows"]) > 1 or panel["kind"] == "table":
            table = Table(*(printable(head) for head in panel["columns"]))
            for row in panel["rows"][:_SHOWN]:
                table.add_row(*(Text(printable(cell)) for cell in row))
            out.print(table)
            if len(panel["rows"]) > _SHOWN:
                out.print(f"{len(panel['rows']) - _SHOWN:,} more rows; --json has them all")
        elif panel["rows"] and not panel["text"]:
            out.print(Text("  ".join(map(printable, panel["rows"][0]))))
    if data.get("dashboard"):
        out.print(f"\n{data['dashboard']['id']}    judgify dashboard open {data['dashboard']['id']}")
