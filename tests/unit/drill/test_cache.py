"""What the gateway's own counters say of its cache, and what the drill makes of it."""

import pytest

from judgify.drill.cache import cache_sample, counts

pytestmark = pytest.mark.guide("G16", "S08")

TEXT = """# HELP judgify_gateway_record_lookups_total Looks into Redis for a session or an API key.
judgify_gateway_record_lookups_total{job="api-gateway-service",result="hit"} 12.0
judgify_gateway_record_lookups_total{job="api-gateway-service",result="away"} 3.0
judgify_gateway_logins_total{job="api-gateway-service",result="ok"} 9.0
"""


def test_the_counters_are_read_from_the_text_format() -> None:
    assert counts(TEXT) == {"hit": 12.0, "miss": 0.0, "away": 3.0}
    assert counts("") == {"hit": 0.0, "miss": 0.0, "away": 0.0}


@pytest.mark.parametrize(
    ("hit", "miss", "away", "right"),
    [(1, 0, 0, True), (1, 2, 0, True), (0, 0, 1, False), (3, 0, 1, False), (0, 0, 0, None), (0, 2, 0, None)],
)
def test_only_a_look_that_nobody_answers_is_wrong(*, hit: int, miss: int, away: int, right: bool | None) -> None:
    before = {"hit": 5.0, "miss": 5.0, "away": 5.0}
    after = {"hit": 5.0 + hit, "miss": 5.0 + miss, "away": 5.0 + away}
    sample = cache_sample(before, after, 7.0)
    assert (sample.right if sample is not None else None) is right
