"""Canaries and answers in channels.yaml: each kind of channel names its sink in its own way."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.support.guides import edited, shipped

from judgify.response.guide.base import GuideProblem
from judgify.response.guide.loader import load_guide, read_guide
from judgify.response.guide.people import ChannelWatch, SmsReply


def problems(folder: Path, channel: str, canary: str) -> list[GuideProblem]:
    switched = f"en: {channel}}}\n    enabled: true\n" + (f"    canary: {canary}\n" if canary else "")
    place = edited(folder, "channels.yaml", "channels:", "channels:") / "channels.yaml"
    text = place.read_text("utf-8")
    old = next(old for state in ("true", "false") if (old := f"en: {channel}}}\n    enabled: {state}\n") in text)
    place.write_text(text.replace(old, switched, 1), "utf-8")
    return [one for one in read_guide(folder / "guide")[1] if "canary" in one.path]


@pytest.mark.parametrize(
    ("channel", "canary"),
    [
        ("personal mail", "{to: canary@ours.kr, every_s: 60}"),
        ("SMS", "{to: '+82-10-1234-5678'}"),
        ("Teams", "{secret: env:TEAMS_CANARY}"),
        ("Discord", "{secret: env:DISCORD_CANARY}"),
        ("HTTP receiver", "{secret: env:CANARY_URL}"),
        ("PagerDuty (24/7)", "{secret: secret:pagerduty_canary_key}"),
        ("response console", ""),
        ("local mailbox", ""),
    ],
)
def test_a_sink_in_the_channels_own_way_is_good(tmp_path: Path, channel: str, canary: str) -> None:
    assert problems(tmp_path, channel, canary) == []


@pytest.mark.parametrize(
    ("channel", "canary", "path", "message"),
    [
        ("Teams", "", "channels.teams.canary", "carries no canary"),
        ("response console", "{to: x@ours.kr}", "channels.console.canary", "a console channel carries no canary"),
        ("personal mail", "{secret: env:X}", "channels.email-person.canary.to", "is missing"),
        ("personal mail", "{to: a@ours.kr, secret: env:X}", "channels.email-person.canary.secret", "is not of a email"),
        ("SMS", "{to: +82-10-XXXX}", "channels.sms.canary.to", "is a placeholder"),
        ("operations team's mail", "{to: ops-team@company.com}", "channels.email-ops-team.canary.to", "pages go"),
        ("Discord", "{secret: secret:discord_webhook}", "channels.discord.canary.secret", "pages go"),
    ],
)
def test_what_is_wrong_with_a_canary_is_told(
    tmp_path: Path, channel: str, canary: str, path: str, message: str
) -> None:
    found = [(one.path, one.message) for one in problems(tmp_path, channel, canary)]
    assert any(where == path and message in what for where, what in found), found


def test_how_channels_are_watched_has_sound_bounds(tmp_path: Path) -> None:
    assert shipped().watch == ChannelWatch()
    folder = edited(tmp_path, "channels.yaml", "objective_percent: 99, tries: 50", "objective_percent: 95, tries: 20")
    assert load_guide(folder).watch.objective_percent == 95
    for values in ({"objective_percent": 100.0}, {"tries": 1}, {"failures": 0}, {"canary_every_s": 1.0}):
        with pytest.raises(ValidationError):
            ChannelWatch.model_validate(values)


def test_the_token_of_a_gateway_is_a_reference() -> None:
    assert SmsReply(token="secret:sms_reply").header == "Authorization"
    with pytest.raises(ValidationError):
        SmsReply(token="hunter2hunter2")
