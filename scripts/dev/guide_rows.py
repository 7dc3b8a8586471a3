"""The rows of the incident response guide and of the platform it speaks of, each a promise that a test can hold."""

from collections.abc import Mapping
from typing import Final

ROWS: Final[dict[str, str]] = {
    "G01": "Severities P0-P3 with definition, impact, duty, examples and response target (1.1)",
    "G02": "Classification by decision table, with the reason shown (1.1)",
    "G03": "Acting on severity; a person overrides it and what is due is planned anew (1.1, 3.1)",
    "G04": "Order of recovery when several services are down (1.2)",
    "G05": "ServiceDown, HighErrorRate, HighResponseTime as Prometheus rules (2.1)",
    "G06": "Slack, e-mail, PagerDuty and SMS by severity (2.1)",
    "G07": "Health of the whole and of each service; one command shows units and resources (2.2)",
    "G08": "Within 1 min: receipt confirmed on each channel, first responder named (3.1)",
    "G09": "Within 3 min: scope attached by itself (3.1)",
    "G10": "Within 2 min: announced inside; customers after a commander's click (3.1)",
    "G11": "First-15-minutes checklist, each step with its own clock and who did it (3.1)",
    "G12": "Emergency actions within a 10-minute clock, shown before they are done (3.2)",
    "G13": "Gateway runbook (4.1)",
    "G14": "Judgment runbook, language model included (4.2)",
    "G15": "Database runbook, two approvals for what can lose data (4.3)",
    "G16": "Redis runbook; the platform goes on without Redis (4.4)",
    "G17": "Runbooks of the same form for the other services (4)",
    "G18": "Incident dashboard, live; dashboards for Grafana (5.1)",
    "G19": "Log analysis: live errors, the query as printed, slow queries (5.1)",
    "G20": "Impact against the same window before; SLA (5.2)",
    "G21": "Phases with goals and tasks (6.1)",
    "G22": "Escalation matrix, exactly (6.2)",
    "G23": "Incident log in the guide's form (7.1)",
    "G24": "Post-mortem in the guide's form; action items tracked (7.2)",
    "G25": "Weekly check, run and reported by itself (8.1)",
    "G26": "Probes, autoscaling, regular fault drills that measure recovery (8.1)",
    "G27": "The nine metrics of 8.2",
    "G28": "The four related documents (9.1)",
    "G29": "Links from configuration; a public status page (9.2)",
    "G30": "Contacts by role; a role that nobody fills is an error (9.3)",
    "G31": "112/119 first where life is at risk (9.3)",
    "G32": "Next drill date kept, announced, reminded (end)",
    "S00": "API gateway: the only entrance, auth, routing, limits, health of the whole",
    "S01": "Workflow service",
    "S02": "Judgment service: rules and language model",
    "S03": "Action service: outside integrations",
    "S04": "Notification service",
    "S05": "Logging service",
    "S06": "Dashboard service",
    "S07": "PostgreSQL: read-only mode, replica, backup and restore",
    "S08": "Redis: cache, sessions, REDIS_ENABLED",
    "S09": "Kubernetes objects under the guide's names",
    "S10": "Prometheus, Alertmanager, Grafana",
}

LATER: Final[dict[str, str]] = {
    "G05": "needs Prometheus beside the platform",
    "G18": "the Grafana dashboards are not built yet",
    "G25": "the weekly check has no runner yet",
    "G28": "the four documents are not written yet",
    "S09": "needs a cluster",
    "G29": "the links lead nowhere until an operator fills them in; no Grafana or Kibana is shipped",
    "S10": "needs Prometheus, Alertmanager and Grafana beside the platform",
}
"""Rows that cannot be held whole on one machine yet, and what is missing."""


def page(told: Mapping[str, Mapping[str, str]]) -> str:
    """Give the page row -> test -> result, in Markdown."""
    bare = sum(row not in told for row in ROWS)
    lines = [
        "# What proves the guide",
        "",
        "The incident response guide, row by row, and the tests that name the row, each with its result in the run",
        "that wrote this page (`./judgify test` writes it; CI refuses a page that is out of date).",
        "",
        f"{len(ROWS) - bare} of {len(ROWS)} rows have a test, {bare} have none yet; what is missing is said.",
        "",
        "| row | promise | test | result |",
        "|---|---|---|---|",
    ]
    for row, promise in ROWS.items():
        tests = sorted(told.get(row, {}).items())
        if not tests:
            lines.append(f"| {row} | {promise} | none | {LATER.get(row, 'no test names it')} |")
        for number, (test, outcome) in enumerate(tests):
            first = number == 0
            lines.append(f"| {row if first else ''} | {promise if first else ''} | `{test}` | {outcome} |")
        if tests and row in LATER:
            lines.append(f"|  |  | not whole | {LATER[row]} |")
    return "\n".join(lines) + "\n"
