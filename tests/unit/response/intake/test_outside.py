from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from judgify.kit.errors import Invalid
from judgify.response.guide.loader import default_guide_dir, load_guide
from judgify.response.intake.outside import plain, read_alertmanager, read_generic

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
GUIDE = load_guide(default_guide_dir())


def alert(name: str = "ServiceDown", **more: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": name, "job": "judgment-service", **more.pop("labels", {})},
        "annotations": more.pop("annotations", {}),
        "startsAt": "2026-03-02T11:59:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "abc",
        **more,
    }


def webhook(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": "{}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "judgify",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts),
        **more,
    }


def test_the_guides_three_alerts_become_its_signals() -> None:
    found = read_alertmanager(
        webhook(
            alert("ServiceDown"),
            alert("HighErrorRate", annotations={"value": "7.2%"}),
            alert("HighResponseTime", annotations={"value": "12.5s"}, labels={"job": "api-gateway-service"}),
        ),
        GUIDE,
        NOW,
    )
    assert [(one.service, one.signal, one.value) for one in found] == [
        ("judgment", "service_down", None),
        ("judgment", "error_rate", pytest.approx(0.072)),
        ("gateway", "p95_seconds", 12.5),
    ]
    assert {one.own for one in found} == {False}
    assert found[0].observed_at == NOW - timedelta(minutes=1)


def test_a_resolved_alert_is_told_as_such() -> None:
    found = read_alertmanager(webhook(alert(status="resolved")), GUIDE, NOW)
    assert found[0].status == "resolved"


def test_an_unknown_alert_keeps_its_name_and_is_not_dropped() -> None:
    found = read_alertmanager(webhook(alert("DiskWillFillSoon", labels={"job": "somewhere"})), GUIDE, NOW)
    assert (found[0].service, found[0].signal) == ("somewhere", "disk_will_fill_soon")
    nameless = alert()
    nameless["labels"] = {}
    assert read_alertmanager(webhook(nameless), GUIDE, NOW)[0].service == "unknown"
    assert read_alertmanager(webhook(nameless), GUIDE, NOW)[0].signal == "unnamed_alert"


def test_alerts_that_alertmanager_left_out_are_counted() -> None:
    found = read_alertmanager(webhook(alert(), truncatedAlerts=9_000), GUIDE, NOW)
    assert (found[-1].signal, found[-1].value) == ("alerts_truncated", 9000.0)


def test_hostile_text_is_cut_and_secrets_are_hidden() -> None:
    evil = "\x1b[31m<script>alert(1)</script> <!channel> password=hunter2secret \u202eabc " + "x" * 10_000
    found = read_alertmanager(
        webhook(alert(labels={"token": "sk-very-secret-value", "note": evil}, annotations={"summary": evil})),
        GUIDE,
        NOW,
    )[0]
    assert "hunter2secret" not in found.text + str(found.labels)
    assert "very-secret" not in str(found.labels)
    assert "\x1b" not in found.text
    assert "\u202e" not in found.text
    assert len(found.text) <= 4_000
    assert len(found.labels["note"]) <= 500
    assert "<script>" in found.text  # kept as text; whoever shows it escapes it


def test_a_moment_from_the_future_is_not_believed() -> None:
    late = read_alertmanager(webhook(alert(startsAt="2026-03-02T15:00:00Z")), GUIDE, NOW)[0]
    assert late.observed_at == NOW
    ahead = read_alertmanager(webhook(alert(startsAt="2026-03-02T12:02:00Z")), GUIDE, NOW)[0]
    assert ahead.observed_at == NOW


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        {},
        webhook(version="3"),
        webhook({"status": "firing"}),
        webhook(alert(startsAt="yesterday")),
        webhook(alert(startsAt="2026-03-02T11:59:00")),
        webhook(alert(labels={"a": 1})),
        webhook(alert(labels={f"l{i}": "x" for i in range(100)})),
        webhook(alert(status="burning")),
    ],
)
def test_what_is_no_webhook_is_refused(document: Any) -> None:
    with pytest.raises(Invalid):
        read_alertmanager(document, GUIDE, NOW)


def test_a_generic_signal() -> None:
    found = read_generic(
        {"service": "postgres", "signal": "DataLoss", "severity": "critical", "text": "gone", "fingerprint": "f1"},
        GUIDE,
        NOW,
    )
    assert (found.service, found.signal, found.labels, found.own) == (
        "database",
        "data_loss",
        {"severity": "critical"},
        False,
    )
    assert found.fingerprint.startswith("generic|")
    plain_one = read_generic({"service": "cable", "signal": "ui_error", "value": 3}, GUIDE, NOW)
    assert (plain_one.service, plain_one.signal, plain_one.value) == ("cable", "ui_error", 3.0)


@pytest.mark.parametrize(
    "document",
    [
        {"service": "judgment"},
        {"signal": "x"},
        {"service": "", "signal": "x"},
        {"service": "a", "signal": "b", "operation": "rm -rf /"},
        {"service": "a", "signal": "b", "value": float("nan")},
        {"service": "a", "signal": "b", "severity": "worst"},
        {"service": "a" * 121, "signal": "b"},
        7,
    ],
)
def test_what_is_no_signal_is_refused(document: Any) -> None:
    with pytest.raises(Invalid):
        read_generic(document, GUIDE, NOW)


def test_a_name_of_nothing_but_signs_is_still_a_signal() -> None:
    assert read_generic({"service": "judgment", "signal": "!!!"}, GUIDE, NOW).signal == "unnamed_signal"


def test_lone_surrogates_do_no_harm() -> None:
    assert plain("a\ud800b", 10).encode()
