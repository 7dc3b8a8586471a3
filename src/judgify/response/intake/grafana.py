"""The webhook of Grafana's own alerting: Alertmanager's form, with the figures of the rule beside it."""

from datetime import datetime
from typing import Annotated, Final

import msgspec

from judgify.kit.ids import light_id
from judgify.response.guide.schema import Guide
from judgify.response.intake.cleaning import (
    begun,
    clean_labels,
    ended,
    fingerprint_of,
    number,
    plain,
    print_of,
    signal_name,
)
from judgify.response.intake.outside import (
    MAX_ALERTS,
    Firing,
    Labels,
    Moment,
    mapping_of,
    service_by_labels,
    truncated,
)
from judgify.response.model import MAX_TEXT, Signal

GRAFANA: Final = "this is no webhook of Grafana's alerting"


class GrafanaAlert(msgspec.Struct, rename="camel", frozen=True):
    """One alert; `values` are the figures of the rule's expressions by their letter."""

    status: Firing
    labels: Labels
    starts_at: Moment
    annotations: Labels = {}
    ends_at: Moment | None = None
    values: dict[str, float | None] | None = None
    fingerprint: Annotated[str, msgspec.Meta(max_length=100)] = ""


class GrafanaWebhook(msgspec.Struct, rename="camel", frozen=True):
    """The body; the form without `alerts` (before Grafana 9) is not read."""

    status: Firing
    alerts: Annotated[tuple[GrafanaAlert, ...], msgspec.Meta(max_length=MAX_ALERTS)]
    truncated_alerts: Annotated[int, msgspec.Meta(ge=0)] = 0


def of_grafana(webhook: GrafanaWebhook, guide: Guide, now: datetime) -> list[Signal]:
    """Give the webhook's signals, in its order, and one for the alerts that were left out."""
    signals = [_of_alert(alert, guide, now) for alert in webhook.alerts]
    if webhook.truncated_alerts:
        signals.append(truncated(webhook.truncated_alerts, "grafana", "Grafana", now))
    return signals


def _of_alert(alert: GrafanaAlert, guide: Guide, now: datetime) -> Signal:
    name = alert.labels.get("alertname", "")
    mapping = mapping_of(name, guide)
    value = None
    if mapping is not None and mapping.value_from is not None:
        value = number(alert.annotations.get(mapping.value_from) or alert.labels.get(mapping.value_from))
        figures = [one for one in (alert.values or {}).values() if one is not None]
        if value is None and len(figures) == 1:
            # Several figures are the steps of a calculation: which of them is meant nobody can tell.
            value = figures[0]
    text = alert.annotations.get("summary") or alert.annotations.get("description") or name
    return Signal(
        id=light_id("sig"),
        service=(mapping.service if mapping is not None else None) or service_by_labels(alert.labels, guide),
        signal=mapping.signal if mapping is not None else signal_name(name or "unnamed_alert", guide),
        value=value,
        labels=clean_labels(alert.labels),
        source="grafana",
        status=alert.status,
        text=plain(text, MAX_TEXT),
        observed_at=begun(alert.starts_at, now),
        received_at=now,
        ended_at=ended(alert.ends_at, now) if alert.status == "resolved" else None,
        fingerprint=print_of("grafana", alert.fingerprint or fingerprint_of(alert.labels)),
    )
