"""The shipped guide against the printed one: cell by cell, command by command."""

import itertools
from pathlib import Path

import pytest
from tests.support.guides import shipped

from judgify.response.guide.base import SEVERITIES, SeverityName
from judgify.response.guide.classify import classify
from judgify.response.guide.loader import default_guide_dir
from judgify.response.guide.procedure import DiagnoseStep, RecoverStep

DATA = Path(__file__).parents[3] / "data"
MATRIX = {
    0: ("대응팀 + DevOps", "담당자 + DevOps", "담당자", "담당자"),
    15: ("+ 팀장", "+ 팀장", "담당자", "-"),
    30: ("+ 개발팀장", "+ 개발팀장", "+ 팀장", "-"),
    60: ("+ CTO/CEO", "+ CTO", "+ 개발팀장", "+ 팀장"),
}
"""Section 6.2 as printed."""


@pytest.mark.guide("G22")
@pytest.mark.parametrize("minute", MATRIX)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_every_cell_of_the_matrix(minute: int, severity: SeverityName) -> None:
    guide = shipped()
    row = next(row for row in guide.escalation.rows if row.from_minute == minute)
    cell = row.cell(severity)
    labels = [guide.contacts.roles[role].label.ko for role in cell.roles]
    printed = MATRIX[minute][SEVERITIES.index(severity)]
    assert labels == [name.strip() for name in printed.strip("+ -").replace("/", "+").split("+") if name]
    assert cell.joins == printed.startswith("+ ")
    assert row.kind == "page"


def test_the_rows_of_the_matrix_are_labelled_as_printed() -> None:
    assert [row.label.ko for row in shipped().escalation.rows] == ["0-15분", "15-30분", "30-60분", "60분+"]


@pytest.mark.guide("G01", "G03")
def test_severities_have_the_guides_targets_and_reports() -> None:
    guide = shipped()
    found = {name: (entry.name, entry.emoji, entry.target_minutes) for name, entry in guide.severities.items()}
    assert found == {
        "P0": ("Critical", "🔴", 15),
        "P1": ("High", "🟠", 30),
        "P2": ("Medium", "🟡", 120),
        "P3": ("Low", "🟢", 1440),
    }
    assert {name: set(entry.report_to) for name, entry in guide.severities.items()} == {
        "P0": {"executives", "manager"},
        "P1": {"executives", "manager"},
        "P2": {"team-lead"},
        "P3": set(),
    }


@pytest.mark.guide("G02")
def test_the_thirteen_printed_examples_have_rules_that_say_so() -> None:
    guide = shipped()
    rules = {rule.id: rule for rule in guide.signals.rules}
    examples = [example for entry in guide.severities.values() for example in entry.examples]
    assert len(examples) == 13
    assert all(rules[example.rule].guide == "1.1" for example in examples)
    assert {rule.id for rule in guide.signals.rules if not rule.not_in_guide} == {example.rule for example in examples}


def test_every_rule_is_the_answer_of_an_example() -> None:
    guide = shipped()
    answered = set()
    for example in guide.signals.examples:
        labels = {"severity": str(example.given.get("alert_severity", ""))}
        found = classify(
            guide,
            service=str(example.given["service"]),
            signal=str(example.given["signal"]),
            value=example.given.get("value"),
            labels=labels,
        )
        assert (found.severity, found.rule) == (example.severity, example.rule)
        answered.add(found.rule)
    assert answered == {rule.id for rule in guide.signals.rules}


def test_the_table_has_one_answer_for_every_signal_of_every_service() -> None:
    guide = shipped()
    values = (None, 0, 0.05, 0.0501, 2.99, 3, 10, 10.01)
    cases = itertools.product(
        (*guide.services, "billing"), (*guide.signals.signals, "strange"), values, ("", "warning", "critical")
    )
    unanswered = [
        (service, signal, value, mark)
        for service, signal, value, mark in cases
        if not classify(guide, service=service, signal=signal, value=value, labels={"severity": mark}).evaluable
    ]
    assert unanswered == []


@pytest.mark.guide("G04")
def test_recovery_order_is_that_of_section_1_2() -> None:
    guide = shipped()
    ordered = sorted(guide.services, key=lambda name: guide.services[name].priority)
    assert ordered == [
        "gateway",
        "judgment",
        "database",
        "redis",
        "workflow",
        "dashboard",
        "action",
        "logging",
        "notification",
    ]
    assert [name for name, entry in guide.services.items() if entry.not_in_guide] == ["notification"]


def test_every_printed_command_stands_in_a_runbook_as_printed() -> None:
    text = (DATA / "guide_commands.txt").read_text("utf-8")
    printed = [block for block in text.strip().split("\n\n") if not block.startswith("#")]
    steps: list[DiagnoseStep | RecoverStep] = []
    for book in shipped().runbooks.values():
        steps += [*book.diagnose, *book.recover]
    written = {command for step in steps for command in step.kubectl}
    assert len(printed) > 35
    assert [command for command in printed if command not in written] == []


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("gateway", ["start", "restart", "rollback", "scale", "edit_config"]),
        ("judgment", ["start", "restart", "rollback", "set_limits", "set_env", "restart"]),
        ("database", ["start", "set_env", "restore_backup", "switch_primary", "set_env"]),
        ("redis", ["start", "restart", "set_env"]),
    ],
)
@pytest.mark.guide("G13", "G14", "G15", "G16")
def test_recovery_steps_stand_in_the_guides_order(name: str, kinds: list[str]) -> None:
    steps = shipped().runbooks[name].recover
    assert [step.operation.kind for step in steps if step.id != "rollback-recent"] == kinds


@pytest.mark.parametrize("name", ["gateway", "judgment", "workflow", "dashboard"])
def test_a_release_of_the_last_hour_is_rolled_back_before_anything_else(name: str) -> None:
    """Only where the policy lets the engine do it by itself: asked for, it would keep the start waiting."""
    guide = shipped()
    step = guide.runbooks[name].recover[0]
    assert (step.id, step.operation.kind, step.not_in_guide) == ("rollback-recent", "rollback", True)
    assert set(step.when[0]) == {"release_changed_minutes", "previous_release_healthy", "health_ok"}
    assert {one.operation for one in guide.automation.by_itself if "P1" in one.severities} >= {"rollback"}


@pytest.mark.guide("G17")
def test_every_service_has_a_runbook_that_starts_what_does_not_run() -> None:
    guide = shipped()
    for name in guide.services:
        first = next(step for step in guide.runbook_for(name).recover if step.id != "rollback-recent")
        assert first.operation.kind == "start"
        assert any("unit_state" in entry for entry in first.when)


@pytest.mark.guide("G12")
@pytest.mark.guide("G15")
def test_what_can_lose_data_takes_two_persons() -> None:
    dangerous = {step.id for step in shipped().runbooks["database"].recover if step.approvals == 2}
    assert dangerous == {"restore-backup", "switch-to-replica", "external-database"}
    assert shipped().runbooks["database"].dangerous


@pytest.mark.guide("G11", "G21")
def test_phases_checklist_and_targets_are_the_guides() -> None:
    guide = shipped()
    assert [(phase.from_minute, phase.to_minute, len(phase.tasks)) for phase in guide.phases.phases] == [
        (0, 30, 4),
        (30, 120, 4),
        (120, None, 4),
    ]
    assert [step.clock_s for step in guide.checklist.steps] == [60, 180, 120, 600]
    assert (guide.sla.availability_percent, guide.sla.p95_ms, guide.sla.error_percent) == (99.9, 500, 0.1)
    assert guide.sla.business_loss.terms == ()


@pytest.mark.guide("G30")
def test_contacts_are_those_of_section_9_3_and_nobody_else_is_said_to_be() -> None:
    contacts = shipped().contacts
    printed = {
        entry.title.ko: (entry.email, entry.slack) for entry in contacts.persons.values() if not entry.not_in_guide
    }
    assert printed == {
        "운영팀장": ("ops@company.com", "@ops-lead"),
        "DevOps Lead": ("devops@company.com", "@devops-lead"),
        "개발팀장": ("dev@company.com", "@dev-lead"),
        "인프라 엔지니어": ("infra@company.com", "@infra-eng"),
    }
    assert contacts.hotline == "+82-2-XXXX-XXXX"


def test_holidays_of_2026_and_2027_are_there() -> None:
    calendar = shipped().calendar
    names = {holiday.date.isoformat(): holiday.name for year in calendar.holidays.values() for holiday in year}
    assert names["2026-02-17"] == "설날"
    assert names["2026-09-25"] == "추석"
    assert names["2027-10-09"] == "한글날"


def test_automation_has_the_policys_numbers() -> None:
    policy = shipped().automation
    assert {rule.operation: (rule.times, rule.per_minutes) for rule in policy.by_itself} == {
        "start": (1, 10),
        "restart": (1, None),
        "rollback": (1, None),
    }
    assert (policy.units_at_once, policy.operations_per_incident) == (1, 3)
    assert (policy.recovered_hold_s, policy.drill_hold_s, policy.resolve_after_minutes) == (60, 10, 15)
    assert not policy.break_glass.enabled


def test_a_dead_service_is_noticed_within_five_seconds() -> None:
    for service in shipped().services.values():
        for probe in service.probes:
            if probe.check == "live":
                assert probe.threshold == 2
                assert probe.threshold * (probe.interval_s + probe.timeout_s) + probe.interval_s <= 5


def test_the_shipped_guide_lies_beside_the_source_and_names_its_own_text() -> None:
    assert (default_guide_dir() / "guide.yaml").is_file()
    assert len(shipped().digest) == 64
