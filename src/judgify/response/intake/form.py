"""The forms in which signals come in: each knows how to read a body strictly, and what signals are in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from judgify.kit.errors import NotFound
from judgify.response.guide.intake import DocumentMapping
from judgify.response.guide.schema import Guide
from judgify.response.intake import cloudevent, event, grafana, mapped, outside
from judgify.response.intake.reading import decoded
from judgify.response.model import Signal

ALERTMANAGER: Final = "alertmanager"
ALERTS: Final = "alerts"
GENERIC: Final = "generic"
GRAFANA: Final = "grafana"
PAGERDUTY: Final = "pagerduty"
CLOUDEVENTS: Final = "cloudevents"
MAPPED: Final = "json:"
"""Beginning of the name of a form that a mapping of the guide makes."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to say signals. `read` refuses what does not fit; `signals` never refuses what `read` let through."""

    name: str
    read: Callable[[bytes], Any]
    count: Callable[[Any], int]
    """About how many signals a body holds."""
    signals: Callable[[Any, datetime, str], list[Signal]]
    """Of what was read, the moment at which it came, and the service that the sender's key stands for (or "")."""


def _many(document: Any) -> int:
    return len(document) if isinstance(document, list | tuple) else 1


def forms(guide: Guide) -> Mapping[str, Form]:
    """Give every form that this guide reads, by name."""
    webhook = msgspec.json.Decoder(outside.Webhook)
    alerts = msgspec.json.Decoder(outside.Alerts)
    generic = msgspec.json.Decoder(outside.Generics)
    graphs = msgspec.json.Decoder(grafana.GrafanaWebhook)
    events = msgspec.json.Decoder(event.Event)
    clouds = msgspec.json.Decoder(cloudevent.CloudEvents)
    found = [
        Form(
            ALERTMANAGER,
            lambda body: decoded(webhook, body, outside.ALERTMANAGER),
            lambda read: len(read.alerts),
            lambda read, now, _: outside.of_webhook(read, guide, now),
        ),
        Form(
            ALERTS,
            lambda body: decoded(alerts, body, outside.ALERTS),
            len,
            lambda read, now, _: outside.of_posted(read, guide, now),
        ),
        Form(
            GENERIC,
            lambda body: outside.finite(decoded(generic, body, outside.GENERIC)),
            _many,
            lambda read, now, _: [
                outside.of_generic(one, guide, now) for one in (read if isinstance(read, tuple) else (read,))
            ],
        ),
        Form(
            GRAFANA,
            lambda body: decoded(graphs, body, grafana.GRAFANA),
            lambda read: len(read.alerts),
            lambda read, now, _: grafana.of_grafana(read, guide, now),
        ),
        Form(
            PAGERDUTY,
            lambda body: decoded(events, body, event.EVENT),
            lambda _: 1,
            lambda read, now, service: event.of_event(read, guide, now, service),
        ),
        Form(
            CLOUDEVENTS,
            lambda body: decoded(clouds, body, cloudevent.CLOUDEVENT),
            len,
            lambda read, now, _: cloudevent.of_cloudevents(read, guide, now),
        ),
    ]
    return {one.name: one for one in [*found, *(_mapped(mapping, guide) for mapping in guide.intake.mappings)]}


def _mapped(mapping: DocumentMapping, guide: Guide) -> Form:
    anything = msgspec.json.Decoder()

    def read(body: bytes) -> Any:
        document = decoded(anything, body, "this is no JSON document")
        mapped.check(document, mapping)
        return document

    return Form(
        f"{MAPPED}{mapping.name}",
        read,
        lambda document: mapped.count(document, mapping),
        lambda document, now, _: mapped.of_document(document, mapping, guide, now),
    )


def form_of(known: Mapping[str, Form], name: str) -> Form:
    """Give a form by name; `NotFound` says which mappings the guide has."""
    found = known.get(name)
    if found is None:
        names = [one.removeprefix(MAPPED) for one in known if one.startswith(MAPPED)]
        raise NotFound(
            f"intake.yaml has no mapping {name.removeprefix(MAPPED)[:60]!r}; known are {', '.join(names) or 'none'}"
        )
    return found
