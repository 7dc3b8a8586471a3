"""The query language without a database: what it compiles to, where it points, and that it never fails otherwise."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.lucene_cases import CASES, NOW
from tests.data.lucene_refused import REFUSED

from judgify.core.logbook.lucene import Compiled, QueryError, compile_query
from judgify.core.logbook.lucene.moment import read
from judgify.kit.clock import SEOUL, parse

ALPHABET = ' ab:()[]{}"\\*?+-!&|~^/<>=.,@0129TONDRnow\n　판é\x00\ud800_'


def compiled(query: str, first: int = 1) -> Compiled:
    return compile_query(query, now=parse(NOW), zone=SEOUL, first=first)


def refusal(query: str) -> QueryError | None:
    try:
        compiled(query)
    except QueryError as error:
        return error
    return None


@pytest.mark.parametrize(("query", "_"), CASES, ids=[query for query, _ in CASES])
def test_every_case_compiles_and_numbers_its_values_without_a_gap(query: str, _: str) -> None:
    one = compiled(query, first=5)
    for number in range(5, 5 + len(one.values)):
        assert f"${number}::" in one.sql
    assert f"${5 + len(one.values)}" not in one.sql


@pytest.mark.parametrize(("query", "offset", "_"), REFUSED, ids=[query[:40] for query, _, _ in REFUSED])
def test_every_refusal_points(query: str, offset: int, _: str) -> None:
    with pytest.raises(QueryError) as caught:
        compiled(query)
    assert caught.value.offset == offset


@given(st.one_of(st.text(alphabet=ALPHABET, max_size=60), st.text(max_size=60)))
@settings(max_examples=1500)
def test_any_text_is_read_or_refused_at_one_of_its_characters(text: str) -> None:
    error = refusal(text)
    assert error is None or 0 <= error.offset <= len(text)
    assert error is None or error.fields["arrow"].count("\n") == 1


@given(st.lists(st.one_of(st.sampled_from([query for query, _ in CASES]), st.sampled_from(list(ALPHABET))), max_size=6))
@settings(max_examples=500)
def test_pieces_of_good_queries_in_any_order_are_read_or_refused(parts: list[str]) -> None:
    error = refusal(" ".join(parts))
    assert error is None or error.status == 400


def test_line_and_column_count_from_one_and_the_caret_stands_under_wide_letters() -> None:
    with pytest.raises(QueryError) as caught:
        compiled('service:"판단"\nAND 판단~1')
    error = caught.value
    assert (error.line, error.column) == (2, 7)
    assert error.fields["arrow"] == "AND 판단~1\n        ^"
    assert error.problem("req_1")["offset"] == error.offset


def test_of_a_long_query_only_the_neighbourhood_is_shown() -> None:
    with pytest.raises(QueryError) as caught:
        compiled("a " * 100 + "e\u0301~ " + "b " * 60)
    shown, caret = caught.value.fields["arrow"].split("\n")
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(caret) <= 70


def test_the_time_that_a_query_is_confined_to() -> None:
    now = parse(NOW)
    hour = now - timedelta(hours=1)
    assert (compiled("level:ERROR").since, compiled("level:ERROR").until) == (None, None)
    one = compiled("level:ERROR AND @timestamp:[now-1h TO now]")
    assert (one.since, one.until) == (hour, now)
    two = compiled("@timestamp:>=now-1h AND (a OR @timestamp:>now) AND @timestamp:>now-2h")
    assert (two.since, two.until) == (hour, None)
    day = compiled("@timestamp:2026-11-22 AND received_at:>=now-1h")
    assert day.since == datetime(2026, 11, 21, 15, tzinfo=UTC)
    assert day.until == datetime(2026, 11, 22, 15, tzinfo=UTC)
    point = compiled("@timestamp:now-1h")
    assert (point.since, point.until) == (hour, hour)
    open_end = compiled("@timestamp:[* TO 2026-11-21]")
    assert (open_end.since, open_end.until) == (None, datetime(2026, 11, 21, 15, tzinfo=UTC))
    assert compiled("NOT @timestamp:>=now-1h").since is None


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-01-31||+1M", "2026-02-28T00:00", "2026-03-01T00:00"),
        ("2024-01-31||+1M", "2024-02-29T00:00", "2024-03-01T00:00"),
        ("2026-03-31||-1M/M", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("2024-02-29||+1y/y", "2025-01-01T00:00", "2026-01-01T00:00"),
        ("2026-11-22||/w", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("2026-11-22T12:34:56||/s", "2026-11-22T12:34:56", "2026-11-22T12:34:57"),
        ("2026-11-22T12:34:56.5", "2026-11-22T12:34:56.5", "2026-11-22T12:34:56.6"),
        ("2026-11-22T12:34-05:30", "2026-11-23T03:04", "2026-11-23T03:05"),
        ("2026-11-22T12+02", "2026-11-22T19:00", "2026-11-22T20:00"),
        ("2026||+d", "2026-01-02T00:00", "2027-01-02T00:00"),
    ],
)
def test_a_text_names_a_span(text: str, start: str, end: str) -> None:
    span = read(text, parse(NOW), SEOUL)
    assert (span.start, span.end) == (parse(start), parse(end))


def test_days_are_those_of_the_zone() -> None:
    night = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)  # half past midnight of the 22nd in Korea
    assert read("now/d", night, SEOUL).start == datetime(2026, 11, 21, 15, tzinfo=UTC)
    assert read("now/d", night, UTC).start == datetime(2026, 11, 21, tzinfo=UTC)
