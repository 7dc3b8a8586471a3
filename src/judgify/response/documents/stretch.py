"""When an incident really lasted: one stretch from its beginning to its recovery, one more each time it came back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from judgify.response import timeline as t
from judgify.response.incident import Incident


@dataclass(frozen=True, slots=True)
class Outage:
    """One stretch, and the entries that tell its ends; `end` is None while no recovery is recorded."""

    start: datetime
    end: datetime | None
    seqs: tuple[int, ...]

    @property
    def length(self) -> timedelta | None:
        """How long it was, or None while it lasts."""
        return None if self.end is None else self.end - self.start


def outages(incident: Incident, entries: Sequence[t.Entry]) -> list[Outage]:
    """Give the stretches in order. What was good between two of them belongs to neither."""
    found = [Outage(incident.occurred_at, None, ())]
    for entry in entries:
        last = found[-1]
        event = entry.event
        if isinstance(event, t.RecoveryObserved) and last.end is None:
            found[-1] = replace(last, end=max(last.start, event.restored_at), seqs=(*last.seqs, entry.seq))
        elif isinstance(event, t.IncidentReopened) and last.end is not None:
            again = entry.at if event.signal is None else max(last.end, event.signal.observed_at)
            found.append(Outage(again, None, (entry.seq,)))
    return found
