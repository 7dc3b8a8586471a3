"""A health part that is down while its service goes on: told of once, and once when it is over."""

import pytest

from judgify.response.intake.part import PartWatch
from judgify.response.intake.probe import Look

pytestmark = pytest.mark.guide("G14")


def look(llm: str | None, *, live: bool = True) -> Look:
    parts = {} if llm is None else {"llm": llm}
    return Look(live=live, ready=True, health="degraded" if live else None, good=True, parts=parts)


def turns(watch: PartWatch, *looks: Look) -> list[bool]:
    return [turn.down for one in looks for turn in watch.look("judgment", one)]


def test_two_looks_make_it_down_and_two_make_it_good_again() -> None:
    watch = PartWatch()
    assert turns(watch, look("ok"), look("ok")) == [False]  # what an engine before this one told of is over
    assert turns(watch, look("down"), look("ok"), look("down")) == []
    assert turns(watch, look("down"), look("down"), look("down")) == [True]
    assert turns(watch, look("ok"), look("ok"), look("ok")) == [False]


def test_a_part_that_is_not_used_any_more_is_down_no_more() -> None:
    watch = PartWatch()
    assert turns(watch, look("down"), look("down"), look(None), look(None)) == [True, False]


def test_a_service_that_does_not_answer_says_nothing_of_its_parts() -> None:
    watch = PartWatch()
    dead = Look(live=False, detail="connection refused")
    silent = Look(live=True, ready=True)
    assert turns(watch, look("down"), dead, silent, look("down")) == [True]
    assert watch.look("gateway", look("down")) == []


def test_what_nobody_could_take_is_told_again() -> None:
    watch = PartWatch()
    watch.look("judgment", look("down"))
    turn = watch.look("judgment", look("down"))[0]
    assert (turn.signal, turn.service, turn.part) == ("llm_failing", "judgment", "llm")
    watch.tell_again(turn)
    assert turns(watch, look("down")) == [True]
