from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from judgify.core.action.choice import Choice
from judgify.core.action.order import Order, check, digest, message_of, target_of
from judgify.core.contracts import ActionRequest
from judgify.kit.errors import Invalid
from judgify.kit.outbox import Claim

NOW = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)


def order(**more: Any) -> Order:
    return Order(**({"idempotency_key": "k", "type": "webhook", "params": {"url": "https://example.com/"}} | more))


def claim(number: int, left: int) -> Claim:
    return Claim({"id": "act_1"}, "lease", number, left, in_doubt=False, started_at=NOW)


def test_an_order_has_the_fields_of_the_contract() -> None:
    assert set(Order.model_fields) == {field.name for field in msgspec.structs.fields(ActionRequest)}


def test_a_good_order_passes_and_its_fingerprint_is_of_its_content() -> None:
    assert check(order()) == order()
    assert check(order(type="notify", params={"subject": "s"})).type == "notify"
    assert digest(order()) == digest(order())
    assert digest(order()) != digest(order(name="n"))


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"url": "http://[::1"}, "params.url"),
        ({"url": "http://x:99999/"}, "params.url"),
        ({"url": "http://x:0/"}, "params.url"),
        ({"url": "http:///path"}, "params.url"),
        ({"url": "https://x/", "headers": {"A": "\n"}}, "params.headers"),
        ({"url": "https://x/", "extra": 1}, "params.extra"),
    ],
)
def test_a_wrong_param_is_named(params: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as caught:
        check(order(params=params))
    assert caught.value.fields["path"] == path


def test_params_have_a_largest_size() -> None:
    with pytest.raises(Invalid, match="larger"):
        check(order(context={"x": "y" * 300_000}))


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "\ud800", {"\udfff": 1}])
def test_what_no_json_can_carry_is_refused_and_not_kept(value: Any) -> None:
    for given in (order(params={"url": "https://a.example/", "body": {"x": value}}), order(context={"x": value})):
        with pytest.raises(Invalid, match="surrogate"):
            check(given)


def test_a_claim_is_a_value() -> None:
    assert {field.name for field in fields(Claim)} >= {"row", "lease", "number", "left", "in_doubt"}
    assert claim(1, 1).id == "act_1"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://Hooks.Example.com/x", "hooks.example.com:443"),
        ("http://example.com/x?y=1", "example.com:80"),
        ("http://10.0.0.1:8080/", "10.0.0.1:8080"),
        ("http://[2001:DB8::1]:81/", "[2001:db8::1]:81"),
    ],
)
def test_a_webhook_goes_to_a_host_and_a_port(url: str, target: str) -> None:
    assert target_of(order(params={"url": url})) == target


def test_messages_go_to_the_notification_service() -> None:
    assert target_of(order(type="slack", params={"text": "t"})) == "notification"
    assert message_of("notify", {"subject": "s", "channels": ["c"]}) == {"subject": "s", "channels": ["c"]}
    assert message_of("slack", {"text": "first\nsecond"}) == {
        "subject": "first", "body": "first\nsecond", "via": ["slack"]
    }  # fmt: skip
    assert message_of("slack", {"text": " ", "channel": "alerts", "severity": "P2"}) == {
        "subject": "-", "body": " ", "channels": ["alerts"], "severity": "P2"
    }  # fmt: skip
    assert message_of("email", {"to": "a@b.c", "subject": "s", "lang": "en"}) == {
        "subject": "s", "body": "", "recipient": {"name": "a@b.c", "email": "a@b.c"}, "via": ["email"], "lang": "en"
    }  # fmt: skip


def test_a_choice_is_a_condition_and_its_values() -> None:
    assert Choice().where() == ("true", [])
    choice = Choice.model_validate({"target": "a:80", "since": "2026-11-22T23:10:00", "type": None})
    assert choice.dead().where() == ("state = $1 AND target = $2 AND created_at >= $3", ["dead", "a:80", NOW])
    for wrong in ({"since": "soon"}, {"since": 5j}, {"target": ""}, {"target": "a\x00"}, {"who": "x"}):
        with pytest.raises(ValueError, match="validation error"):
            Choice.model_validate(wrong)
