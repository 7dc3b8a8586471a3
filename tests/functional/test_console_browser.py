"""The console in a real browser, on a real engine: sign in, acknowledge, approve, look, sign out."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.support.browser import chromium
from tests.support.engine_home import CLOCK, EngineHome, engine_home
from tests.support.tale import approval, opened, operation, signal

from judgify.response import operation_entry as o
from judgify.response import timeline as t
from judgify.response.model import ENGINE, Finding, IncidentKey, OperationResult, Scope
from judgify.response.ports import Tx

pytestmark = [pytest.mark.browser, pytest.mark.slow]
EVIL = (
    "<script>window.forged=1</script><img src=x onerror='window.forged=2'>[x](javascript:window.forged=3)" + "가" * 300
)
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
INCIDENTS: dict[str, str] = {}


def seed(tx: Tx) -> None:
    """Write two incidents as an engine that was restarted would find them: one asks for approval, one is hostile."""
    now = CLOCK.now()
    for name, service in (("asks", "workflow"), ("evil", "logging")):
        key = f"INC-{now.year}-{tx.next_number(now.year):04d}"
        INCIDENTS[name] = key
        first = signal(service, observed_at=now, received_at=now, text=EVIL if name == "evil" else "")
        # Marked as a drill's, so that what the probes really find down here does not join it.
        root = IncidentKey(root=service, failure_class="service", drill="drl-seed")
        event = opened(
            first, id=key, key=root, started_at=now, title=EVIL[:200] if name == "evil" else "워크플로우: 서비스 다운"
        )
        tx.append(key, ENGINE, now, [event, t.FindingRecorded(finding=_finding(EVIL))])
        asked = approval(f"apr-{name}", 1).model_copy(
            update={"incident_id": key, "asked_at": now, "lapses_at": now + timedelta(minutes=15)}
        )
        tx.save_approval(asked)
        events: list[t.Event] = [
            o.ApprovalRequested(approval=asked),
            o.OperationStarted(operation=operation(f"ope-{name}")),
            o.OperationFinished(operation_id=f"ope-{name}", result=OperationResult(ok=False, detail=EVIL)),
            t.ScopeCaptured(scope=Scope(at=now, units_down=(service,))),
        ]
        tx.append(key, ENGINE, now, events)


def _finding(text: str) -> Finding:
    return Finding(id="fin-1", step="pods", title="서비스 상태 확인", text=text, at=CLOCK.now())


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineHome]:
    with engine_home(seed) as home:
        for role in ("viewer", "responder", "commander"):
            home.user(role, role)
        yield home


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def signed_in(engine: EngineHome, browser: Any, name: str, size: dict[str, int] = DESKTOP, **options: Any) -> Any:
    """Open a page as a user, signed in by a fresh link."""
    page = browser.new_context(viewport=size, **options).new_page()
    page.goto(engine.post("/login-links", user=name)["url"])
    page.click("button.main")
    page.wait_for_url(f"{engine.url}/")
    return page


def state_of(engine: EngineHome, name: str) -> dict[str, Any]:
    return dict(engine.get(f"/incidents/{INCIDENTS[name]}"))


def test_signing_in_acknowledging_approving_and_signing_out(engine: EngineHome, browser: Any) -> None:
    page = browser.new_context(viewport=DESKTOP).new_page()
    link = engine.post("/login-links", user="commander")["url"]
    # Mail scanners follow links: looking at one uses nothing up.
    page.goto(link)
    page.goto(link)
    assert "한 번만" in page.inner_text("main")
    page.click("button.main")
    page.wait_for_url(f"{engine.url}/")

    page.click(f"a[href='/incidents/{INCIDENTS['asks']}']")
    assert "P1 High" in page.inner_text("#live")
    assert "judgment-down" in page.inner_text("#live .why")
    page.click("text=접수 - 내가 맡습니다")
    page.wait_for_url("**done=ack")
    assert state_of(engine, "asks")["acknowledged_by"] == "commander"
    assert page.locator("text=접수 - 내가 맡습니다").count() == 0

    assert "judgment 유닛에 rollback 실행" in page.inner_text("#approvals")
    assert "kubectl rollout restart" in page.inner_text("#approvals")
    page.click("#approvals button.main")
    page.wait_for_url("**done=approve")
    assert [known["state"] for known in state_of(engine, "asks")["approvals"]] == ["granted"]

    page.fill("#note", "재시작 확인")
    page.click("form[action$='/note'] button")
    page.wait_for_url("**done=note")
    assert "메모 (commander): 재시작 확인" in page.inner_text(".timeline")

    page.click("text=로그아웃")
    page.wait_for_url(f"{engine.url}/login")
    page.goto(f"{engine.url}/incidents/{INCIDENTS['asks']}")
    assert "/login" in page.url
    page.goto(link)
    page.click("button.main")
    assert "로그인이 필요합니다" in page.inner_text("main")


def test_a_viewer_sees_everything_and_no_button(engine: EngineHome, browser: Any) -> None:
    page = signed_in(engine, browser, "viewer")
    for address in (
        "/",
        "/incidents",
        f"/incidents/{INCIDENTS['evil']}",
        "/actions",
        "/services",
        "/runbooks",
        "/drills",
    ):
        page.goto(f"{engine.url}{address}")
        assert page.locator("main form[method='post']").count() == 0, address
    page.goto(f"{engine.url}/incidents/{INCIDENTS['evil']}")
    assert "처음 15분" in page.inner_text("main")
    csrf = page.locator("form[action='/logout'] input[name=csrf]").get_attribute("value")
    refused = page.request.post(
        f"{engine.url}/incidents/{INCIDENTS['evil']}/ack",
        form={"csrf": csrf},
        headers={"origin": engine.url},
        max_redirects=0,
    )
    assert refused.status == 403
    assert "responder" in refused.text()
    assert state_of(engine, "evil")["acknowledged_at"] is None
    assert page.goto(f"{engine.url}/users").status == 403


def test_a_responder_may_acknowledge_but_not_approve(engine: EngineHome, browser: Any) -> None:
    page = signed_in(engine, browser, "responder")
    page.goto(f"{engine.url}/incidents/{INCIDENTS['evil']}")
    assert page.locator("form[action$='/ack']").count() == 1
    assert page.locator("form[action$='/approve'], form[action$='/severity'], form[action$='/resolve']").count() == 0
    csrf = page.locator("form[action='/logout'] input[name=csrf]").get_attribute("value")
    digest = state_of(engine, "evil")["approvals"][0]["digest"]
    refused = page.request.post(
        f"{engine.url}/incidents/{INCIDENTS['evil']}/approvals/apr-evil/approve",
        form={"csrf": csrf, "digest": digest},
        headers={"origin": engine.url},
        max_redirects=0,
    )
    assert refused.status == 403
    assert state_of(engine, "evil")["approvals"][0]["state"] == "waiting"


def test_hostile_text_is_shown_and_does_nothing(engine: EngineHome, browser: Any) -> None:
    page = signed_in(engine, browser, "commander")
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("dialog", lambda dialog: told.append("dialog"))
    engine.post(f"/incidents/{INCIDENTS['evil']}/note", text=EVIL)
    engine.post("/actions", incident_id=INCIDENTS["evil"], text=EVIL, owner="<b>x</b>", due="2030-01-01T00:00:00Z")
    for address in (
        "/",
        "/incidents",
        "/actions",
        "/status",
        f"/incidents/{INCIDENTS['evil']}",
        f"/incidents/{INCIDENTS['evil']}/documents/log",
        f"/incidents/{INCIDENTS['evil']}/documents/postmortem?lang=en",
        "/incidents?state=%3Cscript%3E&severity=zz",
    ):
        page.goto(f"{engine.url}{address}")
        assert page.evaluate("window.forged") is None, address
        assert page.locator("main script, main img, main a[href^='javascript']").count() == 0, address
    page.goto(f"{engine.url}/incidents/{INCIDENTS['evil']}")
    assert "<script>window.forged=1</script>" in page.inner_text("h1")
    assert told == []


def test_the_page_is_renewed_by_itself_and_keeps_what_is_being_written(engine: EngineHome, browser: Any) -> None:
    page = signed_in(engine, browser, "commander")
    page.goto(f"{engine.url}/incidents/{INCIDENTS['asks']}")
    page.fill("#note", "아직 쓰는 중")
    engine.post(f"/incidents/{INCIDENTS['asks']}/note", text="다른 사람의 메모")
    page.locator(".timeline", has_text="다른 사람의 메모").wait_for(timeout=15_000)
    assert page.input_value("#note") == "아직 쓰는 중"


def test_everything_can_be_read_and_acknowledged_without_javascript(engine: EngineHome, browser: Any) -> None:
    declared = engine.post("/incidents", service="notification", text="알림이 오지 않음", severity="P2")
    page = signed_in(engine, browser, "responder", java_script_enabled=False)
    page.goto(f"{engine.url}/incidents/{declared['id']}")
    assert "알림이 오지 않음" in page.inner_text("main")
    assert page.locator(".timeline li").count() > 0
    page.click("text=접수 - 내가 맡습니다")
    page.wait_for_url("**done=ack")
    assert engine.get(f"/incidents/{declared['id']}")["acknowledged_by"] == "responder"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_phone_needs_no_sideways_scrolling_and_has_large_buttons(
    engine: EngineHome, browser: Any, scheme: str
) -> None:
    page = signed_in(engine, browser, "commander", PHONE, color_scheme=scheme)
    addresses = ["/", "/services", "/incidents", "/runbooks", "/drills", "/actions", "/status"]
    addresses += [f"/incidents/{INCIDENTS['evil']}", f"/incidents/{INCIDENTS['evil']}/documents/log", "/incidents/none"]
    for address in addresses:
        page.goto(f"{engine.url}{address}")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address
        small = page.evaluate(
            "[...document.querySelectorAll('button, nav a, summary, input:not([type=hidden]), select')]"
            ".filter(e => e.offsetParent && e.getBoundingClientRect().height < 43.5 && e.type !== 'checkbox')"
            ".map(e => e.outerHTML.slice(0, 80))"
        )
        assert small == [], address


def test_the_language_is_remembered(engine: EngineHome, browser: Any) -> None:
    page = signed_in(engine, browser, "viewer")
    assert page.locator("html").get_attribute("lang") == "ko"
    assert "HTTP 에러율" in page.inner_text("main")
    page.click("text=English")
    assert "Open incidents" in page.inner_text("main")
    page.goto(f"{engine.url}/services")
    assert page.inner_text("h1") == "Services"
    assert "KST" in page.inner_text("footer")


@pytest.mark.guide("G31")
def test_life_at_risk_comes_before_everything_else(engine: EngineHome, browser: Any) -> None:
    declared = engine.post("/incidents", service="action", text="밸브 제어 불가", life_at_risk=True)
    page = signed_in(engine, browser, "viewer")
    for address in ("/", f"/incidents/{declared['id']}", "/status"):
        page.goto(f"{engine.url}{address}")
        first = page.evaluate("document.body.innerText.trim().split('\\n').find(l => l && !l.includes('본문으로'))")
        assert "112/119" in first, address
