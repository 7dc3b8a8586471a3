"""Every form of signals from outside: what it reads, what it refuses, and what it makes of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from judgify.kit.errors import Invalid, JudgifyError, Malformed, NotFound
from judgify.response.guide.intake import DocumentMapping, Place
from judgify.response.guide.loader import default_guide_dir, load_guide
from judgify.response.guide.schema import Guide
from judgify.response.intake import cleaning, event, form, mapped
from judgify.response.intake.cloudevent import structured
from judgify.response.intake.form import form_of, forms
from judgify.response.intake.matcher import read_matcher
from judgify.response.model import Signal

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KUMA = DocumentMapping(
    name="kuma",
    items="events",
    service=Place(at="monitor.name"),
    signal=Place(default="service_down"),
    value="ping",
    text="msg",
    severity=Place(at="level", words={"high": "critical"}),
    status=Place(at="up", words={"0": "firing", "1": "resolved", "false": "firing", "true": "resolved"}),
    fingerprint="monitor.id",
    observed_at="at",
    labels={"host": "monitor.hosts.0", "gone": "monitor.nothing"},
)
ANY = DocumentMapping(name="any", service=Place(at="s"), signal=Place(at="n", default="reported"), fingerprint="id")


def guide() -> Guide:
    shipped = load_guide(default_guide_dir())
    return replace(shipped, intake=shipped.intake.model_copy(update={"mappings": (KUMA, ANY)}))


GUIDE = guide()
FORMS = forms(GUIDE)


def read(name: str, document: Any, sender: str = "") -> list[Signal]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    found = FORMS[name]
    given = found.read(body)
    signals = found.signals(given, NOW, sender)
    assert found.count(given) >= len(signals) - 1
    return signals


# -- the alerts API ---------------------------------------------------------------------------------------------------


def test_alerts_of_the_api_are_resolved_once_their_end_has_come() -> None:
    labels = {"alertname": "ServiceDown", "job": "judgment-service", "empty": ""}
    found = read(
        form.ALERTS,
        [
            {"labels": labels},
            {"labels": labels, "startsAt": "2026-03-02T11:00:00Z", "endsAt": "2026-03-02T12:04:00Z"},
            {"labels": labels, "startsAt": "2026-03-02T11:00:00Z", "endsAt": "2026-03-02T11:30:00Z"},
            {"labels": labels, "startsAt": "0001-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z"},
        ],
    )
    assert [one.status for one in found] == ["firing", "firing", "resolved", "firing"]
    assert [one.observed_at for one in found] == [NOW, NOW - timedelta(hours=1), NOW - timedelta(hours=1), NOW]
    assert found[2].ended_at == NOW - timedelta(minutes=30)
    assert len({one.fingerprint for one in found}) == 1
    assert "empty" not in found[0].labels
    assert {(one.service, one.signal) for one in found} == {("judgment", "service_down")}


def test_a_fingerprint_is_the_one_that_prometheus_gives() -> None:
    # From prometheus/common, model.LabelSet{}.Fingerprint() and the well-known FNV-1a vectors.
    assert cleaning.fingerprint_of({}) == "cbf29ce484222325"
    assert cleaning.fingerprint_of({"b": "2", "a": "1"}) == cleaning.fingerprint_of({"a": "1", "b": "2"})
    assert cleaning.fingerprint_of({"a": "1"}) != cleaning.fingerprint_of({"a": "2"})


# -- PagerDuty --------------------------------------------------------------------------------------------------------


def pagerduty(**more: Any) -> dict[str, Any]:
    payload = {"summary": "disk is full", "source": "db-1", "severity": "critical", "component": "postgres"}
    return {"routing_key": "k", "event_action": "trigger", "dedup_key": "d1", "payload": payload, **more}


def test_a_trigger_fires_and_a_resolve_with_the_same_key_ends_it() -> None:
    (firing,) = read(form.PAGERDUTY, pagerduty())
    (over,) = read(form.PAGERDUTY, {"event_action": "resolve", "dedup_key": "d1"})
    assert (firing.service, firing.signal, firing.status) == ("database", event.UNNAMED, "firing")
    assert firing.labels == {"source": "db-1", "severity": "critical"}
    assert (over.status, over.fingerprint) == ("resolved", firing.fingerprint)
    (other,) = read(form.PAGERDUTY, pagerduty(), "gateway")
    assert other.service == "gateway"
    assert other.fingerprint != firing.fingerprint


def test_class_and_details_name_the_signal_and_the_service() -> None:
    details = {"alertname": "HighErrorRate", "service": "judgment", "nested": {"a": [1]}, "n": 1}
    payload = {**pagerduty()["payload"], "custom_details": details, "timestamp": "2026-03-02T11:00:00+00:00"}
    (found,) = read(form.PAGERDUTY, pagerduty(payload=payload))
    assert (found.service, found.signal) == ("judgment", "error_rate")
    assert found.labels["nested"] == '{"a":[1]}'
    assert found.observed_at == NOW - timedelta(hours=1)
    payload = {"summary": "x", "source": "box", "severity": "info", "class": "DiskWillFill", "timestamp": "yesterday"}
    (found,) = read(form.PAGERDUTY, pagerduty(payload=payload))
    assert (found.service, found.signal, found.observed_at) == ("box", "disk_will_fill", NOW)
    assert read(form.PAGERDUTY, {"event_action": "acknowledge", "dedup_key": "d1"}) == []


def test_what_an_event_lacks_is_said_in_the_vendors_words() -> None:
    lacking = FORMS[form.PAGERDUTY].read(b'{"event_action": "trigger"}')
    assert event.mistakes(lacking) == ["'payload' is missing or blank"]
    keyless = FORMS[form.PAGERDUTY].read(b'{"event_action": "resolve"}')
    assert event.mistakes(keyless) == ["'dedup_key' is missing or blank"]
    assert event.mistakes(FORMS[form.PAGERDUTY].read(json.dumps(pagerduty()).encode())) == []


# -- Grafana ----------------------------------------------------------------------------------------------------------


def test_grafanas_alerts_bring_their_figure_when_there_is_but_one() -> None:
    alert = {
        "status": "firing",
        "labels": {"alertname": "HighErrorRate", "service": "gateway"},
        "annotations": {"description": "errors"},
        "startsAt": "2026-03-02T11:59:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "values": {"A": 0.2, "B": None},
        "fingerprint": "abc",
    }
    several = {**alert, "values": {"A": 0.2, "B": 1}, "fingerprint": ""}
    over = {**alert, "status": "resolved", "endsAt": "2026-03-02T11:59:30Z", "values": None}
    annotated = {**alert, "annotations": {"value": "7%"}}
    strange = {**alert, "labels": {}, "annotations": {}}
    alerts = [alert, several, over, annotated, strange]
    found = read(form.GRAFANA, {"status": "firing", "alerts": alerts, "truncatedAlerts": 3})
    assert [one.value for one in found] == [0.2, None, None, 0.07, None, 3.0]
    assert [one.service for one in found] == ["gateway"] * 4 + ["unknown"] * 2
    assert found[2].ended_at == NOW - timedelta(seconds=30)
    assert {one.source for one in found} == {"grafana"}
    assert (found[0].text, found[4].signal, found[5].signal) == ("errors", "unnamed_alert", "alerts_truncated")


# -- CloudEvents ------------------------------------------------------------------------------------------------------

EVENT = {"specversion": "1.0", "id": "1", "source": "https://shop.example/judgment", "type": "com.example.disk_low"}


def cloud(headers: dict[bytes, bytes], document: Any) -> list[Signal]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read(form.CLOUDEVENTS, structured(headers, body))


def test_the_three_modes_of_cloudevents_say_the_same() -> None:
    data = {"text": "full", "value": 0.04, "severity": "warning", "labels": {"disk": "sda", "n": 1}, "status": "firing"}
    one = cloud({b"content-type": b"application/cloudevents+json; charset=utf-8"}, {**EVENT, "data": data})
    many = cloud({b"content-type": b"application/cloudevents-batch+json"}, [{**EVENT, "data": data}])
    headers = {b"ce-" + name.encode(): value.encode() for name, value in EVENT.items()}
    binary = cloud({**headers, b"content-type": b"application/json"}, data)
    shown = {"id", "received_at"}
    assert one[0].model_dump(exclude=shown) == many[0].model_dump(exclude=shown) == binary[0].model_dump(exclude=shown)
    assert (one[0].service, one[0].signal, one[0].value) == ("judgment", "disk_low", 0.04)
    assert one[0].labels["severity"] == "warning"
    assert cloud(headers, b"")[0].text == EVENT["type"]


def test_a_type_or_a_status_says_that_it_is_over() -> None:
    structured_type = {b"content-type": b"application/cloudevents+json"}
    (over,) = cloud(structured_type, {**EVENT, "type": "com.example.disk_low.resolved", "time": "2026-03-02T11:00:00Z"})
    (firing,) = cloud(structured_type, {**EVENT, "type": "com.example.disk_low.firing", "data": [1]})
    assert (over.status, over.ended_at, over.signal) == ("resolved", NOW - timedelta(hours=1), "disk_low")
    assert firing.fingerprint == over.fingerprint
    said = {"status": "resolved", "signal": "service_down", "service": "redis", "fingerprint": "f", "value": True}
    (told,) = cloud(structured_type, {**EVENT, "data": said})
    assert (told.status, told.signal, told.service, told.value) == ("resolved", "service_down", "redis", None)
    (about,) = cloud(structured_type, {**EVENT, "subject": "gateway"})
    assert about.service == "gateway"


def test_what_is_no_cloudevent_is_refused() -> None:
    headers = {b"ce-" + name.encode(): value.encode() for name, value in EVENT.items()}
    for given, body, kind in (
        ({b"content-type": b"application/json"}, b"{}", Invalid),
        ({b"content-type": b"application/cloudevents+json"}, b'{"specversion": "0.3"}', Invalid),
        ({b"content-type": b"application/cloudevents-batch+json"}, b"[]", Invalid),
        ({b"content-type": b"application/cloudevents+json"}, b"{", Malformed),
        ({**headers, b"content-type": b"text/plain"}, b"x", Invalid),
        ({**headers, b"content-type": b"application/json"}, b"{", Malformed),
        ({b"ce-specversion": b"1.0"}, b"", Invalid),
    ):
        with pytest.raises(kind):
            cloud(given, body)


# -- mappings of the guide --------------------------------------------------------------------------------------------


def kuma(**more: Any) -> dict[str, Any]:
    return {
        "monitor": {"name": "judgment-service", "id": 12_345_678, "hosts": ["a", "b"]},
        "ping": "120 ms",
        "msg": "timeout",
        "level": "high",
        "up": 0,
        "at": "2026-03-02T11:00:00Z",
        **more,
    }


def test_a_mapping_reads_what_somebody_else_made() -> None:
    found = read("json:kuma", {"events": [kuma(), kuma(up=1), kuma(up=False, at=1_772_449_200_000, level="odd")]})
    first = found[0]
    assert (first.service, first.signal, first.value, first.text) == ("judgment", "service_down", 120.0, "timeout")
    assert first.labels == {"host": "a", "severity": "critical"}
    assert [one.status for one in found] == ["firing", "resolved", "firing"]
    assert [one.observed_at for one in found] == [NOW - timedelta(hours=1)] * 2 + [datetime(2026, 3, 2, 11, tzinfo=UTC)]
    assert len({one.fingerprint for one in found}) == 1
    assert "severity" not in found[2].labels
    (late,) = read("json:kuma", {"events": [kuma(at=1_772_449_200)]})
    assert late.observed_at == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert read("json:kuma", {"events": [kuma(at=True)]})[0].observed_at == NOW


def test_a_document_may_be_one_event_or_a_list() -> None:
    assert [one.service for one in read("json:any", {"s": "gateway"})] == ["gateway"]
    found = read("json:any", [{"s": "gateway", "n": "DiskLow"}, {"s": "x", "id": 1.5}])
    assert [(one.service, one.signal) for one in found] == [("gateway", "disk_low"), ("x", "reported")]
    assert found[0].fingerprint == ""
    assert found[1].fingerprint != ""


@pytest.mark.parametrize(
    ("name", "document", "told"),
    [
        ("json:kuma", {}, "events: is not a list"),
        ("json:kuma", {"events": [kuma(), {}]}, r"events\[1\].monitor.name: there is no service"),
        ("json:kuma", {"events": [kuma(up=None)]}, "is neither firing nor resolved"),
        ("json:any", {"s": 10**40}, "there is no service"),
        ("json:any", [{}] * 5_001, "more than 5000"),
    ],
)
def test_a_document_that_does_not_fit_its_mapping_is_refused_with_the_place(
    name: str, document: Any, told: str
) -> None:
    with pytest.raises(Invalid, match=told):
        FORMS[name].read(json.dumps(document).encode())


def test_a_mapping_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(NotFound, match="known are kuma, any"):
        form_of(FORMS, "json:other")
    assert form_of(FORMS, "json:any").name == "json:any"
    assert mapped.at({"a": [1]}, "a.7") is None
    assert mapped.at({"a": 1}, "a.b") is None


# -- hostile input ----------------------------------------------------------------------------------------------------

DEEP = b"[" * 100_000
WIDE = {f"l{n}": "x" for n in range(10_000)}


@pytest.mark.parametrize("name", sorted(FORMS))
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]x",
        b"\xff\xfe",
        b'{"a": "\xc3\x28"}',
        b'{"a": "\\ud800"}',
        DEEP,
        b'{"a":' * 50_000,
        b"1e999",
        b'"text"',
        b"{" + b'"alerts": [' + b"{}," * 9 + b"{}]}",
        json.dumps({"version": "4", "status": "firing", "alerts": [{"labels": WIDE}]}).encode(),
        json.dumps([{"labels": WIDE}]).encode(),
        json.dumps({"service": "a", "signal": "b", "labels": WIDE}).encode(),
        b'{"service": "a", "signal": "b", "value": 1e999}',
    ],
    ids=range(15),
)
def test_hostile_bodies_get_a_clear_refusal(name: str, body: bytes) -> None:
    with pytest.raises(JudgifyError) as caught:
        FORMS[name].read(body)
    assert caught.value.status in {400, 422}
    assert len(caught.value.detail) < 700


def test_control_characters_and_secrets_are_not_kept() -> None:
    text = "a\x1b[31mb\u202ec\x00 password=hunter2 " + "x" * 10_000
    labels = {"alertname": "X\x07", "api_token": "abc", "service": "s\u202e\n"}
    alert = {"status": "firing", "labels": labels, "annotations": {"summary": text}, "startsAt": "2026-03-02T11:59:00Z"}
    (found,) = read(form.ALERTMANAGER, {"version": "4", "status": "firing", "alerts": [alert]})
    shown = found.model_dump_json()
    assert "hunter2" not in shown
    assert '"abc"' not in shown
    assert not any(mark in shown for mark in ("\x1b", "\\u001b", "\u202e", "\\u0007"))
    assert len(found.text) <= 4_000


def test_moments_that_are_none_count_as_now() -> None:
    assert cleaning.begun(None, NOW) == NOW
    assert cleaning.begun(NOW + timedelta(hours=1), NOW) == NOW
    assert cleaning.begun(datetime(1, 1, 1, tzinfo=UTC), NOW) == NOW
    assert cleaning.ended(NOW + timedelta(hours=1), NOW) == NOW
    assert cleaning.number("1e400") is None
    assert cleaning.number("about 3") is None
    assert cleaning.signal_name("!!!", GUIDE) == "unnamed_signal"
    assert cleaning.signal_name("HighErrorRate", GUIDE) == "error_rate"
    assert cleaning.service_of("", GUIDE) == "unknown"
    assert event.moment("2026-03-02T12:00:00") is None


# -- matchers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('alertname="DiskFull"', True),
        ("alertname=DiskFull", True),
        ('alertname!="DiskFull"', False),
        ('alertname=~"Disk.*"', True),
        ('alertname!~"Disk.*"', False),
        ('alertname=~"Disk"', False),
        ('nothing=""', True),
    ],
)
def test_a_matcher_asks_one_label(text: str, *, fits: bool) -> None:
    matcher = read_matcher(text)
    assert matcher is not None
    assert matcher.fits({"alertname": "DiskFull"}) is fits


@pytest.mark.parametrize("text", ["", "x", '=""', 'a=~"("', 'a=~"(x+)+"', f'a=~"{"x" * 300}"', 'a=~"a*b*c*d*e*f"'])
def test_what_is_no_matcher_or_could_take_for_ever_is_none(text: str) -> None:
    assert read_matcher(text) is None
