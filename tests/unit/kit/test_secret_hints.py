"""The quick look for secrets misses none that the careful one finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judgify.kit.secrets import MASK, is_secret_name, mask, mask_mapping, may_hold_secret

PIECES = [
    *("Bearer abcdefgh", "BASIC  abcdefgh", "https://kim:pw@host", "eyJabcdefg.abcd.x", "sk-abcdefghijk"),
    *("jdg_0123456789", "xoxb-0123456789", "-----BEGIN RSA PRIVATE KEY-----x", "AKIA0123456789ABCDEF", "password=x"),
    *("PWD: y", "api-key='z'", "Session_Id", "jwt", "authorization", "cookie", "private key", "credential:q"),
    *("pa\u017f\u017fword=x", "to\u212aen=x"),
]


@pytest.mark.parametrize("piece", PIECES)
def test_every_form_of_a_secret_is_noticed(piece: str) -> None:
    assert may_hold_secret(f"before {piece} after")
    assert may_hold_secret(piece.upper()) or not is_secret_name(piece.upper())


@given(st.lists(st.sampled_from([*PIECES, " ", ":", "=", "\n"]) | st.text(max_size=6), max_size=6).map("".join))
def test_what_is_not_noticed_would_not_be_changed(text: str) -> None:
    if not may_hold_secret(text):
        assert MASK not in mask(text.replace(MASK, ""))
        assert mask_mapping({text: text}) == {text: text}
