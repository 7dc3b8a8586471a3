"""Which messages are meant: the filter of the history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """Messages that fit all that is given. State, channel and outcome must hold for one and the same delivery."""

    state: str | None = None
    channel: str | None = None
    outcome: str | None = None
    severity: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Give the condition in SQL on `m`, with parameters from $1, and their values."""
        values: list[Any] = []

        def tests(given: dict[str, object]) -> list[str]:
            found = []
            for test, value in given.items():
                if value is not None:
                    values.append(value)
                    found.append(f"{test}${len(values)}")
            return found

        conditions = tests(
            {
                "m.content ->> 'severity' = ": self.severity,
                "m.source = ": self.source,
                "m.created_at >= ": self.since,
                "m.created_at < ": self.until,
            }
        )
        inner = tests({"d.state = ": self.state, "d.channel = ": self.channel, "d.last_outcome = ": self.outcome})
        if inner:
            both = " AND ".join(["d.message_id = m.id", *inner])
            conditions.append(f"EXISTS (SELECT 1 FROM notification.delivery d WHERE {both})")  # noqa: S608 - the columns are ours
        return " AND ".join(conditions) or "true", values
