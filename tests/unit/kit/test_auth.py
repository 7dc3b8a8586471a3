from datetime import UTC, datetime

import pytest

from judgify.kit import auth
from judgify.kit.clock import FakeClock
from judgify.kit.errors import Denied, Unauthenticated

SECRET = "a-secret-of-at-least-thirty-two-bytes"
START = datetime(2026, 1, 1, tzinfo=UTC)


def person(*roles: str) -> auth.Principal:
    return auth.Principal("김철수", frozenset(roles))


def test_a_token_gives_back_its_principal() -> None:
    clock = FakeClock(START)
    token = auth.mint(SECRET, person("responder"), clock)
    assert auth.verify(SECRET, token, clock) == person("responder")


async def test_a_token_lapses_by_the_given_clock() -> None:
    clock = FakeClock(START)
    token = auth.mint(SECRET, person("viewer"), clock, ttl_s=60)
    await clock.advance(61)
    with pytest.raises(Unauthenticated, match="expired"):
        auth.verify(SECRET, token, clock)


@pytest.mark.parametrize("token", ["", "x.y.z", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."])
def test_a_forged_token_is_refused_without_saying_why(token: str) -> None:
    with pytest.raises(Unauthenticated, match="not valid"):
        auth.verify(SECRET, token, FakeClock(START))


def test_a_token_of_another_secret_is_refused() -> None:
    clock = FakeClock(START)
    token = auth.mint("another-secret-of-thirty-two-bytes-x", person("admin"), clock)
    with pytest.raises(Unauthenticated):
        auth.verify(SECRET, token, clock)


def test_a_token_of_an_unknown_kind_is_refused() -> None:
    clock = FakeClock(START)
    strange = auth.Principal("x", frozenset(), "robot")  # type: ignore[arg-type]
    with pytest.raises(Unauthenticated, match="no known kind"):
        auth.verify(SECRET, auth.mint(SECRET, strange, clock), clock)


def test_a_higher_role_may_what_a_lower_one_may_and_not_the_other_way_round() -> None:
    assert person("admin").has("viewer")
    assert not person("viewer").has("responder")
    assert not person("admin").has("service")
    assert auth.service_principal("judgment").has("service")
    assert not auth.service_principal("judgment").has("viewer")


def test_a_demand_says_what_is_needed_and_what_is_held() -> None:
    person("commander").demand("viewer", "service")
    with pytest.raises(Denied, match="needs the role commander; 김철수 has viewer"):
        person("viewer").demand("commander")
    with pytest.raises(Denied, match="has none"):
        person().demand("viewer")


def test_the_command_line_is_an_administrator_but_no_person() -> None:
    cli = auth.cli_principal()
    assert cli.has("admin")
    assert cli.kind == "bootstrap"


@pytest.mark.parametrize(
    ("header", "token"),
    [(None, None), ("Bearer abc", "abc"), ("bearer abc ", "abc"), ("Basic abc", None), ("Bearer ", None)],
)
def test_bearer(header: str | None, token: str | None) -> None:
    assert auth.bearer(header) == token


def test_secrets_are_compared_whole() -> None:
    assert auth.same_secret("한글", "한글")
    assert not auth.same_secret("a", "ab")
