"""`judgify judgment execute WORKFLOW FILE`: every row of a file becomes an execution."""

import csv
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TextIO
from urllib.parse import quote

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from judgify.cli import connect, judgment_feedback
from judgify.cli.judgment_file import Row, Source, examine, read_rows
from judgify.cli.judgment_upload import Totals, Upload
from judgify.cli.output import Json, emit, err, fail, on_terminal, out, printable
from judgify.core.contracts.document import WorkflowDocument
from judgify.core.contracts.plan import read_document
from judgify.core.contracts.wire import METHODS
from judgify.kit.client import ServiceClient
from judgify.kit.clock import SystemClock
from judgify.kit.errors import Invalid, JudgifyError
from judgify.kit.ids import is_id

_SHOWN = 10
_FIELDS = ("row", "execution_id", "verdict", "result", "durability", "replayed", "reason")
_ENCODINGS: Final = {"utf-8-sig": "UTF-8", "cp949": "CP949"}


def register(root: typer.Typer) -> None:
    """Add the group `judgment`."""
    group = typer.Typer(help="Judge data.", no_args_is_help=True)
    group.command("execute")(execute)
    judgment_feedback.register(group)
    root.add_typer(group, name="judgment")
    group.callback()(_group)


def _group() -> None:
    """Judge data."""


def execute(
    workflow: Annotated[str, typer.Argument(help="Name or id of an active workflow.")],
    file: Annotated[Path, typer.Argument(help="A .csv, .json or .jsonl file; UTF-8 or CP949.")],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write each row's outcome to this .csv or .jsonl file.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Judge anew, also rows that an earlier run of this command has judged.")
    ] = False,
    no_actions: Annotated[bool, typer.Option("--no-actions", help="Do not let the workflow's actions follow.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 also when a row is not evaluable.")] = False,
    method: Annotated[
        str, typer.Option("--method", help="rule, hybrid (as the workflow's strategy says) or llm (the model alone).")
    ] = "rule",
    lang: Annotated[str, typer.Option("--lang", help="ko or en: the language of reasons.")] = "ko",
    as_json: Json = False,
) -> None:
    """Judge every row of a file. Each row becomes an execution, also one that is not evaluable, with the reason.

    An interrupted run is continued by the same command: rows that were judged are not judged twice. Ends with 0 when
    every row is an execution, 1 when one is not (or, with --strict, when one is not evaluable), 2 on wrong usage.
    """
    if output is not None and output.suffix.lower() not in {".csv", ".jsonl"}:
        raise typer.BadParameter("the name must end in .csv or .jsonl", param_hint="--output")
    if method not in METHODS:
        raise typer.BadParameter(f"one of {', '.join(METHODS)}", param_hint="--method")
    if lang not in {"ko", "en"}:
        raise typer.BadParameter("ko or en", param_hint="--lang")
    source = examine(file)
    totals = Totals()
    wanted = _Wanted(output, again, not no_actions, method, lang)
    try:
        about = connect.run(_judge(workflow, source, totals, wanted))
    except JudgifyError as error:
        if totals.rows:
            error.detail += f" — {totals.rows:,} rows are judged; the same command goes on after them"
        fail(error, as_json=as_json)
    _report(about | {"file": str(file), "encoding": source.encoding}, totals, lang, as_json=as_json)
    if totals.verdicts["error"] or (strict and totals.verdicts["not_evaluable"]):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Wanted:
    output: Path | None
    again: bool
    act: bool
    method: str
    lang: str


async def _judge(workflow: str, source: Source, totals: Totals, wanted: _Wanted) -> dict[str, Any]:
    clock = SystemClock()
    started = clock.monotonic()
    async with connect.gateway(connect.settings(), timeout_s=65) as client:
        found, document = await _workflow(client, workflow)
        version = found["active_version"]
        nonce = f":{secrets.token_hex(6)}" if wanted.again else ""
        asked = "" if wanted.method == "rule" else f":{wanted.method}"
        key = f"{source.sha256[:40]}:v{version}{asked}{nonce}"
        upload = Upload(client, clock, found["id"], key, source.path.name, wanted.act, wanted.method)
        rows = read_rows(source, document)
        with _progress(source) as show, _writer(wanted.output, wanted.lang) as write:
            async for row, outcome in upload.send(rows):
                totals.add(outcome)
                write(outcome)
                show(row, totals)
    return {"workflow": found["name"], "version": version, "seconds": round(clock.monotonic() - started, 2)}


async def _workflow(client: ServiceClient, workflow: str) -> tuple[dict[str, Any], WorkflowDocument]:
    key = workflow if is_id(workflow, "wfl") else quote(workflow, safe="")
    found: dict[str, Any] = await client.get(f"/api/v2/workflow/workflows/{key}")
    if found["active_version"] is None:
        raise Invalid(f'the workflow "{found["name"]}" has no active version; activate one first')
    return found, read_document(found["document"])


@contextmanager
def _progress(source: Source) -> Iterator[Any]:
    if not on_terminal():
        yield lambda _row, _totals: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(printable(source.path.name), total=source.size, rows=0)

        def show(row: Row, totals: Totals) -> None:
            progress.update(task, completed=row.position, rows=totals.rows)

        yield show


@contextmanager
def _writer(path: Path | None, lang: str) -> Iterator[Any]:
    if path is None:
        yield lambda _outcome: None
        return
    # Under another name until it is whole: a broken run must not leave what looks like a finished file.
    part = path.with_name(path.name + ".part")
    as_csv = path.suffix.lower() == ".csv"
    try:
        with part.open("w", encoding="utf-8-sig" if as_csv else "utf-8", newline="") as file:
            yield _csv_line(file, lang) if as_csv else _json_line(file)
    except OSError as error:
        raise Invalid(f"{path}: cannot be written: {error.strerror}") from error
    part.replace(path)


def _csv_line(file: TextIO, lang: str) -> Any:
    writer = csv.writer(file)
    writer.writerow(_FIELDS)

    def write(outcome: dict[str, Any]) -> None:
        reason = _reason(outcome, lang)
        cells = (*(outcome.get(name) for name in _FIELDS[:-1]), reason)
        writer.writerow([_safe(cell) for cell in cells])

    return write


def _json_line(file: TextIO) -> Any:
    encoder = msgspec.json.Encoder(decimal_format="number")

    def write(outcome: dict[str, Any]) -> None:
        file.write(encoder.encode(outcome).decode() + "\n")

    return write


def _safe(cell: Any) -> Any:
    # A spreadsheet runs a cell that begins like a formula; results and reasons may quote what came from outside.
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def _reason(outcome: dict[str, Any], lang: str) -> str:
    if "error" in outcome:
        return str(outcome["error"].get("detail", ""))
    return "; ".join(dict.fromkeys(_cause(cause, lang) for cause in outcome.get("causes", ())))


def _cause(cause: dict[str, Any], lang: str) -> str:
    where = cause.get("input") or cause.get("column") or ""
    told = cause.get("reason") if lang == "en" else cause.get("reason_ko") or cause.get("reason")
    return f"{where}: {told}" if where else str(told)


def _report(about: dict[str, Any], totals: Totals, lang: str, *, as_json: bool) -> None:
    if as_json:
        verdicts = {name: totals.verdicts[name] for name in ("matched", "not_matched", "not_evaluable", "error")}
        emit(
            about
            | {"rows": totals.rows, "verdicts": verdicts, "results": dict(totals.results)}
            | {"replayed": totals.replayed, "spooled": totals.spooled, "degraded": totals.degraded}
            | {"not_evaluable": totals.unclear, "errors": totals.errors}
        )
        return
    encoding = _ENCODINGS.get(about["encoding"], about["encoding"])
    out.print(Text(f"{about['workflow']} v{about['version']} ← {about['file']} ({encoding})"), soft_wrap=True)
    table = Table()
    table.add_column("verdict")
    table.add_column("rows", justify="right")
    for verdict, number in sorted(totals.verdicts.items()):
        table.add_row(verdict.replace("_", " "), f"{number:,}")
        if verdict == "matched":
            for result, count in totals.results.most_common(20):
                table.add_row(Text(f"  → {printable(result)}"), f"{count:,}")
    table.add_row("total", f"{totals.rows:,}", style="bold")
    out.print(table)
    _remarks(totals)
    for entry in totals.unclear[:_SHOWN]:
        reason = "; ".join(dict.fromkeys(_cause(cause, lang) for cause in entry["causes"]))
        out.print(Text(f"row {entry['row']}: not evaluable — {printable(reason)}", style="yellow"))
    for entry in totals.errors[:_SHOWN]:
        err.print(Text(f"row {entry['row']}: {printable(str(entry['reason']))}", style="red"))
    more = len(totals.unclear) + len(totals.errors) - 2 * _SHOWN
    if more > 0:
        out.print("More rows are like these; --output FILE.csv lists every one.")


def _remarks(totals: Totals) -> None:
    if totals.replayed:
        out.print(f"{totals.replayed:,} rows had been judged by an earlier run; --again judges them anew.")
    if totals.spooled:
        out.print(f"{totals.spooled:,} rows are on the local spool until the database is back.")
    if totals.degraded:
        out.print(f"{totals.degraded:,} rows were judged by rules alone, without the model that was wanted.")
