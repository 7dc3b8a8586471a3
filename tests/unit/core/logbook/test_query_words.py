from datetime import UTC, datetime

import pytest

from judgify.core.logbook.query import like, read_cursor, read_levels, read_moment, write_cursor
from judgify.kit.errors import Invalid

MOMENT = datetime(2026, 11, 22, 14, 10, 0, 5, tzinfo=UTC)


def test_levels_are_a_list_with_commas() -> None:
    assert read_levels(None) is None
    assert read_levels("error,CRITICAL") == (40, 50)
    with pytest.raises(Invalid):
        read_levels("ERROR,loud")


def test_moments_are_read_with_zone_without_and_with_a_lost_plus() -> None:
    assert read_moment(None, "from") is None
    for text in ("2026-11-22T23:10:00+09:00", "2026-11-22T23:10:00 09:00", "2026-11-22T23:10:00"):
        assert read_moment(text, "from") == MOMENT.replace(microsecond=0)
    for text in ("soon", "0001-01-01T00:00:00+09:00"):
        with pytest.raises(Invalid, match="from"):
            read_moment(text, "from")


def test_a_cursor_is_read_as_it_was_written() -> None:
    assert read_cursor(None) is None
    assert read_cursor(write_cursor(MOMENT, 7)) == (MOMENT, 7)
    for text in ("9" * 17 + "9.1", "x.1"):
        with pytest.raises(Invalid):
            read_cursor(text)


def test_a_search_text_stands_for_itself() -> None:
    assert like(r"100%_\x") == r"%100\%\_\\x%"
