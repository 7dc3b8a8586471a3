"""Signals from outside: the Alertmanager webhook (version 4) and generic JSON. Read strictly, trusted with nothing.

An outside signal may call people; it never starts a recovery step, and nothing in its labels ever becomes a parameter
of one. Text is cut to a length and rid of control characters; whoever shows it escapes it for that place.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from judgify.kit.errors import Invalid
from judgify.kit.ids import new_id
from judgify.kit.secrets import mask, mask_mapping
from judgify.response.guide.schema import Guide
from judgify.response.model import MAX_TEXT, Signal

MAX_ALERTS: Final = 10_000
"""Most alerts in one webhook."""
UNKNOWN_SERVICE: Final = "unknown"
"""The service of a signal that names none."""
MAX_LABELS: Final = 64
MAX_LABEL: Final = 500

_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_NAME: Final = re.compile(r"[^a-z0-9]+")
# Clocks differ a little; an alert from further ahead than this did not begin when it says.
_FUTURE: Final = timedelta(minutes=5)

Labels = Annotated[dict[str, str], Field(max_length=MAX_LABELS)]


class Alert(BaseModel):
    """One alert of the webhook; fields that we do not use are ignored, since Alertmanager may add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Literal["firing", "resolved"]
    labels: Labels
    annotations: Labels = Field(default_factory=dict)
    starts_at: AwareDatetime = Field(alias="startsAt")
    ends_at: AwareDatetime | None = Field(default=None, alias="endsAt")
    generator_url: str = Field(default="", alias="generatorURL", max_length=4_000)
    fingerprint: str = Field(default="", max_length=100)


class Webhook(BaseModel):
    """The body that Alertmanager posts."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal["4"]
    group_key: str = Field(default="", alias="groupKey", max_length=10_000)
    status: Literal["firing", "resolved"]
    receiver: str = Field(default="", max_length=500)
    truncated_alerts: int = Field(default=0, alias="truncatedAlerts", ge=0)
    alerts: tuple[Alert, ...] = Field(max_length=MAX_ALERTS)


class Generic(BaseModel):
    """A signal of anybody's making: `service` and `signal`, the rest as far as it is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str = Field(min_length=1, max_length=120)
    signal: str = Field(min_length=1, max_length=120)
    value: float | None = Field(default=None, allow_inf_nan=False)
    labels: Labels = Field(default_factory=dict)
    severity: Literal["critical", "warning", "info"] | None = None
    text: str = Field(default="", max_length=MAX_TEXT)
    status: Literal["firing", "resolved"] = "firing"
    observed_at: AwareDatetime | None = None
    fingerprint: str = Field(default="", max_length=100)


def read_alertmanager(document: Any, guide: Guide, now: datetime) -> list[Signal]:
    """Read a webhook body into signals, in its order; `Invalid` names the first field that does not fit.

    An alert that the guide does not map keeps its own name, as the signals of the guide are written (`DiskWillFill`
    → `disk_will_fill`), so that it is classified as unknown and still reaches a person. Alerts that Alertmanager left
    out because there were too many become one signal that says how many.
    """
    try:
        webhook = Webhook.model_validate(document)
    except ValidationError as error:
        raise Invalid(_told("this is no Alertmanager webhook of version 4", error)) from None
    signals = [_of_alert(alert, guide, now) for alert in webhook.alerts]
    if webhook.truncated_alerts:
        signals.append(
            Signal(
                id=new_id("sig"),
                service=UNKNOWN_SERVICE,
                signal="alerts_truncated",
                value=float(webhook.truncated_alerts),
                source="alertmanager",
                text=f"Alertmanager left out {webhook.truncated_alerts} alerts of this group",
                observed_at=now,
                received_at=now,
            )
        )
    return signals


def read_generic(document: Any, guide: Guide, now: datetime) -> Signal:
    """Read a generic signal; `Invalid` names the first field that does not fit."""
    try:
        given = Generic.model_validate(document)
    except ValidationError as error:
        raise Invalid(_told("this is no signal", error)) from None
    labels = _clean(given.labels)
    if given.severity is not None:
        labels["severity"] = given.severity
    return Signal(
        id=new_id("sig"),
        service=guide.service_of_job(given.service) or plain(given.service, 120),
        signal=_named(given.signal, guide),
        value=given.value,
        labels=labels,
        source="generic",
        status=given.status,
        text=plain(given.text, MAX_TEXT),
        observed_at=_begun(given.observed_at, now),
        received_at=now,
        fingerprint=_print("generic", given.fingerprint) if given.fingerprint else "",
    )


def _of_alert(alert: Alert, guide: Guide, now: datetime) -> Signal:
    name = alert.labels.get("alertname", "")
    mapping = next((one for one in guide.intake.alerts if one.alert == name), None)
    value = None
    if mapping is not None and mapping.value_from is not None:
        value = _number(alert.annotations.get(mapping.value_from) or alert.labels.get(mapping.value_from))
    service = mapping.service if mapping is not None and mapping.service is not None else None
    if service is None:
        given = [alert.labels[label] for label in guide.intake.service_labels if label in alert.labels]
        known = (guide.service_of_job(one) for one in given)
        service = next((one for one in known if one is not None), None) or (
            plain(given[0], 120) if given else UNKNOWN_SERVICE
        )
    text = alert.annotations.get("summary") or alert.annotations.get("description") or name
    return Signal(
        id=new_id("sig"),
        service=service,
        signal=mapping.signal if mapping is not None else _named(name or "unnamed_alert", guide),
        value=value,
        labels=_clean(alert.labels),
        source="alertmanager",
        status=alert.status,
        text=plain(text, MAX_TEXT),
        observed_at=_begun(alert.starts_at, now),
        received_at=now,
        fingerprint=_print("alertmanager", alert.fingerprint) if alert.fingerprint else "",
    )


def plain(text: str, longest: int) -> str:
    """Cut a text, take out what controls a terminal or reorders a line, and hide what looks like a secret."""
    return mask(_UNPRINTABLE.sub(" ", text.encode("utf-8", "replace").decode())[:longest]).strip()


def _clean(labels: Mapping[str, str]) -> dict[str, str]:
    shown = {plain(name, 100): plain(value, MAX_LABEL) for name, value in labels.items()}
    return {name: str(value) for name, value in mask_mapping(shown).items()}


def _named(name: str, guide: Guide) -> str:
    if name in guide.signals.signals:
        return name
    known = next((one.signal for one in guide.intake.alerts if one.alert == name), None)
    if known is not None:
        return known
    return _NOT_NAME.sub("_", _CAMEL.sub("_", name).lower()).strip("_")[:120] or "unnamed_signal"


def _number(text: str | None) -> float | None:
    # An annotation is text for people: "7.2%", "3.4s"; a number that cannot be read is no number, never zero.
    found = re.match(r"\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(%)?", text or "")
    if found is None:
        return None
    value = float(found[1])
    return value / 100 if found[2] else value


def _begun(given: datetime | None, now: datetime) -> datetime:
    return now if given is None or given > now + _FUTURE else min(given, now)


def _print(source: str, fingerprint: str) -> str:
    return f"{source}|{hashlib.sha256(fingerprint.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _told(what: str, error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, first["loc"])) or "the body"
    return f"{what}: {place}: {first['msg']}"
