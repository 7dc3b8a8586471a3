"""``judgify decision``: decision tables from files, without a running service: check, judge, test, convert."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.table import Table
from rich.text import Text

from judgify.cli.output import Json, emit, err, out, printable
from judgify.cli.workflow_file import read_raw
from judgify.decision import DecisionTable, Finding, Matched, TableError, analyse, explain
from judgify.decision.coverage import Coverage, coverage
from judgify.decision.dmn import ModelError, read_table, write_table
from judgify.decision.wording import Language
from judgify.kit.errors import Invalid

app: Final = typer.Typer(name="decision", help="Decision tables in files.", no_args_is_help=True)
DMN: Final = (".dmn", ".xml")
_LANGUAGES: Final[dict[str, Language]] = {"ko": "ko", "en": "en"}
_STYLE: Final = {"error": "red", "warning": "yellow", "note": "dim"}
File = Annotated[Path, typer.Argument(help="A table or a workflow as YAML or JSON, or a DMN model (.dmn, .xml).")]
Name = Annotated[str | None, typer.Option("--table", help="Which table, where the file holds several.")]
Lang = Annotated[str, typer.Option("--lang", help="ko or en: the language of sentences.")]


def register(root: typer.Typer) -> None:
    """Add the group `decision`."""
    root.add_typer(app)


@app.command("check")
def check(file: File, table: Name = None, lang: Lang = "ko", as_json: Json = False) -> None:
    """Name every mistake, gap, conflict and rule that never speaks; exit code 1 for a mistake or a failed example."""
    language = _language(lang)
    try:
        tables = _tables(file, table)
    except (TableError, ModelError) as error:
        _mistakes(error, as_json=as_json)
    found = [(one, analyse(one), coverage(one)) for one in tables]
    bad = any(cover.failures or any(f.level == "error" for f in result.findings) for _, result, cover in found)
    if as_json:
        emit(
            {
                "ok": not bad,
                "tables": [
                    {"table": one.name, **result.to_dict(), "examples": cover.to_dict()} for one, result, cover in found
                ],
            }
        )
    else:
        for one, result, cover in found:
            out.print(_grid(one))
            for finding in result.findings:
                _say(finding, language)
            if result.unknown:
                out.print(f"not analysed (more than constants): {printable(', '.join(result.unknown))}", style="dim")
            if not result.complete:
                out.print("the analysis was cut: the table is too large to be looked at whole", style="yellow")
            if not result.findings:
                out.print("no gap, no conflict, every rule speaks" if result.complete else "", style="green")
            _examples(one, cover)
    sys.exit(1 if bad else 0)


@app.command("eval")
def evaluate(
    file: File,
    given: Annotated[str, typer.Argument(metavar="INPUT", help="The object as JSON, or - to read it.")] = "-",
    table: Name = None,
    lang: Lang = "ko",
    as_json: Json = False,
) -> None:
    """Judge one object and say why; exit code 3 when it is not evaluable."""
    language = _language(lang)
    try:
        tables = _tables(file, table)
    except (TableError, ModelError) as error:
        _mistakes(error, as_json=as_json)
    if len(tables) > 1:
        raise Invalid(f"{file} holds {len(tables)} tables; name one: --table {tables[0].name}")
    outcome = tables[0].evaluate(_object(given))
    if as_json:
        emit(outcome.to_dict())
    else:
        for sentence in explain(outcome, language):
            out.print(printable(sentence), markup=False, style="" if isinstance(outcome, Matched) else "yellow")
    sys.exit(3 if outcome.verdict == "not evaluable" else 0)


@app.command("test")
def run_examples(file: File, table: Name = None, as_json: Json = False) -> None:
    """Judge the examples that the file carries and name the rules that none reaches; exit code 1 when one fails."""
    try:
        found = [(one, coverage(one)) for one in _tables(file, table)]
    except (TableError, ModelError) as error:
        _mistakes(error, as_json=as_json)
    failed = any(cover.failures for _, cover in found)
    if as_json:
        emit({"ok": not failed, "tables": [{"table": one.name, **cover.to_dict()} for one, cover in found]})
    else:
        for one, cover in found:
            _examples(one, cover)
    sys.exit(1 if failed else 0)


@app.command("convert")
def convert(
    file: File,
    target: Annotated[Path, typer.Argument(help="Where to write: .dmn or .xml for DMN 1.5, .json for our own form.")],
    table: Name = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a table in the other form, nothing lost; what cannot be said there is an error, and nothing is written."""
    try:
        tables = _tables(file, table)
    except (TableError, ModelError) as error:
        _mistakes(error, as_json=False)
    if len(tables) > 1:
        raise Invalid(f"{file} holds {len(tables)} tables; name one: --table {tables[0].name}")
    if target.exists() and not force:
        raise Invalid(f"{target} is there already; --force writes over it")
    if target.suffix.lower() in DMN:
        text = write_table(tables[0])
    elif target.suffix.lower() == ".json":
        text = json.dumps(tables[0].to_mapping(), ensure_ascii=False, indent=2).encode() + b"\n"
    else:
        raise Invalid(f"{target}: end it in .dmn, .xml or .json")
    target.write_bytes(text)
    err.print(f"{tables[0].name}: {len(tables[0].rules)} rules written to {target}", markup=False)


def _language(lang: str) -> Language:
    found = _LANGUAGES.get(lang)
    if found is None:
        raise typer.BadParameter("ko or en", param_hint="--lang")
    return found


def _tables(file: Path, wanted: str | None) -> list[DecisionTable]:
    """Read every table of a file, or the one that is wanted.

    Raises:
        Invalid: The file cannot be read, or holds no such table.
        TableError, ModelError: What is wrong in it.
    """
    if file.suffix.lower() in DMN:
        try:
            return [read_table(file.read_bytes(), wanted, where=str(file))]
        except OSError as error:
            raise Invalid(f"{file}: {error.strerror or error}") from error
    raw = read_raw(file)
    if not isinstance(raw, Mapping):
        raise Invalid(f"{file}: is not a table; begin with `name:`, `inputs:`, `outputs:` and `rules:`")
    several = raw.get("tables")
    forms = several if isinstance(several, list) else [raw]
    named = [form for form in forms if wanted is None or (isinstance(form, Mapping) and form.get("name") == wanted)]
    if not named:
        raise Invalid(f"{file}: there is no table {wanted!r}")
    return [DecisionTable.from_mapping(form, str(file)) for form in named]


def _object(text: str) -> Mapping[str, Any]:
    try:
        given = json.loads(sys.stdin.read() if text == "-" else text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f'the input is not JSON: write it like {{"온도": 92}} ({str(error)[:100]})') from error
    if not isinstance(given, dict):
        raise Invalid('the input is an object of named values, like {"온도": 92}')
    return given


def _mistakes(error: TableError | ModelError, *, as_json: bool) -> NoReturn:
    if as_json:
        emit({"ok": False, "problems": [problem.to_dict() for problem in error.problems]})
    else:
        for problem in error.problems:
            err.print(f"error: {printable(str(problem))}", markup=False, style="red", soft_wrap=True)
    sys.exit(1)


def _grid(table: DecisionTable) -> Table:
    shown = Table(title=Text(f"{printable(table.name)}  {table.hit_policy}"), title_justify="left")
    shown.add_column("")
    for column in table.inputs:
        shown.add_column(Text(printable(column.label or column.name)))
    for result in table.outputs:
        shown.add_column(Text(printable(result.label or result.name)), style="bold")
    for rule in table.rules:
        cells = {cell.column: cell.text for cell in rule.cells}
        tests = [cells.get(place, "-") for place in range(len(table.inputs))]
        results = [result.text if result.run is not None else str(result.constant) for result in rule.results]
        shown.add_row(*(Text(printable(str(text))) for text in (rule.id, *tests, *results)))
    return shown


def _say(finding: Finding, language: Language) -> None:
    text = f"{finding.level}: {printable(finding.explain(language))}"
    out.print(text, markup=False, style=_STYLE[finding.level], soft_wrap=True)


def _examples(table: DecisionTable, cover: Coverage) -> None:
    for failure in cover.failures:
        out.print(f"failed: {printable(str(failure))}", markup=False, style="red", soft_wrap=True)
    good = len(table.examples) - len(cover.failures)
    missed = f"; no example for {', '.join(cover.missed)}" if cover.missed else ""
    share = f"{good} of {len(table.examples)} examples as written, rules reached {cover.percent:.0f} %"
    text = f"{table.name}: {share}{missed}"
    out.print(printable(text), markup=False, style="" if cover.missed else "green", soft_wrap=True)
