"""Checks of intake: what outside alerts become, and who beats."""

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from judgify.response.guide.catalogue import FailureClass
from judgify.response.guide.intake import DocumentMapping, Place
from judgify.response.guide.report import Report
from judgify.response.guide.schema import Guide

FILE = "intake.yaml"


def check_intake(guide: Guide, report: Report) -> None:
    """Check what the guide says of the ways in."""
    _alerts(guide, report)
    _metrics(guide, report)
    _heartbeats(guide, report)
    for index, sender in enumerate(guide.intake.senders):
        report.known(FILE, f"senders[{index}].service", "service", sender.service, guide.services)
    _once("mappings", [one.name for one in guide.intake.mappings], report)
    for index, mapping in enumerate(guide.intake.mappings):
        _mapping(mapping, f"mappings[{index}]", report)
    for name in get_args(FailureClass):
        folding = guide.intake.failure_classes.get(name)
        if folding is None:
            report.error(FILE, f"failure_classes.{name}", "is missing", "add it")
        elif name not in folding.joins:
            report.error(FILE, f"failure_classes.{name}.joins", "a class joins itself", f"add {name}")


def _alerts(guide: Guide, report: Report) -> None:
    for index, alert in enumerate(guide.intake.alerts):
        report.known(FILE, f"alerts[{index}].signal", "signal", alert.signal, guide.signals.signals)
        if alert.service is not None:
            report.known(FILE, f"alerts[{index}].service", "service", alert.service, guide.services)


def _metrics(guide: Guide, report: Report) -> None:
    for index, metric in enumerate(guide.intake.metrics):
        report.known(FILE, f"metrics[{index}].signal", "signal", metric.signal, guide.signals.signals)
        for place, service in enumerate(metric.services):
            report.known(FILE, f"metrics[{index}].services[{place}]", "service", service, guide.services)


def _heartbeats(guide: Guide, report: Report) -> None:
    beats = guide.intake.heartbeats
    _once("heartbeats", [one.name for one in beats], report)
    mapped = {alert.alert for alert in guide.intake.alerts}
    for index, beat in enumerate(beats):
        at = f"heartbeats[{index}]"
        report.known(FILE, f"{at}.signal", "signal", beat.signal, guide.signals.signals)
        if beat.service is not None:
            report.known(FILE, f"{at}.service", "service", beat.service, guide.services)
        if beat.alert in mapped:
            mend = "take it out of one of the two"
            report.error(FILE, f"{at}.alert", f'"{beat.alert}" is a signal of `alerts` as well', mend)


def _once(field: str, names: Sequence[str], report: Report) -> None:
    counted = Counter(names)
    for index, name in enumerate(names):
        if counted[name] > 1:
            report.error(FILE, f"{field}[{index}].name", f'"{name}" is there twice', "give each a name of its own")


def _mapping(mapping: DocumentMapping, at: str, report: Report) -> None:
    places: dict[str, Place] = {"service": mapping.service, "signal": mapping.signal}
    for field, place in places.items():
        if place.at is None and place.default is None:
            mend = "give `at` or `default`"
            report.error(FILE, f"{at}.{field}", "says neither where it stands nor what it is", mend)
    if mapping.status is not None:
        given = {*mapping.status.words.values(), mapping.status.default or "firing"}
        wrong = given - {"firing", "resolved"}
        if wrong:
            report.error(FILE, f"{at}.status", f'"{min(wrong)}" is no status', "translate to firing or resolved")
