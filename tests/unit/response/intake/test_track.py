from datetime import UTC, datetime, timedelta

from judgify.response.intake.probe import Look
from judgify.response.intake.track import Thresholds, Track

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GOOD = Look(live=True, ready=True, health="ok", good=True)
DEAD = Look(live=False, detail="connection refused")
NOT_READY = Look(live=True, ready=False)
UNHEALTHY = Look(live=True, ready=True, health="down")
LATE = Look(None)


class Story:
    def __init__(self) -> None:
        self.track = Track("judgment", Thresholds(down_after=2, not_ready_after=3, unhealthy_after=3))
        self.second = 0

    def see(self, *looks: Look, well: bool = True) -> list[tuple[str, int]]:
        turns: list[tuple[str, int]] = []
        for look in looks:
            turn = self.track.add(look, NOON + timedelta(seconds=self.second), prober_well=well)
            self.second += 1
            if turn is not None:
                turns.append((turn.condition, int((turn.since - NOON).total_seconds())))
        return turns


def test_two_failed_looks_are_down_and_it_began_with_the_first() -> None:
    story = Story()
    assert story.see(GOOD, DEAD) == [("good", 0)]
    assert [story.track.suspicious, story.see(DEAD, DEAD), story.track.suspicious] == [True, [("down", 1)], False]
    assert story.see(GOOD) == [("good", 4)]


def test_one_failed_look_is_nothing() -> None:
    assert Story().see(GOOD, DEAD, GOOD, DEAD, GOOD) == [("good", 0)]


def test_a_prober_in_doubt_changes_nothing() -> None:
    story = Story()
    story.see(GOOD, DEAD)
    assert story.see(DEAD, DEAD, well=False) == []
    assert story.see(LATE) == []
    assert story.track.last is not None
    assert story.see(DEAD) == [("down", 1)]


def test_an_answer_counts_even_when_the_prober_doubts_itself() -> None:
    assert Story().see(GOOD, well=False) == [("good", 0)]


def test_not_ready_and_unhealthy_take_longer() -> None:
    story = Story()
    assert story.see(GOOD, NOT_READY, NOT_READY) == [("good", 0)]
    assert story.see(NOT_READY) == [("not-ready", 1)]
    assert story.see(UNHEALTHY, UNHEALTHY, UNHEALTHY) == [("unhealthy", 1)]


def test_a_failure_that_gets_worse_began_when_it_first_failed() -> None:
    assert Story().see(GOOD, NOT_READY, NOT_READY, DEAD, DEAD) == [("good", 0), ("down", 1)]


def test_a_service_that_was_never_good_can_be_down() -> None:
    assert Story().see(DEAD, DEAD) == [("down", 0)]
