from datetime import UTC, datetime
from pathlib import Path

import pytest

from judgify.kit.clock import FakeClock
from judgify.kit.egress import Target
from judgify.kit.errors import Denied, Invalid, Unavailable
from judgify.notify import (
    Check,
    Doubt,
    Message,
    Outcome,
    Reason,
    Recipient,
    Refused,
    Sent,
    Toolkit,
    Unknown,
    build_channel,
    build_channels,
    outcome_detail,
    outcome_label,
)
from judgify.notify.channel import Guarded
from judgify.notify.channels.http import check_template, fill
from judgify.notify.message import headline, one_line, plain_text, short_text, visible
from judgify.notify.outcome import OUTCOME_LABELS, safe_detail
from judgify.notify.reference import is_reference, resolve
from judgify.notify.signature import is_genuine, sign
from judgify.notify.text_message import text_class
from judgify.notify.wire import (
    Answer,
    address_refusal,
    check_headers,
    host_header,
    judge_status,
    path_of,
    retry_after,
)

NOW = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)
CANARY = "canary-4f1d8c7a9b2e"


def message(**more: object) -> Message:
    return Message(**({"kind": "notice", "subject": "s", "body": "b", "dedup_key": "k"} | more))  # type: ignore[arg-type]


def test_a_headline_is_one_line_with_severity_once() -> None:
    assert headline(message(subject="a\r\nb", severity="P0")) == "[P0] a b"
    assert headline(message(subject="[P0] a", severity="P0")) == "[P0] a"
    assert headline(message(possibly_repeat=True, lang="en")) == "[possible repeat] s"


def test_plain_text_is_body_incident_links() -> None:
    assert plain_text(message()) == "b\n"
    assert plain_text(message(incident_id="INC-2026-0001", lang="en")) == "b\n\nIncident: INC-2026-0001\n"


def test_a_short_text_is_the_authors_or_the_headline() -> None:
    assert short_text(message(short="x\ny")) == "x y"
    assert short_text(message()) == "s"


def test_a_text_message_holds_ninety_bytes_of_korean() -> None:
    assert text_class("가" * 45) == "SMS"
    assert text_class("가" * 45 + ".") == "LMS"


def test_invisible_and_broken_characters_do_not_pass() -> None:
    assert visible("a\x00b\x1b[2J\x9bc\u202ed\u2066\tе\r\nf\rg") == "ab[2Jcd\tе\nf\ng"
    assert visible("\ud800") == "?"
    assert one_line(" a \n\n b ") == "a b"


def test_every_outcome_has_a_label_of_the_closed_set() -> None:
    outcomes: list[Outcome] = [Sent("r", NOW)]
    outcomes += [Refused(reason, "d", retryable=False) for reason in Reason]
    outcomes += [Unknown(doubt, "d") for doubt in Doubt]
    assert tuple(map(outcome_label, outcomes)) == OUTCOME_LABELS
    assert {outcome_detail(outcome) for outcome in outcomes} == {"r", "d"}
    assert len(set(OUTCOME_LABELS)) == len(OUTCOME_LABELS)


def test_a_detail_hides_secrets_and_stays_short() -> None:
    told = safe_detail(f"it said {CANARY}\nBearer abcdefghijkl password=hunter22 " + "x" * 500, (CANARY, ""))
    assert CANARY not in told
    assert "hunter22" not in told
    assert "abcdefghijkl" not in told
    assert "\n" not in told
    assert len(told) == 300


def test_secrets_are_references(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{CANARY}\n")
    assert resolve("env:A", {"A": CANARY}) == CANARY
    assert resolve(f"file:{file}", {}) == CANARY
    assert not is_reference("file:relative")
    assert not is_reference("env:")
    file.write_text(" \n")
    for reference in (CANARY, "env:B", "file:/nowhere/at-all", f"file:{file}"):
        with pytest.raises(Invalid) as caught:
            resolve(reference, {})
        assert CANARY not in caught.value.detail


def test_a_signature_is_bound_to_secret_time_and_body() -> None:
    signature = sign("s", 1000, b"body")
    assert is_genuine("s", "1000", b"body", signature, 1200)
    assert not is_genuine("s", "1000", b"body", signature, 1301)
    assert not is_genuine("s", "1000", b"other", signature, 1000)
    assert not is_genuine("t", "1000", b"body", signature, 1000)
    assert not is_genuine("s", "1e3", b"body", signature, 1000)
    assert not is_genuine("s", "1" * 30, b"body", signature, 1000)
    assert not is_genuine("s", "1000", b"body", "한글", 1000)


def test_an_address_is_pinned_and_its_name_kept() -> None:
    six = Target("https", "example.com", 443, "2001:db8::1")
    assert path_of("https://example.com?a=1") == "/?a=1"
    assert host_header(six) == "example.com"
    assert host_header(Target("http", "::1", 8080, "::1")) == "[::1]:8080"
    assert path_of("http://a/x%20y#part") == "/x%20y"
    assert path_of("http://a/판단?이름=a b\r\nX: y&c=%EA") == "/%ED%8C%90%EB%8B%A8?%EC%9D%B4%EB%A6%84=a%20bX:%20y&c=%EA"


@pytest.mark.parametrize(("name", "value"), [("X\r\nY", "v"), ("X", "a\r\nb"), ("Host", "v"), ("X", "한글"), ("", "v")])
def test_headers_that_break_out_are_refused(name: str, value: str) -> None:
    with pytest.raises(Invalid):
        check_headers({name: value})


def test_headers_that_are_fine_pass() -> None:
    assert check_headers({"X-Team": "ops"}) == {"X-Team": "ops"}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("5", 5.0),
        ("99999999999", 3600.0),
        ("Sun, 22 Nov 2026 14:10:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 14:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2026 14:10:30 -0000", None),
        ("soon", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


def test_a_busy_server_without_a_time_is_a_server_error() -> None:
    outcome = judge_status(Answer(503, {}, b""), NOW)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.SERVER_ERROR


def test_what_the_address_check_says_becomes_a_reason() -> None:
    reasons = [address_refusal(error("x")).reason for error in (Denied, Unavailable, Invalid)]
    assert reasons == [Reason.ADDRESS_REFUSED, Reason.UNREACHABLE, Reason.MISCONFIGURED]


def test_a_template_reads_a_value_once_and_knows_its_names() -> None:
    values = {"subject": "{body}", "body": "x", "severity": None}
    assert fill({"a": "{subject}!", "b": ("{severity}", 1), "c": "{severity}."}, values) == {
        "a": "{body}!",
        "b": [None, 1],
        "c": ".",
    }
    check_template({"a": ["{subject}", 1], "b": None})
    with pytest.raises(Invalid, match="severity"):
        check_template({"a": [{"b": "{password}"}]})


def kit(tmp_path: Path) -> Toolkit:
    return Toolkit(FakeClock(NOW), tmp_path)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "channels.c.type: must be one of console, mailbox, email, slack_webhook, slack_bot"),
        ({"type": "pigeon"}, "channels.c.type: must be one of console"),
        ({"type": "console", "colour": "red"}, "channels.c.colour: this setting is not known"),
        ({"type": "slack_webhook", "url": CANARY}, "channels.c.url: a secret must be given as env:NAME"),
        ({"type": "http", "url": "ftp://x"}, "channels.c.url: an address must begin with http://"),
        ({"type": "http", "url": "http://x", "headers": {"Host": "x"}}, "channels.c.headers: the header Host"),
        ({"type": "http", "url": "http://x", "fields": {"a": "{x}"}}, "channels.c.fields: {x} is not known"),
        ({"type": "email", "host": "h", "sender": "nobody"}, "channels.c.sender: 'nobody' is not a mail address"),
        ({"type": "email", "host": "h", "sender": "a@b.c", "port": 0}, "channels.c.port: "),
        ({"type": "email", "host": "h", "sender": "a@b.c", "username": "env:A"}, "username and password go together"),
        (
            {"type": "email", "host": "h", "sender": "a@b.c", "username": "env:A", "password": "env:B", "tls": "none"},
            "credentials are not sent without encryption",
        ),
    ],
)
def test_a_mistake_in_the_configuration_names_its_setting(config: dict[str, object], told: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        build_channel("c", config, kit(tmp_path))
    assert told in caught.value.detail
    assert CANARY not in caught.value.detail


def test_channels_are_built_by_name(tmp_path: Path) -> None:
    channels = build_channels({"a": {"type": "console"}, "b": {"type": "mailbox"}}, kit(tmp_path))
    assert [(name, channel.name, channel.type) for name, channel in channels.items()] == [
        ("a", "a", "console"),
        ("b", "b", "mailbox"),
    ]


class Faulty:
    """A channel with a programming error whose text holds a secret."""

    name = "faulty"
    type = "console"
    closed = False

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        raise KeyError(CANARY)

    async def check(self) -> Check:
        raise KeyError(CANARY)

    async def close(self) -> None:
        self.closed = True


async def test_a_fault_of_ours_is_an_outcome_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    inner = Faulty()
    channel = Guarded(inner)
    outcome = await channel.deliver(message(), Recipient("x"), 1)
    assert outcome == Unknown(Doubt.FAULT, "the channel failed with KeyError")
    assert await channel.check() == Check("down", "the check failed with KeyError")
    await channel.close()
    assert inner.closed
    assert CANARY not in capsys.readouterr().out
