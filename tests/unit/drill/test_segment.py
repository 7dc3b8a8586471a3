from datetime import UTC, datetime, timedelta
from typing import Any

from judgify.drill import segment
from judgify.drill.judge import Ruling
from judgify.drill.scenario import Allowance

FAULT = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ALL = ["log.ko", "log.en", "postmortem.ko", "postmortem.en"]


def at(seconds: float) -> str:
    return (FAULT + timedelta(seconds=seconds)).isoformat()


def entry(seconds: float, name: str, /, **fields: Any) -> dict[str, Any]:
    return {"at": at(seconds), "type": name, "event": fields}


STORY = [
    entry(2, "incident-opened", signal={"received_at": at(1.5)}, started_at=at(2)),
    entry(2.2, "page-delivered", kind="report", outcome="sent"),
    entry(2.4, "page-delivered", kind="page", outcome="refused"),
    entry(2.5, "page-delivered", kind="page", outcome="sent"),
    entry(3, "approval-requested", approval={"id": "a"}),
    entry(3.1, "approval-requested", approval={"id": "never-answered"}),
    entry(7, "approval-voted", approval_id="a"),
    entry(7.5, "operation-started"),
    entry(19, "recovery-observed"),
    entry(20, "document-written"),
    entry(21, "document-written"),
]


def test_the_segments_are_read_from_the_timeline_and_the_ruling() -> None:
    found = segment.read(STORY, FAULT, Ruling(100.25, 109, 500, 40), fault_mono=100)
    assert segment.as_mapping(found) == {
        "felt_s": 0.25,
        "signal_s": 1.5,
        "incident_s": 2.0,
        "handed_over_s": 2.5,
        "approval_s": 4.0,
        "acted_s": 7.5,
        "restored_s": 9.0,
        "verified_s": 19.0,
        "documented_s": 21.0,
        "mended_s": None,
    }
    assert segment.failures(found, Allowance(), lost=0, documents=ALL) == []


def test_what_never_happened_is_said() -> None:
    found = segment.read([], FAULT, Ruling(None, None, 0, 0), fault_mono=0)
    words = "\n".join(segment.failures(found, Allowance(), lost=2, documents=["log.ko"]))
    for expected in (
        "never seen broken",
        "detected: never",
        "page handed over after detection: never",
        "restored: never",
        "never saw the recovery hold",
        "2 judgments",
        "log.en, postmortem.ko, postmortem.en",
    ):
        assert expected in words


def test_what_took_too_long_is_said_with_both_figures() -> None:
    slow = [
        entry(6, "incident-opened", signal={"received_at": at(6)}, started_at=at(6)),
        entry(8, "page-delivered", kind="page", outcome="sent"),
        entry(40, "recovery-observed"),
    ]
    found = segment.read(slow, FAULT, Ruling(0, 21, 9, 9), fault_mono=0)
    assert segment.failures(found, Allowance(), lost=0, documents=ALL) == [
        "detected: 6.00 s, more than 5 s",
        "page handed over after detection: 2.00 s, more than 1 s",
        "restored: 21.00 s, more than 20 s",
    ]


def test_restored_is_counted_from_the_end_of_a_fault_that_only_the_drill_can_end() -> None:
    found = segment.read(STORY, FAULT, Ruling(100.0, 130.0, 500, 0), fault_mono=100, mended_mono=112.0)
    assert (found.restored_s, found.mended_s) == (30.0, 12.0)
    assert segment.failures(found, Allowance(), lost=0, documents=ALL) == []
    assert segment.failures(found, Allowance(restored_s=17.0), lost=0, documents=ALL) == [
        "restored: 18.00 s, more than 17 s"
    ]
