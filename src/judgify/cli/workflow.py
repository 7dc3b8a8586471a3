"""``judgify workflow …``: workflows drafted from a file, checked here, and kept, activated and tried over HTTP."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from judgify.cli import connect, workflow_draft, workflow_http
from judgify.cli.judgment_file import examine, read_rows
from judgify.cli.output import Json, emit, err, fail, out, printable
from judgify.cli.workflow_file import compile_file, is_file, line_of, read_table
from judgify.core.contracts.plan import Plan, normal_name
from judgify.core.contracts.problem import DocumentError
from judgify.core.contracts.review import review
from judgify.kit.clock import parse, show
from judgify.kit.errors import Conflict, Invalid, JudgifyError
from judgify.kit.files import write_atomic

_ORDER: Final = (
    *("name", "id", "label", "description", "type", "required", "properties", "hit_policy", "inputs", "outputs"),
    *("when", "then", "in", "out", "rules", "default", "examples"),
)
app: Final = typer.Typer(name="workflow", help="Workflows: how data is judged.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name or id of a workflow.")]
File = Annotated[Path, typer.Argument(help="The workflow: .yaml or .json.")]
Language = Annotated[str | None, typer.Option("--lang", help="ko or en; else the language of the column names.")]


def register(root: typer.Typer) -> None:
    """Add the group `workflow`."""
    root.add_typer(app)


@app.command("list")
def listing(as_json: Json = False) -> None:
    """List workflows, newest first."""
    rows = connect.run(workflow_http.every())
    if as_json:
        emit(rows)
        return
    table = Table("name", "judges", "newest", "label", "changed", "by")
    for row in rows:
        judges = f"v{row['active_version']}" if row["active_version"] else "no"
        cells = (row["name"], judges, f"v{row['latest_version']}", row["label"] or "")
        table.add_row(
            *(Text(printable(text)) for text in (*cells, show(parse(row["updated_at"])), row["updated_by"] or ""))
        )
    out.print(table)


@app.command("show")
def one(
    name: Name,
    *,
    version: Annotated[int | None, typer.Option(min=1, help="Another than the one that judges.")] = None,
    as_json: Json = False,
) -> None:
    """Show a workflow as YAML. `add` takes it again."""
    found = connect.run(workflow_http.read(name, version))
    if as_json:
        emit(found)
        return
    err.print(Text(printable(_state(found))))
    out.print(Text(_yaml(found["document"])), soft_wrap=True, end="")


@app.command("init")
def init(
    name: Annotated[str, typer.Argument(help="What the workflow is to be called, in any script.")],
    *,
    csv: Annotated[Path, typer.Option("--csv", help="A file with the columns that are to be judged.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write; else NAME.yaml.")] = None,
    lang: Language = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Draft a workflow from a CSV file.

    The types of its columns are guessed from the values, and one rule is there to be edited.
    """
    if lang not in {None, "ko", "en"}:
        raise typer.BadParameter("ko or en", param_hint="--lang")
    header, rows = read_table(csv)
    columns = workflow_draft.look(header, rows)
    chosen = workflow_draft.language(columns) if lang is None else "ko" if lang == "ko" else "en"
    # A slash in a name is told as a mistake of the name, not as a folder that is not there.
    path = output or Path(re.sub(r"[/\\\0]", "-", f"{name}.yaml"))
    if path.exists() and not force:
        raise Conflict(f"{path} is there already; --force writes over it, --output FILE writes another")
    text = workflow_draft.draft(normal_name(name), csv.name, columns, chosen)
    try:
        write_atomic(path, text.encode(), 0o644)
        compile_file(path)
    except OSError as error:
        raise Invalid(f"{path}: cannot be written: {error.strerror}") from error
    except DocumentError as error:
        # What a header or a name may be is the contracts' to say; the draft stays for a person to mend.
        _mistakes(path, error, as_json=as_json)
    if as_json:
        emit({"file": str(path), "columns": [{"name": each.name, "type": each.type} for each in columns]})
        return
    table = Table("column", "guess", "seen" if chosen == "en" else "본 것")
    for each in columns:
        table.add_row(*(Text(printable(text)) for text in (each.name, each.type, each.seen(chosen))))
    out.print(table)
    mark = "고칠 곳" if chosen == "ko" else "EDIT"
    out.print(Text(f"{path} is written: edit what says {mark}, then: judgify workflow check {path}"), soft_wrap=True)


@app.command("check")
def check(
    file: File,
    *,
    data: Annotated[
        Path | None, typer.Option("--data", help="Also judge this file's rows here, and keep nothing.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a workflow, store nothing.

    Each mistake is told with its line, its path and its mend; inputs that no rule covers, rules that never hold and
    two answers to one input as warnings.
    """
    plan = _compiled(file, as_json=as_json)
    counts = None if data is None else _tried(plan, data)
    analysis = review(plan)
    document = plan.document
    rules = sum(len(table.rules) for table in plan.tables)
    examples = sum(len(table.examples) for table in plan.tables)
    about = {"name": document.name, "tables": len(plan.tables), "rules": rules, "examples": examples}
    if as_json:
        emit(about | {"analysis": analysis} | ({} if counts is None else {"data": counts}))
        return
    out.print(
        Text(f"{file}: no mistakes — {document.name}: tables {len(plan.tables)}, rules {rules}, examples {examples}"),
        soft_wrap=True,
    )
    _open_ends(analysis, file)
    if counts is not None:
        told = ", ".join(f"{printable(what)} {number:,}" for what, number in counts.items())
        out.print(Text(f"{data}: {told} (nothing is kept)"), soft_wrap=True)


@app.command("add")
def add(
    file: File,
    *,
    activate_it: Annotated[bool, typer.Option("--activate", help="Let it judge from now on.")] = False,
    as_json: Json = False,
) -> None:
    """Keep a workflow, or a new version of it.

    A new version of the one that has its name. The same again adds nothing.
    """
    plan = _compiled(file, as_json=as_json)
    try:
        made, what = connect.run(workflow_http.add(plan, activate=activate_it))
    except JudgifyError as error:
        fail(error, as_json=as_json)
    if as_json:
        emit(made | {"added": what})
        return
    out.print(Text(printable(f"{what}: {_state(made)}")), soft_wrap=True)
    _open_ends(made.get("analysis"), file)
    for warning in made.get("warnings", ()):
        out.print(Text(printable(f"note: {warning['path']}: {warning['message']} ({warning['mend']})"), style="yellow"))
    if made["active_version"] != made["version"]:
        word = made["name"] if " " not in made["name"] else f'"{made["name"]}"'
        more = "" if made["active_version"] is None else f" --version {made['version']}"
        out.print(Text(f"it judges after: judgify workflow activate {word}{more}"), soft_wrap=True)


@app.command("activate")
def activate(
    name: Name,
    *,
    version: Annotated[int | None, typer.Option(min=1, help="An older version; else the newest.")] = None,
    as_json: Json = False,
) -> None:
    """Let a workflow judge from now on."""
    _say(connect.run(workflow_http.switch(name, version, on=True)), as_json=as_json)


@app.command("deactivate")
def deactivate(name: Name, as_json: Json = False) -> None:
    """Let a workflow judge no more.

    What it judged is kept, and so is every version.
    """
    _say(connect.run(workflow_http.switch(name, None, on=False)), as_json=as_json)


@app.command("simulate")
def simulate(
    name: Annotated[str, typer.Argument(help="Name or id of a workflow, or a file that is not stored.")],
    *,
    given: Annotated[str, typer.Option("--input", help="""The input as JSON: '{"temp_c": -18.5}'.""")],
    version: Annotated[int | None, typer.Option(min=1, help="Another than the one that judges.")] = None,
    lang: Annotated[str, typer.Option("--lang", help="ko or en: the explanation's language.")] = "ko",
    as_json: Json = False,
) -> None:
    """Judge one input, keep nothing.

    By a stored workflow, or by a file.
    """
    try:
        values = json.loads(given)
    except ValueError as error:
        raise Invalid(f"--input is not JSON: {error}; write it as '{{\"name\": 1.5}}'") from error
    if not isinstance(values, dict):
        raise Invalid("""--input: an object, as in '{"name": 1.5}'""")
    if is_file(name):
        # Here, by the same code: a document is tried while the platform is down, too.
        judged = _compiled(Path(name), as_json=as_json).judge(values)
        answer = {field: getattr(judged, field) for field in ("verdict", "result", "explanation", "causes", "trace")}
    else:
        answer = connect.run(workflow_http.simulate(name, values, version))
    if as_json:
        emit(answer)
        return
    verdict = answer["verdict"].replace("_", " ")
    out.print(Text(verdict + (f" → {_shown(answer['result'])}" if answer["verdict"] == "matched" else "")))
    told = answer["explanation"].get(lang)
    if told is None:
        raise typer.BadParameter("ko or en", param_hint="--lang")
    out.print(Text(printable(told)), soft_wrap=True)


def _compiled(file: Path, *, as_json: bool) -> Plan:
    try:
        return compile_file(file)[1]
    except DocumentError as error:
        _mistakes(file, error, as_json=as_json)


def _mistakes(file: Path, error: DocumentError, *, as_json: bool) -> NoReturn:
    if as_json:
        fail(error, as_json=True)
    for problem in error.problems:
        line = line_of(file, problem.path)
        err.print(Text(printable(f"{file}:{line or 1}: {problem}"), style="red"), soft_wrap=True)
    number = len(error.problems)
    err.print(Text(f"{number} mistake{'s' if number > 1 else ''}; nothing is stored"))
    raise typer.Exit(1)


def _open_ends(analysis: dict[str, Any] | None, file: Path) -> None:
    for table in analysis["tables"] if analysis else ():
        for found in table["findings"]:
            if found["level"] != "note":
                line = line_of(file, found["path"]) or 1
                told = f"{file}:{line}: warning: {found['path']}: {found['text']['en']}"
                out.print(Text(printable(told), style="yellow"), soft_wrap=True)
        if not table["complete"]:
            out.print(Text(printable(f"note: {table['table']}: too large to be analysed in whole")), soft_wrap=True)
    if (
        analysis
        and analysis["to_model"] == "gaps"
        and any(
            found["kind"] == "gap" and found["level"] != "note"
            for table in analysis["tables"]
            for found in table["findings"]
        )
    ):
        out.print(Text("what no rule covers goes to the language model where it is on and asked for (method hybrid)"))


def _tried(plan: Plan, data: Path) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in read_rows(examine(data), plan.document):
        judged = plan.judge(row.given)
        verdict = judged.verdict.replace("_", " ")
        counts[f"→ {_shown(judged.result)}" if judged.verdict == "matched" else verdict] += 1
    return dict(counts.most_common(20))


def _shown(result: Any) -> str:
    return result if isinstance(result, str) else msgspec.json.encode(result).decode()


def _yaml(document: Any) -> str:
    from io import StringIO  # noqa: PLC0415 - with what follows

    from ruamel.yaml import YAML  # noqa: PLC0415 - slow to load, needed here only

    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # declared as None, read as a flag
    writer.width = 120
    text = StringIO()
    writer.dump(_ordered(document), text)
    return text.getvalue()


def _ordered(value: Any) -> Any:
    # What is kept is sorted by letters; a person reads a table from its name to its examples.
    if isinstance(value, list):
        return [_ordered(each) for each in value]
    if not isinstance(value, dict):
        return value
    ranked = sorted(value, key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER))
    return {key: _ordered(value[key]) for key in ranked}


def _state(found: dict[str, Any]) -> str:
    active = found["active_version"]
    judging = f"v{active} judges" if active else "it does not judge yet"
    return f"{found['name']} v{found['version']} ({judging})" if active != found["version"] else (
        f"{found['name']} v{active}, which judges now")  # fmt: skip


def _say(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(found)
        return
    active = found["active_version"]
    told = f"v{active} judges now" if active else "judges no more; every version is kept"
    out.print(Text(printable(f"{found['name']}: {told}")), soft_wrap=True)
