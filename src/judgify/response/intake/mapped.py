"""Any JSON as signals, by a mapping of the guide (`intake.yaml: mappings`). Paths only, no expressions. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from judgify.kit.errors import Invalid
from judgify.kit.ids import light_id
from judgify.response.guide.intake import DocumentMapping, Place
from judgify.response.guide.schema import Guide
from judgify.response.intake.cleaning import (
    begun,
    clean_labels,
    ended,
    number,
    plain,
    print_of,
    service_of,
    signal_name,
)
from judgify.response.intake.event import moment
from judgify.response.model import MAX_TEXT, Signal

MAX_EVENTS: Final = 5_000
_LONGEST: Final = 10**30
_SEVERITIES: Final = frozenset({"critical", "warning", "info"})


def count(document: Any, mapping: DocumentMapping) -> int:
    """Give how many events a document holds."""
    return len(_items(document, mapping))


def check(document: Any, mapping: DocumentMapping) -> None:
    """Raise `Invalid` where `of_document` would."""
    for index, item in enumerate(_items(document, mapping)):
        _read(item, f"events[{index}]", mapping)


def of_document(document: Any, mapping: DocumentMapping, guide: Guide, now: datetime) -> list[Signal]:
    """Give the signals of a document; `Invalid` names the event and the path where nothing of use stands."""
    return [
        _of_item(item, f"events[{index}]", mapping, guide, now) for index, item in enumerate(_items(document, mapping))
    ]


def _items(document: Any, mapping: DocumentMapping) -> list[Any]:
    found = document if mapping.items is None else at(document, mapping.items)
    if mapping.items is not None and not isinstance(found, list):
        raise Invalid(f"{mapping.items}: is not a list of events")
    many = found if isinstance(found, list) else [found]
    if len(many) > MAX_EVENTS:
        raise Invalid(f"more than {MAX_EVENTS} events in one request")
    return many


def at(document: Any, path: str) -> Any:
    """Give what stands at a path, or None."""
    for step in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and len(step) < 6 and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def _read(item: Any, where: str, mapping: DocumentMapping) -> tuple[str, str, Literal["firing", "resolved"]]:
    service = _placed(item, mapping.service)
    name = _placed(item, mapping.signal)
    for field, place, found in (("service", mapping.service, service), ("signal", mapping.signal, name)):
        if not found:
            raise Invalid(f"{where}.{place.at or field}: there is no {field} for the mapping {mapping.name!r}")
    status = "firing" if mapping.status is None else _placed(item, mapping.status)
    if status not in {"firing", "resolved"}:
        shown = plain(status, 60)
        raise Invalid(
            f"{where}.{mapping.status.at if mapping.status else ''}: {shown!r} is neither firing nor resolved; "
            f"translate it in `words` of the mapping {mapping.name!r}"
        )
    return service, name, "resolved" if status == "resolved" else "firing"


def _of_item(item: Any, where: str, mapping: DocumentMapping, guide: Guide, now: datetime) -> Signal:
    service, name, status = _read(item, where, mapping)
    labels = dict(_labels(item, mapping))
    severity = "" if mapping.severity is None else _placed(item, mapping.severity).lower()
    if severity in _SEVERITIES:
        labels["severity"] = severity
    begin = None if mapping.observed_at is None else _moment(at(item, mapping.observed_at))
    key = "" if mapping.fingerprint is None else _text(at(item, mapping.fingerprint))
    return Signal(
        id=light_id("sig"),
        service=service_of(service, guide),
        signal=signal_name(name, guide),
        value=None if mapping.value is None else number(_text(at(item, mapping.value))),
        labels=clean_labels(labels),
        source="generic",
        status=status,
        text="" if mapping.text is None else plain(_text(at(item, mapping.text)), MAX_TEXT),
        observed_at=begun(begin, now),
        received_at=now,
        ended_at=ended(begin, now) if status == "resolved" else None,
        fingerprint=print_of("generic", f"{mapping.name}\0{key}") if key else "",
    )


def _labels(item: Any, mapping: DocumentMapping) -> Iterator[tuple[str, str]]:
    for label, path in mapping.labels.items():
        found = _text(at(item, path))
        if found:
            yield label, found


def _placed(item: Any, place: Place) -> str:
    found = "" if place.at is None else _text(at(item, place.at))
    return place.words.get(found, found) or place.default or ""


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < _LONGEST else ""
    return repr(value) if isinstance(value, float) else ""


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        return moment(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 4_102_444_800_000:
        # Seconds since 1970, or milliseconds: nothing of ours began before 2001 in seconds.
        return datetime.fromtimestamp(value / 1000 if value > 4_102_444_800 else value, UTC)
    return None
