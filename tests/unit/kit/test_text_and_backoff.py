import pytest

from judgify.kit.outbox import backoff_s
from judgify.kit.text import storable


def test_backoff_doubles_up_to_a_cap_with_half_of_it_chance() -> None:
    assert [backoff_s(number, jitter=1.0) for number in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert backoff_s(1, jitter=0.0) == 0.5
    assert backoff_s(10_000, jitter=1.0) == 300
    assert backoff_s(3, base_s=2, cap_s=5, jitter=1.0) == 5
    assert all(0.5 <= backoff_s(1) <= 1.0 for _ in range(50))


def test_text_that_no_database_can_keep_is_refused() -> None:
    assert storable("가\n\t") == "가\n\t"
    for text in ("a\x00", "\ud800"):
        with pytest.raises(ValueError, match="must not hold"):
            storable(text)
