from datetime import UTC, datetime

import pytest

from judgify.core.dashboard.board import share
from judgify.core.dashboard.page import CHART_HEIGHT, bars, percent, render_failure, result_text
from judgify.core.dashboard.words import WORDS, choose
from judgify.kit.clock import show


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["ko"].keys() == WORDS["en"].keys()


@pytest.mark.parametrize(
    ("asked", "accept", "lang"),
    [
        ("en", "ko", "en"),
        ("ko", "en", "ko"),
        (None, "fr, en-US;q=0.8", "en"),
        (None, "ko-KR,en", "ko"),
        (None, "fr", "ko"),
        (None, None, "ko"),
        ("fr", None, "ko"),
    ],
)
def test_the_language_is_asked_for_or_the_browsers_or_korean(asked: str | None, accept: str | None, lang: str) -> None:
    assert choose(asked, accept) == lang


def test_bars_fill_the_chart_and_one_is_always_seen() -> None:
    assert bars([]) == []
    low, none, high = bars([("a", 1), ("b", 0), ("c", 10_000)])
    assert (low.height, none.height, high.height) == (2.0, 0.0, CHART_HEIGHT)
    assert high.y == 0
    assert bars([("a", 0)])[0].height == 0


def test_a_result_is_text_or_json_and_short() -> None:
    assert result_text(None) == "–"
    assert result_text("합격") == "합격"
    assert result_text({"등급": 1}) == '{"등급": 1}'
    assert len(result_text("x" * 500)) == 80


def test_a_share_of_nothing_is_none() -> None:
    assert share(0, 0) is None
    assert percent(1, 8) == "12.5 %"
    assert percent(0, 0) == "–"


def test_the_failure_page_escapes_and_asks_to_come_back() -> None:
    answer = render_failure("<b>", None, "en")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert b"&lt;b&gt;" in bytes(answer.body)
    assert show(datetime(2026, 11, 22, 14, 0, tzinfo=UTC))[11:16] == "23:00"
