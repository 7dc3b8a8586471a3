"""The matrix as due rows, cell by cell; quiet hours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.support.guides import shipped

from judgify.response import paging
from judgify.response.escalation import announcement_channels, deadlines, plan
from judgify.response.guide.base import SEVERITIES, SeverityName
from judgify.response.guide.schema import Guide
from judgify.response.guide_policy import GuidePolicy
from judgify.response.model import Page

SEOUL = ZoneInfo("Asia/Seoul")
MONDAY_10 = datetime(2026, 11, 23, 10, 0, tzinfo=SEOUL)
MONDAY_03 = datetime(2026, 11, 23, 3, 0, tzinfo=SEOUL)
GUIDE = shipped()

TOLD = {
    "P0": {
        (0, "page", "ops-lead"),
        (0, "page", "devops-lead"),
        (0, "page", "infra-engineer"),
        (0, "report", "cto"),
        (0, "report", "ceo"),
        (15, "page", "ops-lead"),
        (30, "page", "dev-lead"),
        (60, "page", "cto"),
        (60, "page", "ceo"),
    },
    "P1": {
        (0, "page", "dev-lead"),
        (0, "page", "devops-lead"),
        (0, "report", "cto"),
        (0, "report", "ceo"),
        (0, "report", "ops-lead"),
        (0, "notice", "infra-engineer"),
        (15, "page", "ops-lead"),
        (30, "page", "dev-lead"),
        (60, "page", "cto"),
    },
    "P2": {
        (0, "page", "dev-lead"),
        (0, "report", "ops-lead"),
        (15, "page", "dev-lead"),
        (30, "page", "ops-lead"),
        (60, "page", "dev-lead"),
    },
    "P3": {(0, "page", "dev-lead"), (60, "page", "ops-lead")},
}
"""Who is told of a fault of the judgment service, whose owner is the development lead."""


def waking() -> Guide:
    """The shipped guide with an HTTP channel and SMS switched on."""
    names = {"http", "sms"}
    channels = {
        name: channel.model_copy(update={"enabled": True}) if name in names else channel
        for name, channel in GUIDE.channels.items()
    }
    return replace(GUIDE, channels=channels)


@pytest.mark.guide("G22")
@pytest.mark.parametrize("severity", SEVERITIES)
def test_every_row_of_a_severity(severity: SeverityName) -> None:
    rows = plan(GUIDE, severity=severity, service="judgment", opened_at=MONDAY_10)
    assert {(row.minute, row.kind, row.person) for row in rows} == TOLD[severity]
    assert len({row.key for row in rows}) == len(rows)
    for row in rows:
        assert row.due_at == MONDAY_10 + timedelta(minutes=row.minute)
        assert row.due_at.tzinfo is UTC
        assert row.channels == ("console", "mailbox")


def test_a_person_of_several_roles_gets_the_most_urgent_message_once() -> None:
    rows = plan(GUIDE, severity="P0", service="gateway", opened_at=MONDAY_10)
    [row] = [row for row in rows if row.minute == 0 and row.person == "ops-lead"]
    assert (row.kind, row.role, row.also_roles) == ("page", "response-team", ("manager",))
    assert row.label.ko == "0-15분"


def test_a_role_met_twice_in_a_row_is_named_once() -> None:
    rows = plan(GUIDE, severity="P1", service="gateway", opened_at=MONDAY_10)
    [row] = [row for row in rows if row.minute == 0 and row.person == "infra-engineer"]
    assert (row.kind, row.role, row.also_roles) == ("page", "owner", ("response-team",))


def test_a_role_that_is_both_paged_and_noticed_is_named_once() -> None:
    first = GUIDE.escalation.rows[0]
    rows = (first.model_copy(update={"also": {"P3": ("owner",)}}), *GUIDE.escalation.rows[1:])
    guide = replace(GUIDE, escalation=GUIDE.escalation.model_copy(update={"rows": rows}))
    row = plan(guide, severity="P3", service="judgment", opened_at=MONDAY_10)[0]
    assert (row.kind, row.role, row.also_roles) == ("page", "owner", ())


def test_the_owner_is_the_services_own_or_a_stand_in() -> None:
    for service, owner in (("judgment", "dev-lead"), ("database", "infra-engineer"), ("billing", "infra-engineer")):
        first = plan(GUIDE, severity="P3", service=service, opened_at=MONDAY_10)[0]
        assert first.person == owner


@pytest.mark.guide("G03")
def test_p2_at_night_wakes_nobody_and_its_time_does_not_move() -> None:
    guide = waking()
    night = plan(guide, severity="P2", service="judgment", opened_at=MONDAY_03)
    assert all(row.quiet and "http" not in row.channels for row in night)
    assert night[0].due_at == MONDAY_03
    day = plan(guide, severity="P2", service="judgment", opened_at=MONDAY_10)
    assert all(not row.quiet and "http" in row.channels for row in day)


def test_each_row_looks_at_its_own_moment() -> None:
    rows = plan(waking(), severity="P2", service="judgment", opened_at=datetime(2026, 11, 23, 8, 50, tzinfo=SEOUL))
    assert [(row.minute, row.quiet) for row in rows] == [(0, True), (0, True), (15, False), (30, False), (60, False)]


def test_p0_at_night_uses_everything() -> None:
    rows = plan(waking(), severity="P0", service="judgment", opened_at=MONDAY_03)
    assert all("http" in row.channels and not row.quiet for row in rows)


@pytest.mark.guide("G06")
def test_sms_goes_to_the_response_team_only() -> None:
    rows = plan(waking(), severity="P0", service="judgment", opened_at=MONDAY_10)
    sms = {(row.minute, row.person) for row in rows if "sms" in row.channels}
    assert sms == {(0, "ops-lead"), (0, "devops-lead"), (0, "infra-engineer")}


@pytest.mark.parametrize(
    "opened",
    [
        datetime(2026, 3, 8, 1, 50, tzinfo=ZoneInfo("America/New_York")),
        datetime(2026, 11, 1, 0, 50, tzinfo=ZoneInfo("America/New_York")),
        datetime(2026, 12, 31, 23, 50, tzinfo=SEOUL),
        datetime(2026, 11, 22, 14, 59, 59, 999_999, tzinfo=UTC),
    ],
    ids=["clocks-forward", "clocks-back", "new-year", "midnight-in-seoul"],
)
def test_rows_are_absolute_whatever_the_local_clock_does(opened: datetime) -> None:
    rows = plan(GUIDE, severity="P0", service="gateway", opened_at=opened)
    elapsed = {(row.due_at - opened.astimezone(UTC)).total_seconds() for row in rows}
    assert elapsed == {0, 900, 1800, 3600}


@pytest.mark.guide("G01")
@pytest.mark.parametrize(
    ("severity", "minutes", "solve"),
    [
        ("P0", 15, MONDAY_03),
        ("P1", 30, MONDAY_03),
        ("P2", 120, datetime(2026, 11, 23, 9, 0, tzinfo=SEOUL)),
        ("P3", 1440, datetime(2026, 11, 29, 2, 0, tzinfo=SEOUL)),
    ],
)
def test_deadlines_of_section_1_1(severity: SeverityName, minutes: int, solve: datetime) -> None:
    found = deadlines(GUIDE, severity=severity, opened_at=MONDAY_03)
    assert found.respond_by == MONDAY_03 + timedelta(minutes=minutes)
    assert found.solve_from == solve


@pytest.mark.guide("G10")
def test_announcements_go_to_channels_that_take_them() -> None:
    assert announcement_channels(GUIDE, "P0") == ("console", "mailbox")


def test_the_hotline_too_wakes_nobody_for_what_can_wait() -> None:
    policy = GuidePolicy(waking())
    night = MONDAY_03
    assert any(row.wakes for row in policy.hotline_pages("P1", "0", night))
    quiet = policy.hotline_pages("P2", "0", night)
    assert quiet
    assert not any(row.wakes for row in quiet)
    loud = Page(
        id="pg_1",
        incident_id="INC-2026-0001",
        kind="page",
        person="a",
        role="owner",
        channel="http",
        row="15:page:a",
        due_at=night + timedelta(minutes=15),
        created_at=night,
    )
    silent = loud.model_copy(update={"id": "pg_2", "wakes": False})
    assert [p.id for p in paging.next_row([loud, silent], night, quiet=True)] == ["pg_2"]
    assert [p.id for p in paging.next_row([loud, silent], night, quiet=False)] == ["pg_1", "pg_2"]
    assert policy.local_channel("mailbox")
    assert not policy.local_channel("http")
