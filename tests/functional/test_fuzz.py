"""The surface of a whole installation: hostile requests, headers of every answer, and where its secrets go.

An installation of its own, since everything that the routes do is done to it. The long form of the fuzzing is
`python -m bench.fuzz --examples N`.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from bench.fuzz import EXCLUDED, SERVICES, Report, Target, hostile_bodies
from tests.support.exposed import CANARY, SECRETS, Exposed
from tests.support.installation import until

from judgify.kit.auth import Principal, mint
from judgify.kit.clock import SystemClock

pytestmark = [pytest.mark.guide("S00")]
EXAMPLES = 2
DEEP = b"[" * 100_000 + b"]" * 100_000
DASHBOARD = "/api/v2/dashboard"
PAGES = {
    "dashboard": ("judgments.html", "dashboards.html", "ask.html?q=x", "dashboards/x.html", "ask/1.png?q=x"),
    "response": (
        "/status",
        "/login",
        "/",
        "/incidents",
        "/emergency",
        "/nowhere",
        "/static/console.css",
        "/status.json",
    ),
}


@pytest.fixture(scope="module")
def exposed() -> Iterator[Exposed]:
    installation = Exposed()
    try:
        installation.ok("up", "--detach")
        yield installation
    finally:
        installation.remove()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.timeout(120)
def test_no_request_makes_a_service_fail_or_hang(exposed: Exposed, service: str) -> None:
    report = Report()
    target = Target(service, exposed.settings)
    try:
        target.hostile(report)
        target.hostile_addresses(report)
        target.generated(report, EXAMPLES, seed=1)
        listed = {
            f"{method.upper()} {path}" for path, methods in target.document["paths"].items() for method in methods
        }
    finally:
        target.close()
    assert report.asked > 100
    assert [str(one) for one in report.findings] == []
    mine = {route for route in EXCLUDED if f"/{service}/" in route}
    assert mine <= listed, "an excluded route that does not exist any more"


def test_the_gateway_refuses_what_is_hostile_before_it_is_passed_on(exposed: Exposed) -> None:
    for path in ("/api/v2/auth/login", "/api/v2/auth/users", "/api/v2/auth/api-keys"):
        for name, (kind, body) in hostile_bodies().items():
            answer = exposed.call("POST", path, content=body, headers={"content-type": kind})
            assert answer.status_code in {400, 413, 415, 422, 429}, (path, name, answer.status_code)
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("judgment", "/api/v2/judgment/execute"),
        ("judgment", "/api/v2/judgment/execute/batch"),
        ("workflow", "/api/v2/workflow/workflows"),
        ("workflow", "/api/v2/workflow/workflows/simulate"),
        ("action", "/api/v2/action/actions"),
        ("notification", "/api/v2/notification/messages"),
        ("logging", "/api/v2/logging/lines"),
        ("dashboard", "/api/v2/dashboard/generate"),
    ],
)
def test_a_bomb_of_brackets_is_refused_behind_the_gateway_too(exposed: Exposed, service: str, path: str) -> None:
    answer = exposed.call("POST", path, content=DEEP, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}, (service, answer.text[:200])
    assert answer.json()["status"] == answer.status_code


def test_every_answer_carries_the_headers_that_keep_it_shut(exposed: Exposed) -> None:
    asked = [("gateway", path) for path in ("/health", "/metrics", "/nowhere", "/api/v2/auth/me", "/api/v2/nowhere/x")]
    asked += [("gateway", f"{DASHBOARD}/{page}") for page in PAGES["dashboard"]]
    asked += [("dashboard", f"{DASHBOARD}/{page}") for page in PAGES["dashboard"]]
    asked += [("response", page) for page in PAGES["response"]]
    for service in SERVICES:
        target = Target(service, exposed.settings)
        asked += [(service, path) for path in ("/health", "/metrics", "/openapi.json", "/nowhere")]
        asked += [
            (service, re.sub(r"\{[^}]+\}", "x", route.removeprefix("GET ")))
            for route in target.routes()
            if route.startswith("GET ")
        ]
        target.close()
    pages = 0
    # One client: making one reads the machine's certificates anew.
    with httpx.Client(timeout=30, trust_env=False) as client:
        for service, path in asked:
            own = exposed.settings.cli_token if service in {"gateway", "response"} else _token(exposed)
            for headers in ({"authorization": f"Bearer {own}"}, {}):
                answer = client.get(exposed.settings.url(service) + path, headers=headers)
                pages += _is_shut(answer, (service, path))
    assert pages >= 8


def _is_shut(answer: httpx.Response, where: tuple[str, str]) -> bool:
    kind = answer.headers.get("content-type", "")
    assert answer.headers["x-content-type-options"] == "nosniff", where
    assert answer.headers.get_list("x-frame-options") == ["DENY"], where
    assert answer.headers["referrer-policy"] in {"no-referrer", "same-origin"}, where
    if not kind.startswith(("text/css", "text/javascript")):
        assert "no-store" in answer.headers["cache-control"], where
    if not kind.startswith("text/html"):
        return False
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy, where
    assert "frame-ancestors" in policy, where
    assert "unsafe" not in policy, where
    return True


def test_secrets_of_channels_and_of_the_model_reach_the_wire_and_nothing_else(exposed: Exposed) -> None:
    incident = {"text": "canary", "severity": "P0", "service": "judgment"}
    declared = exposed.call("POST", "/api/v2/response/incidents", to="response", json=incident)
    assert declared.status_code == 201, declared.text
    _ask_the_model(exposed)
    wanted = {name: value.encode() for name, value in SECRETS.items() if name != "SLACK_SIGNING"}

    def missing() -> list[str]:
        return [name for name, value in wanted.items() if not any(value in heard for heard in exposed.repeater.heard)]

    until(lambda: not missing(), 30, "each secret is sent to whom it is for")
    exposed.call(
        "POST", "/api/v2/response/intake/slack/interactions", to="response", token=False, content=b"payload={}"
    )
    needle = CANARY.encode()
    leaks = []
    for folder, _, names in os.walk(exposed.home):
        for name in names:
            path = Path(folder) / name
            if path.parent.name != "secrets" and path.is_file() and needle in path.read_bytes():
                leaks.append(str(path.relative_to(exposed.home)))
    for words in (("status", "--json"), ("doctor", "--json"), ("incident", "list", "--json"), ("delivery", "--help")):
        out = exposed.run(*words)
        leaks += [" ".join(words) for text in (out.stdout, out.stderr) if CANARY in text]
    pages = ("/health", "/metrics", "/status", "/api/v2/response/pages", "/api/v2/response/incidents")
    leaks += [page for page in pages if needle in exposed.call("GET", page, to="response").content]
    assert leaks == []


def _ask_the_model(exposed: Exposed) -> None:
    table = {
        "name": "t", "hit_policy": "F", "inputs": [{"name": "x", "type": "number"}],
        "outputs": [{"name": "y", "type": "string", "values": ["A", "B"]}],
        "rules": [{"id": "r", "when": {"x": ">= 90"}, "then": {"y": "B"}}],
    }  # fmt: skip
    workflow = {
        "name": "canary", "input_schema": {"type": "object"}, "tables": [table], "strategy": "llm_first",
        "result": {"table": "t", "output": "y"}, "llm": {"criteria": "B where x is high."},
    }  # fmt: skip
    made = exposed.call("POST", "/api/v2/workflow/workflows", params={"activate": "true"}, json=workflow)
    assert made.status_code == 201, made.text
    judged = {"workflow_name": "canary", "input_data": {"x": 95}, "method": "hybrid"}

    def answered() -> bool:
        answer = exposed.call("POST", "/api/v2/judgment/execute", json=judged)
        return answer.status_code == 200 and any(b"/v1/" in heard for heard in exposed.repeater.heard)

    until(answered, 30, "the model is asked")


def _token(exposed: Exposed) -> str:
    return mint(exposed.settings.service_secret, Principal("kim", frozenset({"admin"})), SystemClock(), ttl_s=600)
