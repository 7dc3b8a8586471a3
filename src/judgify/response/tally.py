"""What the signals of one command leave in the store: looked up together, and written together at its end.

A burst is many signals in one transaction. Asked for and written one by one, each would be three trips to the store;
gathered, the whole is a few. A command of one signal gathers nothing and writes as it goes.
"""

from collections.abc import Sequence
from typing import Final

from judgify.response.kept import Kept
from judgify.response.model import Signal
from judgify.response.tx import Tx

ALERT: Final = "alert"
"""Kind of what is kept of an outside alert; see `standing`."""


class Tally:
    """Part of one command, within its transaction. What it holds back is in the store after `flush`, and not before."""

    def __init__(self, tx: Tx) -> None:
        """Write as it comes, until `gather` is called."""
        self._tx = tx
        self._folds: list[str] | None = None
        self._alerts: dict[str, Kept | None] = {}
        self._changed: dict[str, Kept] = {}
        self._rows: list[tuple[Signal, str | None, str | None]] = []
        self._counts: dict[str | None, dict[str, int]] = {}

    def gather(self, alerts: Sequence[str], folds: Sequence[str]) -> None:
        """Look up at once what is known of alerts, and hold back from now on what is written.

        `folds` are the fold keys that are likely to be recorded; any other is looked up when it comes.
        """
        keys = list(dict.fromkeys(alerts))
        self._alerts = {**dict.fromkeys(keys), **self._tx.kept_of(ALERT, keys)}
        self._folds = list(dict.fromkeys(folds))

    def alert(self, key: str) -> Kept | None:
        """Give what is known of an alert, or None."""
        if key not in self._alerts:
            found = self._tx.kept(ALERT, key)
            if self._folds is None:
                return found
            self._alerts[key] = found
        return self._alerts[key]

    def keep(self, kept: Kept) -> None:
        """Keep what is known of an alert."""
        if self._folds is None:
            self._tx.keep(kept)
        else:
            self._alerts[kept.id] = self._changed[kept.id] = kept

    def record(self, signal: Signal, incident_id: str | None, suppressed: str | None = None) -> int:
        """Store a signal, or count it as a repeat; give how often it came to this incident."""
        if self._folds is None:
            return self._tx.record_signal(signal, incident_id, suppressed).count
        fold = signal.fold_key
        counts = self._counts.get(incident_id)
        if counts is None:
            known = self._tx.signal_counts(incident_id, self._folds)
            counts = self._counts[incident_id] = {**dict.fromkeys(self._folds, 0), **known}
        if fold not in counts:
            counts[fold] = self._tx.signal_counts(incident_id, [fold]).get(fold, 0)
        counts[fold] += 1
        self._rows.append((signal, incident_id, suppressed))
        return counts[fold]

    def flush(self) -> None:
        """Write what is held back; whoever reads signals or alerts from the store within the command does so first."""
        if self._rows:
            rows, self._rows = self._rows, []
            self._tx.record_signals(rows)
        if self._changed:
            changed, self._changed = self._changed, {}
            self._tx.keep_all(list(changed.values()))
