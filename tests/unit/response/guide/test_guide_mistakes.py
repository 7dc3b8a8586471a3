"""Each mistake that the loader and the checks know, made on a copy of the shipped guide."""

import json
from datetime import date
from pathlib import Path

import pytest
from tests.support.guides import edited

from judgify.kit.errors import Invalid
from judgify.response.guide import loader
from judgify.response.guide.base import GuideError, GuideProblem
from judgify.response.guide.loader import default_guide_dir, load_guide, read_guide

GATEWAY_PROBE = "{check: ready, kind: http, path: /ready,"
LIVE_PROBE = "      - {check: live, kind: tcp, interval_s: 1, timeout_s: 1, threshold: 2, signal: service_down}\n"

BROKEN = sorted((Path(__file__).parents[3] / "data" / "broken_guides").glob("*.json"))

MISTAKES = [
    # severities
    ("severities.yaml", "  P3:\n    name: Low", "  P4:\n    name: Low", "severities.P4"),
    (
        "severities.yaml",
        "report_to: [team-lead]",
        "report_to: [team-leed]",
        'severities.P2.report_to[0]: role "team-leed"',
    ),
    ("severities.yaml", "rule: ui-error}", "rule: ui-eror}", 'severities.P3.examples[0].rule: rule "ui-eror"'),
    ("severities.yaml", "rule: ui-error}", "rule: gateway-down}", 'rule "gateway-down" gives P0 (write P3'),
    ("severities.yaml", "emoji: 🔴", "emoji: ''", "severities.P0.emoji"),
    # services
    ("services.yaml", "depends_on: [database]", "depends_on: [databse]", 'depends_on[0]: service "databse" is not in'),
    ("services.yaml", "depends_on: [database]", "depends_on: [judgment]", '"judgment" depends on itself'),
    ("services.yaml", "reflects: [judgment, ", "reflects: [jugment, ", 'reflects[0]: service "jugment"'),
    ("services.yaml", "owner: dev-lead", "owner: dev-laed", 'services.judgment.owner: person "dev-laed"'),
    ("services.yaml", "runbook: redis", "runbook: rediss", 'services.redis.runbook: runbook "rediss"'),
    ("services.yaml", "runbook: redis", "runbook: gateway", 'runbook "gateway" is for "gateway"'),
    ("services.yaml", "signal: not_ready}", "signal: not_redy}", 'signal "not_redy" is not in signals.yaml'),
    ("services.yaml", GATEWAY_PROBE, "{check: ready, kind: http,", "services.gateway.probes[1].path: an http probe"),
    ("services.yaml", LIVE_PROBE, "", "services.database.probes: no probe asks for live"),
    ("services.yaml", "port: 8002", "port: 8000", 'services.judgment.port: "8000" is used by two services'),
    # signals
    ("signals.yaml", '    guide: "1.1"\n', "", 'rules[0]: rule "gateway-down" does not say whether'),
    (
        "signals.yaml",
        "  - {id: ui, given: {service: dashboard, signal: ui_error}, severity: P3, rule: ui-error}\n",
        "",
        'rule "ui-error" has no example',
    ),
    ("signals.yaml", "severity: P3, rule: ui-error}", "severity: P3, rule: ui-errors}", 'rule "ui-errors" is not in'),
    ("signals.yaml", "p95_seconds, value: 11}", "p95_seconds, value: much}", "came out not evaluable"),
    ("signals.yaml", "value: '> 10'", "value: '> ten'", "rules[6].when.value"),
    ("signals.yaml", "value: '> 10'", "value: '> '", "rules[6].when.value"),
    ("signals.yaml", "then: {severity: P0,", "then: {severity: P9,", "rules[0].then.severity"),
    ("signals.yaml", "hit_policy: U", "hit_policy: Z", "hit_policy"),
    # intake
    ("intake.yaml", "signal: service_down}", "signal: service_dwn}", 'alerts[0].signal: signal "service_dwn"'),
    ("intake.yaml", "service: dashboard}", "service: dashbord}", 'service "dashbord" is not in services.yaml'),
    ("intake.yaml", "  - signal: error_rate", "  - signal: eror_rate", 'metrics[0].signal: signal "eror_rate"'),
    ("intake.yaml", "services: [gateway,", "services: [gatway,", 'metrics[0].services[0]: service "gatway"'),
    ("intake.yaml", "joins: [security]}", "joins: [data]}", "failure_classes.security.joins: a class joins itself"),
    (
        "intake.yaml",
        "  monitoring: {label: {ko: 모니터링 문제, en: monitoring problem}, joins: [monitoring]}\n",
        "",
        "failure_classes.monitoring: is missing",
    ),
    # escalation
    ("escalation.yaml", "from_minute: 0", "from_minute: 5", "rows[0].from_minute: the first row does not begin at 0"),
    ("escalation.yaml", "from_minute: 30", "from_minute: 15", "rows[2].from_minute: 15 is not after 15"),
    ("escalation.yaml", "P2: owner", 'P2: "-"', "rows[0].P2: the first row brings in nobody"),
    ("escalation.yaml", "P1: owner + devops", "P1: owner + ", "rows[0].P1"),
    ("escalation.yaml", "P1: owner + devops", "P1: [owner, devops]", "a cell is text"),
    ("escalation.yaml", "also: {P1: [response-team]}", "also: {P1: [response-tem]}", "rows[0].also.P1"),
    # contacts and channels
    (
        "contacts.yaml",
        "persons: [cto]}",
        "persons: [cot]}",
        'roles.cto.persons[0]: person "cot" is not in contacts.yaml',
    ),
    ("channels.yaml", "roles: [response-team]", "roles: [team]", 'channels.sms.roles[0]: role "team"'),
    (
        "channels.yaml",
        "label: {ko: SMS, en: SMS}\n    enabled: false",
        "label: {ko: SMS, en: SMS}\n    ok_field: code\n    enabled: true",
        "channels.sms.ok_field: ok_field and ok_values go together",
    ),
    ("channels.yaml", "kind: console", "kind: telepathy", 'kind "telepathy" is not known'),
    ("channels.yaml", "    kind: console\n", "", "channels.console: has no kind (add kind)"),
    # calendar
    ("calendar.yaml", "zone: Asia/Seoul", "zone: Asia/Soul", 'zone: "Asia/Soul" is not a time zone'),
    ("calendar.yaml", "zone: Asia/Seoul", "zone: ../../etc", "is not a time zone"),
    ("calendar.yaml", 'start: "09:00"', 'start: "19:00"', "business_hours: start is not before end"),
    ("calendar.yaml", 'start: "09:00"', 'start: "nine"', "business_hours.start"),
    ("calendar.yaml", "{date: 2026-01-01,", "{date: 2025-01-01,", "2025-01-01 is not in 2026"),
    ("calendar.yaml", "{date: 2026-01-01,", "{date: 2026-01-32,", "day is out of range"),
    # procedure
    ("phases.yaml", "from_minute: 0", "from_minute: 1", "phases[0].from_minute"),
    (
        "phases.yaml",
        "to_minute: 30",
        "to_minute: 40",
        "phases[1].from_minute: does not begin where phase 1 ends (write 40)",
    ),
    ("phases.yaml", "to_minute: null", "to_minute: 999", "phases[2].to_minute: the last phase has no end"),
    ("checklist.yaml", "  - id: scope", "  - id: receive", 'steps: "receive" is there twice'),
    (
        "checklist.yaml",
        "- id: tell-customers",
        "- id: announce-inside",
        'steps.items: "announce-inside" is there twice',
    ),
    ("automation.yaml", "operation: rollback", "operation: restart", 'by_itself: "restart" is there twice'),
    (
        "weekly_check.yaml",
        "services: [database, logging]",
        "services: [databas]",
        'items[2].services[0]: service "databas"',
    ),
    # runbooks
    ("runbooks/redis.yaml", "id: redis", "id: rediss", 'id: "rediss" is not the name of the file'),
    ("runbooks/redis.yaml", 'guide: "4.4"\nsymptoms', "symptoms", "guide: it does not say whether the guide prints it"),
    ("runbooks/redis.yaml", "- id: ping", "- id: pods", '"pods" is there twice'),
    ("runbooks/redis.yaml", "{kind: unit_status, target: redis}", "{kind: unit_status, target: rediz}", "diagnose[0]"),
    ("runbooks/redis.yaml", "{kind: start, target: redis}", "{kind: rollback, target: redis}", "has no releases"),
    (
        "runbooks/redis.yaml",
        "{kind: start, target: redis}",
        "{kind: shell, target: redis}",
        'kind "shell" is not known',
    ),
    ("runbooks/redis.yaml", "{kind: ready, target: redis,", "{kind: ready, target: rediz,", "recover[0].verify.target"),
    (
        "runbooks/redis.yaml",
        "undo: {kind: unset_env, target: gateway,",
        "undo: {kind: unset_env, target: g,",
        "recover[2].undo",
    ),
    (
        "runbooks/redis.yaml",
        'name: REDIS_ENABLED, value: "false"}',
        "name: REDIS_ENABLED}",
        "needs either value or secret",
    ),
    ("runbooks/redis.yaml", 'REDIS_ENABLED, value: "false"}', 'REDIS_ENABLED, secret: "env:X"}', "given the wrong way"),
    ("runbooks/redis.yaml", "name: REDIS_ENABLED, value", "name: LD_PRELOAD, value", "recover[2].operation.name"),
    ("runbooks/redis.yaml", "risk: guarded", "risk: safe", "a recovery step changes something"),
    ("runbooks/redis.yaml", "approvals: 1", "approvals: 0", "a guarded step takes 1, not 0"),
    ("runbooks/redis.yaml", 'when: [{unit_state: \'"exited", "stopped", "failed"\'}]', "when: [{}]", "always holds"),
    ("runbooks/redis.yaml", 'memory_ratio: ">= 0.95"', 'disk_free_ratio: "< 1"', "no diagnose step gathers"),
    ("runbooks/redis.yaml", 'memory_ratio: ">= 0.95"', 'memory_ratio: ">= much"', "recover[1].when[1].memory_ratio"),
    ("runbooks/database.yaml", "risk: dangerous", "risk: guarded", "can lose data"),
    ("runbooks/database.yaml", 'secret: "secret:emergency_database_url"', 'value: "true"', "given the wrong way"),
    # templates and files
    ("templates/ko/log.md.j2", "{% endmacro -%}", "", "templates/ko/log.md.j2: line"),
    ("sla.yaml", "p95_ms: 500", "p95_ms: [", "guide/sla.yaml: line"),
    ("sla.yaml", "p95_ms: 500", "p95_ms: .nan", "no plain data"),
    ("sla.yaml", "p95_ms: 500", "p95_ms: 500\n---\np95_ms: 1", "holds 2 documents"),
    ("sla.yaml", "p95_ms: 500", "p95_ms: !!python/object/apply:os.system [ls]", "guide/sla.yaml: "),
    ("sla.yaml", "p95_ms: 500", "p95_ms: !!set {a}", "no plain data"),
    ("sla.yaml", "terms: []", "terms: " + "[" * 40 + "]" * 40, "nests deeper"),
    ("sla.yaml", "terms: []", "terms: &a [], other: [" + ", ".join(["*a"] * 30) + "]", "aliases"),
    ("sla.yaml", "terms: []", 'terms: [{measure: failed_requests, amount: "-1"}]', "business_loss.terms[0].amount"),
    ("links.yaml", "https://company.pagerduty.com", "javascript:alert(1)", "links.pagerduty.url"),
]


@pytest.mark.parametrize(("file", "old", "new", "told"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_mistake_is_told(tmp_path: Path, file: str, old: str, new: str, told: str) -> None:
    folder = edited(tmp_path, file, old, new)
    with pytest.raises(GuideError) as caught:
        load_guide(folder)
    problems = caught.value.problems
    assert any(told in str(problem) for problem in problems), [str(problem) for problem in problems]
    assert all(problem.mend and problem.file.startswith("guide/") for problem in problems)


@pytest.mark.parametrize("patch", BROKEN, ids=lambda path: path.stem)
def test_the_twelve_broken_guides(tmp_path: Path, patch: Path) -> None:
    edit = json.loads(patch.read_text("utf-8"))
    guide, problems = read_guide(edited(tmp_path, edit["file"], edit["old"], edit["new"]))
    assert guide is None
    assert [str(problem) for problem in problems if problem.level == "error"] == [edit["error"]]


def test_a_severity_that_is_missing_is_told(tmp_path: Path) -> None:
    folder = edited(tmp_path, "sla.yaml", "p95_ms: 500", "p95_ms: 500")
    text = (folder / "severities.yaml").read_text("utf-8")
    (folder / "severities.yaml").write_text(text[: text.index("  P3:")], "utf-8")
    _, problems = read_guide(folder)
    [told] = [str(problem) for problem in problems if problem.level == "error"]
    assert told == "guide/severities.yaml: severities.P3: is missing (add it; section 1.1 has four)"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(GuideError, match="is not a folder"):
        load_guide(tmp_path / "nowhere")


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    edited(tmp_path, "sla.yaml", "p95_ms: 500", "p95_ms: fast")
    folder = edited(tmp_path, "drill.yaml", "scenarios: [", "scenarios: [X, ")
    with pytest.raises(GuideError) as caught:
        load_guide(folder)
    assert {problem.file for problem in caught.value.problems} == {"guide/sla.yaml", "guide/drill.yaml"}
    assert "p95_ms" in caught.value.detail
    assert isinstance(caught.value, Invalid)


def test_a_missing_file_and_one_that_does_not_belong_are_told(tmp_path: Path) -> None:
    folder = edited(tmp_path, "sla.yaml", "p95_ms: 500", "p95_ms: 500")
    (folder / "contacts.yaml").rename(folder / "contcts.yaml")
    (folder / "README.md").write_text("ours", "utf-8")
    (folder / ".gitignore").write_text("", "utf-8")
    guide, problems = read_guide(folder)
    assert guide is None
    told = [str(problem) for problem in problems]
    assert 'guide/contcts.yaml: is not a file of the guide (did you mean "contacts.yaml"?)' in told
    assert any(text.startswith("guide/contacts.yaml: cannot be read") for text in told)
    assert len(told) == 2


def test_files_that_are_too_large_or_not_utf_8_are_told(tmp_path: Path) -> None:
    folder = edited(tmp_path, "sla.yaml", "p95_ms: 500", "p95_ms: 500")
    (folder / "sla.yaml").write_bytes(b"\xb0\xa1: 1")
    (folder / "templates/en/log.md.j2").write_text("x" * 600_000, "utf-8")
    (folder / "signals.yaml").write_bytes(b"#\xff")
    _, problems = read_guide(folder)
    told = [str(problem) for problem in problems]
    assert "guide/sla.yaml: is not UTF-8 at byte 0 (save it as UTF-8)" in told
    assert any("larger than" in text for text in told)


def test_an_empty_template_is_told(tmp_path: Path) -> None:
    folder = edited(tmp_path, "sla.yaml", "p95_ms: 500", "p95_ms: 500")
    (folder / "templates/en/log.md.j2").write_text(" \n", "utf-8")
    _, problems = read_guide(folder)
    assert [str(problem) for problem in problems] == ["guide/templates/en/log.md.j2: is empty (write the template)"]


def test_every_channel_must_be_reachable(tmp_path: Path) -> None:
    edited(tmp_path, "channels.yaml", "enabled: true", "enabled: false")
    folder = edited(tmp_path, "channels.yaml", "enabled: true", "enabled: false")
    _, problems = read_guide(folder)
    told = "\n".join(str(problem) for problem in problems if problem.level == "error")
    assert "no channel that is switched on takes a page of P0" in told
    assert "no channel that is switched on takes announcements" in told


def test_p2_needs_a_channel_that_wakes_nobody(tmp_path: Path) -> None:
    edited(tmp_path, "channels.yaml", "wakes: false", "wakes: true")
    folder = edited(tmp_path, "channels.yaml", "wakes: false", "wakes: true")
    _, problems = read_guide(folder)
    told = [str(problem) for problem in problems if problem.level == "error"]
    assert any("every channel for a page of P2 wakes people" in text for text in told)


def test_mail_needs_a_server_of_yours(tmp_path: Path) -> None:
    switched = "en: personal mail}\n    enabled: true\n"
    folder = edited(tmp_path, "channels.yaml", "en: personal mail}\n    enabled: false\n", switched)
    _, problems = read_guide(folder)
    assert any("channels.email-person.smtp_host" in str(each) for each in problems if each.level == "warning")
    for _ in range(2):
        edited(tmp_path, "channels.yaml", "smtp_host: smtp.company.com", "smtp_host: mail.ours.kr")
    _, problems = read_guide(folder)
    assert not any("smtp_host" in each.path for each in problems)
    text = (folder / "channels.yaml").read_text("utf-8")
    (folder / "channels.yaml").write_text(text.replace("    smtp_host: mail.ours.kr\n", ""), "utf-8")
    _, problems = read_guide(folder)
    assert [each.path for each in problems if each.level == "error"] == ["channels.email-person.smtp_host"]


def test_a_filled_guide_passes_in_production(tmp_path: Path) -> None:
    folder = edited(tmp_path, "sla.yaml", "p95_ms: 500", "p95_ms: 500")
    contacts = (folder / "contacts.yaml").read_text("utf-8")
    for old, new in (("_______", "홍길동"), ("+82-10-XXXX", "+82-10-1234-5678"), ("company.com", "ours.kr")):
        contacts = contacts.replace(old, new)
    (folder / "contacts.yaml").write_text(contacts.replace("2-XXXX-XXXX", "2-555-0100"), "utf-8")
    switched = "en: HTTP receiver}\n    enabled: true\n    canary: {secret: env:CANARY_URL}"
    edited(tmp_path, "channels.yaml", "en: HTTP receiver}\n    enabled: false", switched)
    edited(tmp_path, "drill.yaml", "2024-12-XX", "2026-12-15")
    guide = load_guide(folder, production=True, today=date(2026, 11, 23))
    assert guide.warnings == ()
    assert guide.contacts.persons["cto"].shown == "홍길동"
    assert guide.drill.next_date == date(2026, 12, 15)


def test_what_runs_out_is_a_warning(tmp_path: Path) -> None:
    folder = edited(tmp_path, "drill.yaml", "2024-12-XX", "2026-12-15")
    guide = load_guide(folder, today=date(2028, 1, 2))
    told = [str(problem) for problem in guide.warnings]
    assert "guide/calendar.yaml: holidays: the holidays of 2028 are missing (add the year 2028)" in told
    assert "guide/drill.yaml: next_date: 2026-12-15 has passed (fill in the date of the next drill)" in told


def test_the_digest_names_the_text(tmp_path: Path) -> None:
    first = load_guide(default_guide_dir()).digest
    folder = edited(tmp_path, "sla.yaml", "p95_ms: 500", "p95_ms: 501")
    assert load_guide(folder).digest != first


def test_an_installed_guide_is_found_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "judgify" / "response" / "guide" / "loader.py"
    (tmp_path / "judgify" / "guide").mkdir(parents=True)
    (tmp_path / "judgify" / "guide" / "guide.yaml").write_text("", "utf-8")
    monkeypatch.setattr(loader, "__file__", str(module))
    assert default_guide_dir() == (tmp_path / "judgify" / "guide").resolve()


def test_a_problem_without_a_path_reads_well() -> None:
    assert str(GuideProblem("guide/a.yaml", "", "is gone", "bring it back")) == "guide/a.yaml: is gone (bring it back)"
