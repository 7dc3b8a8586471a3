"""`judgify guide check|classify`: is the guide sound, and what does it say of a signal. Needs no running service."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from judgify.cli.output import Json, emit, err, out, printable
from judgify.kit.clock import SEOUL, SystemClock
from judgify.kit.errors import Invalid, Malformed, TooLarge
from judgify.kit.settings import Settings
from judgify.response.guide.base import GuideProblem
from judgify.response.guide.classify import classify
from judgify.response.guide.loader import default_guide_dir, load_guide, read_guide

app: Final = typer.Typer(name="guide", help="Check the guide, and ask it.", no_args_is_help=True)

MAX_STDIN: Final = 1024 * 1024
"""Bytes of a signal on standard input."""

Directory = Annotated[
    Path | None, typer.Argument(help="The guide's folder; JUDGIFY_GUIDE or the shipped one without it.")
]


def register(root: typer.Typer) -> None:
    """Add the group `guide`."""
    root.add_typer(app)


@app.command("check")
def check(
    directory: Directory = None,
    production: Annotated[bool, typer.Option("--production", help="Placeholders are errors, not warnings.")] = False,
    as_json: Json = False,
) -> None:
    """Name every mistake with file, path and mend: exit code 0 when there is none (warnings allowed), 1 otherwise."""
    where = directory or _guide_dir()
    today = SystemClock().now().astimezone(SEOUL).date()
    guide, problems = read_guide(where, production=production, today=today)
    errors = [problem for problem in problems if problem.level == "error"]
    warnings = [problem for problem in problems if problem.level == "warning"]
    if as_json:
        emit(
            {
                "ok": guide is not None,
                "directory": str(where),
                "digest": guide.digest if guide else None,
                "errors": [_document(problem) for problem in errors],
                "warnings": [_document(problem) for problem in warnings],
            }
        )
    else:
        for problem in errors:
            out.print(f"error: {printable(str(problem))}", markup=False, style="red", soft_wrap=True)
        for problem in warnings:
            out.print(f"warning: {printable(str(problem))}", markup=False, style="yellow", soft_wrap=True)
        verdict = "the guide is sound" if guide else "the guide cannot be used"
        out.print(f"{where}: {verdict}: {len(errors)} errors, {len(warnings)} warnings", markup=False, soft_wrap=True)
    if guide is None:
        raise typer.Exit(1)


def _document(problem: GuideProblem) -> dict[str, str]:
    return {**asdict(problem), "text": str(problem)}


class _Signal(BaseModel):
    """What `classify` reads: one JSON object."""

    model_config = ConfigDict(extra="forbid", strict=True)

    service: str = Field(default="", max_length=120)
    signal: str = Field(min_length=1, max_length=120)
    value: float | str | None = None
    labels: dict[str, str] = Field(default_factory=dict)


@app.command("classify")
def classify_signal(
    guide_dir: Annotated[Path | None, typer.Option("--guide", help="The guide's folder.")] = None,
    as_json: Json = False,
) -> None:
    """Read a signal as JSON {service, signal, value?, labels?} on standard input; say severity, rule and reason.

    Exit code 0 when it was classified, an unknown signal too (it says that it is unknown); 1 when the input cannot be
    read or the guide is not sound.
    """
    guide = load_guide(guide_dir or _guide_dir())
    given = _read()
    found = classify(guide, service=given.service, signal=given.signal, value=given.value, labels=given.labels)
    document: dict[str, Any] = {
        "service": found.service,
        "signal": given.signal,
        "severity": found.severity,
        "rule": found.rule,
        "reason": {"ko": found.reason.ko, "en": found.reason.en},
        "failure_class": found.failure_class,
        "known": found.known,
        "service_known": found.service_known,
        "not_in_guide": found.not_in_guide,
        "evaluable": found.evaluable,
        "life_at_risk": found.life_at_risk,
        "trace": found.trace,
    }
    if as_json:
        emit(document)
        return
    severity = guide.severities[found.severity]
    out.print(f"{severity.emoji} {found.severity} ({severity.name})  {found.rule}", markup=False)
    out.print(printable(found.reason.ko), markup=False, soft_wrap=True)
    out.print(printable(found.reason.en), markup=False, soft_wrap=True)
    if not found.known:
        err.print(f"unknown: {guide.notices.unknown_signal.ko} / {guide.notices.unknown_signal.en}", markup=False)


def _read() -> _Signal:
    raw = sys.stdin.buffer.read(MAX_STDIN + 1)
    if len(raw) > MAX_STDIN:
        raise TooLarge(f"a signal has at most {MAX_STDIN} bytes")
    try:
        return _Signal.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Malformed(f"standard input is not one JSON object: {first['msg']}") from None
        where = ".".join(str(part) for part in first["loc"]) or "input"
        raise Invalid(f"{where}: {first['msg']} (known: service, signal, value, labels)") from None


def _guide_dir() -> Path:
    return Settings.from_env().guide_dir or default_guide_dir()
