import pytest

from judgify.kit.secrets import MASK, is_secret_name, mask, mask_mapping

CANARY = "c4n4ry-S3cret-Value"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://judgify:{CANARY}@127.0.0.1:5432/judgify",
        f"Authorization: Bearer {CANARY}0123456789",
        f"password={CANARY}",
        f'{{"api_key": "{CANARY}"}}',
        f"OPENAI_API_KEY={CANARY}",
        f"DB_PASSWORD: '{CANARY}'",
        f"sk-{CANARY}",
        f"jdg_{CANARY}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
        f"token={CANARY}&next=1",
        f"RuntimeError: password={CANARY}",
        f"error: token: {CANARY}, next",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    hidden = mask(text)
    assert CANARY not in hidden
    assert MASK in hidden


def test_a_signed_token_is_masked_wherever_it_stands() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    assert mask(f"saw {token} in a line") == f"saw {MASK} in a line"


@pytest.mark.parametrize(
    "piece", ["x", "x-", "secret", "a.", "token=", "a://", "bearer ", "eyJ", "-----BEGIN RSA PRIVATE KEY-----", "'"]
)
def test_hostile_text_cannot_hold_up_a_log(piece: str) -> None:
    # Masking takes time in proportion to the text. If it grew with the square, this would run into the time limit.
    assert mask(piece * 100_000) is not None


def test_plain_text_stays_as_it_is() -> None:
    text = "판정 서비스가 응답하지 않습니다 (judgment, 127.0.0.1:8002)"
    assert mask(text) == text


def test_fields_of_secret_sounding_names_are_hidden_at_every_depth() -> None:
    values = {
        "name": "a",
        "jwt_secret": CANARY,
        "empty_token": "",
        "nested": {"list": [{"password": CANARY}, f"token={CANARY}", 3], "n": 1.5},
    }
    hidden = mask_mapping(values)
    assert CANARY not in str(hidden)
    assert hidden["name"] == "a"
    assert hidden["empty_token"] == ""
    assert hidden["nested"]["n"] == 1.5
    assert hidden["nested"]["list"][2] == 3


@pytest.mark.parametrize("name", ["JWT_SECRET", "apiKey", "X-Api-Key", "db_password", "Authorization", "sessionId"])
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


def test_ordinary_names_are_not_secret() -> None:
    assert not is_secret_name("workflow_id")
