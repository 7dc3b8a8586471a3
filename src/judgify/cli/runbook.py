"""``judgify runbook list|show|run|hold|release``: runbooks as the response engine has them, and the hold switch."""

import sys
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from judgify.cli import connect
from judgify.cli.output import Json, emit, out, printable

app: Final = typer.Typer(name="runbook", help="Runbooks, their steps, and the automation's hold switch.")
_PREFIX: Final = "/api/v2/response"


def register(root: typer.Typer) -> None:
    """Add the group `runbook`."""
    root.add_typer(app)


async def _get(path: str) -> Any:
    async with connect.engine(connect.settings()) as engine:
        return await engine.get(f"{_PREFIX}{path}")


async def _post(path: str, body: dict[str, Any]) -> Any:
    async with connect.engine(connect.settings(), timeout_s=60) as engine:
        return await engine.post(f"{_PREFIX}{path}", body)


@app.command("list")
def listing(as_json: Json = False) -> None:
    """List all runbooks."""
    books = connect.run(_get("/runbooks"))
    if as_json:
        emit(books)
        return
    table = Table("id", "service", "title", "steps")
    for book in books:
        steps = ", ".join(_id(step) for step in book.get("recover", ()))
        table.add_row(*(Text(printable(text)) for text in (book["id"], book.get("service", ""), _text(book), steps)))
    out.print(table)


@app.command("show")
def show(runbook: Annotated[str, typer.Argument(help="Its id.")], as_json: Json = False) -> None:
    """Show a runbook: what is looked at, and every recovery step with what it will do."""
    book = connect.run(_get(f"/runbooks/{runbook}"))
    if as_json:
        emit(book)
        return
    out.print(Text(printable(f"{book['id']}: {_text(book)}"), style="bold"))
    for step in book.get("diagnose", ()):
        out.print(Text(printable(f"  looks at   {_id(step)}: {_text(step)}")))
    for step in book.get("recover", ()):
        out.print(Text(printable(f"  recovers   {_id(step)} [{step.get('risk', '')}]: {_text(step)}")))
        _print_shown(step)


@app.command("run")
def run(
    runbook: Annotated[str, typer.Argument(help="Its id.")],
    step: Annotated[str | None, typer.Option(help="Only this step.")] = None,
    incident: Annotated[str | None, typer.Option(help="The incident that it is for: INC-YYYY-NNNN.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done; do nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Run a runbook, or one step of it. Exit code 1 when the engine says that it failed."""
    body = {"incident_id": incident, "step": step, "dry_run": dry_run}
    answer = connect.run(_post(f"/runbooks/{runbook}/run", {k: v for k, v in body.items() if v is not None}))
    if as_json:
        emit(answer)
    else:
        out.print(Text(printable(f"{answer.get('id', '')} {answer['state']}: {answer.get('outcome', '')}".strip())))
        for entry in (answer.get("memory") or {}).get("rehearsal", ()):
            out.print(Text(printable(f"  {entry['step']} [{entry['risk']}]")))
            _print_shown(entry)
        if answer.get("waiting_for"):
            out.print(f"  waits for approval {escape(str(answer['waiting_for']))}")
    if answer["state"] == "failed":
        sys.exit(1)


@app.command("hold")
def hold(
    reason: Annotated[str, typer.Option(help="Why; everybody sees it.")] = "held from the command line",
    as_json: Json = False,
) -> None:
    """Stop all automation until it is released; what people do by hand goes on."""
    _switch("hold", reason, as_json=as_json)


@app.command("release")
def release(
    reason: Annotated[str, typer.Option(help="Why.")] = "released from the command line", as_json: Json = False
) -> None:
    """Let automation work again."""
    _switch("release", reason, as_json=as_json)


def _switch(verb: str, reason: str, *, as_json: bool) -> None:
    state = connect.run(_post(f"/automation/{verb}", {"reason": reason}))
    if as_json:
        emit(state)
    else:
        out.print(Text(printable(f"automation is {'on hold: ' + state['reason'] if state['held'] else 'released'}")))


def _id(step: dict[str, Any]) -> str:
    return str(step.get("id") or step.get("step") or "")


def _text(entry: dict[str, Any]) -> str:
    title = entry.get("title")
    return str(title.get("ko", "")) if isinstance(title, dict) else str(title or "")


def _print_shown(entry: dict[str, Any]) -> None:
    will = entry.get("will")
    if isinstance(will, dict):
        out.print(Text(printable(f"             {will.get('ko', '')}")))
    for line in str(entry.get("command") or "").splitlines():
        out.print(Text(printable(f"             $ {line}"), style="dim"))
    if entry.get("not_available"):
        out.print(Text(printable(f"             {entry['not_available']}"), style="yellow"))
