"""The console's doors, without a browser: forms from elsewhere, old tokens, wrong roles, broken input."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.engine_home import EngineHome, engine_home

from judgify.console.pages import STATIC

PAGES = ("/", "/services", "/incidents", "/runbooks", "/drills", "/actions", "/users", "/status", "/login")


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineHome]:
    with engine_home() as home:
        for role in ("viewer", "responder", "commander"):
            home.user(role, role)
        yield home


class Console:
    """A signed-in person's browser, as far as HTTP goes."""

    def __init__(self, engine: EngineHome, name: str) -> None:
        self.engine = engine
        self.http = httpx.Client(base_url=engine.url, trust_env=False, timeout=30, headers={"origin": engine.url})
        token = engine.post("/login-links", user=name)["url"].split("token=")[1]
        answer = self.http.post("/login", data={"token": token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        found = re.search(r'name="csrf" value="([^"]+)"', self.http.get("/").text)
        assert found is not None
        self.csrf = found[1]

    def send(self, path: str, csrf: str | None = None, origin: str | None = None, **values: str) -> httpx.Response:
        """Send a form."""
        headers = {} if origin is None else {"origin": origin}
        return self.http.post(path, data={"csrf": self.csrf if csrf is None else csrf, **values}, headers=headers)


@pytest.fixture(scope="module")
def admin(engine: EngineHome) -> Iterator[Console]:
    engine.user("boss", "admin")
    console = Console(engine, "boss")
    yield console
    console.http.close()


@pytest.fixture
def responder(engine: EngineHome) -> Iterator[Console]:
    console = Console(engine, "responder")
    yield console
    console.http.close()


@pytest.fixture(scope="module")
def incident(engine: EngineHome) -> str:
    return str(engine.post("/incidents", service="action", text="실패", severity="P2")["id"])


def entries(engine: EngineHome, incident: str) -> list[str]:
    kinds = [entry["type"] for entry in engine.get(f"/incidents/{incident}/timeline")]
    return [kind for kind in kinds if kind in {"note-added", "incident-acknowledged", "severity-changed"}]


def test_every_page_forbids_inline_scripts_and_holds_none(engine: EngineHome, admin: Console, incident: str) -> None:
    for path in (*PAGES, f"/incidents/{incident}", f"/incidents/{incident}/documents/log", "/incidents/none"):
        answer = admin.http.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]* src=)|\son[a-z]+=|\sstyle=|<style", answer.text), path


@pytest.mark.guide("G29")
def test_without_a_session_reading_leads_to_the_sign_in_page_and_forms_are_refused(engine: EngineHome) -> None:
    with httpx.Client(base_url=engine.url, trust_env=False, headers={"origin": engine.url}) as stranger:
        answer = stranger.get("/incidents")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/incidents")
        assert stranger.post("/automation", data={"held": "yes", "reason": "x"}).status_code == 401
        assert stranger.get("/status").status_code == 200
        assert stranger.get("/static/console.css").status_code == 200
        assert stranger.get("/static/../pages.py").status_code == 404


def test_a_form_from_another_site_or_without_its_token_changes_nothing(
    engine: EngineHome, responder: Console, incident: str
) -> None:
    before = entries(engine, incident)
    path = f"/incidents/{incident}/note"
    assert responder.send(path, origin="https://evil.example", text="x").status_code == 403
    assert responder.send(path, origin="null", text="x").status_code == 403
    assert responder.send(path, csrf="", text="x").status_code == 403
    assert responder.send(path, csrf="wrong", text="x").status_code == 403
    del responder.http.headers["origin"]
    assert responder.http.post(path, data={"csrf": responder.csrf, "text": "x"}).status_code == 403
    assert entries(engine, incident) == before


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(engine: EngineHome) -> None:
    link = engine.post("/login-links", user="viewer")["url"]
    token = link.split("token=")[1]
    with httpx.Client(base_url=engine.url, trust_env=False) as client:
        assert client.post("/login", data={"token": token}).status_code == 403
        assert (
            client.post("/login", data={"token": token}, headers={"origin": "https://evil.example"}).status_code == 403
        )
        answer = client.post("/login", data={"token": token, "next": "//evil.example/"}, headers={"origin": engine.url})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        again = client.post("/login", data={"token": token}, headers={"origin": engine.url})
        assert again.status_code == 401


def test_a_password_signs_in_and_a_wrong_one_does_not(engine: EngineHome, admin: Console) -> None:
    assert admin.send("/users", name="hana", role="responder", password="a long enough one").status_code == 303
    with httpx.Client(base_url=engine.url, trust_env=False, headers={"origin": engine.url}) as client:
        assert client.post("/login", data={"name": "hana", "password": "wrong wrong wrong"}).status_code == 401
        assert client.post("/login", data={"name": "hana"}).status_code == 422
        answer = client.post("/login", data={"name": "hana", "password": "a long enough one", "next": "/actions"})
        assert answer.headers["location"] == "/actions"
    assert admin.send("/users", name="kim", role="responder", password="short").status_code == 422
    assert admin.send("/users", name="<b>", role="responder").status_code == 422
    shown = admin.send("/users/hana/link")
    assert "/login?token=" in shown.text
    assert admin.send("/users/hana/disable").status_code == 303
    assert "사용 중지" in admin.http.get("/users").text
    assert admin.send("/users/boss/disable").status_code in {303, 409}


def test_roles_are_enforced_by_the_server(engine: EngineHome, responder: Console, incident: str) -> None:
    viewer = Console(engine, "viewer")
    before = entries(engine, incident)
    for path in (f"/incidents/{incident}/ack", f"/incidents/{incident}/note", "/incidents", "/actions", "/automation"):
        assert viewer.send(path, text="x", service="action", held="yes", reason="x").status_code == 403, path
    for name in ("severity", "resolve", "reopen", "close", "announce"):
        answer = responder.send(f"/incidents/{incident}/{name}", severity="P0", reason="x", audience="customers")
        assert answer.status_code == 403, name
    assert responder.send("/users", name="me", role="admin").status_code == 403
    assert responder.http.get("/users").status_code == 403
    assert entries(engine, incident) == before
    viewer.http.close()


def test_broken_input_gets_a_page_that_says_what_to_do(engine: EngineHome, responder: Console, incident: str) -> None:
    commander = Console(engine, "commander")
    answers = [
        commander.send(f"/incidents/{incident}/severity", severity="P9", reason="x"),
        commander.send(f"/incidents/{incident}/severity", severity="P1"),
        commander.send(f"/incidents/{incident}/announce", audience="customers", text_ko="한국어만"),
        commander.send(f"/incidents/{incident}/close"),
        commander.send(f"/incidents/{incident}/no-such-form"),
        commander.send(f"/incidents/{incident}/step", runbook="nope", step="x"),
        commander.send(f"/incidents/{incident}/step", runbook="action", step="rm -rf"),
        commander.send(f"/incidents/{incident}/approvals/apr-none/approve", digest="x"),
        commander.send(f"/incidents/{incident}/approvals/apr-none/grant", digest="x"),
        commander.send("/incidents/none/ack"),
        commander.send("/incidents", service="no-such", text="x"),
        commander.send("/actions", text="x", owner="y", due="tomorrow"),
        commander.send("/actions/none/done"),
        commander.http.get("/incidents?before=-1"),
        commander.http.get(f"/incidents/{incident}/documents/secrets"),
        commander.http.get("/incidents/'; drop table entries; --"),
    ]
    assert [answer.status_code for answer in answers] == [
        422, 422, 422, 409, 404, 404, 404, 404, 404, 404, 422, 422, 422, 422, 422, 404,
    ]  # fmt: skip
    for answer in answers:
        assert answer.headers["content-type"].startswith("text/html")
        assert 'role="alert"' in answer.text
        assert "Traceback" not in answer.text
    commander.http.close()


@pytest.mark.guide("G10", "G24")
@pytest.mark.guide("G29")
def test_the_whole_way_of_an_incident_by_forms(engine: EngineHome) -> None:
    commander = Console(engine, "commander")
    answer = commander.send("/incidents", service="dashboard", text="차트가 비어 있음", severity="P1")
    address = answer.headers["location"].split("?")[0]
    key = address.rsplit("/", 1)[1]
    steps: list[tuple[str, dict[str, str]]] = [
        ("ack", {}),
        ("assign", {"person": "dev-lead"}),
        ("checklist", {"item": "customers_informed"}),
        ("note", {"text": "확인 중"}),
        ("severity", {"severity": "P2", "reason": "일부만"}),
        ("announce", {"audience": "customers"}),
        ("announce", {"audience": "customers", "text_ko": "점검합니다", "text_en": "Under repair"}),
        ("resolve", {"reason": "정상 확인"}),
        ("reopen", {"reason": "다시 실패"}),
        ("resolve", {"reason": "정상 확인"}),
        ("rootcause", {"text": "설정 오류", "fix_now": "되돌림", "went_well": "빠른 감지\n\n좋은 소통"}),
    ]
    for name, values in steps:
        answer = commander.send(f"{address}/{name}", **values)
        assert answer.status_code == 303, (name, answer.text[-1500:])
    item = commander.send(
        "/actions", incident_id=key, text="검사 추가", owner="dev-team", due="2030-01-31", horizon="week", back=address
    )
    assert item.headers["location"] == f"{address}?done=action"
    action = engine.get(f"/actions?incident={key}")[0]
    assert action["due"].startswith("2030-01-31T14:59:59")
    assert commander.send(f"/actions/{action['id']}/done").status_code == 303
    assert commander.send(f"{address}/close").status_code == 303
    page = commander.http.get(address).text
    for said in ("설정 오류", "빠른 감지", "검사 추가", "종료"):
        assert said in page
    document = commander.http.get(f"{address}/documents/postmortem?download=true&lang=en")
    assert document.headers["content-disposition"] == f'attachment; filename="{key}-postmortem.en.md"'
    assert "# Post-mortem" in document.text
    assert "Under repair" in commander.http.get("/status?lang=en").text
    listed = commander.http.get("/incidents?state=closed&severity=P2").text
    assert key in listed
    commander.http.close()


def test_holding_and_releasing_automation(engine: EngineHome, responder: Console) -> None:
    assert responder.send("/automation", held="yes", reason="점검").status_code == 303
    assert "자동 복구가 중지되어 있습니다" in responder.http.get("/").text
    assert responder.send("/automation", held="no", reason="끝").status_code == 403
    commander = Console(engine, "commander")
    assert commander.send("/automation", held="no", reason="끝").status_code == 303
    assert engine.get("/automation")["held"] is False
    commander.http.close()


@pytest.mark.guide("G18")
def test_the_live_part_is_streamed_and_ends_with_the_session(engine: EngineHome, incident: str) -> None:
    viewer = Console(engine, "viewer")
    with viewer.http.stream("GET", f"/incidents/{incident}/live") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert any("타임라인" in line for line in lines)
        other = httpx.Client(base_url=engine.url, trust_env=False, cookies=viewer.http.cookies)
        other.post("/logout", data={"csrf": viewer.csrf}, headers={"origin": engine.url})
        other.close()
        engine.post(f"/incidents/{incident}/note", text="나중에 온 메모")
        assert not any("나중에 온 메모" in line for line in lines)
    assert viewer.http.get("/incidents/none/live").status_code == 303
    viewer.http.close()


@pytest.mark.guide("G32")
def test_drills_and_their_results_are_shown(engine: EngineHome, responder: Console) -> None:
    engine.post("/drills", id="drl-1", scenario="gateway-down", services=["gateway"])
    assert "진행 중" in responder.http.get("/drills").text
    report = {"passed": False, "segments": {"restored_s": 7.25, "signal_s": None}, "failures": ["<b>late</b>"]}
    engine.post("/drills/drl-1/finish", report={**report, "load": {"lost": 0}})
    text = responder.http.get("/drills").text
    assert "7.25 s" in text
    assert "&lt;b&gt;late&lt;/b&gt;" in text
    engine.post("/drills", id="drl-2", scenario="odd", services=["gateway"])
    engine.post("/drills/drl-2/finish", report={"segments": "none", "load": 3, "failures": "x", "passed": True})
    assert responder.http.get("/drills").status_code == 200


def test_vendored_scripts_are_those_that_were_written_down() -> None:
    folder = Path(STATIC) / "vendor"
    table = (folder / "VENDORED.md").read_text(encoding="utf-8")
    scripts = sorted(folder.glob("*.js"))
    assert [script.name for script in scripts] == ["htmx.min.js", "hx-sse.min.js"]
    for script in scripts:
        assert f"`{hashlib.sha256(script.read_bytes()).hexdigest()}`" in table
