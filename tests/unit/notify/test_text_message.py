import pytest

from judgify.notify.text_message import (
    LMS_BYTES,
    TextMessage,
    cut,
    fitting,
    size_of,
    text_class,
    text_message,
)

pytestmark = pytest.mark.guide("G06")


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("abc", 3), ("가", 2), ("똠방각하", 8), ("…", 2), ("a가●", 5), ("漢字", 4)]
)
def test_bytes_are_counted_as_carriers_do(text: str, size: int) -> None:
    assert size_of(text) == size


def test_ninety_bytes_are_a_short_message_and_one_more_is_not() -> None:
    assert text_class("가" * 45) == "SMS"
    assert text_class("가" * 45 + ".") == "LMS"
    assert text_message("가" * 45, "제목", "본문") == TextMessage("SMS", "가" * 45)
    assert text_message("가" * 46, "제목", "본문") == TextMessage("LMS", "제목\n\n본문", "제목")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("🔴 장애 🔥", "● 장애 "),
        ("👨‍👩‍👧", ""),
        ("❤️", ""),
        ("café", "cafe"),
        ("½", "½"),
        ("가", "가"),
        ("ภาษา", "????"),
        ("— – ₩", "- - ￦"),
        ("x\u202ey\x1b[", "xy["),
        ("ﬁ", "fi"),
    ],
)
def test_what_the_character_set_lacks_is_replaced(text: str, plain: str) -> None:
    assert fitting(text) == plain
    assert "?" not in plain or "?" in fitting(text)


@pytest.mark.parametrize("most", range(2, 12))
def test_a_cut_is_visible_and_never_within_a_syllable(most: int) -> None:
    text = "가a나b다c라"
    short = cut(text, most)
    assert size_of(short) <= most
    assert short == text if most >= size_of(text) else short.endswith("…")
    assert text.startswith(short.removesuffix("…"))
    short.encode("cp949")


def test_a_long_text_is_cut_at_the_carriers_bound_with_its_subject() -> None:
    long = text_message("가" * 100, "제" * 60, "본" * 3_000)
    assert (long.kind, long.size) == ("LMS", LMS_BYTES)
    assert size_of(long.subject) <= 40
    assert long.subject.endswith("…")
    assert long.text.endswith("…")
