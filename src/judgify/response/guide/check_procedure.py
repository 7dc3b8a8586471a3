"""Checks of runbooks, phases, checklist, automation, weekly check and drill."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from typing import Final

from judgify.decision import TableError
from judgify.response.guide.condition import compile_entry
from judgify.response.guide.finding import ALWAYS_KNOWN, FINDINGS
from judgify.response.guide.procedure import (
    OnTarget,
    Operation,
    RecoverStep,
    RestoreBackup,
    Rollback,
    Runbook,
    SetEnv,
    SwitchPrimary,
)
from judgify.response.guide.report import Report
from judgify.response.guide.schema import Guide

_APPROVALS: Final = {"safe": 0, "guarded": 1, "dangerous": 2}


def check_procedure(guide: Guide, report: Report, today: date | None) -> None:
    """Check what is done and when."""
    for name, runbook in guide.runbooks.items():
        _runbook(guide, runbook, f"runbooks/{name}.yaml", report)
    _phases(guide, report)
    steps = [step.id for step in guide.checklist.steps]
    items = [item.id for step in guide.checklist.steps for item in step.items]
    _once("checklist.yaml", "steps", steps, report)
    _once("checklist.yaml", "steps.items", items, report)
    _once("automation.yaml", "by_itself", [rule.operation for rule in guide.automation.by_itself], report)
    for index, item in enumerate(guide.weekly_check.items):
        for place, service in enumerate(item.services):
            path = f"items[{index}].services[{place}]"
            report.known("weekly_check.yaml", path, "service", service, guide.services)
    _drill(guide, report, today)


def _once(file: str, path: str, names: Iterable[str], report: Report) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            report.error(file, path, f'"{name}" is there twice', "rename or remove one")


def _runbook(guide: Guide, runbook: Runbook, file: str, report: Report) -> None:
    report.known(file, "service", "service", runbook.service, guide.services)
    _once(
        file,
        "diagnose, recover",
        [*(step.id for step in runbook.diagnose), *(step.id for step in runbook.recover)],
        report,
    )
    if (runbook.guide is None) == (not runbook.not_in_guide):
        mend = "give `guide: section`, or `not_in_guide: true`, not both"
        report.error(file, "guide", "it does not say whether the guide prints it", mend)
    gathered = {step.operation.kind for step in runbook.diagnose} | ALWAYS_KNOWN
    for index, look in enumerate(runbook.diagnose):
        _operation(guide, look.operation, file, f"diagnose[{index}].operation", report)
    for index, step in enumerate(runbook.recover):
        path = f"recover[{index}]"
        _operation(guide, step.operation, file, f"{path}.operation", report)
        if step.undo is not None:
            _operation(guide, step.undo, file, f"{path}.undo", report)
        verify = f"{path}.verify.target"
        report.known(file, verify, "service", step.verify.target, guide.services)
        _risk(step, file, path, report)
        for place, entry in enumerate(step.when):
            _when(entry, gathered, file, f"{path}.when[{place}]", report)


def _operation(guide: Guide, operation: Operation, file: str, path: str, report: Report) -> None:
    if not isinstance(operation, OnTarget):
        return
    known = report.known(file, f"{path}.target", "service", operation.target, guide.services)
    if known and isinstance(operation, Rollback) and not guide.services[operation.target].release_managed:
        message = f'"{operation.target}" has no releases to roll back to'
        report.error(file, f"{path}.kind", message, "use another operation")
    if isinstance(operation, SetEnv):
        if (operation.value is None) == (operation.secret is None):
            report.error(file, path, "needs either value or secret", "give one of the two")
        elif (operation.name == "DATABASE_URL") == (operation.secret is None):
            mend = "DATABASE_URL comes by secret, the switches by value"
            report.error(file, path, f"{operation.name} is given the wrong way", mend)


def _risk(step: RecoverStep, file: str, path: str, report: Report) -> None:
    operation = step.operation
    loses = isinstance(operation, RestoreBackup | SwitchPrimary) or (
        isinstance(operation, SetEnv) and operation.name == "DATABASE_URL"
    )
    if loses and step.risk != "dangerous":
        report.error(
            file, f"{path}.risk", f'{operation.kind} can lose data, "{step.risk}" is too low', "write dangerous"
        )
    elif step.risk == "safe":
        report.error(file, f"{path}.risk", "a recovery step changes something", "write guarded or dangerous")
    elif step.approvals != _APPROVALS[step.risk]:
        needed = _APPROVALS[step.risk]
        message = f"a {step.risk} step takes {needed}, not {step.approvals}"
        report.error(file, f"{path}.approvals", message, f"write {needed}")


def _when(entry: dict[str, str], gathered: set[str], file: str, path: str, report: Report) -> None:
    if not entry:
        report.error(file, path, "an entry without a finding always holds", "remove it or name a finding")
        return
    for finding in entry:
        if not report.known(file, f"{path}.{finding}", "finding", finding, FINDINGS):
            return
        sources = FINDINGS[finding].gathered_by
        if not sources & gathered:
            mend = f"add a diagnose step of kind {' or '.join(sorted(sources))}"
            report.error(file, f"{path}.{finding}", f'no diagnose step gathers "{finding}"', mend)
    try:
        compile_entry(tuple(sorted(entry.items())))
    except TableError as error:
        for problem in error.problems:
            finding = problem.path.rpartition(".")[2]
            report.error(file, f"{path}.{finding}", problem.message, problem.mend or "correct the test")


def _phases(guide: Guide, report: Report) -> None:
    phases = guide.phases.phases
    if phases[0].from_minute != 0:
        report.error("phases.yaml", "phases[0].from_minute", "the first phase does not begin at 0", "write 0")
    for index, (earlier, later) in enumerate(pairwise(phases), start=1):
        if earlier.to_minute != later.from_minute:
            message = f"does not begin where phase {earlier.id} ends"
            report.error("phases.yaml", f"phases[{index}].from_minute", message, f"write {earlier.to_minute}")
    if phases[-1].to_minute is not None:
        path = f"phases[{len(phases) - 1}].to_minute"
        report.error("phases.yaml", path, "the last phase has no end", "write null")


def _drill(guide: Guide, report: Report, today: date | None) -> None:
    when = guide.drill.next_date
    if isinstance(when, str):
        report.warn("drill.yaml", "next_date", f'"{when}" is a placeholder', "fill in the date of the next drill")
    elif today is not None and when < today:
        report.warn("drill.yaml", "next_date", f"{when} has passed", "fill in the date of the next drill")
