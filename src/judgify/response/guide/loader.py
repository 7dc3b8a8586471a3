"""From a folder of files to a checked `Guide`: the only module of the guide that reads files."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

from jinja2 import TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from judgify.decision import DecisionTable, TableError
from judgify.response.guide.base import GuideError, GuideProblem, Lang, Model
from judgify.response.guide.catalogue import ServicesFile, SeveritiesFile, SignalsFile
from judgify.response.guide.checks import check
from judgify.response.guide.people import ChannelsFile
from judgify.response.guide.procedure import Runbook
from judgify.response.guide.record import did_you_mean, read_record
from judgify.response.guide.schema import DOCUMENTS, FILES, LANGS, OPTIONAL, DocumentKind, Guide
from judgify.response.guide.unreadable import Unreadable
from judgify.response.guide.yaml_file import read_text, read_yaml

_TEMPLATES: Final = {(lang, kind): f"templates/{lang}/{kind}.md.j2" for lang in LANGS for kind in DOCUMENTS}
_LATER: Final[frozenset[DocumentKind]] = frozenset({"customers"})
_IGNORED: Final = frozenset({"README.md", "README.ko.md"})


def default_guide_dir() -> Path:
    """Give the folder of the guide that ships with Judgify: inside the package, or beside `src` in a checkout."""
    here = Path(__file__).resolve()
    packaged = here.parents[2] / "guide"
    return packaged if (packaged / "guide.yaml").is_file() else here.parents[4] / "guide"


def load_guide(
    directory: Path, *, production: bool = False, today: date | None = None, kept: Path | None = None
) -> Guide:
    """Load and check a guide.

    Args:
        directory: the guide's folder.
        production: also refuse what is still to be filled in (contacts, channels).
        today: lets the checks notice what has run out (holidays of the year, the next drill).
        kept: a folder for what the files' parser gave, so that the next start is quick.

    Raises:
        GuideError: every mistake, with file, path and mend.
    """
    guide, problems = read_guide(directory, production=production, today=today, kept=kept)
    if guide is None:
        raise GuideError([problem for problem in problems if problem.level == "error"])
    return guide


def read_guide(
    directory: Path, *, production: bool = False, today: date | None = None, kept: Path | None = None
) -> tuple[Guide | None, list[GuideProblem]]:
    """Load a guide and give every problem, warnings too; the guide is None as soon as one is an error."""
    draft, problems = _Reader(directory, kept).read()
    if draft is None:
        return None, problems
    problems = check(draft, f"{directory.resolve().name}/", production=production, today=today)
    if any(problem.level == "error" for problem in problems):
        return None, problems
    return replace(draft, warnings=tuple(problems)), problems


class _Reader:
    """One reading of one folder; mistakes are collected, so that one run shows them all."""

    def __init__(self, directory: Path, kept: Path | None) -> None:
        self._directory = directory
        self._kept = kept
        self._label = directory.resolve().name
        self._problems: list[GuideProblem] = []
        self._digest = hashlib.sha256()

    def read(self) -> tuple[Guide | None, list[GuideProblem]]:
        if not self._directory.is_dir():
            mend = "give the folder that holds guide.yaml"
            return None, [GuideProblem(str(self._directory), "", "is not a folder", mend)]
        self._unknown_files()
        records = {name: self._record(name, record) for name, record in FILES.items()}
        runbooks = dict(self._runbooks())
        templates = dict(self._templates())
        table = self._table(cast("SignalsFile | None", records["signals.yaml"]))
        if self._problems or table is None:
            return None, self._problems
        return self._guide(cast("dict[str, Any]", records), runbooks, templates, table), []

    def _guide(
        self,
        records: dict[str, Any],
        runbooks: dict[str, Runbook],
        templates: dict[tuple[Lang, DocumentKind], str],
        table: DecisionTable,
    ) -> Guide:
        services: ServicesFile = records["services.yaml"]
        severities: SeveritiesFile = records["severities.yaml"]
        channels: ChannelsFile = records["channels.yaml"]
        own = {"guide", "severities", "services", "channels"}
        rest = {name.removesuffix(".yaml"): record for name, record in records.items()}
        return Guide(
            directory=self._directory,
            digest=self._digest.hexdigest(),
            about=records["guide.yaml"],
            severities=severities.severities,
            kubernetes=services.kubernetes,
            services=services.services,
            channels=channels.channels,
            watch=channels.watch,
            table=table,
            runbooks=runbooks,
            templates=templates,
            **{name: record for name, record in rest.items() if name not in own},
        )

    def _unknown_files(self) -> None:
        known = {*FILES, *_TEMPLATES.values()}
        for path in sorted(self._directory.rglob("*")):
            name = path.relative_to(self._directory).as_posix()
            hidden = any(part.startswith(".") for part in path.relative_to(self._directory).parts)
            runbook = path.suffix == ".yaml" and path.parent == self._directory / "runbooks"
            if path.is_dir() or hidden or runbook or name in known or name in _IGNORED:
                continue
            self._report(name, "", "is not a file of the guide", did_you_mean(name, sorted(known)))

    def _text(self, name: str) -> str | None:
        try:
            text = read_text(self._directory / name)
        except Unreadable as error:
            self._report(name, "", error.message, error.mend)
            return None
        self._digest.update(f"{name}\0{len(text)}\0{text}".encode())
        return text

    def _record(self, name: str, record: type[Model]) -> Model | None:
        if name in OPTIONAL and not (self._directory / name).exists():
            return record()
        text = self._text(name)
        if text is None:
            return None
        try:
            value = read_yaml(text, self._kept)
        except Unreadable as error:
            self._report(name, "", error.message, error.mend)
            return None
        return read_record(record, value, f"{self._label}/{name}", self._problems)

    def _runbooks(self) -> Iterator[tuple[str, Runbook]]:
        for path in sorted((self._directory / "runbooks").glob("*.yaml")):
            name = f"runbooks/{path.name}"
            runbook = cast("Runbook | None", self._record(name, Runbook))
            if runbook is None:
                continue
            if runbook.id != path.stem:
                self._report(name, "id", f'"{runbook.id}" is not the name of the file', f'write "{path.stem}"')
            yield runbook.id, runbook

    def _templates(self) -> Iterator[tuple[tuple[Lang, DocumentKind], str]]:
        environment = ImmutableSandboxedEnvironment()
        for key, name in _TEMPLATES.items():
            known = (self._directory / name).is_file() or key[1] not in _LATER
            # A guide that was written before there was this template goes on with the one that ships.
            text = self._text(name) if known else (default_guide_dir() / name).read_text(encoding="utf-8")
            if text is None:
                continue
            if not text.strip():
                self._report(name, "", "is empty", "write the template")
                continue
            try:
                environment.compile(text)
            except TemplateSyntaxError as error:
                self._report(name, f"line {error.lineno}", str(error.message), "correct the template there")
                continue
            yield key, text

    def _table(self, signals: SignalsFile | None) -> DecisionTable | None:
        if signals is None:
            return None
        try:
            return DecisionTable.from_mapping(signals.table(), "signals.yaml")
        except TableError as error:
            for problem in error.problems:
                at = f" (character {problem.position})" if problem.position else ""
                self._report("signals.yaml", problem.path, f"{problem.message}{at}", problem.mend or "correct the cell")
            return None

    def _report(self, name: str, path: str, message: str, mend: str) -> None:
        self._problems.append(GuideProblem(f"{self._label}/{name}", path, message, mend))
