"""Who fills a role, by what each person is reached, and what a new plan does to the old one: values in, values out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.oncall import guide_with, layer, schedule, switched_on
from tests.support.response_world import MINSU, default_guide
from tests.support.tale import Tale, opened

from judgify.response import contact_rule, paging
from judgify.response import timeline as t
from judgify.response.escalation import escalate
from judgify.response.guide_policy import GuidePolicy
from judgify.response.incident import Incident
from judgify.response.kept import Kept
from judgify.response.model import Page
from judgify.response.policy import PlannedRow
from judgify.response.roster import Roster
from judgify.response.stand_in import StandIn, current, read

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
DUTY = {"schedules": {"duty": schedule(layer("infra-engineer", "devops-lead"))}}


def stand_in(target: str, person: str, **fields: Any) -> StandIn:
    given = {"id": f"ovr-{target}-{person}", "start": NOW, "end": NOW + timedelta(hours=2), "made_at": NOW, "by": MINSU}
    return StandIn.model_validate({**given, "target": target, "person": person, **fields})


def test_schedules_fill_roles_and_services_and_contacts_the_rest() -> None:
    roster = Roster(guide_with(**DUTY, roles={"devops": ["duty"]}, services={"gateway": ["duty"]}))
    assert roster.persons("devops", "judgment", "P0", NOW) == ("infra-engineer",)
    assert roster.persons("owner", "gateway", "P0", NOW) == ("infra-engineer",)
    assert roster.persons("owner", "judgment", "P0", NOW) == ("dev-lead",)
    assert roster.persons("owner", "unheard-of", "P0", NOW) == ("infra-engineer",)
    assert roster.persons("executives", "judgment", "P0", NOW) == ("cto", "ceo")
    assert roster.filling("owner", "judgment") is None
    assert roster.next_change(NOW) == datetime(2026, 3, 9, tzinfo=UTC)


def test_stand_ins_hold_for_schedules_and_for_persons() -> None:
    found = [
        stand_in("duty", "cto", start=NOW + timedelta(hours=1)),
        stand_in("cto", "ceo"),
        stand_in("dev-lead", "gone-since"),
        stand_in("no-such-schedule", "ceo"),
        stand_in("ops-lead", "ceo", cancelled_at=NOW),
    ]
    bare = Roster(guide_with(**DUTY, roles={"devops": ["duty"]}))
    roster = bare.beside(found)
    assert roster.persons("devops", "judgment", "P1", NOW) == ("infra-engineer",)
    # Whoever stands in for the schedule is away, too: their own stand-in is meant.
    assert roster.persons("devops", "judgment", "P1", NOW + timedelta(hours=1)) == ("ceo",)
    assert roster.persons("executives", "judgment", "P1", NOW) == ("ceo",)
    assert roster.persons("dev-lead", "judgment", "P1", NOW) == ("dev-lead",)
    assert roster.persons("team-lead", "judgment", "P1", NOW) == ("ops-lead",)
    assert roster.next_change(NOW) == NOW + timedelta(hours=1)
    assert Roster(default_guide()).next_change(NOW) is None
    assert Roster(default_guide(), found).next_change(NOW) == NOW + timedelta(hours=2)


def test_a_cancelled_stand_in_ends_at_its_cancelling() -> None:
    active = stand_in("duty", "cto", cancelled_at=NOW + timedelta(hours=1))
    assert active.ends == active.override.end == NOW + timedelta(hours=1)
    early = stand_in("duty", "cto", start=NOW + timedelta(hours=1), cancelled_at=NOW)
    assert early.ends == early.start
    kept = [Kept(kind="stand-in", id=one.id, body={"stand_in": one.model_dump(mode="json")}) for one in (active, early)]
    assert [read(one).id for one in kept] == [active.id, early.id]
    assert current(kept, NOW + timedelta(hours=1)) == []
    assert [one.id for one in current(kept, NOW)] == [active.id]


def test_a_hole_is_filled_by_the_next_row_that_has_somebody() -> None:
    nights = schedule(layer("cto", hours=[{"start": "22:00", "end": "06:00"}]))
    guide = guide_with(
        schedules={"nights": nights},
        roles={"devops": ["nights"], "team-lead": ["nights"]},
        services={"judgment": ["nights"]},
    )
    plan = escalate(guide, Roster(guide), severity="P1", service="judgment", opened_at=NOW)
    assert [(hole.minute, hole.roles) for hole in plan.holes] == [(0, ("owner", "devops")), (15, ("team-lead",))]
    assert {row.due_at for row in plan.rows if row.key == "30:page:dev-lead"} == {NOW}
    policy = GuidePolicy(guide)
    rows = policy.pages("P1", "judgment", NOW)
    assert {row.row for row in rows if row.person == "hotline"} == {"hotline:gap-0", "hotline:gap-15"}
    assert [gap.row for gap in policy.gaps("P1", "judgment", NOW)] == ["0", "15"]
    # A day later the time of all rows has been: who is on call now is asked.
    late = policy.pages("P1", "judgment", NOW, NOW + timedelta(hours=13))
    assert not [row for row in late if row.person == "hotline"]
    assert policy.responder("P1", "judgment", NOW) is None
    assert policy.beside([]) is policy
    assert (policy.neglected_after_s("P0"), policy.guide_digest()) == (1800, guide.digest)


CONTACT = {
    "dev-lead": {
        "rules": {
            "P1": [
                {"channel": "slack-critical"},
                {"channel": "pagerduty", "after_s": 30},
                {"channel": "sms", "after_s": 120},
                {"persons": ["ops-lead", "cto"], "after_s": 300},
            ],
            "P2": [{"channel": "sms"}],
        },
        "quiet_hours": [{"start": "22:00", "end": "07:00"}],
    },
    "ops-lead": {"rules": {"P1": [{"channel": "sms", "after_s": 60}, {"channel": "console", "after_s": 90}]}},
}


def steps(
    person: str, severity: Any, channels: tuple[str, ...], *, quiet: bool = False
) -> list[tuple[str, str, float]]:
    guide = switched_on(guide_with(contact=CONTACT), "slack-critical", "sms")
    found = contact_rule.steps(guide, person, severity, channels, quiet=quiet)
    return [(told.person, told.channel, told.after_s) for told in found]


def test_a_rule_is_taken_step_by_step_beside_what_stays_on_this_machine() -> None:
    every = ("console", "mailbox", "slack-critical", "sms")
    assert steps("dev-lead", "P1", every) == [
        ("dev-lead", "console", 0),
        ("dev-lead", "mailbox", 0),
        ("dev-lead", "slack-critical", 0),
        ("dev-lead", "sms", 120),
        ("ops-lead", "sms", 300),
        *[("cto", channel, 300) for channel in every],
    ]
    # Without a rule for the severity, or with one of which nothing can be used, all channels are.
    assert steps("dev-lead", "P0", every) == [("dev-lead", channel, 0) for channel in every]
    assert steps("dev-lead", "P2", ("console",)) == [("dev-lead", "console", 0)]
    assert steps("cto", "P1", every) == [("cto", channel, 0) for channel in every]
    assert [channel for _, channel, _ in steps("dev-lead", "P1", ("console",), quiet=True)] == ["console"] * 3


@pytest.mark.parametrize(("severity", "hour", "quiet"), [("P2", 23, True), ("P2", 12, False), ("P1", 23, False)])
def test_quiet_hours_are_for_p2_and_p3(severity: Any, hour: int, *, quiet: bool) -> None:
    guide = guide_with(contact=CONTACT)
    moment = datetime(2026, 3, 4, hour - 9, tzinfo=UTC)
    assert contact_rule.in_quiet_hours(guide, "dev-lead", severity, moment) is quiet
    assert not contact_rule.in_quiet_hours(guide, "ops-lead", severity, moment)
    assert not contact_rule.in_quiet_hours(guide, "ceo", severity, moment)


# -- what a new plan does to the old one ------------------------------------------------------------------------------


def incident(*events: t.Event) -> Incident:
    tale = Tale().add(0, opened())
    for event in events:
        tale.add(1, event)
    return tale.incident


BEGUN = incident().begun_at


def page(key: str, person: str, row: str = "0:page:x", **fields: Any) -> Page:
    given = {"kind": "page", "role": "devops", "channel": "sms", "due_at": BEGUN, "created_at": BEGUN}
    return Page.model_validate({"id": key, "incident_id": "INC", "person": person, "row": row, **given, **fields})


def row(person: str, name: str = "0:page:x", minutes: int = 0) -> PlannedRow:
    due = BEGUN + timedelta(minutes=minutes)
    return PlannedRow(kind="page", person=person, role="devops", channel="sms", row=name, due_at=due)


LATER = BEGUN + timedelta(minutes=20)


def plan(pages: list[Page], rows: list[PlannedRow], *events: t.Event, **more: Any) -> tuple[set[str], list[str]]:
    gone, fresh = paging.replan(incident(*events), pages, rows, LATER, **more)
    return {one.id for one in gone}, [one.person for one in fresh]


def test_whoever_stays_on_a_row_goes_on_being_told_and_whoever_left_is_left_in_peace() -> None:
    pages = [
        page("told", "a", state="sent"),
        page("repeat", "a", repeat=1, due_at=LATER + timedelta(minutes=5)),
        page("left", "b", repeat=1, due_at=LATER + timedelta(minutes=5)),
        page("sooner", "c", "30:page:c", due_at=LATER),
        page("later", "d", "30:page:d", due_at=BEGUN + timedelta(minutes=60)),
        page("test", "e", kind="test"),
    ]
    rows = [row("a"), row("n"), row("c", "30:page:c", 30), row("d", "30:page:d", 30)]
    assert plan(pages, rows) == ({"left", "later"}, ["n", "d"])


def test_whoever_comes_back_is_told_again_but_not_after_an_acknowledgement() -> None:
    pages = [
        page("told", "a", state="sent"),
        page("off", "a", repeat=1, state="withdrawn", created_at=BEGUN + timedelta(minutes=5)),
    ]
    assert plan(pages, [row("a")]) == (set(), ["a"])
    assert plan(pages, [row("a")], t.IncidentAcknowledged()) == (set(), [])
    stopped = [page("stopped", "a", state="withdrawn", detail=paging.ACKNOWLEDGED)]
    assert plan(stopped, [row("a")], t.IncidentAcknowledged()) == (set(), [])


def test_what_is_under_way_is_marked_and_not_repeated() -> None:
    under_way = page("under-way", "a", state="claimed")
    gone, fresh = paging.replan(incident(), [under_way], [row("b")], LATER)
    assert [(one.id, one.state, one.relieved) for one in gone] == [("under-way", "claimed", True)]
    assert [one.person for one in fresh] == ["b"]
    relieved = gone[0]
    assert paging.repetition(relieved, incident(), GuidePolicy(default_guide()), LATER) is None
    assert paging.still_owed(relieved, incident()) == "somebody else is on call now"
    back, again = paging.replan(incident(), [relieved], [row("a")], LATER)
    assert ([one.relieved for one in back], again) == ([False], [])
    assert plan([relieved], [row("b")]) == (set(), ["b"])
    # Told while somebody else was on call: when the first comes back on, that telling counts for nothing.
    assert plan([relieved.model_copy(update={"state": "sent"})], [row("a")]) == (set(), ["a"])


def test_hotlines_detours_and_gaps() -> None:
    called, gap = page("called", "hotline", "hotline:0"), page("gap", "hotline", "hotline:gap-15")
    detour = page("detour", "a", channel="email")
    assert plan([called, gap, detour], [row("a")]) == ({"gap", "detour"}, ["a"])
    assert plan([detour], [row("a")], detours=True) == (set(), ["a"])
    hole = row("hotline", "hotline:gap-0")
    assert plan([page("kept", "a", "0:page:a")], [hole]) == (set(), ["hotline"])


def test_steps_of_a_row_stop_with_it_and_come_forward_with_it() -> None:
    begun = page("step", "a", due_at=LATER + timedelta(seconds=60), after_s=120)
    coming = page("coming", "b", "30:page:b", due_at=LATER + timedelta(minutes=12), after_s=120)
    first = page("first", "b", "30:page:b", due_at=LATER + timedelta(minutes=10))
    stopped, changed = paging.on_acknowledge([begun, coming, first], LATER)
    assert ([one.id for one in stopped], [one.id for one in changed]) == (["step"], ["coming", "first"])
    forward = paging.next_row([begun, coming, first], LATER, quiet=False)
    assert [(one.id, (one.due_at - LATER).total_seconds()) for one in forward] == [("coming", 120), ("first", 0)]


def test_a_page_that_proves_nothing_is_left_out_when_it_is_asked_who_was_reached() -> None:
    policy = GuidePolicy(switched_on(default_guide(), "sms", "slack-critical"))
    refused = page("refused", "a", outcome="refused", state="failed")
    unsure = page("unsure", "a", outcome="sent", state="sent", channel="slack-critical")
    assert not paging.unreached([refused, unsure], "0", policy)
    assert paging.unreached([refused, unsure], "0", policy, {"unsure"})


def test_a_severity_that_is_left_out_is_never_neglected() -> None:
    guide = default_guide()
    bare = guide.escalation.model_copy(update={"neglected_after_minutes": {}})
    assert GuidePolicy(replace(guide, escalation=bare)).neglected_after_s("P0") is None
