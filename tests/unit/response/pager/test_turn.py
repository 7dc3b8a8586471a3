"""Buttons, how things stand and the short form; pure."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.guides import shipped
from tests.support.tale import ID, JIWON, START, Tale, approval, opened, signal

from judgify.notify import FOLLOWING, Message
from judgify.response import operation_entry as o
from judgify.response import timeline as t
from judgify.response.follow import turn_of
from judgify.response.guide_policy import GuidePolicy
from judgify.response.incident import Incident
from judgify.response.model import Actor, Page
from judgify.response.pager.channels import config_of
from judgify.response.pager.turn import completed, short, standing

pytestmark = pytest.mark.guide("G06")
GUIDE = shipped()
MESSAGE = Message(
    kind="page",
    subject="[훈련] [P1] 판단 서비스: 서비스 다운 (INC-2026-0007)",
    body="b",
    dedup_key="k",
    severity="P1",
    incident_id=ID,
)


def page_of(**fields: object) -> Page:
    given = {"kind": "page", "person": "ops-lead", "role": "owner", "channel": "slack", "row": "0", "due_at": START}
    return Page.model_validate({"id": "pg_1", "incident_id": ID, "created_at": START, **given, **fields})


def at(seconds: float, *events: t.Event, actor: Actor = JIWON) -> Incident:
    tale = Tale().add(0, opened())
    for event in events:
        tale.add(seconds, event, actor)
    return tale.incident


RECOVERED = t.RecoveryObserved(restored_at=START + timedelta(seconds=5), held_s=60, services=("judgment",))


def test_a_message_about_nothing_stays_as_it_is() -> None:
    assert completed(MESSAGE, page_of(), None, GUIDE, "ko") == MESSAGE


def test_who_sees_it_open_may_take_it_and_once_it_is_held_sees_who_has_it() -> None:
    told = completed(MESSAGE, page_of(), at(1), GUIDE, "ko")
    assert [(act.verb, act.label, act.target) for act in told.acts] == [("acknowledge", "접수", ID)]
    assert (told.standing, told.turn, told.service, told.topic) == ("", None, "judgment", "")
    held = completed(
        MESSAGE, page_of(payload={"follow": "acknowledged"}), at(60, t.IncidentAcknowledged()), GUIDE, "en"
    )
    assert held.acts == ()
    assert held.turn == "acknowledged"
    assert held.standing == "✅ Held by jiwon (since 2026-11-22 14:31:03 KST)"


def test_a_contact_is_called_by_its_own_name() -> None:
    lead = Actor(kind="person", name="ops-lead")
    assert "운영팀장" in standing(at(60, t.IncidentAcknowledged(), actor=lead), GUIDE, "ko")
    shell = Actor(kind="cli", name="cli", detail="minsu")
    assert "minsu" in standing(at(60, t.IncidentAcknowledged(), actor=shell), GUIDE, "ko")


@pytest.mark.parametrize(
    ("events", "turn", "line"),
    [
        ((), None, ""),
        ((t.IncidentAcknowledged(),), "acknowledged", "Held by jiwon"),
        ((RECOVERED,), "recovered", "Recovery is verified"),
        ((t.IncidentResolved(reason="over"),), "resolved", "Resolved"),
        ((t.IncidentResolved(reason="over"), t.IncidentReopened(reason="again")), "reopened", "nobody holds it"),
        ((t.IncidentMerged(into="INC-2026-0008", reason="same"),), "resolved", "Merged into INC-2026-0008"),
    ],
)
def test_how_it_stands_follows_from_the_incident(events: tuple[t.Event, ...], turn: str | None, line: str) -> None:
    incident = at(60, *events)
    assert turn_of(incident) == turn
    assert line in standing(incident, GUIDE, "en")


def test_an_approval_is_answered_for_exactly_what_is_shown() -> None:
    asked = approval()
    incident = at(1, o.ApprovalRequested(approval=asked))
    told = completed(MESSAGE, page_of(kind="notice", payload={"approval": asked.id}), incident, GUIDE, "en")
    assert [act.verb for act in told.acts] == ["approve", "reject"]
    assert json.loads(told.acts[0].target) == {"incident": ID, "approval": asked.id, "digest": asked.digest}


def test_an_announcement_has_no_buttons_and_a_thread_of_its_own() -> None:
    told = completed(MESSAGE, page_of(payload={"announcement": "internal"}), at(1), GUIDE, "ko")
    assert (told.acts, told.standing, told.short, told.topic) == ((), "", "", "announcement")


def test_the_short_form_begins_with_112_when_life_is_at_risk() -> None:
    assert short(MESSAGE, at(1), GUIDE, "ko") == "[P1] 판단 서비스: 서비스 다운 (INC-2026-0007)"
    drill = Tale().add(
        0, opened(signal(drill="d1"), key={"root": "judgment", "failure_class": "service", "drill": "d1"})
    )
    risky = drill.incident.model_copy(update={"life_at_risk": True})
    text = short(replace(MESSAGE, subject="else"), risky, GUIDE, "ko")
    assert text.startswith("🚨 생명 안전")
    assert "112/119" in text
    assert text.endswith("[훈련] [P1] else")


def test_the_guide_and_the_channels_agree_on_who_can_be_told_afterwards() -> None:
    everything = {name: one.model_copy(update={"enabled": True}) for name, one in GUIDE.channels.items()}
    policy = GuidePolicy(replace(GUIDE, channels=everything))
    types = {name: (config_of(one, Path("/h")) or {})["type"] for name, one in everything.items()}
    assert {types[name] for name in everything if policy.follows(name)} == FOLLOWING
    assert not GuidePolicy(GUIDE).follows("pagerduty")  # it ships switched off
