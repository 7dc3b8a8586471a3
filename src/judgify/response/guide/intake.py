"""`intake.yaml`: how what comes from outside becomes signals, how signals fold, heartbeats, and what a storm is."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from judgify.response.guide.base import Identifier, Line, Minutes, Model, Name, Seconds, SecretRef, Text
from judgify.response.guide.catalogue import FailureClass

Path = Annotated[str, Field(pattern=r"^[^\s.\[\]]{1,80}(\.[^\s.\[\]]{1,80}){0,9}$")]
"""Where a value stands in a document: names, or places in a list from 0, with dots between (`events.0.host`)."""
HEARTBEAT_MISSING: Final = "heartbeat_missing"
"""The signal that a heartbeat which stays out raises unless its entry names another."""


class AlertMapping(Model):
    """How one outside alert becomes a signal. `value_from` names the annotation or label that carries the number."""

    alert: Line
    signal: Name
    value_from: Line | None = None
    service: Name | None = None


class MetricRule(Model):
    """A threshold on the engine's own metrics window: above `above` for `for_s` seconds raises `signal`."""

    signal: Name
    measure: Literal["error_ratio", "p95_seconds"]
    window_s: Seconds
    for_s: Annotated[float, Field(ge=0, le=86_400)]
    above: Annotated[float, Field(ge=0)]
    minimum_requests: Annotated[int, Field(ge=0)]
    services: Annotated[tuple[Name, ...], Field(min_length=1)]


class Folding(Model):
    """Which open incidents a class of failure may join; the class itself is always among them."""

    label: Text
    joins: Annotated[tuple[FailureClass, ...], Field(min_length=1)]


class Sender(Model):
    """A sender with a key of its own, given as PagerDuty's `routing_key`; what it sends is about `service`."""

    key: SecretRef
    service: Name


class Place(Model):
    """Where a mapping finds a value: at the path `at`, translated by `words`, else `default`; or always the same."""

    at: Path | None = None
    words: dict[str, Line] = Field(default_factory=dict)
    default: Line | None = None


class DocumentMapping(Model):
    """How a JSON document of anybody's making is read: `POST /api/v2/response/intake/json/<name>`."""

    name: Identifier
    items: Path | None = None
    """Where the list of events stands; without it the document is one event, or is the list itself."""
    service: Place
    signal: Place
    value: Path | None = None
    text: Path | None = None
    severity: Place | None = None
    status: Place | None = None
    """`firing` or `resolved`; without it everything fires."""
    fingerprint: Path | None = None
    """What repeats of the same alert share; without it service and signal."""
    observed_at: Path | None = None
    labels: dict[Line, Path] = Field(default_factory=dict)


class HeartbeatEntry(Model):
    """A dead man's switch: whoever beats under this name must do so every `every_s` seconds, give or take `grace_s`."""

    name: Identifier
    every_s: Annotated[float, Field(gt=0, le=32 * 86_400)]
    grace_s: Annotated[float, Field(ge=0, le=86_400)]
    alert: Line | None = None
    """An alert that always fires (Prometheus' Watchdog): each time it comes it is a beat, and no incident."""
    service: Name | None = None
    """Which service is in doubt while it is silent; without it the heartbeat's own name stands for one."""
    signal: Name = HEARTBEAT_MISSING
    starts: Literal["at-once", "first-beat"] = "at-once"
    """From when silence counts: as soon as the engine knows the heartbeat, or once it has beaten."""


class Storm(Model):
    """What a storm is, and what a person gets instead of a page for each incident."""

    pages: Annotated[int, Field(ge=1, le=1_000)] = 3
    """Pages of different incidents to one person through one channel within `within_s`; beyond, one digest."""
    within_s: Seconds = 60
    repeat_s: Seconds = 120
    """A digest is told again no sooner than this, unless something worse than all it named has come."""
    roots: Annotated[int, Field(ge=1, le=1_000)] = 200
    """Services unknown to the guide that may have open incidents of their own; further ones share one incident."""
    names: Annotated[int, Field(ge=1, le=100)] = 20
    """Incidents that a digest names one by one; of the others it says how many there are."""


class IntakeFile(Model):
    """`intake.yaml`: alert names, labels and thresholds, and how signals fold into incidents."""

    service_labels: Annotated[tuple[Line, ...], Field(min_length=1)]
    """Labels asked in this order for the service; a job label is looked up in the catalogue."""
    alerts: tuple[AlertMapping, ...]
    senders: tuple[Sender, ...] = ()
    mappings: tuple[DocumentMapping, ...] = ()
    heartbeats: tuple[HeartbeatEntry, ...] = ()
    storm: Storm = Storm()
    metrics: tuple[MetricRule, ...]
    failure_classes: Mapping[FailureClass, Folding]
    reroot_within_s: Seconds
    """How long after an incident opened a signal on one of its dependencies may still become its root."""
    settle_within_s: Seconds = 30
    """How long after a root is well again a signal on what depends on it may still join the root's incident."""
    reopen_within_minutes: Minutes
