"""The stretch of right answers that counts as restored begins where nothing wrong comes after it for long enough."""

from judgify.drill.judge import Sample, stretch


def samples(*rights: bool) -> list[Sample]:
    return [Sample(float(at), at + 0.1, right, 200 if right else 0) for at, right in enumerate(rights)]


def test_the_first_stretch_that_is_long_enough_counts_from_its_first_answer() -> None:
    assert stretch(samples(False, True, True, False, True, True, True, True), 3) == 4.0
    assert stretch(samples(True, True, True, True), 3) == 0.0


def test_a_stretch_that_is_not_over_yet_is_none() -> None:
    assert stretch(samples(False, True, True, True), 3) is None
    assert stretch([], 3) is None
