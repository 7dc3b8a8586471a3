"""The nine metrics of the guide's 8.2, scraped from an installation that has really worked; and dead deliveries."""

import math
import uuid
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.installation import Installation, until

POOLS = ("gateway", "workflow", "judgment", "action", "notification", "logging")
UPSTREAMS = {"workflow", "judgment", "action", "notification", "logging", "dashboard"}
PASSWORD = "seven unlikely words in a row"


def samples(platform: Installation, part: str, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Give the series of one metric on a part's page; empty when it is not there."""
    page = platform.call("GET", "/metrics", to=part, token=False).text
    return {
        tuple(sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(page)
        for one in family.samples
        if one.name == name
    }


def value(platform: Installation, part: str, name: str) -> float:
    """Give a metric without labels, summed over what labels it has."""
    found = samples(platform, part, name)
    assert found, f"{part} does not tell {name}"
    return math.fsum(found.values())


@pytest.mark.guide("G27")
def test_all_nine_metrics_of_the_guide_are_measured(platform: Installation) -> None:
    # Something to measure: a judgment, a dashboard, a session from sign-in to sign-out.
    judged = {"workflow_name": "host-telemetry", "input_data": {"cpu_percent": 5}, "options": {"act": False}}
    assert platform.call("POST", "/api/v2/judgment/execute", json=judged).status_code == 200
    assert platform.call("GET", "/api/v2/dashboard/judgments.json").status_code == 200
    before = value(platform, "gateway", "user_session_duration_count")
    name = f"user-{uuid.uuid4().hex[:8]}"
    person = {"username": name, "password": PASSWORD, "role": "viewer"}
    assert platform.call("POST", "/api/v2/auth/users", json=person).status_code in {200, 201}
    credentials = {"username": name, "password": PASSWORD}
    signed_in = platform.call("POST", "/api/v2/auth/login", token=False, json=credentials).json()["data"]
    bearer = {"Authorization": f"Bearer {signed_in['access_token']}"}
    assert platform.call("POST", "/api/v2/auth/logout", token=False, headers=bearer).is_success

    assert 0 < value(platform, "judgment", "judgment_success_rate") <= 1
    assert value(platform, "dashboard", "dashboard_generation_time_count") >= 1
    assert 0 < value(platform, "dashboard", "dashboard_generation_time_sum") < 600
    assert value(platform, "gateway", "user_session_duration_count") == before + 1
    for part in POOLS:
        assert 0 <= value(platform, part, "database_connection_pool_usage") <= 1, part

    def fragmentation() -> float:
        found = value(platform, "gateway", "redis_memory_fragmentation")
        return 0.0 if math.isnan(found) else found

    assert until(fragmentation, 30, "Redis tells its fragmentation") > 0.1
    depth = samples(platform, "gateway", "api_request_queue_depth")
    assert {dict(labels)["upstream"] for labels in depth} == UPSTREAMS
    assert all(waiting >= 0 for waiting in depth.values())

    def availability() -> float:
        found = value(platform, "response", "availability_percentage")
        return 0.0 if math.isnan(found) else found

    seen = until(availability, 40, "the engine has watched")
    used = value(platform, "response", "error_budget_consumption")
    assert 0 < seen <= 100
    assert used >= 0
    assert (used == 0) == (seen == 100)
    _mean_time_to_repair_is_of_the_incidents(platform)


def _mean_time_to_repair_is_of_the_incidents(platform: Installation) -> None:
    told = value(platform, "response", "mttr_minutes")
    listed = platform.call("GET", "/api/v2/response/incidents", to="response", params={"limit": 200}).json()["data"]
    recovered = [one for one in listed if one["restored_at"] and not one["drill"]]
    if math.isnan(told):
        assert recovered == [], "an incident has recovered and nobody tells how long it took"
    else:
        assert told >= 0
        assert recovered


@pytest.mark.guide("S03")
def test_dead_deliveries_are_found_tried_again_and_given_up(platform: Installation) -> None:
    def order(number: int) -> str:
        sent = {
            "idempotency_key": uuid.uuid4().hex,
            "type": "webhook",
            "params": {"url": f"http://169.254.169.254:{number}/latest"},
        }
        answer = platform.call("POST", "/api/v2/action/actions", json=sent)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["data"]["id"])

    ids = [order(number) for number in (81, 82)]
    target = "169.254.169.254:81"

    def orders() -> list[dict[str, Any]]:
        return [platform.call("GET", f"/api/v2/action/actions/{key}").json()["data"] for key in ids]

    def dead() -> bool:
        return {one["state"] for one in orders()} == {"dead"}

    until(dead, 20, "both are dead")
    assert {row["id"] for row in platform.json("delivery", "dead", "--outcome", "address-refused")} >= set(ids)
    assert [row["id"] for row in platform.json("delivery", "dead", "--target", target)] == [ids[0]]
    assert "not a public address" in platform.ok("delivery", "show", ids[0])
    assert [row["dead"] for row in platform.json("delivery", "targets") if row["target"] == target] == [1]
    assert "169.254.169.254:82" in platform.ok("delivery", "targets")

    assert platform.run("delivery", "replay").returncode == 1, "nothing was chosen"
    assert platform.json("delivery", "replay", "--target", target) == {"replayed": 1}
    assert platform.json("delivery", "replay", ids[1])[0]["replays"] == 1

    def tried_twice() -> bool:
        return all((one["attempts"], one["state"]) == (2, "dead") for one in orders())

    until(tried_twice, 20, "both are tried again, and dead again")
    for key in ids:
        [gone] = platform.json("delivery", "discard", key, "--reason", "시험")
        assert (gone["state"], gone["discard_reason"]) == ("discarded", "시험")
    assert platform.run("delivery", "replay", ids[0]).returncode == 1
    assert {row["id"] for row in platform.json("delivery", "list", "--state", "discarded")} >= set(ids)
