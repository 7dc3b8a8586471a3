"""The order of a series: the ten minutes that the policy asks for pass while other drills run."""

from judgify.drill.order import choose
from judgify.drill.scenario import SCENARIOS, find

STARTS = {one.name for one in SCENARIOS if one.starts_unit}


def test_what_begins_a_wait_goes_first_and_all_waits_overlap() -> None:
    """Six drills three times over, each 40 s long: little more than two waits of ten minutes and one round."""
    left = [one for _ in range(3) for one in SCENARIOS]
    free_at: dict[str, float] = {}
    now, done = 0.0, list[str]()
    while left:
        waits = {one.name: free_at.get(one.unit, 0.0) - now for one in left if one.starts_unit}
        chosen, pause = choose(left, waits)
        now += max(0.0, pause)
        if chosen.starts_unit:
            assert free_at.get(chosen.unit, 0.0) <= now
            free_at[chosen.unit] = now + 600
        left.remove(chosen)
        done.append(chosen.name)
        now += 40
    assert set(done[:4]) == STARTS
    assert {name: done.count(name) for name in set(done)} == dict.fromkeys([one.name for one in SCENARIOS], 3)
    assert now < 2 * 600 + 6 * 40


def test_when_all_have_to_wait_the_shortest_wait_is_next() -> None:
    two = [find("gateway-down"), find("redis-down")]
    assert choose(two, {"gateway-down": 30.0, "redis-down": 20.0}) == (two[1], 20.0)
    assert choose(two, {"gateway-down": 30.0}) == (two[1], 0.0)
    assert choose(two, {}) == (two[0], 0.0)
