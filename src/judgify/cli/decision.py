"""``judgify decision``: decision tables from files, without a running service: check, judge, test, convert."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.table import Table
from rich.text import Text

from judgify.cli.decision_words import LEVELS, POLICIES, coverage_text, failure_text, said, what_if
from judgify.cli.output import Json, emit, err, out, printable
from judgify.cli.workflow_file import read_raw
from judgify.decision import Analysis, DecisionTable, Finding, Matched, TableError, analyse, counterfactual, explain
from judgify.decision.coverage import Coverage, coverage
from judgify.decision.dmn import ModelError, read_table, write_table
from judgify.decision.error import listing
from judgify.decision.wording import Language
from judgify.kit.errors import Invalid
from judgify.response.guide.table_form import table_form
from judgify.response.guide.yaml_file import read_text, read_yaml

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
    """Show a table, and what is wrong with it.

    Names every mistake, gap, conflict and rule that never speaks, and judges the examples. Exit code 1 for a mistake, a
    conflict, a rule that never speaks or a failed example.
    """
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
            out.print(Text(_title(one, language)), style="bold")
            out.print(_grid(one))
            _findings(result, language)
            _examples(one, cover, language)
    sys.exit(1 if bad else 0)


@app.command("analyse")
def analyse_tables(file: File, table: Name = None, lang: Lang = "ko", as_json: Json = False) -> None:
    """Say what a table leaves open, says twice or never says.

    Each gap is given with the inputs that it is about and an example; where a workflow asks a model, they are what the
    model is asked. Exit code 1 for a conflict or a rule that never speaks.
    """
    language = _language(lang)
    try:
        found = [(one, analyse(one)) for one in _tables(file, table)]
    except (TableError, ModelError) as error:
        _mistakes(error, as_json=as_json)
    bad = any(finding.level == "error" for _, result in found for finding in result.findings)
    if as_json:
        emit({"ok": not bad, "tables": [{"table": one.name, **result.to_dict()} for one, result in found]})
    else:
        for one, result in found:
            out.print(Text(_title(one, language)), style="bold")
            _findings(result, language)
    sys.exit(1 if bad else 0)


@app.command("eval")
def evaluate(
    file: File,
    given: Annotated[str, typer.Argument(metavar="INPUT", help="The object as JSON, or - to read it.")] = "-",
    *,
    table: Name = None,
    lang: Lang = "ko",
    changes: Annotated[
        bool, typer.Option("--what-if", help="Also the smallest change of one input that would change the outcome.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Judge one object and say why.

    Exit code 3 when it is not evaluable.
    """
    language = _language(lang)
    try:
        tables = _tables(file, table)
    except (TableError, ModelError) as error:
        _mistakes(error, as_json=as_json)
    if len(tables) > 1:
        raise Invalid(f"{file} holds {len(tables)} tables; name one: --table {tables[0].name}")
    inputs = _object(given)
    outcome = tables[0].evaluate(inputs)
    found = counterfactual(tables[0], inputs) if changes else None
    if as_json:
        emit(outcome.to_dict() | ({"what_if": found.to_dict()} if found else {}))
    else:
        style = "" if isinstance(outcome, Matched) else "yellow"
        for sentence in explain(outcome, language):
            out.print(printable(sentence), markup=False, style=style, soft_wrap=True)
        for sentence in what_if(found, language) if found else ():
            out.print(printable(sentence), markup=False, style="cyan", soft_wrap=True)
    sys.exit(3 if outcome.verdict == "not evaluable" else 0)


@app.command("test")
def run_examples(file: File, table: Name = None, lang: Lang = "ko", as_json: Json = False) -> None:
    """Judge the examples that a file carries.

    Names the rules that none of them reaches. Exit code 1 when one comes out otherwise than written.
    """
    language = _language(lang)
    try:
        found = [(one, coverage(one)) for one in _tables(file, table)]
    except (TableError, ModelError) as error:
        _mistakes(error, as_json=as_json)
    failed = any(cover.failures for _, cover in found)
    if as_json:
        emit({"ok": not failed, "tables": [{"table": one.name, **cover.to_dict()} for one, cover in found]})
    else:
        for one, cover in found:
            _examples(one, cover, language)
    sys.exit(1 if failed else 0)


@app.command("convert")
def convert(
    file: File,
    target: Annotated[Path, typer.Argument(help="Where to write: .dmn or .xml for DMN 1.5, .json for our own form.")],
    table: Name = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a table as DMN, or DMN as a table.

    Nothing is lost: what cannot be said there is an error, and nothing is written.
    """
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
    raw = _of_the_guide(file, raw) or raw
    several = raw.get("tables")
    forms = several if isinstance(several, list) else [raw]
    named = [form for form in forms if wanted is None or (isinstance(form, Mapping) and form.get("name") == wanted)]
    if not named:
        raise Invalid(f"{file}: there is no table {wanted!r}")
    return [DecisionTable.from_mapping(form, str(file)) for form in named]


def _of_the_guide(file: Path, raw: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the table that the guide makes of its own file, where the file is one of those."""
    if file.suffix.lower() == ".json":
        return None
    return table_form(raw, read_yaml(read_text(file)), str(file))


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


def _title(table: DecisionTable, language: Language) -> str:
    return f"{printable(table.name)} — {table.hit_policy}: {POLICIES[language][table.hit_policy]}"


def _grid(table: DecisionTable) -> Table:
    shown = Table()
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
    text = f"{LEVELS[language][finding.level]}: {printable(finding.explain(language))}"
    out.print(text, markup=False, style=_STYLE[finding.level], soft_wrap=True)


def _findings(result: Analysis, language: Language) -> None:
    for finding in result.findings:
        _say(finding, language)
    if result.unknown:
        unknown = said(language, "unknown", names=listing(result.unknown))
        out.print(printable(unknown), markup=False, style="dim", soft_wrap=True)
    if not result.complete:
        out.print(said(language, "cut"), markup=False, style="yellow")
    elif not result.findings:
        out.print(said(language, "whole"), markup=False, style="green")


def _examples(table: DecisionTable, cover: Coverage, language: Language) -> None:
    for failure in cover.failures:
        out.print(printable(failure_text(failure, language)), markup=False, style="red", soft_wrap=True)
    style = "" if cover.missed or cover.failures else "green"
    out.print(printable(coverage_text(table, cover, language)), markup=False, style=style, soft_wrap=True)
