"""The engine's own figures on /metrics (`judgify_response_*`) and the service level ones of guide 8.2."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from judgify.kit.metrics import Metrics
from judgify.response.incident import Incident
from judgify.response.model import ONGOING, SEVERITIES, Delivery, Page
from judgify.response.slo import Repair, mttr_minutes

LATE_S: Final = 5.0
"""A page handed over more than this many seconds after it was due counts as late."""
_LATENCY: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)


class Figures:
    """Declared once per process; updated by the conductor."""

    def __init__(self, metrics: Metrics) -> None:
        """Declare them."""
        self.open = metrics.gauge("judgify_response_incidents_open", "Incidents that are not over.", ("severity",))
        self.due = metrics.gauge("judgify_response_pages_due", "Pages whose time has come and that are not sent.")
        self.deliveries = metrics.counter(
            "judgify_response_page_deliveries_total", "Tries of pages.", ("channel", "outcome")
        )
        self.fenced = metrics.counter(
            "judgify_response_pages_fenced_total",
            "Claimed pages held back at the last look before the wire.",
            ("reason",),
        )
        self.unasked = metrics.counter(
            "judgify_response_pages_unasked_total",
            "Pages sent without a last look into the store, which did not answer in time.",
        )
        self.late = metrics.counter("judgify_response_pages_late_total", "Pages handed over later than 5 s after due.")
        self.latency = metrics.histogram(
            "judgify_response_page_latency_seconds", "From a page's due time to its hand-over.", buckets=_LATENCY
        )
        self.signals = metrics.counter("judgify_response_signals_total", "Signals taken.", ("source",))
        self.waiting = metrics.gauge(
            "judgify_response_signals_waiting", "Signals of a burst that are durable and not in their incidents yet."
        )
        self.aside = metrics.gauge(
            "judgify_response_signals_aside",
            "Signals that were accepted and cannot be taken in; they are kept for a person.",
        )
        self.ticked = metrics.gauge("judgify_response_due_loop_timestamp_seconds", "When the due-row loop completed.")
        self.faults = metrics.counter(
            "judgify_response_stage_faults_total", "Stages of the loop that failed.", ("stage",)
        )
        self.clock_ahead = metrics.gauge(
            "judgify_response_clock_ahead_seconds", "How far the machine's clock was set ahead of the engine's."
        )
        self.database_ahead = metrics.gauge(
            "judgify_response_database_clock_ahead_seconds",
            "How far the clock of the engine's PostgreSQL is ahead of the engine's.",
        )
        self.mttr = metrics.gauge("mttr_minutes", "Mean time from an incident's first sign to recovery (guide 8.2).")
        self.availability = metrics.gauge(
            "availability_percentage",
            "Share of time the entrance answered over the error budget's days, since the engine's first start here.",
        )
        self.budget = metrics.gauge("error_budget_consumption", "Used share of the error budget, in percent.")
        for unknown in (self.mttr, self.availability, self.budget, self.database_ahead):
            # Nothing measured is not zero.
            unknown.set(float("nan"))

    def delivered(self, page: Page, delivery: Delivery, now: datetime) -> float:
        """Count a try of a page; give the seconds from its due time."""
        late_s = max(0.0, (now - page.due_at).total_seconds())
        self.deliveries.labels(page.channel, delivery.outcome).inc()
        if delivery.outcome == "sent":
            self.latency.observe(late_s)
            if late_s > LATE_S:
                self.late.inc()
        return late_s

    def looked(self, incidents: Sequence[Incident], due: int, now: datetime) -> None:
        """Set the gauges from what the loop has just seen."""
        for severity in SEVERITIES:
            self.open.labels(severity).set(
                sum(incident.severity == severity and incident.state in ONGOING for incident in incidents)
            )
        self.due.set(due)
        self.ticked.set(now.timestamp())

    def repaired(self, incidents: Sequence[Incident]) -> None:
        """Set the mean time to repair from real (not drilled) incidents."""
        repairs = [
            Repair(incident.occurred_at, incident.restored_at)
            for incident in incidents
            if incident.drill is None and incident.merged_into is None
        ]
        mean = mttr_minutes(repairs)
        if mean is not None:
            self.mttr.set(mean)
