"""The webhook of Grafana's own alerting: Alertmanager's form, with the figures of the rule beside it."""

from datetime import datetime
from typing import Annotated, Final

import msgspec

from judgify.response.guide.schema import Guide
from judgify.response.intake.outside import MAX_ALERTS, Alert, Firing, mapping_of, of_alert, truncated
from judgify.response.model import Signal

GRAFANA: Final = "this is no webhook of Grafana's alerting"


class GrafanaAlert(Alert, frozen=True):
    """One alert; `values` are the figures of the rule's expressions by their letter."""

    values: dict[str, float | None] | None = None


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
    signal = of_alert(alert, guide, now, source="grafana")
    mapping = mapping_of(alert.labels.get("alertname", ""), guide)
    figures = [one for one in (alert.values or {}).values() if one is not None]
    # Several figures are the steps of a calculation: which of them is meant nobody can tell.
    if mapping is None or mapping.value_from is None or signal.value is not None or len(figures) != 1:
        return signal
    return signal.model_copy(update={"value": figures[0]})
