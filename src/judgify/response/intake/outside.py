"""Signals from outside: Alertmanager's webhook and alerts API, and generic JSON. Read strictly, trusted with nothing.

An outside signal may call people; it never starts a recovery step, and nothing in its labels ever becomes a parameter
of one. Text is cut to a length and rid of control characters; whoever shows it escapes it for that place.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from judgify.kit.errors import Invalid
from judgify.kit.ids import light_id
from judgify.response.guide.intake import AlertMapping
from judgify.response.guide.schema import Guide
from judgify.response.intake.cleaning import (
    MAX_LABELS,
    MAX_NAME,
    UNKNOWN_SERVICE,
    begun,
    clean_labels,
    ended,
    fingerprint_of,
    number,
    plain,
    print_of,
    service_of,
    signal_name,
)
from judgify.response.intake.reading import converted
from judgify.response.model import MAX_TEXT, Signal

__all__ = ["UNKNOWN_SERVICE", "plain", "read_alertmanager", "read_generic"]
MAX_ALERTS: Final = 10_000
"""Most alerts in one request."""
MAX_SIGNALS: Final = 5_000
"""Most generic signals in one request."""
ALERTMANAGER: Final = "this is no Alertmanager webhook of version 4"
ALERTS: Final = "these are no alerts of the alerts API, version 2"
GENERIC: Final = "this is no signal"

Label = Annotated[str, msgspec.Meta(max_length=16_384)]
Labels = Annotated[dict[Annotated[str, msgspec.Meta(max_length=1_024)], Label], msgspec.Meta(max_length=MAX_LABELS)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Firing = Literal["firing", "resolved"]


class Alert(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """One alert of the webhook; fields that we do not use are ignored, since Alertmanager may add some."""

    status: Firing
    labels: Labels
    starts_at: Moment
    annotations: Labels = {}
    ends_at: Moment | None = None
    generator_url: Annotated[str, msgspec.Meta(max_length=4_000)] = msgspec.field(name="generatorURL", default="")
    fingerprint: Annotated[str, msgspec.Meta(max_length=100)] = ""


class Webhook(msgspec.Struct, rename="camel", frozen=True):
    """The body that Alertmanager posts."""

    version: Literal["4"]
    status: Firing
    alerts: Annotated[tuple[Alert, ...], msgspec.Meta(max_length=MAX_ALERTS)]
    group_key: Annotated[str, msgspec.Meta(max_length=10_000)] = ""
    receiver: Annotated[str, msgspec.Meta(max_length=500)] = ""
    truncated_alerts: Annotated[int, msgspec.Meta(ge=0)] = 0


class Posted(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """One alert as Prometheus and amtool post it: resolved once its end has come, firing until then."""

    labels: Annotated[Labels, msgspec.Meta(min_length=1)]
    annotations: Labels = {}
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    generator_url: Annotated[str, msgspec.Meta(max_length=4_000)] = msgspec.field(name="generatorURL", default="")


Alerts = Annotated[tuple[Posted, ...], msgspec.Meta(max_length=MAX_ALERTS)]


class Generic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signal of anybody's making: `service` and `signal`, the rest as far as it is known."""

    service: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
    signal: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
    value: float | None = None
    labels: Labels = {}
    severity: Literal["critical", "warning", "info"] | None = None
    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT)] = ""
    status: Firing = "firing"
    observed_at: Moment | None = None
    ended_at: Moment | None = None
    fingerprint: Annotated[str, msgspec.Meta(max_length=100)] = ""


Generics = Annotated[tuple[Generic, ...], msgspec.Meta(max_length=MAX_SIGNALS)] | Generic
"""One generic signal, or a list of them."""


def read_alertmanager(document: Any, guide: Guide, now: datetime) -> list[Signal]:
    """Read a webhook body into signals, in its order; `Invalid` names the first field that does not fit."""
    return of_webhook(converted(document, Webhook, ALERTMANAGER), guide, now)


def of_webhook(webhook: Webhook, guide: Guide, now: datetime) -> list[Signal]:
    """Give a webhook's signals.

    An alert that the guide does not map keeps its own name, as the signals of the guide are written (`DiskWillFill`
    → `disk_will_fill`), so that it is classified as unknown and still reaches a person. Alerts that Alertmanager left
    out because there were too many become one signal that says how many.
    """
    signals = [of_alert(alert, guide, now) for alert in webhook.alerts]
    if webhook.truncated_alerts:
        signals.append(truncated(webhook.truncated_alerts, "alertmanager", "Alertmanager", now))
    return signals


def truncated(count: int, source: Literal["alertmanager", "grafana"], named: str, now: datetime) -> Signal:
    """Give the signal that says how many alerts a sender left out."""
    return Signal(
        id=light_id("sig"),
        service=UNKNOWN_SERVICE,
        signal="alerts_truncated",
        value=float(count),
        source=source,
        text=f"{named} left out {count} alerts of this group",
        observed_at=now,
        received_at=now,
    )


def of_posted(alerts: Sequence[Posted], guide: Guide, now: datetime) -> list[Signal]:
    """Give the signals of the alerts API. Without a beginning an alert begins now, as Alertmanager has it."""
    found = []
    for one in alerts:
        over = one.ends_at is not None and one.ends_at.year > 1 and one.ends_at <= now
        alert = Alert(
            status="resolved" if over else "firing",
            labels={name: value for name, value in one.labels.items() if value},
            annotations=one.annotations,
            starts_at=one.starts_at or now,
            ends_at=one.ends_at if over else None,
            generator_url=one.generator_url,
            fingerprint="",
        )
        found.append(of_alert(alert, guide, now))
    return found


def read_generic(document: Any, guide: Guide, now: datetime) -> Signal:
    """Read a generic signal; `Invalid` names the first field that does not fit."""
    given: Generic = converted(document, Generic, GENERIC)
    finite(given)
    return of_generic(given, guide, now)


def finite(read: Generic | tuple[Generic, ...]) -> Generic | tuple[Generic, ...]:
    """Refuse a number without end: JSON has none, but 1e999 reads as one."""
    for one in read if isinstance(read, tuple) else (read,):
        if one.value is not None and not abs(one.value) < float("inf"):
            raise Invalid(f"{GENERIC}: value: must be a finite number")
    return read


def of_generic(given: Generic, guide: Guide, now: datetime) -> Signal:
    """Give a generic signal."""
    labels = clean_labels(given.labels)
    if given.severity is not None:
        labels["severity"] = given.severity
    return Signal(
        id=light_id("sig"),
        service=service_of(given.service, guide),
        signal=signal_name(given.signal, guide),
        value=given.value,
        labels=labels,
        source="generic",
        status=given.status,
        text=plain(given.text, MAX_TEXT),
        observed_at=begun(given.observed_at, now),
        received_at=now,
        ended_at=ended(given.ended_at, now) if given.status == "resolved" else None,
        fingerprint=print_of("generic", given.fingerprint) if given.fingerprint else "",
    )


def mapping_of(name: str, guide: Guide) -> AlertMapping | None:
    """Give what the guide says of an alert of this name, or None."""
    return next((one for one in guide.intake.alerts if one.alert == name), None)


def service_by_labels(labels: Mapping[str, str], guide: Guide) -> str:
    """Give the service that the guide's `service_labels` name: the first that the catalogue knows, else the first."""
    given = [labels[label] for label in guide.intake.service_labels if labels.get(label)]
    known = (guide.service_of_job(one) for one in given)
    found = next((one for one in known if one is not None), None)
    return found or (plain(given[0], MAX_NAME) if given else "") or UNKNOWN_SERVICE


def of_alert(
    alert: Alert, guide: Guide, now: datetime, source: Literal["alertmanager", "grafana"] = "alertmanager"
) -> Signal:
    """Give the signal of one alert, by the guide's mapping of its name where there is one."""
    name = alert.labels.get("alertname", "")
    mapping = mapping_of(name, guide)
    value = None
    if mapping is not None and mapping.value_from is not None:
        value = number(alert.annotations.get(mapping.value_from) or alert.labels.get(mapping.value_from))
    service = mapping.service if mapping is not None else None
    text = alert.annotations.get("summary") or alert.annotations.get("description") or name
    return Signal(
        id=light_id("sig"),
        service=service or service_by_labels(alert.labels, guide),
        signal=mapping.signal if mapping is not None else signal_name(name or "unnamed_alert", guide),
        value=value,
        labels=clean_labels(alert.labels),
        source=source,
        status=alert.status,
        text=plain(text, MAX_TEXT),
        observed_at=begun(alert.starts_at, now),
        received_at=now,
        ended_at=ended(alert.ends_at, now) if alert.status == "resolved" else None,
        # The webhook and the alerts API of one Alertmanager speak of the same alert under the same fingerprint.
        fingerprint=print_of(source, alert.fingerprint or fingerprint_of(alert.labels)),
    )
