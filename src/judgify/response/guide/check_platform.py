"""Checks of severities, services and signals."""

from collections import Counter

from judgify.decision import Matched
from judgify.response.guide.base import SEVERITIES
from judgify.response.guide.catalogue import FACTS, Example
from judgify.response.guide.report import Report
from judgify.response.guide.schema import Guide
from judgify.response.guide.table import judge


def check_platform(guide: Guide, report: Report) -> None:
    """Check what the guide says of the platform itself."""
    _severities(guide, report)
    _services(guide, report)
    _unique(guide, report)
    _signals(guide, report)
    _examples(guide, report)


def _severities(guide: Guide, report: Report) -> None:
    rules = {rule.id: rule.then.get("severity") for rule in guide.signals.rules}
    for name in SEVERITIES:
        severity = guide.severities.get(name)
        if severity is None:
            report.error("severities.yaml", f"severities.{name}", "is missing", "add it; section 1.1 has four")
            continue
        for index, role in enumerate(severity.report_to):
            path = f"severities.{name}.report_to[{index}]"
            report.known("severities.yaml", path, "role", role, guide.contacts.roles)
        for index, example in enumerate(severity.examples):
            path = f"severities.{name}.examples[{index}].rule"
            found = report.known("severities.yaml", path, "rule", example.rule, rules)
            if found and rules[example.rule] != name:
                mend = f"write {name} in signals.yaml or move the example"
                report.error("severities.yaml", path, f'rule "{example.rule}" gives {rules[example.rule]}', mend)


def _services(guide: Guide, report: Report) -> None:
    for name, service in guide.services.items():
        at = f"services.{name}"
        for field, others in (("depends_on", service.depends_on), ("reflects", service.reflects)):
            for index, other in enumerate(others):
                path = f"{at}.{field}[{index}]"
                report.known("services.yaml", path, "service", other, guide.services)
        circle = [other for other in guide.needs(name) if name in guide.needs(other)]
        if name in service.depends_on or (circle and name == min([name, *circle])):
            mend = "take out one of the dependencies"
            report.error("services.yaml", f"{at}.depends_on", f'"{name}" depends on itself, if through others', mend)
        report.known("services.yaml", f"{at}.owner", "person", service.owner, guide.contacts.persons)
        if report.known("services.yaml", f"{at}.runbook", "runbook", service.runbook, guide.runbooks):
            book = guide.runbooks[service.runbook]
            if book.service != name:
                message = f'runbook "{book.id}" is for "{book.service}"'
                report.error("services.yaml", f"{at}.runbook", message, "name this service's own runbook")
        if not any(probe.check == "live" for probe in service.probes):
            report.error("services.yaml", f"{at}.probes", "no probe asks for live", "add a probe with check: live")
        for index, probe in enumerate(service.probes):
            path = f"{at}.probes[{index}]"
            report.known("services.yaml", f"{path}.signal", "signal", probe.signal, guide.signals.signals)
            if (probe.kind == "http") != (probe.path is not None):
                report.error(
                    "services.yaml", f"{path}.path", "an http probe, and only that, has a path", "add or drop it"
                )


def _unique(guide: Guide, report: Report) -> None:
    for field in ("unit", "job", "port"):
        counted = Counter(str(getattr(service, field)) for service in guide.services.values())
        for name, service in guide.services.items():
            value = str(getattr(service, field))
            if counted[value] > 1:
                path = f"services.{name}.{field}"
                report.error("services.yaml", path, f'"{value}" is used by two services', "give each its own")


def _signals(guide: Guide, report: Report) -> None:
    covered = {example.rule for example in guide.signals.examples}
    for index, rule in enumerate(guide.signals.rules):
        path = f"rules[{index}]"
        if (rule.guide is None) == (not rule.not_in_guide):
            mend = "give `guide: section`, or `not_in_guide: true`, not both"
            report.error("signals.yaml", path, f'rule "{rule.id}" does not say whether the guide prints it', mend)
        if rule.id not in covered:
            mend = "add an entry to examples that it answers"
            report.error("signals.yaml", path, f'rule "{rule.id}" has no example', mend)


def _examples(guide: Guide, report: Report) -> None:
    rules = [rule.id for rule in guide.signals.rules]
    for index, example in enumerate(guide.signals.examples):
        path = f"examples[{index}]"
        if report.known("signals.yaml", f"{path}.rule", "rule", example.rule, rules):
            message = _outcome(guide, example)
            if message:
                mend = "correct the example, or the rule that answered"
                report.error("signals.yaml", path, f'example "{example.id}" {message}', mend)


def _outcome(guide: Guide, example: Example) -> str | None:
    strange = sorted(example.given.keys() - FACTS)
    if strange:
        return f"gives {', '.join(strange)}, which nobody gives: known are {', '.join(sorted(FACTS))}"
    outcome = judge(guide, **example.given)
    if not isinstance(outcome, Matched):
        return f"expects {example.severity} by {example.rule}, came out {outcome.verdict}"
    came = (outcome.output["severity"], outcome.rules[0])
    if came == (example.severity, example.rule):
        return None
    return f"expects {example.severity} by {example.rule}, came out {came[0]} by {came[1]}"
