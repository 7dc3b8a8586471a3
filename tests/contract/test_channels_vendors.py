"""What single vendors ask for, beyond what every channel promises."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.support import channel_servers as servers
from tests.support.slack_server import ROOM, Slack, slack_server
from tests.support.vendors import CANARY, vendor_config

from judgify.kit.clock import FakeClock
from judgify.notify import (
    Act,
    Channel,
    Doubt,
    Link,
    Message,
    Outcome,
    Reason,
    Recipient,
    Refused,
    Sent,
    Toolkit,
    Unknown,
    build_channel,
    outcome_detail,
)
from judgify.notify.text_message import size_of

pytestmark = pytest.mark.guide("G06", "S04")
NOW = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)
PERSON = Recipient("김담당", phone="+82-10-5550-0100", slack="U0DUTY0001")
PAGE = Message(
    kind="page",
    subject="판단 서비스 중단",
    body="판단 서비스가 응답하지 않습니다.",
    dedup_key="page_01:1",
    severity="P1",
    incident_id="INC-2026-0001",
    links=(Link("콘솔", "http://127.0.0.1:8010/incidents/INC-2026-0001"),),
    acts=(Act("acknowledge", "접수", "INC-2026-0001"),),
    service="judgment",
)
HOSTILE = replace(
    PAGE,
    subject="<!channel> @everyone <@U0EVIL0001> \u202eevil 🔥",
    body="<!here> @here **bold** <at>boss@x</at> [link](http://evil) `x` 가" * 1_600,
)


def toolkit(folder: Path, environ: dict[str, str]) -> Toolkit:
    return Toolkit(FakeClock(NOW), folder, environ, ("127.0.0.1", "localhost"))


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    async with slack_server(CANARY) as server:
        yield server


def bot(slack: Slack, folder: Path, **extra: Any) -> Channel:
    environ: dict[str, str] = {}
    config = vendor_config("slack_bot", slack.port, environ) | {"api_url": slack.api_url} | extra
    return build_channel("slack-critical", config, toolkit(folder, environ))


async def test_one_incident_is_one_thread_also_after_a_restart(slack: Slack, tmp_path: Path) -> None:
    first = await bot(slack, tmp_path).deliver(PAGE, PERSON, 1)
    assert first == Sent(f"{ROOM} 1700000000.000001", NOW)
    again = bot(slack, tmp_path)
    await again.deliver(PAGE, PERSON, 1)
    await again.deliver(replace(PAGE, kind="notice"), PERSON, 1)
    await again.deliver(replace(PAGE, incident_id="INC-2026-0002"), PERSON, 1)
    head, reply, notice, other = slack.of("chat.postMessage")
    assert (head["channel"], "thread_ts" in head) == ("#alerts-critical", False)
    assert (reply["channel"], reply["thread_ts"], reply["reply_broadcast"]) == (ROOM, "1700000000.000001", True)
    assert notice["reply_broadcast"] is False
    assert "thread_ts" not in other
    assert [block["type"] for block in head["blocks"]] == ["header", "context", "section", "context", "actions"]
    assert head["blocks"][-1]["elements"][0]["value"] == "INC-2026-0001"
    assert "actions" not in {block["type"] for block in reply["blocks"]}
    assert head["blocks"][1]["elements"][0]["text"] == "<@U0DUTY0001>"


async def test_pages_of_the_same_moment_share_the_thread(slack: Slack, tmp_path: Path) -> None:
    slack.slow_s = 0.05
    channel = bot(slack, tmp_path)
    outcomes = await asyncio.gather(*(channel.deliver(PAGE, PERSON, 1) for _ in range(5)))
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert sum("thread_ts" not in call for call in slack.of("chat.postMessage")) == 1


async def test_a_turn_changes_the_first_message(slack: Slack, tmp_path: Path) -> None:
    channel = bot(slack, tmp_path)
    turn = replace(PAGE, turn="acknowledged", standing="담당: 김담당", acts=())
    nothing = await channel.deliver(turn, PERSON, 1)
    assert isinstance(nothing, Refused)
    assert (nothing.reason, nothing.retryable) == (Reason.REJECTED, False)
    await channel.deliver(PAGE, PERSON, 1)
    await channel.deliver(PAGE, PERSON, 1)
    outcome = await bot(slack, tmp_path).deliver(turn, Recipient("everyone"), 1)
    assert isinstance(outcome, Sent)
    changed = slack.of("chat.update")[0]
    assert (changed["channel"], changed["ts"]) == (ROOM, "1700000000.000001")
    assert "담당: 김담당" in json.dumps(changed["blocks"], ensure_ascii=False)
    assert "actions" not in {block["type"] for block in changed["blocks"]}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, {}, {"ok": False, "error": "invalid_auth"}), Refused(Reason.UNAUTHORIZED, "", False)),
        (
            (200, {}, {"ok": False, "error": "missing_scope", "needed": "chat:write"}),
            Refused(Reason.UNAUTHORIZED, "", False),
        ),
        ((200, {}, {"ok": False, "error": "channel_not_found"}), Refused(Reason.GONE, "", False)),
        ((200, {}, {"ok": False, "error": "service_unavailable"}), Refused(Reason.SERVER_ERROR, "", True)),
        ((200, {}, {"ok": False, "error": "internal_error"}), Unknown(Doubt.UNEXPECTED_ANSWER, "")),
        ((429, {"Retry-After": "7"}, {"ok": False, "error": "ratelimited"}), Refused(Reason.RATE_LIMITED, "", True, 7)),
        ((200, {"Retry-After": "9"}, {"ok": False, "error": "ratelimited"}), Refused(Reason.RATE_LIMITED, "", True, 9)),
        ((200, {}, {"ok": False}), Unknown(Doubt.UNEXPECTED_ANSWER, "")),
        ((200, {}, {"ok": True}), Unknown(Doubt.UNEXPECTED_ANSWER, "")),
        ((200, {"Content-Type": "text/html"}, b"<html>hotel</html>"), Unknown(Doubt.UNEXPECTED_ANSWER, "")),
        ((200, {"Content-Type": "text/plain"}, b"ok"), Unknown(Doubt.UNEXPECTED_ANSWER, "")),
        ((200, {"Content-Type": "application/json"}, b"[1]"), Unknown(Doubt.UNEXPECTED_ANSWER, "")),
        ((200, {"Content-Type": "application/json"}, b"{"), Unknown(Doubt.UNEXPECTED_ANSWER, "")),
    ],
)
async def test_what_slack_says_becomes_an_honest_outcome(
    answer: tuple[int, dict[str, str], Any], expected: Outcome, slack: Slack, tmp_path: Path
) -> None:
    slack.answers["chat.postMessage"] = [answer]
    outcome = await bot(slack, tmp_path).deliver(PAGE, PERSON, 1)
    assert not isinstance(outcome, Sent)
    assert replace(outcome, detail="") == expected
    assert CANARY not in repr(outcome)
    assert len(slack.calls) == 1  # the SDK repeats nothing by itself


async def test_slacks_check_asks_for_the_token(slack: Slack, tmp_path: Path) -> None:
    assert (await bot(slack, tmp_path).check()).state == "ok"
    slack.token = "another"
    assert (await bot(slack, tmp_path).check()).detail == "Slack says invalid_auth"
    assert slack.posted == 0


async def test_a_message_that_waits_for_the_first_one_is_not_given_up_as_sent(slack: Slack, tmp_path: Path) -> None:
    slack.slow_s = 1.0
    channel = bot(slack, tmp_path, timeout_s=0.3)
    outcomes = await asyncio.gather(*(channel.deliver(PAGE, PERSON, 1) for _ in range(2)))
    assert isinstance(outcomes[0], Unknown)
    assert isinstance(outcomes[1], Refused)
    assert outcomes[1].retryable


async def test_hostile_text_stays_text_at_each_vendor(slack: Slack, tmp_path: Path) -> None:
    assert isinstance(await bot(slack, tmp_path).deliver(HOSTILE, PERSON, 1), Sent)
    said = slack.of("chat.postMessage")[0]
    raw = json.dumps(said, ensure_ascii=False)
    assert "<!" not in raw.replace(said["blocks"][0]["text"]["text"], "")  # a header is plain text
    assert "U0EVIL0001>" not in said["text"].replace("&lt;@U0EVIL0001&gt;", "")
    assert "\u202e" not in raw
    assert all(len(block["text"]["text"]) <= 3_000 for block in said["blocks"] if block["type"] == "section")
    assert len(said["blocks"][0]["text"]["text"]) <= 150

    card = json.loads((await posted("teams", HOSTILE, tmp_path, servers.TEAMS_TAKES())).body)
    assert "<at>" not in json.dumps(card)
    assert card["attachments"][0]["content"]["msteams"] == {"width": "full"}
    assert len(json.dumps(card, ensure_ascii=False).encode()) < 28_000

    talk = json.loads((await posted("discord", HOSTILE, tmp_path, servers.DISCORD_TAKES())).body)
    assert talk["allowed_mentions"] == {"parse": []}
    assert len(talk["content"]) <= 2_000
    assert "@everyone" not in talk["content"]
    assert "\\<" in talk["content"]

    event = json.loads((await posted("pagerduty", HOSTILE, tmp_path, servers.PAGERDUTY_TAKES())).body)
    assert len(event["payload"]["summary"]) <= 1_024
    assert len(json.dumps(event).encode()) < 512_000

    text = json.loads((await posted("sms", HOSTILE, tmp_path, servers.Web())).body)
    assert (text["type"], size_of(text["text"])) == ("LMS", 2_000)
    assert size_of(text["subject"]) <= 40
    assert text["text"].endswith("…")


async def posted(kind: str, message: Message, folder: Path, web: servers.Web, **extra: Any) -> servers.Received:
    """Deliver one message through a channel and give what arrived."""
    environ: dict[str, str] = {}
    async with servers.serving(web) as port:
        config = vendor_config(kind, port, environ) | extra
        channel = build_channel(kind, config, toolkit(folder, environ))
        outcome = await channel.deliver(message, PERSON, 1)
        await channel.close()
    assert isinstance(outcome, Sent), outcome
    return web.received[-1]


async def test_discord_is_asked_for_the_message_and_teams_mentions_nobody(tmp_path: Path) -> None:
    request = await posted("discord", PAGE, tmp_path, servers.DISCORD_TAKES())
    assert "wait=true" in request.line
    assert f"token={CANARY}" in request.line
    talk = json.loads(request.body)
    assert talk["flags"] == 4
    assert talk["content"].startswith("**\\[P1\\] 판단 서비스 중단**")


@pytest.mark.parametrize("kind", ["teams", "discord", "pagerduty"])
async def test_another_2xx_is_not_the_vendors(kind: str, tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    async with servers.serving(servers.Web("201 Created", body=b"<html>hotel</html>")) as port:
        channel = build_channel(kind, vendor_config(kind, port, environ), toolkit(tmp_path, environ))
        outcome = await channel.deliver(PAGE, PERSON, 1)
        await channel.close()
    assert isinstance(outcome, Unknown)
    assert outcome.reason is Doubt.UNEXPECTED_ANSWER


async def test_pagerduty_gets_one_key_for_all_turns_of_an_incident(tmp_path: Path) -> None:
    events = []
    for turn in (None, "acknowledged", "recovered", "resolved", "reopened"):
        message = replace(PAGE, turn=turn)
        events.append(json.loads((await posted("pagerduty", message, tmp_path, servers.PAGERDUTY_TAKES())).body))
    assert [one["event_action"] for one in events] == ["trigger", "acknowledge", "resolve", "resolve", "trigger"]
    assert {one["dedup_key"] for one in events} == {"judgify:INC-2026-0001"}
    assert {one["routing_key"] for one in events} == {CANARY}
    assert events[0]["payload"]["severity"] == "error"
    assert events[0]["payload"]["component"] == "judgment"
    assert events[0]["links"] == [{"href": PAGE.links[0].url, "text": "콘솔"}]
    assert set(events[1]) == {"routing_key", "event_action", "dedup_key"}


@pytest.mark.parametrize(("severity", "word"), [("P0", "critical"), ("P2", "warning"), ("P3", "info")])
async def test_pagerduty_gets_the_severity_in_its_own_words(severity: Any, word: str, tmp_path: Path) -> None:
    message = replace(PAGE, severity=severity)
    event = json.loads((await posted("pagerduty", message, tmp_path, servers.PAGERDUTY_TAKES())).body)
    assert event["payload"]["severity"] == word


async def test_a_gateways_own_word_decides(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    extra = {"ok_field": "result.0.code", "ok_values": ["1"], "receipt_field": "result.0.id"}
    told: list[Outcome] = []
    for body in (
        b'{"result":[{"code":1,"id":77}]}',
        b'{"result":[{"code":-101,"message":"' + CANARY.encode() + b' is no key"}]}',
        b"{}",
        b"<html>",
    ):
        async with servers.serving(servers.Web(body=body)) as port:
            channel = build_channel("sms", vendor_config("sms", port, environ) | extra, toolkit(tmp_path, environ))
            told.append(await channel.deliver(replace(PAGE, short="짧게"), PERSON, 1))
            await channel.close()
    assert told[0] == Sent("200 SMS 4 bytes id=77", NOW)
    assert isinstance(told[1], Refused)
    assert told[1].reason is Reason.REJECTED
    assert told[1].detail.startswith("result.0.code is -101")
    assert CANARY not in told[1].detail
    assert [type(one) for one in told[2:]] == [Unknown, Unknown]


async def test_sms_fills_the_gateways_own_form(tmp_path: Path) -> None:
    extra = {
        "encoding": "form",
        "fields": {
            "receiver": "{to}",
            "intl": "{to_international}",
            "msg": "{text}",
            "msg_type": "{type}",
            "sender": "{sender}",
        },
        "secret_fields": {"key": "env:KEY"},
        "secret_headers": {"X-Api-Key": "env:KEY"},
        "headers": {"X-Team": "ops"},
    }
    request = await posted("sms", replace(PAGE, short="판단 서비스 중단"), tmp_path, servers.Web(), **extra)
    form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    assert form == {
        "receiver": "01055500100",
        "intl": "+821055500100",
        "msg": "판단 서비스 중단",
        "msg_type": "SMS",
        "sender": "025550100",
        "key": CANARY,
    }
    assert request.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert (request.headers["x-api-key"], request.headers["x-team"]) == (CANARY, "ops")
    assert request.headers["authorization"] == f"Bearer {CANARY}"


async def test_nobody_is_texted_without_a_number(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    channel = build_channel("sms", vendor_config("sms", 9, environ), toolkit(tmp_path, environ))
    outcome = await channel.deliver(PAGE, Recipient("김담당"), 1)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.NO_ADDRESS
    assert outcome_detail(outcome)
