"""The workflow service over HTTP, on a real PostgreSQL."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest
from tests.support.core_process import CoreProcess, Home
from tests.support.stores import Postgres

PREFIX = "/api/v2/workflow/workflows"


def document(name: str, threshold: int = 90, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "input_schema": {"type": "object", "properties": {"온도": {"type": "number"}}},
        "tables": [
            {
                "name": "판정",
                "hit_policy": "F",
                "inputs": [{"name": "온도", "type": "number"}],
                "outputs": [{"name": "결과", "type": "string"}],
                "rules": [{"when": {"온도": f">= {threshold}"}, "then": {"결과": "NG"}}],
            }
        ],
        "result": {"table": "판정", "output": "결과"},
        **changes,
    }


@pytest.fixture(scope="module")
def database(postgres_server: Postgres) -> str:
    return postgres_server.make_database("workflow_service")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("home"), database)
    service = CoreProcess(home, "workflow")
    try:
        service.start("/ready")
        yield home
    finally:
        service.stop()


@pytest.fixture
def client(home: Home) -> Iterator[httpx.Client]:
    with home.client("workflow", "commander") as client:
        yield client


def create(client: httpx.Client, name: str, **changes: Any) -> dict[str, Any]:
    made = client.post(PREFIX, json=document(name, **changes))
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()["data"]
    return found


def test_a_workflow_begins_as_a_draft_and_is_read_by_id_and_by_name(client: httpx.Client) -> None:
    made = create(client, "초안 하나", label="라벨", life_safety=True)
    assert (made["active_version"], made["latest_version"], made["life_safety"]) == (None, 1, True)
    for key in (made["id"], "초안 하나", "초안 하나"):
        found = client.get(f"{PREFIX}/{key}")
        assert found.json()["data"]["document"]["tables"] == document("x")["tables"]
        assert found.headers["etag"] == '"1"'


def test_what_the_rules_leave_open_is_told_when_a_workflow_is_made_and_activated(client: httpx.Client) -> None:
    made = create(client, "열린 끝", llm={"criteria": "보고 판단"})
    assert made["analysis"]["to_model"] == "gaps"
    (table,) = made["analysis"]["tables"]
    assert [(found["kind"], found["where"], found["path"]) for found in table["findings"]] == [
        ("gap", {"온도": "< 90"}, "tables[0]")
    ]
    active = client.post(f"{PREFIX}/{made['id']}/activate", json={"version": 1})
    assert (active.status_code, active.json()["data"]["analysis"]) == (200, made["analysis"])
    never = document("열린 끝")
    never["tables"][0]["rules"] = [{"when": {}, "then": {"결과": "OK"}}, *never["tables"][0]["rules"]]
    second = client.post(f"{PREFIX}/{made['id']}/versions", json=never)
    (table,) = second.json()["data"]["analysis"]["tables"]
    assert (second.status_code, [found["kind"] for found in table["findings"]]) == (201, ["masked"])


def test_names_are_unique_and_a_second_one_is_a_conflict(client: httpx.Client) -> None:
    create(client, "유일")
    again = client.post(PREFIX, json=document("유일"))
    assert (again.status_code, again.json()["type"]) == (409, "urn:judgify:problem:workflow-name-taken")


@pytest.mark.guide("S01")
def test_versions_are_added_activated_and_never_changed(client: httpx.Client, database: str) -> None:
    made = create(client, "판들")
    key = made["id"]
    second = client.post(f"{PREFIX}/{key}/versions", json=document("판들", 80), params={"expected_version": 1})
    assert (second.status_code, second.json()["data"]["version"]) == (201, 2)
    late = client.post(f"{PREFIX}/{key}/versions", json=document("판들", 70), params={"expected_version": 1})
    assert (late.status_code, late.json()["type"]) == (409, "urn:judgify:problem:version-conflict")
    tag = client.get(f"{PREFIX}/{key}").headers["etag"]
    active = client.post(f"{PREFIX}/{key}/activate", json={"version": 1}, headers={"If-Match": tag})
    assert active.json()["data"]["active_version"] == 1
    stale = client.post(f"{PREFIX}/{key}/activate", json={"version": 2}, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["type"]) == (409, "urn:judgify:problem:revision-conflict")
    assert client.get(f"{PREFIX}/{key}").json()["data"]["version"] == 1
    listed = client.get(f"{PREFIX}/{key}/versions", params={"limit": 1}).json()
    assert [entry["version"] for entry in listed["data"]] == [2]
    rest = client.get(f"{PREFIX}/{key}/versions", params={"cursor": listed["meta"]["pagination"]["next_cursor"]})
    assert [entry["version"] for entry in rest.json()["data"]] == [1]
    rules = client.get(f"{PREFIX}/{key}/versions/2").json()["data"]["document"]["tables"][0]["rules"]
    assert rules[0]["when"] == {"온도": ">= 80"}
    assert client.post(f"{PREFIX}/{key}/activate", json={"version": 9}).status_code == 404
    off = client.post(f"{PREFIX}/{key}/deactivate")
    assert off.json()["data"]["active_version"] is None
    renamed = client.post(f"{PREFIX}/{key}/versions", json=document("다른 이름"))
    assert (renamed.status_code, "never changes" in renamed.json()["detail"]) == (422, True)
    with pytest.raises(asyncpg.RaiseError, match="never changed"):
        asyncio.run(_tamper(database))


async def _tamper(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("UPDATE workflow.versions SET document = '{}'")
    finally:
        await connection.close()


def test_activating_twice_changes_nothing_the_second_time(client: httpx.Client) -> None:
    key = create(client, "두 번")["id"]
    first = client.post(f"{PREFIX}/{key}/activate", json={"version": 1}).json()["data"]
    assert client.post(f"{PREFIX}/{key}/activate", json={"version": 1}).json()["data"] == first


def test_the_list_is_filtered_and_paged(client: httpx.Client) -> None:
    for number in range(3):
        create(client, f"목록 {number}")
    client.post(f"{PREFIX}/목록 1/activate", json={"version": 1})
    page = client.get(PREFIX, params={"name": "목록", "limit": 2}).json()
    assert [entry["name"] for entry in page["data"]] == ["목록 2", "목록 1"]
    rest = client.get(PREFIX, params={"name": "목록", "cursor": page["meta"]["pagination"]["next_cursor"]}).json()
    assert [entry["name"] for entry in rest["data"]] == ["목록 0"]
    assert rest["meta"]["pagination"]["next_cursor"] is None
    active = client.get(PREFIX, params={"name": "목록", "active": True}).json()["data"]
    assert [entry["name"] for entry in active] == ["목록 1"]
    assert client.get(PREFIX, params={"name": "'; DROP TABLE workflow.workflows; --"}).json()["data"] == []
    assert client.get(PREFIX, params={"name": "a\x00b"}).json()["data"] == []


@pytest.mark.guide("S01")
def test_simulation_keeps_nothing(client: httpx.Client) -> None:
    action = {"when": '"NG"', "type": "notify", "target": "ops", "template": "x"}
    key = create(client, "모의", actions=[action])["id"]
    for path, body in (
        (f"{PREFIX}/{key}/simulate", {"input_data": {"온도": 95}}),
        (f"{PREFIX}/{key}/simulate", {"input_data": {"온도": 95}, "version": 1}),
        (f"{PREFIX}/simulate", {"input_data": {"온도": 95}, "document": document("저장 안 함", actions=[action])}),
    ):
        data = client.post(path, json=body).json()["data"]
        assert (data["verdict"], data["result"], data["stored"]) == ("matched", "NG", False)
        assert data["trace"][0]["rules"][0]["result"] == "matched"
        assert data["actions"] == [{"index": 0, "type": "notify", "name": None}]
    assert client.get(f"{PREFIX}/저장 안 함").status_code == 404
    assert client.post(f"{PREFIX}/simulate", json={"input_data": {}}).status_code == 422
    both = client.post(f"{PREFIX}/{key}/simulate", json={"input_data": {}, "document": {}})
    assert both.status_code == 422
    assert client.post(f"{PREFIX}/{key}/simulate", json={"input_data": {}, "version": 0}).status_code == 422


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 400, "not valid JSON"),
        (b"\xff\xfe", 400, "not valid JSON"),
        (b"[" * 100_000, 400, "not valid JSON"),
        (b"[]", 422, "object"),
        (b'{"name": "x"}', 422, "input_schema"),
        (b"x" * 1_100_000, 413, "larger than"),
    ],
)
def test_a_body_that_cannot_be_read_changes_nothing(client: httpx.Client, body: bytes, status: int, words: str) -> None:
    answer = client.post(PREFIX, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_a_bad_document_is_told_whole_and_not_kept(client: httpx.Client) -> None:
    bad = document("나쁨", result={"table": "판정", "output": "없음"})
    bad["tables"][0]["rules"][0]["when"] = {"온돠": ">= 1"}
    answer = client.post(PREFIX, json=bad)
    assert answer.status_code == 422
    problem = answer.json()["problems"][0]
    assert problem["path"].startswith("tables[0].rules[0].when")
    assert "온도" in problem["mend"]
    assert client.get(f"{PREFIX}/나쁨").status_code == 404


def test_roles_are_kept_apart(home: Home) -> None:
    with home.client("workflow", "responder") as reader:
        assert reader.get(PREFIX).status_code == 200
        assert reader.post(PREFIX, json=document("역할")).status_code == 403
        assert reader.get("/internal/workflows/active").status_code == 403
    url = f"http://127.0.0.1:{home.ports['workflow']}"
    assert httpx.get(url + PREFIX, trust_env=False).status_code == 401
    bad = {"Authorization": "Bearer nonsense"}
    assert httpx.post(url + PREFIX, json=document("역할"), headers=bad, trust_env=False).status_code == 401


def test_a_bad_if_match_is_refused(client: httpx.Client) -> None:
    key = create(client, "머리글")["id"]
    answer = client.post(f"{PREFIX}/{key}/deactivate", headers={"If-Match": '"x"'})
    assert (answer.status_code, "ETag" in answer.json()["detail"]) == (422, True)
    assert client.post(f"{PREFIX}/{key}/deactivate", headers={"If-Match": "*"}).status_code == 200


def test_services_learn_what_is_active_and_what_did_not_change(home: Home, client: httpx.Client) -> None:
    made = create(client, "내부")
    with home.client("workflow", "service") as service:
        assert service.get(f"/internal/workflows/{made['id']}").status_code == 503
        client.post(f"{PREFIX}/{made['id']}/activate", json={"version": 1})
        index = service.get("/internal/workflows/active")
        row = next(entry for entry in index.json()["data"] if entry["id"] == made["id"])
        assert (row["name"], row["version"]) == ("내부", 1)
        same = service.get("/internal/workflows/active", headers={"If-None-Match": index.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        whole = service.get(f"/internal/workflows/{made['id']}")
        assert whole.json()["data"]["sha256"] == row["sha256"]
        client.post(f"{PREFIX}/{made['id']}/deactivate")
        changed = service.get("/internal/workflows/active", headers={"If-None-Match": index.headers["etag"]})
        assert changed.status_code == 200


def test_the_examples_are_installed_once_and_left_alone(home: Home, client: httpx.Client) -> None:
    found = client.get(PREFIX, params={"name": "equipment-sensors"}).json()["data"]
    assert [(entry["active_version"], entry["created_by"]) for entry in found] == [(1, "service:workflow")]
    client.post(f"{PREFIX}/equipment-sensors/deactivate")
    again = Home(home.folder, home.environ["DATABASE_URL"])
    service = CoreProcess(again, "workflow")
    try:
        service.start("/ready")
        with again.client("workflow") as other:
            assert other.get(f"{PREFIX}/equipment-sensors").json()["data"]["active_version"] is None
    finally:
        service.stop()
