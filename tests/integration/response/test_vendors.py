"""An incident through the vendors' channels: page, press of a button, what Slack and PagerDuty are told afterwards."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier
from tests.integration.response.test_http import Site
from tests.support import channel_servers as servers
from tests.support.response_world import MINSU, World
from tests.support.slack_server import ROOM, Slack, slack_server
from tests.support.vendor_guide import MEMBER, vendor_guide

from judgify.kit.clock import SystemClock
from judgify.notify import Toolkit
from judgify.notify.slack_calls import SlackCalls
from judgify.response import timeline as t
from judgify.response.guide_policy import GuidePolicy
from judgify.response.pager.channels import open_channels
from judgify.response.pager.sender import Sender
from judgify.response.slack_setup import Slack as SlackSetup
from judgify.response.slack_socket import listen

pytestmark = pytest.mark.guide("G06", "G08")
ENVIRON = {
    "SLACK_TOKEN": "xoxb-canary",
    "SLACK_SIGNING": "signing-canary",
    "SLACK_APP": "xapp-canary",
    "PD_KEY": "pd-canary",
}
PATH = "/api/v2/response/intake/slack/interactions"


@dataclass
class Scene:
    """A world whose channels are the vendors', and the engine's HTTP interface."""

    world: World
    slack: Slack
    pagerduty: servers.Web
    sms: servers.Web
    setup: SlackSetup
    site: Site

    def events(self) -> list[tuple[str, str]]:
        """What PagerDuty heard."""
        bodies = [json.loads(one.body) for one in self.pagerduty.received]
        return [(body["event_action"], body["dedup_key"]) for body in bodies]

    def button(self, method: str = "chat.postMessage", verb: str = "acknowledge") -> dict[str, Any]:
        """Give the newest button of a kind."""
        for call in reversed(self.slack.of(method)):
            for block in call["blocks"]:
                for element in block.get("elements", []):
                    if element.get("action_id") == f"judgify:{verb}":
                        return dict(element)
        raise AssertionError(f"no button {verb}")

    def press(self, button: dict[str, Any], user: str = MEMBER) -> dict[str, Any]:
        """Give the interaction as Slack sends it."""
        return {
            "type": "block_actions",
            "user": {"id": user, "username": "duty", "team_id": "T1"},
            "container": {"type": "message", "message_ts": "1700000000.000001", "channel_id": ROOM},
            "channel": {"id": ROOM, "name": "alerts-critical"},
            "message": {"ts": "1700000000.000001", "blocks": [{"type": "header"}, {"type": "actions"}]},
            "actions": [{"action_id": button["action_id"], "value": button["value"], "type": "button"}],
            "response_url": "https://hooks.slack.com/actions/T1/1/x",
        }

    async def post(self, payload: Any, *, secret: str = "signing-canary", age_s: float = 0) -> httpx.Response:
        """Send an interaction, signed as Slack signs."""
        body = urlencode({"payload": json.dumps(payload)})
        stamp = str(int(self.world.clock.now().timestamp() - age_s))
        signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
        headers = {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": str(signature),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = await self.site.http.post(PATH, content=body, headers=headers)
        await self.setup.desk.finish()
        return answer


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(slack_server("xoxb-canary"))
        pagerduty, sms = servers.PAGERDUTY_TAKES(), servers.Web(body=b"{}")
        pd_port = await stack.enter_async_context(servers.serving(pagerduty))
        sms_port = await stack.enter_async_context(servers.serving(sms))
        guide = vendor_guide(tmp_path, slack=slack.api_url, pagerduty=f"http://localhost:{pd_port}/v2/enqueue")
        world = World(tmp_path)
        environ = {**ENVIRON, "SMS_URL": f"http://localhost:{sms_port}/send"}
        kit = Toolkit(world.clock, tmp_path, environ, ("localhost", "127.0.0.1"))
        world.policy = GuidePolicy(guide)
        channels = open_channels(guide.channels, kit, tmp_path)
        world.pager = Sender(guide, channels, console_url="http://127.0.0.1:8010")  # type: ignore[assignment]  # a real one
        await world.up()
        setup = SlackSetup(guide, kit, tmp_path, engine=world.core.engine, accounts=world.core.accounts)
        site = Site(world, tmp_path)
        object.__setattr__(site.app.state.response, "slack", setup.intake)
        yield Scene(world, slack, pagerduty, sms, setup, site)
        await setup.desk.finish()
        await site.http.aclose()
        await world.down()


async def test_from_the_page_to_the_end_every_vendor_is_told_how_it_stands(scene: Scene) -> None:
    world = scene.world
    incident_id = await world.fails("judgment")
    await world.tick()
    posts = scene.slack.of("chat.postMessage")
    assert sum("thread_ts" not in one for one in posts) == 1
    assert set(scene.events()) == {("trigger", f"judgify:{incident_id}")}
    text = json.loads(scene.sms.received[0].body)
    assert (text["to"], text["type"]) == ("01055500100", "SMS")
    assert text["text"].startswith("[P")

    answer = await scene.post(scene.press(scene.button()))
    assert (answer.status_code, answer.content) == (200, b"")
    await world.tick()
    incident = await world.incident(incident_id)
    assert incident.acknowledged_by is not None
    assert (incident.acknowledged_by.name, incident.acknowledged_by.detail) == ("ops-lead", f"Slack {MEMBER}")
    entries = await world.core.desk.ask(lambda tx: tx.entries(incident_id))
    assert [e.event.via for e in entries if isinstance(e.event, t.IncidentAcknowledged)] == ["slack"]
    changed = scene.slack.of("chat.update")[-1]
    assert "담당: 운영팀장" in json.dumps(changed, ensure_ascii=False)
    assert "actions" not in {block["type"] for block in changed["blocks"]}
    assert scene.events()[-1] == ("acknowledge", f"judgify:{incident_id}")

    posted = len(scene.slack.of("chat.postMessage"))
    await world.passing(240)
    assert len(scene.slack.of("chat.postMessage")) == posted  # no repeats once somebody holds it
    world.works("judgment")
    await world.passing(120)
    assert (await world.incident(incident_id)).state == "recovered"
    assert "복구가 확인되었습니다" in json.dumps(scene.slack.of("chat.update")[-1], ensure_ascii=False)
    assert scene.events()[-1] == ("resolve", f"judgify:{incident_id}")
    receipts = [
        e.event.detail for e in entries if isinstance(e.event, t.PageDelivered) and e.event.channel == "slack-critical"
    ]
    assert all(receipt.startswith(ROOM) for receipt in receipts)
    pages = await world.pages(incident_id)
    assert not [page for page in pages if page.state == "due" and "follow" in page.payload]
    assert "canary" not in json.dumps([page.model_dump(mode="json") for page in pages])


async def test_a_restarted_engine_goes_on_in_the_thread_and_tells_what_it_owes(scene: Scene) -> None:
    incident_id = await scene.world.fails("judgment")
    await scene.world.tick()
    await scene.post(scene.press(scene.button()))
    await scene.world.crash()
    await scene.world.tick()
    assert scene.slack.of("chat.update")[-1]["ts"] == "1700000000.000001"
    assert scene.events()[-1] == ("acknowledge", f"judgify:{incident_id}")


async def test_a_stranger_is_refused_in_a_whisper_and_nothing_changes(scene: Scene) -> None:
    incident_id = await scene.world.fails("judgment")
    await scene.world.tick()
    answer = await scene.post(scene.press(scene.button(), user="U0EVIL0001"))
    assert answer.status_code == 200
    whisper = scene.slack.of("chat.postEphemeral")[-1]
    assert whisper["user"] == "U0EVIL0001"
    assert "slack: U0EVIL0001" in whisper["text"]
    assert not (await scene.world.incident(incident_id)).held


async def test_only_fresh_requests_of_slack_count_and_each_once(scene: Scene) -> None:
    await scene.world.fails("judgment")
    await scene.world.tick()
    press = scene.press(scene.button(), user="U0EVIL0001")
    assert (await scene.post(press, secret="another")).status_code == 401
    assert (await scene.post(press, age_s=301)).status_code == 401
    assert (await scene.post(press, age_s=-301)).status_code == 401
    assert (await scene.post(press)).status_code == 200
    again = await scene.post(press)
    assert (again.status_code, again.json()["type"]) == (409, "urn:judgify:problem:slack-replayed")
    bad = await scene.site.http.post(
        PATH, content=b"\xff", headers=[(b"X-Slack-Request-Timestamp", b"x"), (b"X-Slack-Signature", b"\xe9")]
    )
    assert bad.status_code == 401
    for odd in ([1], "x", {"type": "view_submission"}, {"type": "block_actions", "actions": [{"action_id": "other"}]}):
        assert (await scene.post(odd)).status_code == 200
    limited = [(await scene.post(press, secret="no")).status_code for _ in range(60)]
    assert 429 in limited
    assert (await scene.post({"type": "x", "n": 1})).status_code == 200  # real presses have a measure of their own


async def test_an_approval_binds_to_what_was_shown_and_needs_an_account(scene: Scene) -> None:
    scene.world.runner.needed = 1
    incident_id = await scene.world.fails("judgment")
    await scene.world.tick()
    press = scene.press(scene.button(verb="approve"))
    await scene.post(press)
    assert "commander" in scene.slack.of("chat.postEphemeral")[-1]["text"]
    await scene.world.core.accounts.save("ops-lead", "commander", password=None, disabled=False)
    forged = json.loads(press["actions"][0]["value"]) | {"digest": "0" * 64}
    await scene.post(press | {"actions": [{**press["actions"][0], "value": json.dumps(forged)}]})
    assert "does not belong" in scene.slack.of("chat.postEphemeral")[-1]["text"]
    assert scene.world.runner.performed == []
    await scene.world.clock.advance(1)
    await scene.post(press)
    await scene.world.tick()
    assert scene.world.runner.performed == ["judgment"]
    votes = (await scene.world.incident(incident_id)).approvals[0].votes
    assert [(vote.actor.name, vote.approve) for vote in votes] == [("ops-lead", True)]
    assert "운영팀장" in json.dumps(scene.slack.of("chat.update")[-1], ensure_ascii=False)


@pytest.mark.parametrize("approve", [True, False])
async def test_an_approval_answered_at_the_console_takes_the_buttons_from_slack(scene: Scene, *, approve: bool) -> None:
    scene.world.runner.needed = 1
    incident_id = await scene.world.fails("judgment") or ""
    await scene.world.tick()
    asked = [call for call in scene.slack.of("chat.postMessage") if "judgify:approve" in json.dumps(call["blocks"])]
    assert asked
    waiting = (await scene.world.incident(incident_id)).approvals[0]
    told = len(scene.pagerduty.received)
    await scene.world.core.engine.vote(waiting.id, MINSU, approve=approve)
    await scene.world.tick()
    changed = [call for call in scene.slack.of("chat.update") if "minsu" in json.dumps(call["blocks"])]
    # Every message that asked is changed, by its own place, and no button is left in any.
    assert len({call["ts"] for call in changed}) == len(asked)
    for call in changed:
        text = json.dumps(call["blocks"], ensure_ascii=False)
        assert ("승인: minsu" if approve else "거절: minsu") in text
        assert "judgify:approve" not in text
        assert "judgify:reject" not in text
    assert not any("answered" in str(one.body) for one in scene.pagerduty.received[told:])


async def test_a_request_that_lapses_loses_its_buttons(scene: Scene) -> None:
    scene.world.runner.needed = 1
    await scene.world.fails("judgment")
    await scene.world.tick()
    await scene.world.passing(16 * 60)
    texts = [json.dumps(call["blocks"], ensure_ascii=False) for call in scene.slack.of("chat.update")]
    assert any("시간이 지나" in text and "judgify:approve" not in text for text in texts)


async def test_socket_mode_answers_each_envelope_and_comes_back(scene: Scene) -> None:
    incident_id = await scene.world.fails("judgment")
    await scene.world.tick()
    task = asyncio.create_task(listen(scene.setup.apps[0], scene.setup.desk, SystemClock(), ENVIRON))
    slack = scene.slack
    try:
        await slack.until(lambda: len(slack.sockets) == 1)
        await slack.send({"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "x"}})
        await slack.until(lambda: len(slack.sockets) == 2)
        payload = scene.press(scene.button())
        envelope = {
            "type": "interactive",
            "envelope_id": "env-1",
            "payload": payload,
            "accepts_response_payload": False,
        }
        await slack.send(envelope)
        await slack.until(lambda: {"envelope_id": "env-1"} in slack.acks)
        incident = await scene.world.incident(incident_id)
        assert incident.acknowledged_by is not None
        assert incident.acknowledged_by.name == "ops-lead"
        await slack.sockets[-1].close()
        await slack.until(lambda: len(slack.sockets) == 3, 20)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(slack.of("apps.connections.open")) >= 3


async def test_a_second_press_says_who_holds_it_and_a_disabled_account_presses_nothing(scene: Scene) -> None:
    incident_id = await scene.world.fails("judgment")
    await scene.world.tick()
    press = scene.press(scene.button())
    await scene.world.core.accounts.save("ops-lead", "responder", password=None, disabled=True)
    await scene.post(press)
    assert "is disabled" in scene.slack.of("chat.postEphemeral")[-1]["text"]
    await scene.world.core.engine.acknowledge(str(incident_id), MINSU)
    await scene.world.core.accounts.save("ops-lead", "responder", password=None, disabled=False)
    await scene.world.clock.advance(1)
    await scene.post(press)
    assert "minsu" in scene.slack.of("chat.postEphemeral")[-1]["text"]
    await scene.world.clock.advance(1)
    await scene.post(press | {"actions": [{**press["actions"][0], "value": "INC-1999-0001"}]})
    assert "there is no incident" in scene.slack.of("chat.postEphemeral")[-1]["text"]


async def test_what_cannot_be_read_is_refused_and_without_an_app_there_is_no_way_in(scene: Scene) -> None:
    body = "payload=%7B"
    stamp = str(int(scene.world.clock.now().timestamp()))
    signature = SignatureVerifier("signing-canary").generate_signature(timestamp=stamp, body=body)
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": str(signature)}
    assert (await scene.site.http.post(PATH, content=body, headers=headers)).status_code == 400
    assert (await scene.site.http.post(PATH, content=b"x" * 300_000, headers=headers)).status_code == 400
    object.__setattr__(scene.site.app.state.response, "slack", None)
    assert (await scene.site.http.post(PATH, content=body, headers=headers)).status_code == 404


async def test_a_socket_is_opened_to_checked_addresses_only_and_tried_again(scene: Scene) -> None:
    app = scene.setup.apps[0]
    inside = SlackCalls(clock=SystemClock(), allow=(f"localhost:{scene.slack.port}",), base_url=scene.slack.api_url)
    opened = {"ok": True, "url": "ws://127.0.0.1:9/link"}
    scene.slack.answers["apps.connections.open"] = [(200, {}, opened) for _ in range(9)]
    task = asyncio.create_task(listen(replace(app, calls=inside), scene.setup.desk, SystemClock(), ENVIRON))
    lost = asyncio.create_task(listen(app, scene.setup.desk, SystemClock(), {}))
    try:
        await scene.slack.until(lambda: len(scene.slack.of("apps.connections.open")) >= 1)
        assert scene.slack.sockets == []
        assert not task.done()
        assert not lost.done()
    finally:
        task.cancel()
        lost.cancel()
        await asyncio.gather(task, lost, return_exceptions=True)
    await listen(replace(app, app_token=None), scene.setup.desk, SystemClock(), {})
