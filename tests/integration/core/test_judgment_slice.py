"""The first slice: a workflow is made, activated, and judges durably."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.core_process import CoreProcess, Home

DOCUMENT: dict[str, Any] = {
    "name": "온도 판정",
    "input_schema": {"type": "object", "properties": {"온도": {"type": "number"}}},
    "tables": [
        {
            "name": "판정",
            "hit_policy": "F",
            "inputs": [{"name": "온도", "type": "number"}],
            "outputs": [{"name": "결과", "type": "string"}],
            "rules": [
                {"id": "과열", "when": {"온도": ">= 90"}, "then": {"결과": "NG"}},
                {"id": "정상", "when": {"온도": "[0..90)"}, "then": {"결과": "OK"}},
            ],
            "examples": [{"in": {"온도": 95}, "out": {"결과": "NG"}}],
        }
    ],
    "result": {"table": "판정", "output": "결과"},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, postgres_server: Any) -> Home:
    folder: Path = tmp_path_factory.mktemp("home")
    return Home(folder, postgres_server.make_database("slice"))


@pytest.fixture(scope="module")
def judgment(home: Home) -> Iterator[httpx.Client]:
    workflow, judgment = CoreProcess(home, "workflow"), CoreProcess(home, "judgment")
    try:
        workflow.start("/ready")
        judgment.start("/ready")
        with home.client("workflow") as client:
            made = client.post("/api/v2/workflow/workflows", json=DOCUMENT)
            assert made.status_code == 201, made.text
            number = made.json()["data"]["id"]
            active = client.post(f"/api/v2/workflow/workflows/{number}/activate", json={"version": 1})
            assert active.status_code == 200, active.text
        with home.client("judgment") as client:
            yield client
    finally:
        judgment.stop()
        workflow.stop()


def execute(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/api/v2/judgment/execute", json={"workflow_name": "온도 판정", **fields})


def wait_for_database(client: httpx.Client) -> None:
    deadline = time.monotonic() + 20
    while client.get("/health").json()["parts"]["database"] != "ok":
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("given", "verdict", "result"),
    [
        ({"온도": 95}, "matched", "NG"),
        ({"온도": 20.5}, "matched", "OK"),
        ({"온도": -5}, "not_matched", None),
        ({"온도": "뜨거움"}, "not_evaluable", None),
        ({}, "not_evaluable", None),
    ],
)
@pytest.mark.guide("S02")
def test_a_judgment_is_answered_and_found_again(
    judgment: httpx.Client, given: dict[str, Any], verdict: str, result: str | None
) -> None:
    wait_for_database(judgment)
    answer = execute(judgment, input_data=given)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert (data["verdict"], data["result"]) == (verdict, result)
    assert answer.json()["meta"]["durability"] == "database"
    if verdict == "not_evaluable":
        assert any(cause["cell"] == ">= 90" and cause["input"] == "온도" for cause in data["causes"])
    found = judgment.get(f"/api/v2/judgment/executions/{data['execution_id']}").json()["data"]
    assert found["input_data"] == given
    assert found["trace"] == data["trace"]
