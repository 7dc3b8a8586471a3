"""PagerDuty's Events v2: whatever can page PagerDuty can page us, with our address and a routing key of ours."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from judgify.kit.ids import light_id
from judgify.response.guide.schema import Guide
from judgify.response.intake.cleaning import MAX_NAME, begun, clean_labels, plain, print_of, service_of, signal_name
from judgify.response.intake.outside import mapping_of
from judgify.response.model import MAX_TEXT, Signal

EVENT: Final = "this is no event of PagerDuty's Events API, version 2"
CHANGE: Final = "this is no change event of PagerDuty's Events API, version 2"
UNNAMED: Final = "pagerduty_event"
"""The signal of an event that names no class: it is unknown to the guide, and says so."""
MAX_DETAILS: Final = 40
"""Custom details that are kept as labels."""

Short = Annotated[str, msgspec.Meta(max_length=1_024)]
Key = Annotated[str, msgspec.Meta(max_length=255)]


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says; `custom_details` is anything."""

    summary: Annotated[str, msgspec.Meta(min_length=1, max_length=8_192)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=2_048)]
    severity: Literal["critical", "error", "warning", "info"]
    timestamp: str | None = None
    component: Short | None = None
    group: Short | None = None
    class_: Short | None = msgspec.field(name="class", default=None)
    custom_details: Any = None


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event: `trigger` needs a payload, the others a `dedup_key`."""

    routing_key: Annotated[str, msgspec.Meta(max_length=512)] = ""
    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: Key | None = None
    payload: Payload | None = None
    client: Short | None = None


class ChangePayload(msgspec.Struct, frozen=True, kw_only=True):
    """What a change event says."""

    summary: Annotated[str, msgspec.Meta(min_length=1, max_length=8_192)]
    source: Annotated[str, msgspec.Meta(max_length=2_048)] = ""
    timestamp: str | None = None
    custom_details: Any = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was made somewhere: a release, a switch."""

    routing_key: Annotated[str, msgspec.Meta(max_length=512)] = ""
    payload: ChangePayload


def mistakes(event: Event) -> list[str]:
    """Give what an event lacks, in the vendor's words; empty when it is complete."""
    if event.event_action == "trigger":
        return [] if event.payload is not None else ["'payload' is missing or blank"]
    return [] if event.dedup_key else ["'dedup_key' is missing or blank"]


def of_event(event: Event, guide: Guide, now: datetime, service: str = "") -> list[Signal]:
    """Give an event's signal: firing for `trigger`, resolved for `resolve`; `acknowledge` makes none.

    `service` is the one that the routing key stands for; without it the event's own words are asked in this order:
    `custom_details.service`, `component`, `group`, `source`. The signal's name is `custom_details.alertname`, else
    `class`.
    """
    if event.event_action == "acknowledge":
        return []
    given = event.payload
    details = given.custom_details if given is not None and isinstance(given.custom_details, dict) else {}
    labels = {str(name): _text(value) for name, value in list(details.items())[:MAX_DETAILS]}
    name = labels.get("alertname") or (given.class_ if given is not None else "") or ""
    mapping = mapping_of(name, guide)
    if given is not None:
        labels |= {"source": given.source, "severity": given.severity}
    return [
        Signal(
            id=light_id("sig"),
            service=service or (mapping.service if mapping is not None else None) or _service(given, labels, guide),
            signal=mapping.signal if mapping is not None else (signal_name(name, guide) if name else UNNAMED),
            labels=clean_labels(labels),
            source="pagerduty",
            status="firing" if event.event_action == "trigger" else "resolved",
            text=plain(given.summary, MAX_TEXT) if given is not None else "",
            observed_at=begun(moment(given.timestamp) if given is not None else None, now),
            received_at=now,
            ended_at=None if event.event_action == "trigger" else now,
            # The key is the sender's word for "the same alert"; two senders may use the same word.
            fingerprint=print_of("pagerduty", f"{service}\0{event.dedup_key}"),
        )
    ]


def _service(given: Payload | None, labels: dict[str, str], guide: Guide) -> str:
    if given is None:
        return service_of("", guide)
    said = [labels.get("service", ""), given.component or "", given.group or "", given.source]
    named = [one for one in said if one]
    known = (guide.service_of_job(one) for one in named)
    return next((one for one in known if one is not None), None) or service_of(named[0], guide)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value[:MAX_TEXT]
    return msgspec.json.encode(value).decode("utf-8", "replace")[:MAX_TEXT]


def moment(text: str | None) -> datetime | None:
    """Read a moment with a zone; what is none is not known."""
    try:
        found = datetime.fromisoformat((text or "")[:64])
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def change_text(change: Change, limit: int = 500) -> str:
    """Give a change in one line."""
    source = f" ({plain(change.payload.source, MAX_NAME)})" if change.payload.source else ""
    return f"{plain(change.payload.summary, limit)}{source}"
