"""The engine's HTTP interface: who may do what, what bad input does (nothing), documents, status, stream."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.response_world import PlainDocuments, World, default_guide

from judgify.kit import auth
from judgify.kit.errors import Conflict, NotFound
from judgify.kit.metrics import Metrics
from judgify.kit.secrets import ensure_secret
from judgify.kit.settings import Settings
from judgify.response.api.app import engine_app
from judgify.response.api.parts import Response
from judgify.response.model import Lang

P = "/api/v2/response"


def _runbooks(lang: Lang) -> list[dict[str, Any]]:
    return [{"id": "judgment", "service": "judgment", "title": lang, "diagnose": [], "recover": [{"step": "start"}]}]


class Site:
    """The app around a world, and callers with different credentials."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        for name in ("service_secret", "cli_token"):
            ensure_secret(folder, name)
        self.settings = Settings.from_env({"JUDGIFY_INTAKE_TOKEN": "intake-token"}, folder)
        core, guide = world.core, default_guide()
        parts = Response(
            engine=core.engine,
            office=core.office,
            accounts=core.accounts,
            desk=core.desk,
            policy=world.policy,
            figures=core.figures,
            scribe=core.scribe,
            documents=PlainDocuments(),
            orchestrator=world.orchestrator,
            clock=world.clock,
            runbooks=lambda lang: [
                {
                    "id": "judgment",
                    "service": "judgment",
                    "title": lang,
                    "diagnose": [],
                    "recover": [{"step": "start"}],
                }
            ],
            forms=world.ways,
            inbox=core.inbox,
            heartbeats=core.heartbeats,
            guide=guide,
            console_address="http://127.0.0.1:8010",
            started_at=world.clock.now(),
        )
        self.app = engine_app(
            parts, self.settings, Metrics("response"), completed_at=lambda: world.core.conductor.completed_at
        )
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False), base_url="http://127.0.0.1:8010"
        )

    def token(self, role: str, *, name: str = "", kind: auth.Kind = "person", ttl_s: float = 60) -> str:
        who = auth.Principal(name or role, frozenset({role}), kind)
        return auth.mint(self.settings.service_secret, who, self.world.clock, ttl_s)

    async def call(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **options)

    async def as_cli(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self.call(method, path, self.settings.cli_token, **options)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    world = await World(tmp_path).up()
    made = Site(world, tmp_path)
    yield made
    await made.http.aclose()
    await world.down()


async def test_a_signal_that_came_over_http_is_an_incident_with_everything_in_it(site: Site) -> None:
    body = {"service": "judgment", "signal": "service_down", "text": "<script>alert(1)</script>"}
    taken = await site.call("POST", f"{P}/signals", "intake-token", json=body)
    assert taken.status_code == 202
    incident_id = taken.json()["data"][0]["incident_id"]
    await site.world.tick()
    shown = (await site.as_cli("GET", f"{P}/incidents/{incident_id}?lang=en")).json()["data"]
    assert (shown["severity"], shown["known"], shown["phase"]) == ("P1", True, 1)
    assert shown["clocks"]["response_target_s"] == 1800
    assert shown["checklist"][0]["items"]
    assert [phase["current"] for phase in shown["phases"]] == [True, False, False]
    assert shown["signals"][0]["text"] == "<script>alert(1)</script>"
    timeline = (await site.as_cli("GET", f"{P}/incidents/{incident_id}/timeline?after=1&limit=2")).json()["data"]
    assert [entry["seq"] for entry in timeline] == [2, 3]
    assert timeline[0]["shown_at"].endswith("KST")
    document = await site.as_cli("GET", f"{P}/incidents/{incident_id}/documents/log?lang=ko")
    assert document.headers["content-type"].startswith("text/markdown")
    asked = await site.as_cli(
        "GET", f"{P}/incidents/{incident_id}/documents/log", headers={"accept": "application/json"}
    )
    assert asked.json()["data"]["lang"] == "ko"
    listed = (await site.as_cli("GET", f"{P}/incidents?state=mitigating&severity=P1")).json()["data"]
    assert [row["id"] for row in listed] == [incident_id]
    pages = (await site.as_cli("GET", f"{P}/pages?incident={incident_id}")).json()["data"]
    assert pages
    assert "token" not in pages[0]
    one = await site.as_cli("GET", f"{P}/pages/{pages[0]['id']}")
    assert one.json()["data"]["id"] == pages[0]["id"]


async def test_an_alert_of_alertmanager_is_taken_and_an_outside_signal_confirms_nothing(site: Site) -> None:
    alert: dict[str, Any] = {
        "status": "firing",
        "labels": {"alertname": "ServiceDown", "job": "judgment-service", "severity": "critical"},
        "annotations": {},
        "startsAt": "2026-03-04T00:59:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "abc",
    }
    body: dict[str, Any] = {
        "version": "4",
        "groupKey": "g",
        "status": "firing",
        "receiver": "judgify",
        "alerts": [alert],
    }
    empty: dict[str, str] = {}
    body |= {"groupLabels": empty, "commonLabels": empty, "commonAnnotations": empty, "externalURL": "http://am"}
    taken = await site.call("POST", f"{P}/intake/alertmanager", "intake-token", json=body)
    assert taken.status_code == 202, taken.text
    incident = await site.world.incident(taken.json()["data"][0]["incident_id"])
    assert (incident.key.root, incident.confirmed) == ("judgment", False)


async def test_without_a_credential_only_states_are_told(site: Site) -> None:
    assert (await site.call("GET", "/live")).status_code == 200
    assert (await site.call("GET", "/health")).status_code == 503
    assert (await site.call("GET", "/ready")).status_code == 503
    await site.world.fails("judgment")
    await site.world.tick()
    assert (await site.call("GET", "/health")).json()["parts"] == {"due-rows": "ok", "guide": "ok"}
    status = (await site.call("GET", "/status.json?lang=en")).json()
    assert status["status"] == "outage"
    assert {"text", "responder"}.isdisjoint(status["incidents"][0])
    for path in ("/incidents", "/services", "/stream", "/users", "/pages", "/actions", "/automation", "/drills"):
        refused = await site.call("GET", P + path)
        assert refused.status_code == 401, path
        assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("token", "status"),
    [("", 401), ("wrong", 401), ("a.b.c", 401), ("expired", 401), ("other-secret", 401), ("viewer", 403)],
)
async def test_a_bad_credential_changes_nothing(site: Site, token: str, status: int) -> None:
    incident_id = await site.world.fails("judgment")
    before = await site.world.types(incident_id)
    if token == "expired":
        token = site.token("responder", ttl_s=-1)
    elif token == "other-secret":
        who = auth.Principal("eve", frozenset({"admin"}))
        token = auth.mint("x" * 43, who, site.world.clock)
    elif token == "viewer":
        token = site.token("viewer")
    refused = await site.call("POST", f"{P}/incidents/{incident_id}/ack", token or None)
    assert refused.status_code == status
    assert await site.world.types(incident_id) == before


async def test_every_role_may_do_its_part_and_no_more(site: Site) -> None:
    incident_id = await site.world.fails("judgment")
    path = f"{P}/incidents/{incident_id}"
    viewer, responder, commander = (site.token(role) for role in ("viewer", "responder", "commander"))
    assert (await site.call("GET", path, viewer)).status_code == 200
    assert (await site.call("POST", f"{path}/note", viewer, json={"text": "x"})).status_code == 403
    assert (await site.call("POST", f"{path}/note", responder, json={"text": "x"})).status_code == 200
    assert (await site.call("POST", f"{path}/note", responder, json={"text": "y", "corrects": 1})).status_code == 200
    assert (await site.call("POST", f"{path}/note", responder, json={"text": "y", "corrects": 99})).status_code == 404
    assert (await site.call("POST", f"{path}/assign", responder, json={"person": "jiwon"})).status_code == 200
    assert (await site.call("POST", f"{path}/checklist", responder, json={"item": "announced"})).status_code == 200
    unknown = await site.call("POST", f"{path}/checklist", responder, json={"item": "no-such-item"})
    assert (unknown.status_code, "confirm-receipt" in unknown.json()["detail"]) == (422, True)
    severe = {"severity": "P0", "reason": "전면 중단"}
    assert (await site.call("POST", f"{path}/severity", responder, json=severe)).status_code == 403
    assert (await site.call("POST", f"{path}/severity", commander, json=severe)).json()["data"]["severity"] == "P0"
    assert (await site.call("POST", f"{path}/announce", commander, json={"audience": "customers"})).status_code == 200
    acked = await site.call("POST", f"{path}/ack", responder)
    assert acked.json()["data"]["acknowledged_by"] == "responder"
    assert (await site.call("POST", f"{path}/close", commander)).status_code == 409
    assert (await site.call("POST", f"{path}/resolve", commander, json={"reason": "끝"})).status_code == 200
    missing = await site.call("POST", f"{path}/close", commander)
    assert missing.json()["missing"] == ["root_cause", "action_items"]
    cause = {"text": "OOM", "fix_now": "재시작"}
    assert (await site.call("POST", f"{path}/rootcause", responder, json=cause)).status_code == 200
    action = {
        "incident_id": incident_id,
        "text": "fix",
        "owner": "dev",
        "due": "2026-03-11T00:00:00Z",
        "horizon": "week",
    }
    made = await site.call("POST", f"{P}/actions", responder, json=action)
    assert (await site.call("POST", f"{P}/actions/{made.json()['data']['id']}/done", responder)).status_code == 200
    assert len((await site.call("GET", f"{P}/actions?undone=false", viewer)).json()["data"]) == 1
    assert (await site.call("POST", f"{path}/close", commander)).json()["data"]["state"] == "closed"
    assert (await site.call("POST", f"{path}/reopen", commander, json={"reason": "다시"})).status_code == 200
    assert (await site.call("POST", f"{P}/users", commander, json={"name": "x", "role": "viewer"})).status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/signals", b"{", 400),
        ("/signals", b"[" * 5_000, 400),
        ("/signals", b'{"service":"judgment"}', 422),
        ("/signals", b'{"service":"judgment","signal":"service_down","drill":"mine"}', 422),
        ("/signals", b'{"service":"judgment","signal":"service_down","own":true}', 422),
        ("/intake/alertmanager", b'{"alerts":"many"}', 422),
        ("/incidents", b'{"service":"judgment","text":"x","unknown":1}', 422),
        ("/incidents", b'{"service":"nothing","text":"x"}', 422),
        ("/incidents", b'{"service":"judgment","text":"   "}', 422),
        ("/incidents", b'{"service":"judgment","text":"x","severity":"P9"}', 422),
        ("/incidents/INC-2026-0001/note", b'{"text":""}', 422),
        ("/incidents/..%2f..%2fetc%2fpasswd/ack", b"{}", 404),
        ("/incidents/' OR 1=1 --/ack", b"{}", 404),
        ("/incidents/INC-2026-0001/approvals/apr_x/approve", b"{}", 404),
        ("/incidents/INC-2026-0001/approvals/apr_x/destroy", b"{}", 404),
        ("/actions", b'{"text":"x","owner":"y","due":"tomorrow"}', 422),
        ("/actions", b'{"text":"x","owner":"y","due":"2026-03-11T00:00:00"}', 422),
        ("/drills", b'{"id":"../x","scenario":"s","services":["judgment"]}', 422),
        ("/drills", b'{"id":"x","scenario":"s","services":["nothing"]}', 422),
        ("/runbooks/nothing/run", b"{}", 404),
        ("/runbooks/judgment/run", b"{}", 422),
        ("/test-page", b'{"person":"nobody"}', 404),
        ("/users", b'{"name":"a b","role":"admin"}', 422),
        ("/users", b'{"name":"ab","role":"admin","password":"short"}', 422),
        ("/login-links", b'{"user":"nobody"}', 404),
        ("/automation/hold", b'{"reason":""}', 422),
    ],
)
async def test_bad_input_gets_a_clear_answer_and_changes_nothing(
    site: Site, path: str, body: bytes, status: int
) -> None:
    await site.world.fails("judgment")
    before = await site.world.core.desk.ask(lambda tx: tx.last_number())
    answer = await site.as_cli("POST", P + path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.json()["request_id"]
    assert await site.world.core.desk.ask(lambda tx: tx.last_number()) == before


async def test_a_body_of_ten_megabytes_is_refused(site: Site) -> None:
    answer = await site.call("POST", f"{P}/signals", "intake-token", content=b"x" * 10_000_000)
    assert answer.status_code == 413


async def test_a_batch_with_one_bad_signal_takes_none(site: Site) -> None:
    good = {"service": "judgment", "signal": "service_down"}
    answer = await site.call("POST", f"{P}/signals", "intake-token", json=[good, {"service": "x"}])
    assert answer.status_code == 422
    assert await site.world.core.desk.ask(lambda tx: tx.incidents()) == []


async def test_a_sender_that_sends_too_fast_is_held_back(site: Site) -> None:
    site.app.state.signin.burst = 3.0
    good = {"service": "judgment", "signal": "service_down"}
    answers = [await site.call("POST", f"{P}/signals", "intake-token", json=good) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert answers[-1].headers["retry-after"] == "1"
    await site.world.clock.advance(1)
    assert (await site.call("POST", f"{P}/signals", "intake-token", json=good)).status_code == 202


async def test_two_persons_approve_and_the_command_line_is_none_of_them(site: Site) -> None:
    site.world.runner.needed, site.world.runner.risk = 2, "dangerous"
    incident_id = await site.world.fails("database")
    await site.world.tick()
    approval = (await site.world.incident(incident_id)).approvals[0]
    path = f"{P}/incidents/{incident_id}/approvals/{approval.id}"
    assert (await site.as_cli("POST", f"{path}/approve")).status_code == 403
    assert (await site.call("POST", f"{path}/approve", site.token("responder"))).status_code == 403
    first, second = site.token("commander", name="minsu"), site.token("commander", name="jiwon")
    assert (await site.call("POST", f"{path}/approve", first)).json()["data"]["state"] == "waiting"
    assert (await site.call("POST", f"{path}/approve", first)).status_code == 409
    assert (await site.call("POST", f"{path}/approve", second)).json()["data"]["state"] == "granted"
    await site.world.tick()
    assert site.world.runner.performed == ["database"]


async def test_a_single_approval_may_come_from_the_command_line_and_be_refused_too(site: Site) -> None:
    site.world.runner.needed = 1
    incident_id = await site.world.fails("judgment")
    await site.world.tick()
    approval = (await site.world.incident(incident_id)).approvals[0]
    path = f"{P}/incidents/{incident_id}/approvals/{approval.id}"
    rejected = await site.as_cli("POST", f"{path}/reject", json={"reason": "아직"})
    assert rejected.json()["data"]["state"] == "rejected"
    assert (await site.as_cli("POST", f"{path}/approve")).status_code == 409
    await site.world.tick()
    assert site.world.runner.performed == []
    assert any(page.row.startswith("runbook:") for page in site.world.pager.sent)


async def test_a_login_link_works_once_and_for_ten_minutes(site: Site) -> None:
    made = (await site.as_cli("POST", f"{P}/login-links")).json()["data"]
    token = made["url"].split("token=")[1]
    signed = await site.call("POST", f"{P}/sessions", json={"token": token})
    assert signed.status_code == 201
    assert "HttpOnly" in signed.headers["set-cookie"]
    assert "SameSite=strict" in signed.headers["set-cookie"]
    again = await site.call("POST", f"{P}/sessions", json={"token": token})
    assert again.status_code == 401
    late = (await site.as_cli("POST", f"{P}/login-links")).json()["data"]["url"].split("token=")[1]
    await site.world.clock.advance(601)
    assert (await site.call("POST", f"{P}/sessions", json={"token": late})).status_code == 401


async def test_a_session_that_acts_needs_the_forms_token_and_our_own_pages(site: Site) -> None:
    incident_id = await site.world.fails("judgment")
    token = (await site.as_cli("POST", f"{P}/login-links")).json()["data"]["url"].split("token=")[1]
    csrf = (await site.call("POST", f"{P}/sessions", json={"token": token})).json()["data"]["csrf"]
    path = f"{P}/incidents/{incident_id}/ack"
    ours = {"origin": "http://127.0.0.1:8010"}
    assert (await site.call("GET", f"{P}/incidents")).status_code == 200
    assert (await site.call("POST", path, headers=ours)).status_code == 403
    assert (await site.call("POST", path, headers={"x-csrf-token": csrf})).status_code == 403
    evil = {"origin": "http://evil.example", "x-csrf-token": csrf}
    assert (await site.call("POST", path, headers=evil)).status_code == 403
    assert (await site.world.incident(incident_id)).acknowledged_at is None
    good = await site.call("POST", path, headers={**ours, "x-csrf-token": csrf})
    assert good.json()["data"]["acknowledged_by"] == "admin"
    ended = await site.call("POST", f"{P}/sessions/end", headers={**ours, "x-csrf-token": csrf})
    assert ended.status_code == 200
    site.http.cookies.clear()
    assert (await site.call("GET", f"{P}/incidents")).status_code == 401


async def test_people_sign_in_by_password_and_guessing_is_slowed_down(site: Site) -> None:
    body = {"name": "minsu", "role": "commander", "password": "correct horse battery"}
    made = await site.as_cli("POST", f"{P}/users", json=body)
    assert "password_hash" not in made.json()["data"]
    listed = (await site.as_cli("GET", f"{P}/users")).json()["data"]
    assert [user["name"] for user in listed] == ["minsu"]
    right = {"name": "minsu", "password": "correct horse battery"}
    assert (await site.call("POST", f"{P}/sessions", json=right)).status_code == 201
    wrong = [
        (await site.call("POST", f"{P}/sessions", json={**right, "password": f"wrong {i}"})).status_code
        for i in range(5)
    ]
    assert wrong == [401] * 5
    assert (await site.call("POST", f"{P}/sessions", json=right)).status_code == 429
    await site.world.clock.advance(301)
    assert (await site.call("POST", f"{P}/sessions", json=right)).status_code == 201
    await site.as_cli("POST", f"{P}/users", json={**body, "password": None, "disabled": True})
    assert (await site.call("POST", f"{P}/sessions", json=right)).status_code == 401
    site.http.cookies.clear()
    assert (await site.call("POST", f"{P}/sessions", json={"name": "nobody", "password": "x"})).status_code == 401


async def test_the_last_administrator_stays_one(site: Site) -> None:
    admin = {"name": "jiwon", "role": "admin", "password": "correct horse battery"}
    assert (await site.as_cli("POST", f"{P}/users", json=admin)).status_code == 201
    for change in ({"role": "viewer"}, {"disabled": True}):
        assert (await site.as_cli("POST", f"{P}/users", json={**admin, **change})).status_code == 409
    assert (await site.as_cli("POST", f"{P}/users", json={**admin, "name": "minsu"})).status_code == 201
    await site.world.core.accounts.remove("jiwon")
    with pytest.raises(Conflict):
        await site.world.core.accounts.remove("minsu")
    with pytest.raises(NotFound):
        await site.world.core.accounts.remove("nobody")


async def test_a_start_by_itself_says_when_the_next_one_may_be(site: Site) -> None:
    await site.world.fails("judgment")
    await site.world.tick()
    shown = (await site.as_cli("GET", f"{P}/automation")).json()["data"]
    # The runbook of this world restarts, which the limit on starts does not count.
    assert set(shown["next_start_at"].values()) == {None}
    assert shown["policy"]["by_itself"][0]["operation"] == "start"
    waiting = (await site.as_cli("GET", f"{P}/approvals")).json()["data"]
    assert waiting == []


async def test_a_dry_run_is_answered_with_what_came_of_it(site: Site) -> None:
    incident_id = await site.world.fails("judgment")
    await site.world.tick()
    body = {"incident_id": incident_id, "dry_run": True}
    asked = asyncio.create_task(site.as_cli("POST", f"{P}/runbooks/judgment/run", json=body))
    for _ in range(100):
        await asyncio.sleep(0)
        await site.world.tick()
        await site.world.clock.advance(0.2)
        if asked.done():
            break
    run = (await asked).json()["data"]
    assert run["state"] == "done"
    assert (await site.as_cli("GET", f"{P}/runs/{run['id']}")).json()["data"]["asked_by"]["kind"] == "cli"


async def test_runbooks_drills_rollouts_and_the_hold_switch_over_http(site: Site) -> None:
    commander = site.token("commander")
    assert (await site.as_cli("GET", f"{P}/runbooks?lang=en")).json()["data"][0]["title"] == "en"
    assert (await site.as_cli("GET", f"{P}/runbooks/judgment")).json()["data"]["recover"]
    held = await site.call("POST", f"{P}/automation/hold", site.token("responder"), json={"reason": "점검"})
    assert held.json()["data"]["held"]
    assert (await site.as_cli("GET", f"{P}/automation")).json()["data"]["reason"] == "점검"
    assert not (await site.call("POST", f"{P}/automation/release", commander, json={"reason": "끝"})).json()["data"][
        "held"
    ]
    drill = {"id": "d-1", "scenario": "gateway-down", "services": ["gateway"]}
    assert (await site.as_cli("POST", f"{P}/drills", json=drill)).status_code == 201
    assert (await site.as_cli("POST", f"{P}/drills", json=drill)).status_code == 409
    report = {"report": {"passed": True}}
    assert (await site.as_cli("POST", f"{P}/drills/d-1/finish", json=report)).status_code == 200
    assert (await site.as_cli("POST", f"{P}/drills/d-1/finish", json=report)).status_code == 409
    assert (await site.as_cli("POST", f"{P}/drills/d-2/finish", json=report)).status_code == 404
    assert (await site.as_cli("GET", f"{P}/drills")).json()["data"][0]["report"] == {"passed": True}
    rollout = {"service": "judgment", "reason": "v2.1", "seconds": 60}
    assert (await site.as_cli("POST", f"{P}/rollouts", json=rollout)).status_code == 201
    site.world.works("judgment")
    await site.world.tick()
    services = (await site.as_cli("GET", f"{P}/services")).json()["data"]
    judgment = next(row for row in services if row["service"] == "judgment")
    assert judgment["check"]["ok"]
    assert judgment["unit_state"]["state"] == "running"
    site.world.orchestrator.dead = True
    assert (await site.as_cli("GET", f"{P}/services")).json()["data"][0]["unit_state"] is None
    sent = (await site.as_cli("POST", f"{P}/test-page", json={"person": "dev-lead"})).json()["data"]["pages"]
    await site.world.tick()
    assert [(await site.as_cli("GET", f"{P}/pages/{page}")).json()["data"]["state"] for page in sent] == [
        "sent",
        "sent",
    ]
    assert (await site.as_cli("GET", f"{P}/pages/none")).status_code == 404
    assert (await site.as_cli("GET", f"{P}/runs/none")).status_code == 404
