"""Which incident a signal belongs to, with the guide as it ships."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from judgify.kit.errors import NotFound
from judgify.response import fold, paging
from judgify.response import timeline as t
from judgify.response.guide.loader import default_guide_dir, load_guide
from judgify.response.guide_policy import GuidePolicy
from judgify.response.incident import Incident
from judgify.response.joining import Join, Open, Reroot, drill_of, place
from judgify.response.model import ENGINE, Actor, Drill, IncidentKey, Mark, Page, Signal

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
RECOVERED = t.RecoveryObserved(restored_at=NOW, held_s=60, services=("judgment",))


@cache
def policy() -> GuidePolicy:
    return GuidePolicy(load_guide(default_guide_dir()))


def signal(service: str, name: str = "service_down", **fields: Any) -> Signal:
    values = {"id": f"sig_{service}", "service": service, "signal": name, "source": "probe", "own": True}
    return Signal.model_validate({**values, "observed_at": NOW, "received_at": NOW, **fields})


def incident(first: Signal, *events: t.Event, number: int = 1, at: datetime = NOW) -> Incident:
    kind = policy().classify(first)
    opened = t.IncidentOpened(
        id=f"INC-2026-{number:04d}",
        key=IncidentKey(root=first.service, failure_class=kind.failure_class, drill=first.drill),
        title=policy().title(first.service, first.signal),
        severity=kind.severity,
        rule=kind.rule,
        reason=kind.reason,
        signal=first,
        started_at=at,
    )
    return fold.fold(
        t.Entry(number=n, incident_id=opened.id, seq=n, at=at, actor=ENGINE, event=event)
        for n, event in enumerate([opened, *events], start=1)
    )


def where(seen: Signal, *recent: Incident, after_s: float = 1) -> Any:
    return place(seen, policy().classify(seen), recent, policy(), NOW + timedelta(seconds=after_s))


def test_a_signal_on_the_same_service_joins() -> None:
    known = incident(signal("judgment"))
    found = where(signal("judgment", "not_ready"), known)
    assert isinstance(found, Join)
    assert (found.incident, found.reopen) == (known, False)


def test_a_signal_on_what_depends_on_the_root_joins_and_one_on_something_else_does_not() -> None:
    known = incident(signal("database"))
    assert isinstance(where(signal("judgment", "health_failed"), known), Join)
    assert isinstance(where(signal("redis"), known), Open)


def test_other_classes_of_failure_and_drills_stay_apart() -> None:
    known = incident(signal("gateway"))
    breach = where(signal("gateway", "security_breach", source="person", own=False), known)
    assert isinstance(breach, Open)
    assert breach.key.failure_class == "security"
    assert isinstance(where(signal("gateway", drill="d"), known), Open)


def test_a_root_that_turns_up_later_takes_over_while_the_incident_is_young() -> None:
    first = incident(signal("judgment", "health_failed"))
    second = incident(signal("workflow", "health_failed"), number=2)
    found = where(signal("database"), second, first)
    assert isinstance(found, Reroot)
    assert (found.incident.id, [other.id for other in found.merge]) == ("INC-2026-0001", ["INC-2026-0002"])
    assert found.key.root == "database"
    assert isinstance(where(signal("database"), first, after_s=policy().reroot_within_s() + 1), Open)


def test_the_same_key_reopens_for_half_an_hour_after_recovery() -> None:
    settled = incident(signal("judgment"), RECOVERED, t.IncidentResolved(reason="steady"))
    found = where(signal("judgment"), settled, after_s=29 * 60)
    assert isinstance(found, Join)
    assert found.reopen
    assert isinstance(where(signal("judgment"), settled, after_s=31 * 60), Open)
    closed = incident(signal("judgment"), RECOVERED, t.IncidentResolved(reason="x"), t.IncidentClosed())
    assert isinstance(where(signal("judgment"), closed), Open)
    never = incident(signal("judgment"), t.IncidentResolved(reason="a person says so"))
    assert isinstance(where(signal("judgment"), never), Open)
    merged = incident(signal("judgment"), t.IncidentMerged(into="INC-2026-0009", reason="x"))
    assert isinstance(where(signal("judgment"), merged), Open)


def test_an_affected_service_reopens_an_incident_that_is_not_resolved_yet() -> None:
    joined = t.SignalJoined(signal=signal("judgment", "health_failed"), reason="x")
    assert isinstance(where(signal("judgment"), incident(signal("database"), joined, RECOVERED)), Join)
    settled = incident(signal("database"), joined, RECOVERED, t.IncidentResolved(reason="steady"))
    assert isinstance(where(signal("judgment"), settled), Open)


def test_a_drill_covers_its_services_and_what_shows_their_failure_until_it_ends() -> None:
    by = Actor(kind="cli", name="cli")
    end = NOW + timedelta(hours=1)
    drill = Drill(id="d", scenario="s", services=("database",), started_at=NOW, by=by, expires_at=end)
    assert drill_of("database", "service_down", [drill], policy(), NOW) == "d"
    assert drill_of("judgment", "health_failed", [drill], policy(), NOW) == "d"
    assert drill_of("redis", "service_down", [drill], policy(), NOW) is None
    assert drill_of("database", "service_down", [drill], policy(), end) is None
    over = drill.model_copy(update={"finished_at": NOW})
    assert drill_of("database", "service_down", [over], policy(), NOW) is None


def test_names_classification_and_titles_come_from_the_guide() -> None:
    assert policy().service("judgment-service") == "judgment"
    assert policy().service("postgres") == "database"
    assert policy().service("coffee") is None
    assert policy().title("judgment", "service_down") == "판단 서비스: 서비스 다운"
    assert policy().title("coffee", "no_coffee") == "coffee: no_coffee"
    unknown = policy().classify(signal("coffee", "no_coffee"))
    assert (unknown.severity, unknown.known, unknown.in_guide) == ("P2", False, False)
    assert not policy().may_join("nonsense", "service")


def test_the_matrix_becomes_rows_one_for_each_channel() -> None:
    rows = policy().pages("P0", "gateway", NOW)
    assert {row.channel for row in rows} == {"console", "mailbox"}
    assert {row.due_at for row in rows} == {NOW + timedelta(minutes=minute) for minute in (0, 15, 30, 60)}
    assert {row.kind for row in rows} == {"page", "report"}
    made = paging.rows("INC-2026-0001", rows, NOW)
    assert len({page.id for page in made}) == len(rows) == len(paging.told(made))
    assert policy().pages("P2", "coffee", NOW)


def test_a_guide_whose_channels_fit_nobody_still_owes_the_page() -> None:
    guide = policy().guide
    none = {name: channel.model_copy(update={"enabled": False}) for name, channel in guide.channels.items()}
    assert {row.channel for row in GuidePolicy(replace(guide, channels=none)).pages("P0", "gateway", NOW)} == {
        "console"
    }


def test_responders_tests_and_announcements() -> None:
    named = policy().responder("P1", "judgment", NOW)
    assert named is not None
    assert (named.person, named.role) == ("dev-lead", "owner")
    assert {row.kind for row in policy().test_pages("ops-lead", NOW)} == {"test"}
    with pytest.raises(NotFound, match="ops-lead"):
        policy().test_pages("nobody", NOW)
    assert {row.person for row in policy().announcement_pages("P1", "internal", NOW)} == {"everyone"}
    assert policy().repeat() == (300, 12)
    assert (policy().hold_s(None), policy().hold_s("d"), policy().resolve_after_s()) == (60, 10, 900)
    assert (policy().approval_lapses_s(), policy().reopen_within_s()) == (900, 1800)
    assert policy().automation()["operations_per_incident"] == 3
    assert policy().deadlines("P0", NOW)[0] == NOW + timedelta(minutes=15)


def test_reminders_go_to_the_contact_or_to_the_team_leads_and_wake_nobody() -> None:
    known = policy().reminder_pages("dev-lead", NOW)
    assert {(row.person, row.kind, row.wakes) for row in known} == {("dev-lead", "notice", False)}
    assert "ops-lead" in {row.person for row in policy().reminder_pages("somebody", NOW)}
    guide = policy().guide
    nobody = {name: role for name, role in guide.contacts.roles.items() if name != "team-lead"}
    bare = replace(guide, contacts=guide.contacts.model_copy(update={"roles": nobody}))
    assert GuidePolicy(bare).reminder_pages("somebody", NOW) == []


@pytest.mark.guide("G32")
def test_the_next_drill_is_reminded_of_on_the_days_the_guide_names() -> None:
    assert policy().drill_reminder(NOW) is None
    guide = policy().guide
    dated = GuidePolicy(replace(guide, drill=guide.drill.model_copy(update={"next_date": date(2026, 3, 11)})))
    assert dated.drill_reminder(NOW) == 7
    assert dated.drill_reminder(NOW + timedelta(days=1)) is None


def test_a_severity_for_which_nobody_is_named_has_no_responder() -> None:
    guide = policy().guide
    roles = {
        name: role.model_copy(update={"persons": (), "per_service": False})
        for name, role in guide.contacts.roles.items()
    }
    empty = replace(guide, contacts=guide.contacts.model_copy(update={"roles": roles}))
    assert GuidePolicy(empty).responder("P1", "judgment", NOW) is None


def test_repeats_end_when_somebody_has_it_or_the_guide_says_enough() -> None:
    known = incident(signal("gateway"))
    values = {"id": "pg_1", "incident_id": known.id, "kind": "page", "person": "p", "role": "r", "channel": "c"}
    sent = Page.model_validate({**values, "row": "0", "due_at": NOW, "created_at": NOW, "state": "sent", "attempt": 2})
    again = paging.repetition(sent, known, policy(), NOW)
    assert again is not None
    assert (again.repeat, again.attempt, again.due_at) == (1, 0, NOW + timedelta(seconds=300))
    assert paging.repetition(sent.model_copy(update={"repeat": 12}), known, policy(), NOW) is None
    assert paging.repetition(sent.model_copy(update={"kind": "report"}), known, policy(), NOW) is None
    held = incident(signal("gateway"), t.IncidentAcknowledged())
    assert paging.repetition(sent, held, policy(), NOW) is None
    assert paging.repetition(sent, incident(signal("gateway"), RECOVERED), policy(), NOW) is None


def test_checklist_phases_services_and_duty_as_they_are_shown() -> None:
    known = incident(signal("gateway"), t.ChecklistDone(item="responder_named", how="machine", detail="x"))
    steps = policy().checklist(known, NOW + timedelta(minutes=2), "en")
    items = [item for step in steps for item in step["items"]]
    assert [item["how"] for item in items if item["done_at"]] == ["machine"]
    assert {step["status"] for step in steps} == {"late", "running", "waiting"}
    by_hand = known.model_copy(
        update={"checklist": {"responder_named": Mark(at=NOW, actor=ENGINE, how="person")}, "recovered_at": NOW}
    )
    first = policy().checklist(by_hand, NOW, "ko")[0]["items"]
    assert {item["how"] for item in first} == {"person", None}
    assert [phase["current"] for phase in policy().phases(known, NOW + timedelta(minutes=45), "ko")] == [
        False,
        True,
        False,
    ]
    assert policy().phase(NOW, None, NOW + timedelta(hours=3)) == 3
    assert [service["service"] for service in policy().services("en")][:2] == ["gateway", "judgment"]
    assert policy().duty("P0")["target_minutes"] == 15


def test_of_several_roots_behind_a_signal_the_deepest_is_joined() -> None:
    judgment = incident(signal("judgment"), number=1)
    database = incident(signal("database"), number=2, at=NOW + timedelta(minutes=5))
    found = where(signal("dashboard", "health_failed"), judgment, database, after_s=400)
    assert isinstance(found, Join)
    assert found.incident == database
    alone = where(signal("dashboard", "health_failed"), judgment, after_s=400)
    assert isinstance(alone, Join)
    assert alone.incident == judgment


def well(**since_s: float) -> Any:
    """Since how many seconds before `NOW` each of these services has been well."""
    moments = {name: NOW - timedelta(seconds=seconds) for name, seconds in since_s.items()}
    return moments.get


def decided(seen: Signal, *recent: Incident, **since_s: float) -> Any:
    return place(seen, policy().classify(seen), recent, policy(), NOW, well_since=well(**since_s))


def test_a_dependent_joins_only_while_its_root_may_be_the_cause() -> None:
    known = incident(signal("database"), at=NOW - timedelta(minutes=5))
    unhealthy = signal("judgment", "health_failed")
    assert isinstance(decided(unhealthy, known), Join)
    assert isinstance(decided(unhealthy, known, database=policy().settling_s()), Join)
    apart = decided(unhealthy, known, database=policy().settling_s() + 1)
    assert isinstance(apart, Open)
    assert apart.key.root == "judgment"


def test_a_process_that_is_gone_while_its_root_is_well_has_an_incident_of_its_own() -> None:
    known = incident(signal("database"))
    assert isinstance(decided(signal("judgment"), known), Join)
    assert isinstance(decided(signal("judgment"), known, database=1), Open)
    # Only our own probe has proved it.
    outside = signal("judgment", source="alertmanager", own=False)
    assert isinstance(decided(outside, known, database=1), Join)
    # One that has been part of it is still part of it, until it falls in another way.
    part = incident(signal("database"), t.SignalJoined(signal=signal("judgment", "not_ready"), reason="x"))
    assert isinstance(decided(signal("judgment", "not_ready"), part, database=100), Join)
    assert isinstance(decided(signal("judgment"), part, database=100), Open)


def test_a_recovered_incident_of_a_root_is_not_reopened_by_a_dependents_own_fault() -> None:
    joined = t.SignalJoined(signal=signal("judgment", "health_failed"), reason="x")
    known = incident(signal("database"), joined, RECOVERED)
    assert isinstance(decided(signal("judgment"), known, database=90), Open)
    again = decided(signal("judgment", "health_failed"), known)
    assert isinstance(again, Join)
    assert again.reopen
    own = incident(signal("judgment"), RECOVERED)
    assert isinstance(decided(signal("judgment"), own, database=90), Join)


def test_what_a_living_service_says_is_down_is_the_root() -> None:
    blaming = signal("judgment", "health_failed", labels={"blames": "database"})
    first = decided(blaming, database=600)
    assert isinstance(first, Open)
    assert first.key.root == "database"
    opened = t.IncidentOpened(
        id="INC-2026-0001",
        key=first.key,
        title="x",
        severity="P1",
        rule="r",
        reason="x",
        signal=blaming,
        started_at=NOW,
    )
    known = fold.fold([t.Entry(number=1, incident_id=opened.id, seq=1, at=NOW, actor=ENGINE, event=opened)])
    # The database answers our own probe (a wrong password is not its fault), and is the root all the same.
    assert isinstance(
        decided(signal("workflow", "health_failed", labels={"blames": "database"}), known, database=600), Join
    )
    # Nobody else is believed, nor a name that the service does not depend on.
    told = signal("judgment", "health_failed", source="generic", own=False, labels={"blames": "database"})
    assert decided(told).key.root == "judgment"
    assert decided(signal("judgment", "health_failed", labels={"blames": "gateway"})).key.root == "judgment"
