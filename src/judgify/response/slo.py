"""Service level figures (guide 5.2 and 8.2): availability, error budget, mean time to repair. Values in, values out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from judgify.response.incident import Incident


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch in which a service was not available. `end` is None while it lasts; a planned one is not counted."""

    start: datetime
    end: datetime | None = None
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Repair:
    """One incident's way from its first sign to the service's return; `restored` is None while it lasts."""

    started: datetime
    restored: datetime | None = None


def downtime(outages: Iterable[Outage], start: datetime, end: datetime) -> timedelta:
    """Add up the unplanned outages within the stretch; what overlaps is counted once."""
    spans = sorted(
        (max(outage.start, start), min(outage.end or end, end))
        for outage in outages
        if not outage.planned and outage.start < end and (outage.end or end) > start
    )
    total = timedelta()
    reached = start
    for first, last in spans:
        begin = max(first, reached)
        if last > begin:
            total += last - begin
            reached = last
    return total


def outages_on_record(incidents: Iterable[Incident], service: str, before: datetime | None) -> list[Outage]:
    """Give the outages of a service that our own probes saw and an incident tells of, begun before a moment.

    None for the moment takes all of them. One that lasted beyond it counts up to it: from there on whoever looks
    tells. An incident that was merged tells through the one that took it in.
    """
    found: list[Outage] = []
    for incident in incidents:
        seen = [s.at for s in incident.signals if s.service == service and s.source == "probe"]
        if not seen or incident.merged_into is not None or (before is not None and min(seen) >= before):
            continue
        ends = [end for end in (incident.restored_at or incident.resolved_at, before) if end is not None]
        found.append(Outage(min(seen), min(ends, default=None)))
    return found


def availability_percentage(
    outages: Iterable[Outage], start: datetime, end: datetime, observed_since: datetime | None
) -> float | None:
    """Give the share of the stretch, in percent, without an unplanned outage.

    Only what was observed counts: the stretch begins at `observed_since` when that is later. None when nothing in it
    was observed.
    """
    if observed_since is None:
        return None
    begin = max(start, observed_since)
    if begin >= end:
        return None
    return 100.0 * (1 - downtime(outages, begin, end) / (end - begin))


def error_budget_consumption(availability: float | None, target: float) -> float | None:
    """Give the used part of the error budget in percent; above 100 it is overspent.

    Both arguments are percentages. A target of 100 leaves no budget: any loss is infinitely much, no loss is 0.
    """
    if availability is None:
        return None
    lost = max(0.0, 100.0 - availability)
    budget = 100.0 - target
    if budget <= 0:
        return 0.0 if lost == 0 else float("inf")
    return 100.0 * lost / budget


def mttr_minutes(repairs: Iterable[Repair]) -> float | None:
    """Give the mean time from the first sign of an incident to its recovery, in minutes; None when none recovered."""
    durations = [
        (repair.restored - repair.started).total_seconds() / 60 for repair in repairs if repair.restored is not None
    ]
    return sum(durations) / len(durations) if durations else None
