from judgify.drill.judge import Sample, rule, steady


def samples(pattern: str, start: float = 0.0, step: float = 1.0) -> list[Sample]:
    """One sample per character, a second apart: `+` right, `-` wrong."""
    return [
        Sample(start + index * step, start + index * step + 0.01, character == "+", 200 if character == "+" else 502)
        for index, character in enumerate(pattern)
    ]


def test_an_unbroken_stretch_after_the_fault_is_the_recovery() -> None:
    ruling = rule(samples("+++---" + "+" * 12), fault_at=2)
    assert (ruling.broken_at, ruling.restored_at) == (3, 6)
    assert (ruling.asked, ruling.wrong) == (16, 3)


def test_one_wrong_answer_breaks_the_stretch() -> None:
    ruling = rule(samples("-" + "+" * 9 + "-" + "+" * 11), fault_at=0)
    assert ruling.restored_at == 11


def test_a_stretch_that_is_too_short_is_no_recovery() -> None:
    assert rule(samples("-" + "+" * 10), fault_at=0).restored_at is None


def test_a_fault_that_nobody_felt_is_no_recovery_either() -> None:
    ruling = rule(samples("+" * 30), fault_at=5)
    assert (ruling.broken_at, ruling.restored_at, ruling.wrong) == (None, None, 0)


def test_what_was_sent_before_the_fault_does_not_count() -> None:
    ruling = rule(samples("---" + "+" * 20), fault_at=3)
    assert ruling.broken_at is None


def test_samples_are_judged_in_the_order_in_which_they_were_sent() -> None:
    assert rule(list(reversed(samples("--" + "+" * 12))), fault_at=0).restored_at == 2


def test_the_steady_state_needs_every_answer_right_and_the_promised_rate() -> None:
    assert steady(samples("+" * 11, step=0.5), 0, 5, per_second=2)
    assert not steady(samples("+" * 11, step=0.5), 0, 5, per_second=3)
    assert not steady(samples("+++-+++++++", step=0.5), 0, 5, per_second=2)
