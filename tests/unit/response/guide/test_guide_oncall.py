"""What `guide check` says of schedules: each mistake with its file, path and mend."""

from datetime import date
from pathlib import Path

import pytest
from tests.support.guides import edited

from judgify.response.guide.loader import load_guide, read_guide

TODAY = date(2026, 3, 2)
"""A Monday, on which nobody works: the substitute holiday of the first of March."""
WEEK = "{name: week, persons: [infra-engineer, devops-lead], start: 2026-01-05}"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what the parser gave is kept, so that only the changed file is read anew."""
    return tmp_path_factory.mktemp("kept")


def guide(folder: Path, schedules: str, rest: str = "roles: {devops: [duty]}", **more: str) -> Path:
    target = edited(folder, "oncall.yaml", "schedules: {}", f"schedules:\n{schedules}")
    for name, text in [("roles: {}", rest), *more.items()]:
        edited(folder, "oncall.yaml", name.replace("contact", "contact: {}"), text)
    return target


def schedule(layers: str, overrides: str = "", zone: str = "Asia/Seoul", name: str = "duty") -> str:
    return f"  {name}: {{label: {{ko: 당직, en: duty}}, zone: {zone}, layers: [{layers}], overrides: [{overrides}]}}"


MISTAKES = [
    (schedule(WEEK, zone="Asia/Soul"), "schedules.duty.zone", "is not a time zone"),
    (schedule("{name: a, persons: [nobody], start: 2026-01-05}"), "layers[0].persons[0]", "is not in contacts.yaml"),
    (
        schedule("{name: a, persons: [cto], start: 2026-01-06, on: mon}"),
        "layers[0].start",
        "2026-01-06 is a tue, not a mon (write 2026-01-12, or on: tue)",
    ),
    (schedule("{name: a, persons: [cto], start: 2026-01-06, until: 2026-01-06}"), "layers[0].until", "is not after"),
    (schedule(f"{WEEK}, {WEEK}"), "layers[1].name", "is there twice"),
    (
        schedule(WEEK, "{person: cto, start: 2026-03-03T09:00, end: 2026-03-03T09:00}"),
        "overrides[0].end",
        "is not after the start",
    ),
    (
        schedule(
            WEEK,
            "{person: cto, start: 2026-03-03T09:00, end: 2026-03-05T09:00},"
            " {person: ceo, start: 2026-03-04T09:00, end: 2026-03-06T09:00}",
        ),
        "schedules.duty.overrides[1]",
        "(end overrides[0] at 2026-03-04T09:00, or begin overrides[1] at 2026-03-05T09:00)",
    ),
    (schedule(WEEK, "{person: who, start: 2026-03-03T09:00, end: 2026-03-05T09:00}"), "overrides[0].person", '"who"'),
    (
        schedule("{name: a, persons: [cto], start: 2026-01-05, hours: business}"),
        "roles.devops",
        "nobody is on call for P0, P1 from 2026-03-02 09:00 to 2026-03-03 09:00 (Asia/Seoul)",
    ),
    (
        schedule("{name: a, persons: [cto], start: 2026-01-05, severities: [P0]}"),
        "roles.devops",
        "nobody is on call for P1 from 2026-03-02 09:00",
    ),
    (
        schedule("{name: a, persons: [cto], rotation: {every: 3, unit: days}, start: 2026-01-05, until: 2026-03-20}"),
        "roles.devops",
        "from 2026-03-20 09:00 to 2026-06-02 09:00",
    ),
    (schedule(WEEK, name="cto"), "schedules.cto", "is also a person"),
]


@pytest.mark.parametrize(("text", "path", "message"), MISTAKES)
def test_a_mistake_is_told_with_its_place_and_its_mend(
    kept: Path, tmp_path: Path, text: str, path: str, message: str
) -> None:
    found, problems = read_guide(guide(tmp_path, text), today=TODAY, kept=kept)
    assert found is None
    told = [str(problem) for problem in problems if problem.level == "error" and problem.file == "guide/oncall.yaml"]
    assert any(path in line and message in line for line in told), told


def test_names_must_lead_somewhere(kept: Path, tmp_path: Path) -> None:
    rest = "roles: {devop: [duty], devops: [dutty]}"
    target = guide(tmp_path, schedule(WEEK), rest, **{"services: {}": "services: {judgement: [duty], gateway: [dity]}"})
    _, problems = read_guide(target, kept=kept)
    told = " ".join(str(problem) for problem in problems if problem.level == "error")
    for part in ('role "devop"', 'schedule "dutty"', 'service "judgement"', 'schedule "dity"'):
        assert part in told


def test_a_gap_that_another_schedule_of_the_role_fills_is_none(kept: Path, tmp_path: Path) -> None:
    office = schedule("{name: a, persons: [cto], start: 2026-01-05, hours: business}", name="office")
    nights = "{name: n, persons: [ceo], start: 2026-01-05, hours: [{start: '17:00', end: '09:00'}]}"
    weekend = "{name: w, persons: [ceo], start: 2026-01-05, hours: [{days: [sat, sun], start: '00:00', end: '00:00'}]}"
    both = f"{office}\n{schedule(f'{nights}, {weekend}', name='rest')}"
    target = guide(tmp_path, both, "roles: {devops: [office, rest]}")
    _, problems = read_guide(target, today=TODAY, kept=kept)
    told = [str(problem) for problem in problems if problem.level == "error"]
    # What is left is the holiday itself, by day.
    assert len(told) == 1
    assert "from 2026-03-02 09:00 to 2026-03-02 17:00" in told[0]


def test_services_are_looked_through_too(kept: Path, tmp_path: Path) -> None:
    text = schedule("{name: a, persons: [cto], start: 2026-05-04}")
    target = guide(tmp_path, text, "roles: {}", **{"services: {}": "services: {gateway: [duty]}"})
    _, problems = read_guide(target, today=TODAY, kept=kept)
    told = [str(problem) for problem in problems if problem.level == "error"]
    message = "nobody is on call for P1, P2, P3 from 2026-03-02 09:00 to 2026-05-04 09:00 (Asia/Seoul)"
    mend = "let a layer of the schedule cover it, or name a second schedule"
    assert told == [f"guide/oncall.yaml: services.gateway: {message} ({mend})"]
    assert read_guide(target, kept=kept)[0] is not None  # a gap never stops the engine from starting


def test_contact_rules_name_channels_and_persons_that_there_are(kept: Path, tmp_path: Path) -> None:
    rules = (
        "contact: {cto: {zone: Asia/Soul, rules: {P0: [{channel: smss, after_s: 9},"
        " {channel: slack-general, after_s: 1}, {channel: sms, after_s: 2}, {persons: [cto, who], after_s: 3}]}},"
        " whom: {}}"
    )
    target = guide(tmp_path, schedule(WEEK), contact=rules)
    _, problems = read_guide(target, kept=kept)
    told = " ".join(str(problem) for problem in problems)
    for part in (
        'contact.whom: person "whom"',
        "contact.cto.zone",
        'channel "smss" is not in channels.yaml',
        "slack-general takes no pages",
        "sms is not switched on",
        "cto would stand in for themselves",
        'person "who"',
        "nothing is sent in the first 1 s",
    ):
        assert part in told, part


def test_a_step_is_a_channel_or_a_call_list(kept: Path, tmp_path: Path) -> None:
    target = guide(tmp_path, schedule(WEEK), contact="contact: {cto: {rules: {P0: [{after_s: 1}]}}}")
    _, problems = read_guide(target, kept=kept)
    assert "a step is either a channel or a list of persons" in str(problems[0])


def switched_on(target: Path) -> Path:
    channels = target / "channels.yaml"
    text = channels.read_text("utf-8")
    begin = text.index("  sms:")
    channels.write_text(text[:begin] + text[begin:].replace("enabled: false", "enabled: true", 1), "utf-8")
    return target


def test_a_person_whom_no_channel_reaches_is_a_mistake(kept: Path, tmp_path: Path) -> None:
    target = switched_on(guide(tmp_path, schedule(WEEK)))
    _, problems = read_guide(target, kept=kept)
    told = [str(problem) for problem in problems if problem.level == "error"]
    assert any("persons.infra-engineer: P0 pages infra-engineer as response-team" in line for line in told)
    assert any("P1 pages dev-lead as owner" in line for line in told)
    contacts = target / "contacts.yaml"
    contacts.write_text(contacts.read_text("utf-8").replace("+82-10-XXXX", "+82-10-1234-5678"), "utf-8")
    _, problems = read_guide(target, kept=kept)
    told = [str(problem) for problem in problems if problem.level == "error"]
    # Now the number is there, but SMS goes to the response team only.
    assert not any("response-team" in line for line in told)
    assert any("P0 pages cto as cto" in line for line in told)
    rules = "{rules: {P0: [{channel: sms}], P1: [{channel: sms}]}}"
    everybody = ("cto", "ceo", "ops-lead", "devops-lead", "dev-lead", "infra-engineer")
    contact = ", ".join(f"{person}: {rules}" for person in everybody)
    edited(tmp_path, "oncall.yaml", "contact: {}", f"contact: {{{contact}}}")
    found, problems = read_guide(target, kept=kept)
    assert found is not None, [str(problem) for problem in problems if problem.level == "error"]


def test_a_guide_from_before_there_were_schedules_is_good(kept: Path, tmp_path: Path) -> None:
    target = edited(tmp_path, "oncall.yaml", "schedules: {}", "schedules: {}")
    (target / "oncall.yaml").unlink()
    found = load_guide(target, kept=kept)
    assert found.oncall.schedules == {}
    assert found.escalation.neglected_after_minutes["P0"] == 30
