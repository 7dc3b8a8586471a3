"""CloudEvents 1.0 over HTTP: structured, binary and batched. Attributes say what it is about, `data` says more."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import unquote

import msgspec

from judgify.kit.errors import Invalid, Malformed
from judgify.kit.ids import light_id
from judgify.response.guide.schema import Guide
from judgify.response.intake.cleaning import (
    MAX_NAME,
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

CLOUDEVENT: Final = "this is no CloudEvent of version 1.0"
STRUCTURED: Final = b"application/cloudevents+json"
BATCHED: Final = b"application/cloudevents-batch+json"
MAX_EVENTS: Final = 1_000
_RESOLVED: Final = (".resolved", ".closed", ".recovered", ".ok")
"""Ends of a type that say that it is over, where `data.status` does not."""
_PREFIX: Final = b"ce-"

Attribute = Annotated[str, msgspec.Meta(min_length=1, max_length=2_048)]


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event; further attributes are ignored, `service` is ours."""

    specversion: Annotated[str, msgspec.Meta(pattern=r"^1\.")]
    id: Attribute
    source: Attribute
    type: Attribute
    subject: Attribute | None = None
    time: str | None = None
    service: Attribute | None = None
    data: Any = None


CloudEvents = Annotated[tuple[CloudEvent, ...], msgspec.Meta(min_length=1, max_length=MAX_EVENTS)]


def structured(headers: Mapping[bytes, bytes], body: bytes) -> bytes:
    """Give the JSON list of the events of a request, whichever of the three modes it came in.

    `Invalid` when it is none of them: neither a CloudEvents media type nor `ce-` headers.
    """
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind == BATCHED:
        return body
    if kind == STRUCTURED:
        return b"[%b]" % body
    if b"ce-specversion" not in headers:
        raise Invalid(
            f"{CLOUDEVENT}: send application/cloudevents+json, application/cloudevents-batch+json, or ce- headers"
        )
    event: dict[str, Any] = {
        name[len(_PREFIX) :].decode("latin-1"): unquote(value.decode("latin-1"), errors="replace")
        for name, value in headers.items()
        if name.startswith(_PREFIX)
    }
    if body:
        if kind not in {b"", b"application/json"} and not kind.endswith(b"+json"):
            raise Invalid(f"{CLOUDEVENT}: content-type: the data must be JSON")
        try:
            msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Malformed("the body is not valid JSON") from None
        event["data"] = msgspec.Raw(body)
    return msgspec.json.encode([event])


def of_cloudevents(events: tuple[CloudEvent, ...], guide: Guide, now: datetime) -> list[Signal]:
    """Give the signals of events, in their order.

    Service: `data.service`, the attribute `service`, `subject`, else the last part of `source`. Signal: `data.signal`,
    else the last part of `type`. Repeats share `data.fingerprint`, else source, subject and type without its end.
    """
    return [_of_event(one, guide, now) for one in events]


def _of_event(event: CloudEvent, guide: Guide, now: datetime) -> Signal:
    data = event.data if isinstance(event.data, dict) else {}
    end = next((one for one in _RESOLVED if event.type.endswith(one)), "")
    kind = event.type.removesuffix(end).removesuffix(".firing")
    over = _word(data, "status") == "resolved" if _word(data, "status") else bool(end)
    name = _word(data, "signal") or kind.rpartition(".")[2]
    given = _word(data, "service") or event.service or event.subject or event.source.rstrip("/").rpartition("/")[2]
    labels = {name: str(value)[:MAX_TEXT] for name, value in _inner(data, "labels").items()}
    labels |= {"source": event.source, "type": event.type}
    severity = _word(data, "severity")
    if severity:
        labels["severity"] = severity
    value = data.get("value")
    at = moment(event.time)
    return Signal(
        id=light_id("sig"),
        service=service_of(given, guide),
        signal=signal_name(name, guide),
        value=number(str(value)) if isinstance(value, int | float | str) and not isinstance(value, bool) else None,
        labels=clean_labels(labels),
        source="cloudevents",
        status="resolved" if over else "firing",
        text=plain(_word(data, "text") or event.type, MAX_TEXT),
        observed_at=begun(at, now),
        received_at=now,
        ended_at=ended(at, now) if over else None,
        fingerprint=print_of(
            "cloudevents", _word(data, "fingerprint") or f"{event.source}\0{event.subject or ''}\0{kind}"
        ),
    )


def _word(data: Mapping[str, Any], name: str) -> str:
    found = data.get(name)
    return found[: MAX_TEXT if name == "text" else 4 * MAX_NAME] if isinstance(found, str) else ""


def _inner(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    return {str(key): value for key, value in list(found.items())[:60]} if isinstance(found, dict) else {}
