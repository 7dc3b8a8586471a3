"""A real engine, real sinks: mail with a link, a text message with a code, a vendor that answers 401, the heartbeat."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from tests.support.engine_home import EngineHome, engine_home
from tests.support.stores import free_port

from judgify.response.guide.loader import default_guide_dir

pytestmark = pytest.mark.guide("G06", "G08", "G22")
CHANNELS = """\
watch: {canary_every_s: 10}
channels:
  console: {kind: console, label: {ko: 콘솔, en: console}, enabled: true, wakes: false, severities: [P0, P1, P2, P3],
    kinds: [page, report, notice, announcement]}
  email-person: {kind: email, label: {ko: 개인 메일, en: personal mail}, enabled: true, wakes: false,
    severities: [P0, P1, P2, P3], kinds: [page, report, notice], sender: judgify@ours.kr, smtp_host: 127.0.0.1,
    smtp_port: MAIL_PORT, security: none, canary: {to: canary@ours.kr}}
  sms: {kind: sms, label: {ko: SMS, en: SMS}, enabled: true, wakes: true, severities: [P0, P1], kinds: [page],
    url: "env:SMS_URL", reply: {token: "env:SMS_REPLY"}, canary: {to: "010-0000-0000"}}
  http: {kind: http, label: {ko: HTTP, en: HTTP}, enabled: true, wakes: true, severities: [P0, P1, P2, P3],
    kinds: [page], url: "env:BAD_URL", canary: {secret: "env:BAD_SINK"}}
"""


@dataclass
class Sinks:
    """What the vendors' servers received: mails by recipient, and HTTP requests by path."""

    mails: list[tuple[str, str]] = field(default_factory=list)
    posts: list[tuple[str, Any]] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's own name
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body()
        with self.lock:
            self.mails.append((envelope.rcpt_tos[0], "" if body is None else body.get_content()))
        return "250 kept"

    def of(self, path: str) -> list[Any]:
        with self.lock:
            return [body for where, body in self.posts if where == path]


@dataclass
class Scene:
    engine: EngineHome
    sinks: Sinks

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, **self.engine.environ}
        return subprocess.run(
            [sys.executable, "-m", "judgify.cli", *words], capture_output=True, text=True, check=False, env=environ
        )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    sinks = Sinks(answers={"/bad": 401, "/bad-sink": 401})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.partition("?")[0]
            with sinks.lock:
                sinks.posts.append((path, json.loads(body) if body else None))
            self.send_response(sinks.answers.get(path, 200))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=web.serve_forever, daemon=True)
    thread.start()
    mail = Controller(sinks, hostname="127.0.0.1", port=free_port())
    mail.start()
    folder = tmp_path_factory.mktemp("guide") / "guide"
    shutil.copytree(default_guide_dir(), folder)
    (folder / "channels.yaml").write_text(CHANNELS.replace("MAIL_PORT", str(mail.port)), "utf-8")
    contacts = (folder / "contacts.yaml").read_text("utf-8")
    numbers = iter(range(10_000))
    contacts = re.sub(r"\+82-10-XXXX", lambda _: f"+82-10-5550-{next(numbers):04d}", contacts)
    (folder / "contacts.yaml").write_text(contacts.replace("company.com", "ours.kr"), "utf-8")
    base = f"http://127.0.0.1:{web.server_port}"
    more = {
        "JUDGIFY_GUIDE": str(folder),
        "JUDGIFY_EGRESS_ALLOW": "127.0.0.1",
        "JUDGIFY_HEARTBEAT_URL": f"{base}/beat?ticket=canary-ticket",
        "SMS_URL": f"{base}/sms",
        "SMS_REPLY": "sms-gateway-token",
        "BAD_URL": f"{base}/bad",
        "BAD_SINK": f"{base}/bad-sink",
    }
    try:
        with engine_home(more=more) as engine:
            yield Scene(engine, sinks)
    finally:
        mail.stop()
        web.shutdown()
        web.server_close()
        thread.join()


def test_channels_show_how_they_are_from_the_first_canaries_on(scene: Scene) -> None:
    def settled() -> Any:
        rows = {row["channel"]: row for row in scene.engine.get("/channels")["channels"]}
        told = rows["email-person"]["canary_s"] is not None and rows["sms"]["canary_s"] is not None
        return rows if told and rows["http"]["state"] == "refusing" else None

    rows = scene.engine.until(settled)
    assert {name: row["state"] for name, row in rows.items()} == {
        "console": "local", "email-person": "ok", "sms": "ok", "http": "refusing",
    }  # fmt: skip
    assert ("canary@ours.kr", True) in {(to, "자동 메시지" in text) for to, text in scene.sinks.mails}
    # The vendor that refuses has an incident of its own, and says what to mend.
    [own] = scene.engine.until(
        lambda: [one for one in scene.engine.get("/incidents") if one["root"] == "channel:http"] or None
    )
    assert own["severity"] == "P2"
    scene.engine.until(lambda: scene.sinks.of("/beat"))
    status = scene.cli("channel", "status")
    assert status.returncode == 1
    assert "refusing" in status.stdout
    assert "heartbeat outwards: delivered" in status.stdout
    assert "canary-ticket" not in status.stdout
    assert scene.cli("channel", "list").returncode == 0
    good = scene.cli("channel", "test", "sms", "--json")
    assert (good.returncode, json.loads(good.stdout)["tested"]) == (0, "canary")
    bad = scene.cli("channel", "test", "http")
    assert (bad.returncode, "unauthorized" in bad.stdout) == (1, True)
    assert scene.cli("channel", "test", "nothing").returncode != 0


def test_the_console_shows_the_channels_and_tests_one(scene: Scene) -> None:
    token = scene.engine.user("viewer-of-channels", "responder").partition("token=")[2]
    with httpx.Client(base_url=scene.engine.url, trust_env=False, timeout=30) as browser:
        origin = {"origin": scene.engine.url}
        assert browser.get("/channels").status_code == 303
        browser.post("/login", data={"token": token}, headers=origin)
        shown = browser.get("/channels")
        assert shown.status_code == 200
        for text in ("개인 메일", "거절됨", "unauthorized", "점검 메시지", "심장 박동", "연락 수단 확인"):
            assert text in shown.text, text
        assert "canary-ticket" not in shown.text
        csrf = re.search(r'name="csrf" value="([^"]+)"', shown.text)
        assert csrf is not None
        assert browser.post("/channels/sms/test", data={"csrf": csrf[1]}).status_code == 403
        done = browser.post("/channels/sms/test", data={"csrf": csrf[1]}, headers=origin)
        assert done.headers["location"] == "/channels?done=good"
        assert "The test went through" in browser.get("/channels?done=good&lang=en").text
        bad = browser.post("/channels/http/test", data={"csrf": csrf[1]}, headers=origin)
        assert bad.headers["location"] == "/channels?done=bad"


def test_a_mails_link_acknowledges_once_and_what_waits_falls_silent(scene: Scene) -> None:
    incident = str(scene.engine.post("/incidents", service="gateway", text="다운", severity="P0")["id"])

    def link() -> str | None:
        with scene.sinks.lock:
            found = [
                re.search(r"(http://\S+/ack\?token=\S+)", text) for to, text in scene.sinks.mails if incident in text
            ]
        return next((one[1] for one in found if one), None)

    address = str(scene.engine.until(link))
    sms = scene.engine.until(lambda: [one for one in scene.sinks.of("/sms") if "회신: 접수" in one["text"]])[0]
    assert len(sms["text"].encode("cp949")) <= 90
    with httpx.Client(trust_env=False, timeout=30) as browser:
        shown = browser.get(address)
        assert (shown.status_code, "접수 - 내가 맡습니다" in shown.text) == (200, True)
        assert scene.engine.get(f"/incidents/{incident}")["acknowledged_by"] is None
        origin = {"origin": scene.engine.url}
        token = address.partition("token=")[2]
        done = browser.post(f"{scene.engine.url}/ack", data={"token": token}, headers=origin)
        assert (done.status_code, "접수되었습니다" in done.text) == (200, True)
        again = browser.post(f"{scene.engine.url}/ack", data={"token": token}, headers=origin)
        assert again.status_code == 410
        # Our own probes have found more than this one; whoever answers a text message then is told who holds it.
        for row in scene.engine.get("/incidents"):
            scene.engine.post(f"/incidents/{row['id']}/ack", via="cli")
        code = sms["text"][-4:]
        body = {"from": sms["to"], "text": f"확인 {code}"}
        auth = {"Authorization": "Bearer sms-gateway-token"}
        answer = browser.post(f"{scene.engine.url}/api/v2/response/intake/sms/sms", json=body, headers=auth)
        assert answer.json()["data"]["result"] in {"held", "yours"}
    second = scene.cli("incident", "ack", incident)
    assert (second.returncode, "is held already by" in second.stdout) == (0, True)
    told = scene.engine.until(lambda: [one for one in scene.sinks.of("/sms") if "이미" in one["text"]])
    assert re.search(r"INC-\d{4}-\d{4} 이미", told[0]["text"])
    pages = scene.engine.get(f"/pages?incident={incident}")
    assert not [page for page in pages if page["kind"] == "page" and page["state"] == "due"]
    entries = scene.engine.get(f"/incidents/{incident}/timeline")
    assert next(entry["event"]["via"] for entry in entries if entry["type"] == "incident-acknowledged") == "email"


def test_a_contact_method_is_verified_by_what_was_read_there(scene: Scene) -> None:
    scene.engine.post("/oncall/methods/ops-lead/sms/code")
    found = scene.engine.until(lambda: [one for one in scene.sinks.of("/sms") if "확인 코드" in one["text"]])
    code = re.search(r"\d{6}", found[-1]["text"])
    assert code is not None
    assert scene.engine.post("/oncall/methods/ops-lead/sms/verify", code=code[0])["verified"] is True
    listed = {(one["person"], one["channel"]): one["verified"] for one in scene.engine.get("/oncall/methods")}
    assert listed["ops-lead", "sms"]
    assert not listed["ops-lead", "email-person"]


def test_nothing_that_opens_anything_is_in_the_log_or_the_store(scene: Scene) -> None:
    log = (scene.engine.folder / "engine.log").read_text("utf-8")
    stored = b"".join(path.read_bytes() for path in (scene.engine.folder / "response").glob("response.db*"))
    with scene.sinks.lock:
        seals = {match for _, text in scene.sinks.mails for match in re.findall(r"token=[^.\s]+\.\d+\.(\S{32})", text)}
        texts = [one["text"] for path, one in scene.sinks.posts if path == "/sms"]
    codes = {match[1] for text in texts if (match := re.search(r"확인 코드 (\d{6})", text))}
    assert seals
    assert codes
    for secret in (*seals, *codes, "sms-gateway-token", "canary-ticket"):
        assert secret not in log
        assert secret.encode() not in stored
