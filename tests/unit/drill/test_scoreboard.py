"""The scoreboard says what was measured: a figure that is missing is "never", and not left out of the worst."""

from typing import Any

from judgify.drill.scoreboard import markdown


def report(name: str, **segments: float | None) -> dict[str, Any]:
    known: dict[str, float | None] = {
        "felt_s": 0.1,
        "incident_s": 1.0,
        "handed_over_s": 1.5,
        "acted_s": 2.0,
        "restored_s": 9.0,
        "verified_s": 19.0,
        "documented_s": 20.0,
        "mended_s": None,
    }
    return {
        "scenario": name,
        "started_at_shown": "2026-11-23 11:00:00 KST",
        "segments": known | segments,
        "allowance": {"detected_s": 5.0, "handed_over_s": 1.0, "restored_s": 20.0, "lost": 0},
        "load": {"answered": 400, "lost": 0},
        "passed": None not in segments.values(),
    }


def test_each_run_has_a_row_and_each_drill_its_worst_figures() -> None:
    text = markdown([report("a"), report("b", restored_s=30.0, mended_s=18.0), report("a", incident_s=2.5)])
    assert (
        "| a | 2 | 2026-11-23 11:00:00 KST | 0.10 | 2.50 | -1.00 | 2.00 | 9.00 | 19.00 | 20.00 | 400 | 0 | passed |"
        in text
    )
    # Counted from the moment at which the drill ended the fault.
    assert "| b | 1 | 2026-11-23 11:00:00 KST | 0.10 | 1.00 | 0.50 | 2.00 | 12.00 |" in text
    assert "| a | 2.50 (≤ 5) | 0.50 (≤ 1) | 9.00 (≤ 20) | 19.00 | 0 | 2 | 2 |" in text


def test_what_never_happened_is_never_the_best() -> None:
    text = markdown([report("a"), report("a", restored_s=None, handed_over_s=None)])
    assert "| a | 2 | 2026-11-23 11:00:00 KST | 0.10 | 1.00 | never | 2.00 | never |" in text
    assert "| a | 1.00 (≤ 5) | never (≤ 1) | never (≤ 20) | 19.00 | 0 | 2 | 1 |" in text
