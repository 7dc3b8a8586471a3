from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from judgify.core.gateway import access_token, apikey
from judgify.core.gateway.password import check_strength
from judgify.kit.clock import FakeClock
from judgify.kit.errors import Invalid, Unauthenticated

START = datetime(2026, 1, 5, tzinfo=UTC)
SECRET = "a secret of more than thirty-two characters"


def _issue(clock: FakeClock, **changed: Any) -> str:
    arguments: dict[str, Any] = {"subject": "mina", "role": "viewer", "session_id": "ses_1", "ttl_s": 600}
    return access_token.issue(SECRET, clock=clock, **(arguments | changed))


async def test_a_token_says_who_for_ten_minutes() -> None:
    clock = FakeClock(START)
    token = _issue(clock)
    access = access_token.read(SECRET, token, clock)
    assert (access.subject, access.role, access.session_id) == ("mina", "viewer", "ses_1")
    assert access.token_id.startswith("jti_")
    await clock.advance(599)
    access_token.read(SECRET, token, clock)
    await clock.advance(1)
    with pytest.raises(Unauthenticated) as caught:
        access_token.read(SECRET, token, clock)
    assert caught.value.type_slug == "token-expired"


def test_each_token_is_another() -> None:
    clock = FakeClock(START)
    assert _issue(clock) != _issue(clock)


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "judgify-internal"},
        {"iss": "somebody"},
        {"role": "root"},
        {"role": None},
        {"sid": None},
        {"exp": None},
        {"jti": None},
    ],
)
def test_tokens_with_other_claims_are_refused(change: dict[str, Any]) -> None:
    claims: dict[str, Any] = {
        "iss": access_token.ISSUER, "aud": access_token.AUDIENCE, "sub": "mina", "role": "viewer", "sid": "s",
        "jti": "j", "iat": START, "exp": START + timedelta(hours=1),
    }  # fmt: skip
    clock = FakeClock(START)
    access_token.read(SECRET, jwt.encode(claims, SECRET, "HS256"), clock)
    claims = {key: value for key, value in (claims | change).items() if value is not None}
    with pytest.raises(Unauthenticated):
        access_token.read(SECRET, jwt.encode(claims, SECRET, "HS256"), clock)


def test_a_token_of_no_algorithm_or_another_secret_is_refused() -> None:
    clock = FakeClock(START)
    for token in (
        jwt.encode({"sub": "mina"}, "", algorithm="none"),
        "nonsense",
        access_token.issue(SECRET[::-1], subject="a", role="admin", session_id="s", clock=clock, ttl_s=60),
    ):
        with pytest.raises(Unauthenticated):
            access_token.read(SECRET, token, clock)


def test_a_key_carries_its_id_and_is_stored_as_a_hash() -> None:
    key = apikey.make()
    assert apikey.key_id(key.text) == key.id
    assert key.hash == apikey.digest(key.text)
    assert key.text not in str(key.hash)
    assert apikey.key_id("jdg_x") is None
    assert apikey.key_id(key.text + "\n") is None


@pytest.mark.parametrize("password", ["short", "x" * 300, "ababababababab", "my mina password", "MINA-mina-MINA-1"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(Invalid):
        check_strength(password, "mina")


def test_a_sentence_is_strong() -> None:
    check_strength("맑은 날에는 창문을 열어 둔다", "mina")
