import pytest

from judgify.core.judgment.llm.calibration import NEEDED, UNKNOWN, majority, measure


def test_too_few_words_measure_nothing_and_say_how_many_there_are() -> None:
    found = measure([(0.9, True)] * (NEEDED - 1))
    assert (found.state, found.n, found.brier, found.observed(0.9)) == ("not calibrated", NEEDED - 1, None, None)
    assert UNKNOWN.to_dict() == {
        "state": "not calibrated", "n": 0, "needed": NEEDED, "brier": None, "accuracy": None, "bins": []
    }  # fmt: skip


def test_enough_words_are_measured_by_tenths_of_confidence() -> None:
    found = measure([(0.9, True)] * 24 + [(0.9, False)] * 6 + [(1.0, True)] * 5 + [(0.0, False)] * 5)
    assert (found.state, found.n) == ("measured", 40)
    assert found.brier == pytest.approx((24 * 0.01 + 6 * 0.81) / 40, abs=1e-4)
    assert found.accuracy == pytest.approx(29 / 40)
    assert [(one.low, one.n, one.observed) for one in found.bins] == [(0.0, 5, 0.0), (0.9, 35, round(29 / 35, 4))]
    assert found.observed(0.95) == round(29 / 35, 4)
    assert found.observed(0.5) is None
    assert found.to_dict()["bins"][0] == {"from": 0.0, "to": 0.1, "n": 5, "stated": 0.0, "observed": 0.0}


def test_a_confidence_on_the_border_belongs_to_the_upper_tenth() -> None:
    found = measure([(0.3, True)] * NEEDED)
    assert found.bins[0].low == 0.3


def test_persons_who_disagree_are_counted_and_a_tie_says_nothing() -> None:
    assert majority([True, True, False]) is True
    assert majority([False]) is False
    assert majority([True, False]) is None
