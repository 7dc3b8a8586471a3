"""What `doctor` says of channels and of the outward heartbeat, from what the engine answers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from judgify.cli import channel_checkup
from judgify.cli.checkup import heartbeat
from judgify.kit.clock import iso
from judgify.kit.settings import Settings

NOW = datetime(2026, 3, 4, 1, tzinfo=UTC)
EARLIER = iso(NOW - timedelta(minutes=2))


def row(**fields: Any) -> dict[str, Any]:
    return {
        "channel": "sms", "enabled": True, "state": "ok", "reason": "", "detail": "", "since": None, "tries": 50,
        "delivered_percent": 99.5, "objective_percent": 99.0, "last_try_at": EARLIER, "last_good_at": EARLIER,
        "canary_every_s": 300.0, "canary_at": EARLIER, "canary_s": 0.214, **fields,
    }  # fmt: skip


def judged(methods: Any = None, **fields: Any) -> dict[str, Any]:
    (found,) = channel_checkup.channels({"channels": [row(**fields)]}, methods, NOW)
    return found


def test_a_channel_that_is_well_says_its_figures() -> None:
    found = judged()
    assert (found["level"], found["check"], found["channel"]) == ("ok", "channel", "sms")
    assert found["text"] == (
        "sms: last delivered 2026-03-04 09:58:00 KST, 99.5 % of 50 tries, objective 99 %; "
        "canary 2026-03-04 09:58:00 KST, last round trip 0.21 s"
    )
    assert (found["objective_percent"], found["canary_s"], found["unverified"]) == (99.0, 0.214, [])


@pytest.mark.parametrize(
    ("fields", "level", "words"),
    [
        ({"state": "failing", "since": EARLIER, "reason": "timeout"}, "error", "its objective since 2026-03-04"),
        ({"state": "refusing", "reason": "unauthorized", "detail": "401"}, "error", "refuses: unauthorized (401)"),
        ({"state": "off"}, "error", "could not be opened"),
        ({"canary_at": iso(NOW - timedelta(minutes=16))}, "warning", "its canary is overdue"),
        ({"canary_s": None}, "ok", "last did not arrive"),
        ({"canary_every_s": None, "canary_at": None}, "ok", "no canary (sink)"),
        (
            {"tries": 0, "delivered_percent": None, "last_try_at": None, "last_good_at": None, "canary_at": None},
            "warning",
            "nothing was ever sent through it; never delivered; no canary yet",
        ),
        ({"objective_percent": None}, "ok", "50 tries; canary"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_channel_is_said(fields: dict[str, Any], level: str, words: str) -> None:
    found = judged(**fields)
    assert (found["level"], words in found["text"]) == (level, True), found["text"]
    assert bool(found["mend"]) == (level != "ok")


def test_addresses_that_were_never_verified_are_counted_by_channel() -> None:
    methods = [{"person": f"p{n}", "channel": "sms", "verified_at": None} for n in range(4)]
    methods += [{"person": "p9", "channel": "email", "verified_at": None}]
    methods += [{"person": "p8", "channel": "sms", "verified_at": EARLIER}]
    found = judged(methods)
    assert (found["level"], found["mend"]) == ("warning", "judgify oncall verify p0 sms")
    assert "4 addresses of contacts never verified (p0, p1, p2, …)" in found["text"]


def test_channels_that_are_off_or_local_and_an_engine_that_is_silent_are_no_findings() -> None:
    told = {"channels": [row(enabled=False, state="off"), row(state="local")]}
    assert channel_checkup.channels(told, [], NOW) == channel_checkup.channels(None, None, NOW) == []
    assert channel_checkup.unknown()["level"] == "warning"


def test_the_outward_heartbeat_says_whether_it_arrives(tmp_path: Path) -> None:
    known = Settings(tmp_path, heartbeat_url="http://x")
    assert heartbeat(Settings(tmp_path))["level"] == "warning"
    assert heartbeat(known)["text"] == "an outward heartbeat is set"
    assert heartbeat(known, {"set": False})["level"] == "ok"
    fresh = {"set": True, "failing_since": None, "delivered_at": EARLIER}
    assert heartbeat(known, fresh)["text"] == "an outward heartbeat arrived 2026-03-04 09:58:00 KST"
    late = {"set": True, "failing_since": EARLIER, "delivered_at": None, "result": "refused", "detail": "answered 500"}
    failing = heartbeat(known, late)
    assert (failing["level"], "refused since 2026-03-04" in failing["text"]) == ("error", True)
