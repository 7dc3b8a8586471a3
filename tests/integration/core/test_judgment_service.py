"""The judgment service over HTTP: verdicts, batches, idempotency, history, figures, actions, bad input."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from tests.support.core_process import CoreProcess, Home
from tests.support.stores import Postgres

EXECUTE = "/api/v2/judgment/execute"
BATCH = "/api/v2/judgment/execute/batch"
LIST = "/api/v2/judgment/executions"
GOOD = {"설비ID": "EQ-1", "온도": 92, "습도": 40, "진동": 3.2}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, postgres_server: Postgres) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("home"), postgres_server.make_database("judgment_service"))
    home.environ["JUDGIFY_HOST_TELEMETRY"] = "true"
    services = [CoreProcess(home, name) for name in ("workflow", "judgment")]
    try:
        for service in services:
            service.start("/ready")
        with home.client("judgment") as client:
            until(lambda: client.get("/health").json()["status"] == "ok")
            until(lambda: execute(client).status_code == 200)
        yield home
    finally:
        for service in reversed(services):
            service.stop()


@pytest.fixture
def client(home: Home) -> Iterator[httpx.Client]:
    with home.client("judgment", "responder") as client:
        yield client


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def execute(client: httpx.Client, **fields: Any) -> httpx.Response:
    body: dict[str, Any] = {"workflow_name": "equipment-sensors", "input_data": GOOD}
    return client.post(EXECUTE, json={name: value for name, value in (body | fields).items() if value is not None})


def make_workflow(home: Home, name: str, **changes: Any) -> str:
    document: dict[str, Any] = {
        "name": name,
        "input_schema": {"type": "object"},
        "tables": [
            {
                "name": "표",
                "hit_policy": "F",
                "inputs": [{"name": "x", "type": "any"}],
                "outputs": [{"name": "y", "type": "any"}],
                "rules": [
                    {"when": {"x": '"hit"'}, "then": {"y": "HIT"}},
                    {"when": {"x": "-"}, "then": {"y": {"feel": "x"}}},
                ],
            }
        ],
        "result": {"table": "표", "output": "y"},
        **changes,
    }
    with home.client("workflow") as client:
        made = client.post("/api/v2/workflow/workflows", params={"activate": True}, json=document)
        assert made.status_code == 201, made.text
        number: str = made.json()["data"]["id"]
        return number


def test_an_answer_holds_all_that_was_promised(client: httpx.Client) -> None:
    answer = execute(client, context={"by": "라인 3"})
    data, meta = answer.json()["data"], answer.json()["meta"]
    assert (data["verdict"], data["result"], data["confidence"], data["basis"]) == ("matched", "NG", 1.0, "rule")
    assert (data["method"], data["method_used"], data["degraded"]) == ("rule", "rule", False)
    assert data["execution_id"] == data["id"]
    assert "과열" in data["explanation"]["ko"]
    assert data["trace"][0]["values"]["온도"] == 92
    assert data["time_ms"] >= 0
    assert data["context"] == {"by": "라인 3"}
    assert data["subject"] == "kim"
    assert meta["durability"] == "database"
    assert meta["request_id"] == answer.headers["x-request-id"]


def test_trace_and_explanation_are_left_out_when_not_wanted_and_kept_all_the_same(client: httpx.Client) -> None:
    data = execute(client, options={"trace": False, "explain": False}).json()["data"]
    assert "trace" not in data
    assert "explanation" not in data
    kept = client.get(f"{LIST}/{data['execution_id']}").json()["data"]
    assert kept["trace"]
    assert kept["explanation"]


def test_a_model_that_is_not_there_is_said_so(client: httpx.Client) -> None:
    engines = client.get("/api/v2/judgment/engines").json()["data"]
    assert engines["rule"]["available"]
    assert engines["llm"] == {
        "enabled": False,
        "available": False,
        "reason": "the language model is switched off (ENABLE_LLM_ENGINE=false)",
    }
    alone = execute(client, method="llm").json()["data"]
    assert (alone["method"], alone["method_used"], alone["degraded"], alone["result"]) == ("llm", "rule", True, "NG")
    hybrid = execute(client, method="hybrid").json()["data"]
    assert (hybrid["method_used"], hybrid["degraded"], hybrid["result"]) == ("rule", True, "NG")
    assert "switched off" in hybrid["notes"][0]


def test_a_new_workflow_judges_at_once_and_a_new_version_within_seconds(home: Home, client: httpx.Client) -> None:
    number = make_workflow(home, "갓 만든")
    assert (
        execute(client, workflow_name=None, workflow_id=number, input_data={"x": "hit"}).json()["data"]["result"]
        == "HIT"
    )
    with home.client("workflow") as author:
        path = f"/api/v2/workflow/workflows/{number}"
        document = author.get(path).json()["data"]["document"]
        document["tables"][0]["rules"][0]["then"]["y"] = "NEW"
        assert author.post(f"{path}/versions", json=document).status_code == 201
        author.post(f"{path}/activate", json={"version": 2})
        until(
            lambda: execute(client, workflow_name="갓 만든", input_data={"x": "hit"}).json()["data"]["result"] == "NEW",
            5,
        )
        author.post(f"{path}/deactivate")
        until(lambda: execute(client, workflow_name="갓 만든", input_data={"x": "hit"}).status_code == 404, 5)


def test_numbers_are_exact_and_hostile_values_are_kept_as_they_came(home: Home, client: httpx.Client) -> None:
    make_workflow(home, "그대로")
    for text in ('"\\u0000 NUL"', "0.1000000000000000055511151231257827", "1e400", "123456789012345678901234567890",
                 '"<script>\\n\\u2028"', '{"a": [1, null]}', '" { } "'):  # fmt: skip
        body = f'{{"workflow_name": "그대로", "input_data": {{"x":\r\n {text}}}}}'
        answer = client.post(EXECUTE, content=body.encode())
        assert answer.status_code == 200, answer.text
        number = answer.json()["data"]["execution_id"]
        found = client.get(f"{LIST}/{number}")
        assert f'{{"x":\r\n {text}}}'.encode() in found.content, text


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "not valid JSON"),
        (b"{", 400, "not valid JSON"),
        (b'{"input_data": {"a": "\xff"}, "name": "equipment-sensors"}', 400, "not valid JSON"),
        (b'{"name": "equipment-sensors", "input_data": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001, 400, "not valid JSON"),
        (b"[]", 422, "object"),
        (b"{}", 422, "input_data"),
        (b'{"name": "equipment-sensors", "input_data": {}, "extra": 1}', 422, "extra"),
        (b'{"name": "equipment-sensors", "input_data": {}, "options": {"x": 1}}', 422, "x"),
        (b'{"name": "equipment-sensors", "input_data": [1]}', 422, "object of named values"),
        (b'{"name": "equipment-sensors", "input_data": {}, "method": "magic"}', 422, "magic"),
        (b'{"input_data": {}}', 422, "name the workflow once"),
        (b'{"name": "a", "workflow_id": "b", "input_data": {}}', 422, "name the workflow once"),
        (b'{"name": "equipment-sensors", "input_data": {}, "idempotency_key": ""}', 422, "idempotency_key"),
        (b'{"name": "equipment-sensors", "input_data": {}, "idempotency_key": "a\\nb"}', 422, "idempotency_key"),
        (b'{"name": "equipment-sensors", "input_data": {}, "context": "' + b"x" * 70_000 + b'"}', 422, "context"),
        (b'{"name": "equipment-sensors", "input_data": {"x": 1e99999999999999999999}}', 422, "exponent"),
        (b'{"name": "nobody", "input_data": {}}', 404, "nobody"),
        (b'{"name": "../../etc/passwd", "input_data": {}}', 404, "no active workflow"),
        (b"x" * (5 * 1024 * 1024), 413, "larger than"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_and_leaves_nothing(
    client: httpx.Client, body: bytes, status: int, words: str
) -> None:
    answer = client.post(EXECUTE, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in problem["detail"]
    assert problem["request_id"]


def test_only_who_may_judge_judges(home: Home) -> None:
    url = f"http://127.0.0.1:{home.ports['judgment']}"
    body = {"name": "equipment-sensors", "input_data": GOOD}
    assert httpx.post(url + EXECUTE, json=body, trust_env=False).status_code == 401
    for token in ("nonsense", home.token()[:-3] + "abc"):
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.post(url + EXECUTE, json=body, headers=headers, trust_env=False).status_code == 401
    with home.client("judgment", "viewer") as viewer:
        assert viewer.post(EXECUTE, json=body).status_code == 403
        assert viewer.get(LIST).status_code == 200
    with home.client("judgment", "service") as service:
        assert service.post(EXECUTE, json=body).status_code == 200


def test_the_same_key_is_one_execution_and_another_input_is_refused(client: httpx.Client) -> None:
    first = execute(client, idempotency_key="주문-1").json()["data"]
    second = execute(client, idempotency_key="주문-1").json()["data"]
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert {**second, "replayed": False} == first
    other = execute(client, idempotency_key="주문-1", input_data={**GOOD, "온도": 20})
    assert (other.status_code, other.json()["type"]) == (409, "urn:judgify:problem:idempotency-conflict")
    brief = execute(client, idempotency_key="주문-1", options={"trace": False}).json()["data"]
    assert (brief["replayed"], brief["execution_id"]) == (True, first["execution_id"])


def test_a_batch_gives_each_item_its_own_outcome(client: httpx.Client) -> None:
    items: list[dict[str, Any]] = [
        {"input_data": GOOD},
        {"input_data": {**GOOD, "온도": 50}},
        {"input_data": {**GOOD, "온도": "?"}},
        {"input_data": [1]},
        {"input_data": GOOD, "idempotency_key": "묶음"},
        {"input_data": GOOD, "idempotency_key": "묶음"},
        {"input_data": {**GOOD, "온도": 1}, "idempotency_key": "묶음"},
    ]
    answer = client.post(BATCH, json={"name": "equipment-sensors", "items": items})
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["totals"] == {"matched": 4, "not_matched": 0, "not_evaluable": 1, "error": 2}
    assert [item["index"] for item in data["items"]] == list(range(7))
    assert data["items"][3]["error"]["status"] == 422
    assert data["items"][4]["execution_id"] == data["items"][5]["execution_id"]
    assert (data["items"][4]["replayed"], data["items"][5]["replayed"]) == (False, True)
    assert data["items"][6]["error"]["status"] == 409
    for item in data["items"][:3]:
        assert client.get(f"{LIST}/{item['execution_id']}").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "equipment-sensors", "items": []}, 422),
        ({"name": "equipment-sensors", "items": [{"input_data": {}}] * 1001}, 422),
        ({"name": "nobody", "items": [{"input_data": {}}] * 3}, 404),
        ({"name": "nobody", "items": [{"input_data": {}}] * 3, "method": "llm"}, 404),
        ({"name": "equipment-sensors", "items": [{"input_data": {}, "x": 1}]}, 422),
        ({"items": [{"input_data": {}}]}, 422),
    ],
)
def test_a_batch_that_is_wrong_as_a_whole_is_refused_as_a_whole(
    client: httpx.Client, body: dict[str, Any], status: int
) -> None:
    assert client.post(BATCH, json=body).status_code == status


def test_a_batch_for_a_workflow_that_is_not_there_is_refused_at_once(client: httpx.Client) -> None:
    started = time.monotonic()
    answer = client.post(f"{EXECUTE}/batch", json={"name": "nobody", "items": [{"input_data": {}}] * 1000}, timeout=60)
    assert answer.status_code == 404, answer.text
    assert time.monotonic() - started < 5


def test_executions_are_listed_filtered_and_paged(home: Home, client: httpx.Client) -> None:
    make_workflow(home, "목록용")
    made = [
        execute(client, workflow_name="목록용", input_data={"x": "hit" if n % 2 else n}).json()["data"]["execution_id"]
        for n in range(5)
    ]
    seen: list[str] = []
    cursor = None
    while True:
        page = client.get(
            LIST, params={"workflow": "목록용", "limit": 2, **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += [entry["id"] for entry in page["data"]]
        cursor = page["meta"]["pagination"]["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    hits = client.get(LIST, params={"workflow": "목록용", "result": "HIT", "verdict": "matched"}).json()["data"]
    assert [entry["id"] for entry in hits] == [made[3], made[1]]
    moment = client.get(f"{LIST}/{made[2]}").json()["data"]["created_at"]
    later = client.get(LIST, params={"workflow": "목록용", "since": moment}).json()["data"]
    assert [entry["id"] for entry in later] == made[:1:-1]
    earlier = client.get(LIST, params={"workflow": "목록용", "until": moment}).json()["data"]
    assert [entry["id"] for entry in earlier] == [made[1], made[0]]
    for bad in ({"since": "gestern"}, {"cursor": "x"}, {"verdict": "maybe"}, {"limit": 0}, {"limit": 9999}):
        assert client.get(LIST, params=bad).status_code == 422
    for unknown in ("exe_" + "0" * 26, "x", "exe_'; DROP TABLE judgment.executions"):
        assert client.get(f"{LIST}/{unknown}").status_code == 404


def test_figures_and_summary_count_what_happened(client: httpx.Client) -> None:
    def sample(name: str) -> float:
        lines = client.get("/metrics").text.splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)), 0.0)

    name = 'judgment_executions_total{method="rule",result="not_evaluable"}'
    before, seconds = sample(name), sample("judgment_execution_duration_seconds_count")
    execute(client, input_data={})
    execute(client, workflow_name="nobody")
    assert sample(name) == before + 1
    assert sample("judgment_execution_duration_seconds_count") == seconds + 1
    assert 0 < sample("judgment_success_rate") < 1
    assert 0 <= sample("database_connection_pool_usage") <= 1
    routes = [line for line in client.get("/metrics").text.splitlines() if line.startswith("http_requests_total")]
    assert any(f'route="{EXECUTE}"' in line and 'status="200"' in line for line in routes)
    summary = client.get("/api/v2/judgment/summary", params={"minutes": 5}).json()["data"]
    assert (
        summary["total"]
        == sum(summary["by_verdict"].values())
        == sum(entry["total"] for entry in summary["per_minute"])
    )
    assert len(summary["per_minute"]) >= 5
    assert any(entry["workflow_name"] == "equipment-sensors" for entry in summary["by_workflow"])


def test_the_host_is_judged_while_the_service_runs(client: httpx.Client) -> None:
    until(lambda: bool(client.get(LIST, params={"workflow": "host-telemetry"}).json()["data"]), 15)
    latest = client.get(LIST, params={"workflow": "host-telemetry"}).json()["data"][0]
    whole = client.get(f"{LIST}/{latest['id']}").json()["data"]
    assert whole["result"] in {"normal", "warning", "critical"}
    assert set(whole["input_data"]) >= {"load_per_cpu", "memory_percent", "disk_percent"}


def test_an_action_reaches_the_action_service_once_it_is_there(home: Home, client: httpx.Client) -> None:
    make_workflow(
        home,
        "행동",
        actions=[{"when": '"HIT"', "type": "notify", "target": "ops", "template": "{{result}} {{input.x}}"}],
    )
    acted = execute(client, workflow_name="행동", input_data={"x": "hit"}).json()["data"]["execution_id"]
    execute(client, workflow_name="행동", input_data={"x": "hit"}, options={"act": False})
    execute(client, workflow_name="행동", input_data={"x": "miss"})
    action = CoreProcess(home, "action")
    try:
        action.start("/live")
        with home.client("action") as reader:

            def arrived() -> list[dict[str, Any]]:
                answer = reader.get("/api/v2/action/actions", params={"limit": 50})
                found: list[dict[str, Any]] = answer.json().get("data", [])
                return found

            until(lambda: len(arrived()) > 0, 60)
            assert [entry["execution_id"] for entry in arrived()] == [acted]
    finally:
        action.stop()
