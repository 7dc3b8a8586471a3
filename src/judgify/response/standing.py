"""Which outside alerts stand: each by its own fingerprint, so that order and repeats do not matter.

An alert stands from its latest beginning until an end that is no earlier. A word that it ended is kept also when the
word of its beginning has not come yet; then it is matched when that comes. Merging takes the latest of both moments,
whatever came first, so every order of the same words ends in the same state.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final, Literal

from judgify.kit.clock import iso
from judgify.response.desk import Work
from judgify.response.kept import Kept
from judgify.response.model import Signal, Value
from judgify.response.tally import ALERT

KIND: Final = ALERT
FORGOTTEN: Final = timedelta(days=7)
"""An alert of which nothing was heard for so long is forgotten, with the words about its end."""


class Standing(Value):
    """What is known of one outside alert."""

    key: str
    source: str
    service: str
    signal: str
    incident_id: str = ""
    """The incident that it belongs to; empty while only its end is known."""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether it fires."""
        return self.started_at is not None and (self.ended_at is None or self.started_at > self.ended_at)

    @property
    def kind(self) -> str:
        """What it counts as within an incident."""
        return f"{self.source}|{self.service}|{self.signal}"


State = Literal["news", "repeat", "later", "over"]
"""Of a firing alert: it is new or has begun anew; it stands already (and begins later); it was over before."""


def key_of(signal: Signal) -> str:
    """Give the name under which what is known of an alert is kept."""
    return hashlib.sha256(signal.fold_key.encode("utf-8", "replace")).hexdigest()[:40]


def counts(signal: Signal) -> bool:
    """Tell whether a signal is an outside alert with a beginning and an end of its sender's."""
    return not signal.own and signal.source not in {"person", "probe", "metrics"}


def known(work: Work, key: str) -> Standing | None:
    """Give what is known of an alert, or None."""
    kept = work.tally.alert(key)
    return None if kept is None else Standing.model_validate({"key": key, **kept.body})


def fired(work: Work, signal: Signal, begun_at: datetime) -> tuple[State, Standing]:
    """Learn that an alert fires since `begun_at`; what comes of it is to be saved by `save`, with its incident."""
    key = key_of(signal)
    before = known(work, key)
    if before is None:
        return "news", Standing(
            key=key,
            source=signal.source,
            service=signal.service,
            signal=signal.signal,
            started_at=begun_at,
        )
    begun = before.started_at
    after = before.model_copy(
        update={
            "started_at": begun_at if begun is None else max(begun, begun_at),
            # A word that it ended may not have said what it was about.
            "service": signal.service if begun is None else before.service,
            "signal": signal.signal if begun is None else before.signal,
        }
    )
    if not after.stands:
        return "over", after
    if not before.stands:
        return "news", after
    return ("repeat" if after.started_at == begun else "later"), after


def over(work: Work, signal: Signal) -> Standing:
    """Learn that an alert is over, whether or not its beginning is known; saved already."""
    key = key_of(signal)
    end = signal.ended_at or signal.received_at
    before = known(work, key)
    if before is None:
        before = Standing(key=key, source=signal.source, service=signal.service, signal=signal.signal)
    # No alert ends before it began: an end that says so is from a clock that runs behind.
    after = before.model_copy(update={"ended_at": end if before.ended_at is None else max(before.ended_at, end)})
    save(work, after)
    return after


def save(work: Work, standing: Standing) -> None:
    """Keep what is known of an alert."""
    body = standing.model_dump(mode="python", exclude={"key"})
    for name in ("started_at", "ended_at"):
        body[name] = None if body[name] is None else iso(body[name])
    owner = _owner(standing.incident_id, standing.kind) if standing.incident_id else ""
    work.tally.keep(Kept(kind=KIND, id=standing.key, owner=owner, until=work.now + FORGOTTEN, body=body))
    counted = work.standing.get(owner)
    if counted is not None:
        (counted.add if standing.stands else counted.discard)(standing.key)


def others_stand(work: Work, standing: Standing) -> bool:
    """Tell whether alerts of the same kind still stand in the same incident."""
    owner = _owner(standing.incident_id, standing.kind)
    counted = work.standing.get(owner)
    if counted is None:
        work.tally.flush()
        kept = work.tx.all_kept(KIND, owner=owner)
        found = (Standing.model_validate({"key": one.id, **one.body}) for one in kept)
        counted = work.standing[owner] = {one.key for one in found if one.stands}
    return bool(counted - {standing.key})


def _owner(incident_id: str, kind: str) -> str:
    return f"{incident_id}|{hashlib.sha256(kind.encode('utf-8', 'replace')).hexdigest()[:24]}"
