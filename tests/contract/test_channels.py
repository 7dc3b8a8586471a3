"""What every channel promises, asked of each one against real servers."""

import email
import io
import json
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default as mail_policy
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support import channel_servers as servers
from tests.support.slack_server import slack_server
from tests.support.vendors import VENDORS, vendor_config

from judgify.kit.clock import FakeClock
from judgify.notify import (
    TYPES,
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
from judgify.notify.signature import is_genuine

NOW = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)
CANARY = "canary-4f1d8c7a9b2e"
PAGE = Message(
    kind="page",
    subject="판단 서비스 중단",
    body="판단 서비스가 응답하지 않습니다.\n담당자 확인이 필요합니다.",
    dedup_key="page_01:1",
    short="판단 서비스 중단, 확인 바람",
    severity="P1",
    incident_id="INC-2026-0001",
    links=(Link("콘솔", "http://127.0.0.1:8010/incidents/INC-2026-0001"),),
)
HOSTILE = replace(
    PAGE,
    subject="down\r\nBcc: thief@example.com\r\n\r\nhello <!channel>",
    body="<!channel> <script>alert(1)</script> {secret} \x1b[2J\u202eevil\r\n.\r\nQUIT\r\n {{7*7}} & <http://evil|ok>",
    dedup_key="key\r\nX-Evil: 1",
    incident_id="INC\r\nX-Evil: 1",
    links=(Link("a|b>", "http://x/>|<!here>\r\nX-Evil: 1"), Link("bad", "javascript:alert(1)")),
)
PERSON = Recipient("김담당", email="duty@example.com", phone="010-0000-0000", slack="U0DUTY0001")
ANSWERS = {"pagerduty": servers.PAGERDUTY_TAKES, "discord": servers.DISCORD_TAKES, "teams": servers.TEAMS_TAKES}
pytestmark = pytest.mark.guide("G06", "S04")


@dataclass
class Rig:
    """A channel that works, and how to read the last thing that arrived through it."""

    channel: Channel
    arrived: Callable[[], str]
    count: Callable[[], int]


@pytest.fixture
def environ() -> dict[str, str]:
    return {"SECRET": CANARY, "USER_NAME": "judgify"}


def toolkit(tmp_path: Path, environ: dict[str, str], stream: io.StringIO | None = None) -> Toolkit:
    return Toolkit(FakeClock(NOW), tmp_path, environ, ("127.0.0.1", "localhost"), stream)


@pytest.fixture(params=TYPES)
async def rig(request: pytest.FixtureRequest, tmp_path: Path, environ: dict[str, str]) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        stream = io.StringIO()
        kit = toolkit(tmp_path, environ, stream)
        kind = request.param
        web, mail = ANSWERS.get(kind, servers.Web)(), servers.Mail()
        slack = await stack.enter_async_context(slack_server(CANARY))
        config: dict[str, Any] = {"type": kind}
        if kind == "email":
            port = await stack.enter_async_context(servers.serving(mail))
            config |= {"host": "localhost", "port": port, "sender": "judgify@example.com", "tls": "none"}
        if kind == "slack_bot":
            config = vendor_config(kind, slack.port, environ) | {"api_url": slack.api_url}
        elif kind in VENDORS:
            config = vendor_config(kind, await stack.enter_async_context(servers.serving(web)), environ)

        def files() -> list[Path]:
            return sorted((tmp_path / "mailbox").glob("*.eml"))

        def posted() -> str:
            return web.received[-1].body.decode()

        def mailed() -> str:
            return mail.received[-1].decode()

        def said() -> str:
            return json.dumps(slack.of("chat.postMessage")[-1], ensure_ascii=False)

        arrived, count = {
            "console": (stream.getvalue, lambda: stream.getvalue().count("\n")),
            "mailbox": (lambda: files()[-1].read_text("utf-8"), lambda: len(files())),
            "email": (mailed, lambda: len(mail.received)),
            "slack_bot": (said, lambda: slack.posted),
        }.get(kind, (posted, lambda: len(web.received)))
        channel = build_channel("here", config, kit)
        stack.push_async_callback(channel.close)
        yield Rig(channel, arrived, count)


async def test_a_page_arrives_whole_and_its_receipt_names_the_moment(rig: Rig) -> None:
    outcome = await rig.channel.deliver(PAGE, PERSON, 1)
    assert isinstance(outcome, Sent)
    assert outcome.at == NOW
    assert rig.count() == 1
    text = rig.arrived()
    if rig.channel.type == "email":
        text = str(parsed(text)["Subject"]) + body_of(parsed(text))
    parts = ("[P1] 판단 서비스 중단", "담당자 확인이 필요합니다.", "INC-2026-0001")
    if rig.channel.type in {"discord", "teams"}:
        text = text.replace("\\", "")
    for part in ("판단 서비스 중단, 확인 바람",) if rig.channel.type == "sms" else parts:
        assert part in text


async def test_a_possible_repeat_is_marked_for_the_reader(rig: Rig) -> None:
    await rig.channel.deliver(replace(PAGE, possibly_repeat=True), PERSON, 2)
    text = rig.arrived()
    if rig.channel.type == "email":
        text = str(parsed(text)["Subject"])
    assert "[반복일 수 있음]" in text.replace("\\", "")


async def test_hostile_text_stays_text(rig: Rig) -> None:
    outcome = await rig.channel.deliver(HOSTILE, replace(PERSON, name='eve"\r\nBcc: a@b.c'), 1)
    assert isinstance(outcome, Sent)
    assert rig.count() == 1
    raw = rig.arrived()
    assert "\x1b" not in raw
    if rig.channel.type in {"email", "mailbox"}:
        mail = parsed(raw)
        assert mail["Bcc"] is None
        assert mail["X-Evil"] is None
        assert "Bcc: thief" in str(mail["Subject"])
        assert "\u202e" not in body_of(mail)
    else:
        json.loads(raw)
    if rig.channel.type == "slack_webhook":
        text = json.loads(raw)["text"]
        assert "<!" not in text
        assert text.count("<") == 1
        assert "<http://x/&gt;%7C&lt;!here&gt;%20X-Evil:%201|a¦b&gt;>" in text
        assert "bad: javascript:alert(1)" in text


async def test_a_working_channel_checks_out_without_sending(rig: Rig) -> None:
    assert (await rig.channel.check()).state == "ok"
    assert rig.channel.type in {"console", "mailbox"} or rig.count() == 0


async def test_channels_are_named_as_configured(rig: Rig) -> None:
    assert rig.channel.name == "here"
    assert rig.channel.type in TYPES


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize(
    ("web", "expected"),
    [
        (servers.Web("400 Bad Request", body=CANARY.encode()), Refused(Reason.REJECTED, "", retryable=False)),
        (servers.Web("403 Forbidden", body=b"no"), Refused(Reason.UNAUTHORIZED, "", retryable=False)),
        (servers.Web("404 Not Found", body=b"channel_not_found"), Refused(Reason.GONE, "", retryable=False)),
        (servers.Web("410 Gone", body=b""), Refused(Reason.GONE, "", retryable=False)),
        (servers.Web("408 Timeout", body=b""), Refused(Reason.REJECTED, "", retryable=True)),
        (
            servers.Web("429 Too Many", ("Retry-After: 7",)),
            Refused(Reason.RATE_LIMITED, "", retryable=True, retry_after_s=7),
        ),
        (
            servers.Web("429 Too Many", ("Retry-After: Sun, 22 Nov 2026 14:11:00 GMT",)),
            Refused(Reason.RATE_LIMITED, "", retryable=True, retry_after_s=60),
        ),
        (servers.Web("429 Too Many", ("Retry-After: soon",)), Refused(Reason.RATE_LIMITED, "", retryable=True)),
        (servers.Web("500 Oops", body=b"x" * 200_000), Refused(Reason.SERVER_ERROR, "", retryable=True)),
        (servers.Web("503 Busy", ("Retry-After: 3",)), Refused(Reason.RATE_LIMITED, "", True, 3)),
        (servers.Web("502 Bad Gateway"), Unknown(Doubt.PROXY_FAILED, "")),
        (servers.Web("302 Found", ("Location: http://169.254.169.254/",)), Refused(Reason.REDIRECTED, "", False)),
        (servers.answer_never, Unknown(Doubt.TIMEOUT, "")),
        (servers.drip, Unknown(Doubt.TIMEOUT, "")),
        (servers.reset_after_request, Unknown(Doubt.CONNECTION_LOST, "")),
        (servers.close_after_request, Unknown(Doubt.CONNECTION_LOST, "")),
    ],
)
async def test_an_http_failure_has_an_honest_outcome(
    kind: str, web: servers.Handler, expected: Outcome, tmp_path: Path, environ: dict[str, str]
) -> None:
    async with servers.serving(web) as port:
        config = vendor_config(kind, port, environ) | {"timeout_s": 0.3}
        channel = build_channel("out", config, toolkit(tmp_path, environ))
        outcome = await channel.deliver(PAGE, PERSON, 1)
        await channel.close()
    assert replace(cast("Any", outcome), detail="") == expected
    assert CANARY not in repr(outcome)
    assert len(outcome_detail(outcome)) <= 300


@pytest.mark.parametrize("kind", VENDORS)
async def test_a_closed_port_refuses_before_anything_was_sent(
    kind: str, tmp_path: Path, environ: dict[str, str]
) -> None:
    config = vendor_config(kind, servers.closed_port(), environ)
    channel = build_channel("out", config, toolkit(tmp_path, environ))
    outcome = await channel.deliver(PAGE, PERSON, 1)
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retryable) == (Reason.UNREACHABLE, True)
    assert (await channel.check()).state == "down"
    await channel.close()


@pytest.mark.parametrize("kind", VENDORS)
async def test_inside_addresses_need_the_allow_list(kind: str, tmp_path: Path, environ: dict[str, str]) -> None:
    async with servers.serving(web := servers.Web()) as port:
        config = vendor_config(kind, port, environ)
        channel = build_channel("out", config, Toolkit(FakeClock(NOW), tmp_path, environ))
        outcome = await channel.deliver(PAGE, PERSON, 1)
        check = await channel.check()
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retryable) == (Reason.ADDRESS_REFUSED, False)
    assert check.state == "down"
    assert web.received == []


@pytest.mark.parametrize("kind", VENDORS)
async def test_a_missing_secret_is_told_by_its_reference(kind: str, tmp_path: Path, environ: dict[str, str]) -> None:
    config = vendor_config(kind, 9, environ)
    environ.clear()
    channel = build_channel("out", config, toolkit(tmp_path, environ))
    outcome = await channel.deliver(PAGE, PERSON, 1)
    missing = (
        f"the environment variable {'URL' if 'url' in config and config['url'] == 'env:URL' else 'KEY'} is not set"
    )
    assert outcome == Refused(Reason.MISCONFIGURED, missing, retryable=False)
    assert (await channel.check()).state == "down"


async def test_slack_counts_only_its_own_ok(tmp_path: Path, environ: dict[str, str]) -> None:
    async with servers.serving(servers.Web(body=b"<html>welcome to the hotel</html>")) as port:
        environ["URL"] = f"http://localhost:{port}/"
        channel = build_channel("out", {"type": "slack_webhook", "url": "env:URL"}, toolkit(tmp_path, environ))
        outcome = await channel.deliver(PAGE, PERSON, 1)
        await channel.close()
    assert isinstance(outcome, Unknown)
    assert outcome.reason is Doubt.UNEXPECTED_ANSWER


async def test_slack_cuts_a_long_text_and_keeps_the_link(tmp_path: Path, environ: dict[str, str]) -> None:
    async with servers.serving(web := servers.Web()) as port:
        environ["URL"] = f"http://localhost:{port}/"
        channel = build_channel("out", {"type": "slack_webhook", "url": "env:URL"}, toolkit(tmp_path, environ))
        await channel.deliver(replace(PAGE, body="&" * 20_000), PERSON, 1)
        await channel.close()
    text = json.loads(web.received[0].body)["text"]
    assert len(text) < 12_200
    assert text.count("&amp;") == text.count("&")
    assert text.endswith("|콘솔>")


async def test_http_signs_authorizes_and_fills_the_operators_fields(tmp_path: Path, environ: dict[str, str]) -> None:
    async with servers.serving(web := servers.Web("202 Accepted")) as port:
        config = {
            "type": "http",
            "url": f"http://localhost:{port}/hook?a=1",
            "secret": "env:SECRET",
            "bearer": "env:SECRET",
            "headers": {"X-Team": "ops"},
            "fields": {
                "text": "{headline}",
                "to": ["{recipient}"],
                "n": "{attempt}",
                "again": "x{email}{slack}",
                "v": 2,
            },
        }
        channel = build_channel("out", config, toolkit(tmp_path, environ))
        outcome = await channel.deliver(replace(PAGE, dedup_key="열쇠"), PERSON, 3)
        await channel.close()
    assert outcome == Sent("202", NOW)
    got = web.received[0]
    assert got.line == "POST /hook?a=1 HTTP/1.1"
    assert got.headers["host"] == f"localhost:{port}"
    assert got.headers["authorization"] == f"Bearer {CANARY}"
    assert got.headers["x-team"] == "ops"
    assert len(got.headers["idempotency-key"]) == 64
    stamp, signature = got.headers["x-judgify-timestamp"], got.headers["x-judgify-signature"]
    assert is_genuine(CANARY, stamp, got.body, signature, NOW.timestamp())
    assert json.loads(got.body) == {
        "text": "[P1] 판단 서비스 중단",
        "to": ["김담당"],
        "n": 3,
        "again": "xduty@example.comU0DUTY0001",
        "v": 2,
    }


async def test_http_tells_of_a_missing_signing_secret(tmp_path: Path, environ: dict[str, str]) -> None:
    config = {"type": "http", "url": "http://localhost:1/", "secret": "file:/nowhere/at-all"}
    channel = build_channel("out", config, toolkit(tmp_path, environ))
    outcome = await channel.deliver(PAGE, PERSON, 1)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.MISCONFIGURED


@pytest.mark.parametrize("kind", VENDORS)
async def test_https_proves_the_name_while_the_address_is_pinned(
    kind: str, tmp_path: Path, environ: dict[str, str]
) -> None:
    certificate, key = servers.make_certificate(tmp_path)
    web = ANSWERS.get(kind, servers.SLACK_TAKES if kind == "slack_bot" else servers.Web)()
    async with servers.serving(web, servers.server_context(certificate, key)) as port:
        config = vendor_config(kind, port, environ, "https") | {"ca_file": str(certificate)}
        trusted = build_channel("out", config, toolkit(tmp_path, environ))
        assert isinstance(await trusted.deliver(PAGE, PERSON, 1), Sent)
        await trusted.close()
        for host, extra in (("127.0.0.1", {"ca_file": str(certificate)}), ("localhost", {})):
            config = vendor_config(kind, port, environ, "https", host) | extra
            stranger = build_channel("other", config, toolkit(tmp_path, environ))
            refused = await stranger.deliver(PAGE, PERSON, 1)
            await stranger.close()
            assert isinstance(refused, Refused)
            assert refused.reason is Reason.TLS_FAILED
    assert len(web.received) == 1


async def test_mailbox_files_are_private_readable_and_in_order(tmp_path: Path, environ: dict[str, str]) -> None:
    channel = build_channel("box", {"type": "mailbox", "folder": "post"}, toolkit(tmp_path, environ))
    receipts = [outcome_detail(await channel.deliver(PAGE, PERSON, attempt)) for attempt in (1, 2)]
    files = sorted((tmp_path / "post").iterdir())
    assert [file.name for file in files] == sorted(receipts)
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "판단 서비스가 응답하지 않습니다." in file.read_text("utf-8")
        assert "Subject: [P1] 판단 서비스 중단" in file.read_text("utf-8")
    assert stat.S_IMODE((tmp_path / "post").stat().st_mode) == 0o700


async def test_a_mailbox_that_cannot_be_written_refuses(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "post").write_text("a file where a folder should be")
    channel = build_channel("box", {"type": "mailbox", "folder": "post"}, toolkit(tmp_path, environ))
    outcome = await channel.deliver(PAGE, PERSON, 1)
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retryable) == (Reason.STORAGE_FAILED, True)
    assert (await channel.check()).state == "down"


async def test_a_closed_console_refuses(tmp_path: Path, environ: dict[str, str]) -> None:
    stream = io.StringIO()
    channel = build_channel("out", {"type": "console"}, toolkit(tmp_path, environ, stream))
    stream.close()
    outcome = await channel.deliver(PAGE, PERSON, 1)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.STORAGE_FAILED
    assert (await channel.check()).state == "down"


async def test_a_secret_in_a_text_is_masked_on_the_console(tmp_path: Path, environ: dict[str, str]) -> None:
    stream = io.StringIO()
    channel = build_channel("out", {"type": "console"}, toolkit(tmp_path, environ, stream))
    await channel.deliver(replace(PAGE, body=f"password={CANARY}", subject=f"token: {CANARY}"), PERSON, 1)
    assert CANARY not in stream.getvalue()


def parsed(text: str) -> EmailMessage:
    return email.message_from_bytes(text.encode(), policy=mail_policy)


def body_of(mail: EmailMessage) -> str:
    return str(mail.get_content())
