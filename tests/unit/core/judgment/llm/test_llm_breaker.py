from judgify.core.judgment.llm.breaker import MAX_PAUSE_S, MAX_RETRY_AFTER_S, PATIENT_TRIES, Breaker, Permit


def permit(breaker: Breaker, now: float = 0) -> Permit:
    found = breaker.admit(now)
    assert found is not None
    return found


def state(breaker: Breaker) -> str:
    return breaker.state


def opened(now: float = 0) -> Breaker:
    breaker = Breaker(3, 5)
    for _ in range(2):
        assert not breaker.fail(permit(breaker), now)
    assert breaker.fail(permit(breaker), now)
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(3, 5)
    for _ in range(5):
        assert not breaker.fail(permit(breaker), 0)
        assert not breaker.fail(permit(breaker), 0)
        assert not breaker.succeed(permit(breaker))
    assert state(breaker) == "closed"
    assert breaker.due_in(0) is None
    assert state(opened()) == "open"


def test_while_open_nobody_gets_through_until_the_pause_is_over() -> None:
    breaker = opened()
    assert breaker.admit(4.9) is None
    assert breaker.due_in(3) == 2
    assert breaker.due_in(9) == 0
    assert breaker.admit(5) is not None


def test_half_open_lets_one_through_and_its_outcome_decides() -> None:
    breaker = opened()
    look = permit(breaker, 5)
    assert state(breaker) == "half_open"
    assert breaker.admit(5) is None
    assert breaker.due_in(5) is None
    assert not breaker.fail(look, 5)
    assert state(breaker) == "open"
    assert breaker.admit(9.9) is None
    assert breaker.succeed(permit(breaker, 10))
    assert state(breaker) == "closed"
    assert breaker.admit(10) is not None


def test_what_began_before_decides_nothing_any_more() -> None:
    breaker = Breaker(1, 5)
    early, late = permit(breaker), permit(breaker)
    assert breaker.fail(early, 0)
    assert not breaker.succeed(late)
    assert not breaker.fail(late, 0)
    assert state(breaker) == "open"
    look = permit(breaker, 5)
    breaker.release(late)
    assert state(breaker) == "half_open"
    assert breaker.succeed(look)


def test_a_look_that_came_to_nothing_leaves_the_next_one_its_turn() -> None:
    breaker = opened()
    breaker.release(permit(breaker, 5))
    assert breaker.due_in(5) == 0
    assert breaker.admit(5) is not None


def test_an_endpoint_that_asks_for_a_wait_gets_it_at_once_within_bounds() -> None:
    breaker = Breaker(3, 5)
    assert breaker.fail(permit(breaker), 0, retry_after_s=20)
    assert breaker.due_in(0) == 20
    patient = Breaker(3, 5)
    patient.fail(permit(patient), 0, retry_after_s=1e9)
    assert patient.due_in(0) == MAX_RETRY_AFTER_S


def test_looks_that_cost_come_less_often_and_free_ones_do_not() -> None:
    dear, free, now = opened(), opened(), 0.0
    for _ in range(PATIENT_TRIES + 6):
        now += 100
        dear.fail(permit(dear, now), now, costly=True)
        free.fail(permit(free, now), now, costly=False)
    assert dear.due_in(now) == MAX_PAUSE_S
    assert free.due_in(now) == 5
