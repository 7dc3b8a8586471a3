"""The segments from fault to documents, read from the engine's timeline and the outside judge's ruling. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from judgify.drill.judge import Ruling
from judgify.drill.scenario import Allowance
from judgify.kit.clock import parse

Entry = Mapping[str, Any]
"""One entry of the engine's timeline as it stands on the wire: `at`, `type`, and the fields of its `event`."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Moments in seconds after the fault; None is "did not happen". `approval_s` is the time spent waiting for one."""

    felt_s: float | None
    signal_s: float | None
    incident_s: float | None
    handed_over_s: float | None
    approval_s: float | None
    acted_s: float | None
    restored_s: float | None
    verified_s: float | None
    documented_s: float | None
    mended_s: float | None = None
    """When the drill itself ended the fault, where no step of a runbook does: `restored` is counted from there."""


def read(
    entries: Sequence[Entry], fault_at: datetime, ruling: Ruling, fault_mono: float, mended_mono: float | None = None
) -> Segments:
    """Read the segments of one incident."""

    def first(name: str, /, **wanted: Any) -> datetime | None:
        for entry in entries:
            if entry["type"] == name and all(entry["event"].get(key) == value for key, value in wanted.items()):
                return parse(str(entry["at"]))
        return None

    def after(moment: datetime | None) -> float | None:
        return None if moment is None else round((moment - fault_at) / timedelta(seconds=1), 3)

    def felt(mono: float | None) -> float | None:
        return None if mono is None else round(mono - fault_mono, 3)

    opened = next((entry["event"] for entry in entries if entry["type"] == "incident-opened"), None)
    signal = parse(str(opened["signal"]["received_at"])) if opened else None
    started = parse(str(opened["started_at"])) if opened else None
    written = [parse(str(entry["at"])) for entry in entries if entry["type"] == "document-written"]
    return Segments(
        felt_s=felt(ruling.broken_at),
        signal_s=after(signal),
        incident_s=after(started),
        handed_over_s=after(first("page-delivered", kind="page", outcome="sent")),
        approval_s=_waited(entries),
        acted_s=after(first("operation-started")),
        restored_s=felt(ruling.restored_at),
        verified_s=after(first("recovery-observed")),
        documented_s=after(max(written)) if written else None,
        mended_s=felt(mended_mono),
    )


def _waited(entries: Sequence[Entry]) -> float | None:
    asked: dict[str, datetime] = {}
    waited: float | None = None
    for entry in entries:
        event = entry["event"]
        if entry["type"] == "approval-requested":
            asked[event["approval"]["id"]] = parse(str(entry["at"]))
        if entry["type"] == "approval-voted" and event["approval_id"] in asked:
            waited = (waited or 0.0) + (parse(str(entry["at"])) - asked.pop(event["approval_id"])).total_seconds()
    return waited


def failures(segments: Segments, allowance: Allowance, *, lost: int, documents: Sequence[str]) -> list[str]:
    """List what fell short of the allowance, in words; empty when the drill passed."""
    found: list[str] = []
    if segments.felt_s is None:
        found.append("the steady state was never seen broken: the fault did nothing, so nothing was proved")
    _hold(found, "detected", segments.incident_s, allowance.detected_s)
    handed = segments.handed_over_s
    if handed is not None and segments.incident_s is not None:
        handed = round(handed - segments.incident_s, 3)
    _hold(found, "page handed over after detection", handed, allowance.handed_over_s)
    restored = segments.restored_s
    if restored is not None and segments.mended_s is not None:
        restored = round(restored - segments.mended_s, 3)
    _hold(found, "restored", restored, allowance.restored_s)
    if segments.verified_s is None:
        found.append("the engine never saw the recovery hold")
    if lost > allowance.lost:
        found.append(f"{lost} judgments that had been answered with 200 cannot be read any more")
    missing = [name for name in ("log.ko", "log.en", "postmortem.ko", "postmortem.en") if name not in documents]
    if missing:
        found.append(f"documents are missing: {', '.join(missing)}")
    return found


def _hold(found: list[str], what: str, value: float | None, most: float) -> None:
    if value is None:
        found.append(f"{what}: never")
    elif value > most:
        found.append(f"{what}: {value:.2f} s, more than {most:g} s")


def as_mapping(segments: Segments) -> dict[str, float | None]:
    """Give the segments by name, for a report."""
    return asdict(segments)
