"""`judgify judgment feedback|calibration|engines`: what people say of answers, and what that measures."""

from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer

from judgify.cli import connect
from judgify.cli.output import Json, emit, fail, on_terminal, out, printable
from judgify.kit.errors import JudgifyError

PREFIX = "/api/v2/judgment"


def register(group: typer.Typer) -> None:
    """Add the commands to the group `judgment`."""
    group.command("feedback")(feedback)
    group.command("calibration")(calibration)
    group.command("engines")(engines)


def feedback(
    execution: Annotated[str, typer.Argument(help="Id of an execution, exe_….")],
    *,
    correct: Annotated[
        bool | None,
        typer.Option("--correct/--wrong", help="Whether its answer was right. Without: show what was said."),
    ] = None,
    expected: Annotated[
        str | None, typer.Option("--expected", help="What would have been right: JSON, or a plain text.")
    ] = None,
    note: Annotated[str | None, typer.Option("--note", help="Anything else.")] = None,
    as_json: Json = False,
) -> None:
    """Say whether an execution was right; your newest word counts. Without --correct or --wrong: show every word."""
    if correct is None and (expected is not None or note is not None):
        raise typer.BadParameter("say --correct or --wrong with it", param_hint="--expected, --note")
    path = f"{PREFIX}/executions/{quote(execution, safe='')}/feedback"
    body = None if correct is None else {"correct": correct, "expected": _json(expected), "note": note}
    found = _call("GET" if body is None else "POST", path, body, as_json=as_json)
    if as_json:
        emit(found)
        return
    if body is not None:
        out.print("kept" if found["changed"] else "known already")
        return
    for word in found:
        said = "right" if word["correct"] else "wrong"
        more = "" if word["expected"] is None else f", expected {printable(str(word['expected']))}"
        told = f": {printable(word['note'])}" if word["note"] else ""
        mark = "" if word["counts"] else " (superseded)"
        out.print(f"{word['created_at']} {printable(word['by'])} {said}{more}{told}{mark}", markup=False)
    if not found and on_terminal():
        out.print("nobody has said anything of it")


def calibration(
    workflow: Annotated[str, typer.Argument(help="Name or id of an active workflow.")], *, as_json: Json = False
) -> None:
    """Show how a workflow's model answers compare with what people said of them."""
    found = _call("GET", f"{PREFIX}/calibration?workflow={quote(workflow, safe='')}", as_json=as_json)
    if as_json:
        emit(found)
        return
    out.print(f"{printable(found['workflow_name'])}: {found['state']}, n = {found['n']}", markup=False)
    if found["state"] != "measured":
        out.print(f"measured from {found['needed']} executions with feedback on")
        return
    out.print(f"right {found['accuracy']:.1%}, Brier score {found['brier']:.3f} (0 is best)")
    for one in found["bins"]:
        out.print(
            f"stated {one['from']:.1f} to {one['to']:.1f}: n = {one['n']}, "
            f"mean {one['stated']:.2f}, right {one['observed']:.2f}"
        )


def engines(*, as_json: Json = False) -> None:
    """Show which engines can judge, and how the language model is."""
    found = _call("GET", f"{PREFIX}/engines", as_json=as_json)
    if as_json:
        emit(found)
        return
    for name, engine in found.items():
        state = "available" if engine["available"] else "not available"
        reason = f": {engine['reason']}" if engine.get("reason") else ""
        out.print(f"{name}: {state}{printable(reason)}", markup=False)


def _call(method: str, path: str, body: Any = None, *, as_json: bool) -> Any:
    async def call() -> Any:
        async with connect.gateway(connect.settings()) as client:
            return await client.request(method, path, json=body)

    try:
        return connect.run(call())
    except JudgifyError as error:
        fail(error, as_json=as_json)


def _json(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
