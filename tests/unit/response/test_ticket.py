"""Tokens and codes: only ours are read, each is one person's and one stretch's, answers are read as people write."""

from datetime import timedelta

import pytest
from tests.support.tale import ID, JIWON, MINSU, START, Tale, opened

from judgify.response import timeline as t
from judgify.response.incident import Incident
from judgify.response.model import Page
from judgify.response.ticket import VALID, Answer, Link, Tickets, code_line, read_answer, standing

OURS = Tickets("the secret of this installation")
PAGE = Page(
    id="pg_01J",
    incident_id=ID,
    kind="page",
    person="dev-lead",
    role="owner",
    channel="email-person",
    row="0:page:dev-lead",
    due_at=START,
    created_at=START,
)


def incident() -> Incident:
    return Tale().add(0, opened()).incident


def reopened() -> Incident:
    tale = Tale().add(0, opened()).add(5, t.IncidentResolved(reason="x"), MINSU)
    return tale.add(60, t.IncidentReopened(reason="again"), MINSU).incident


def test_a_token_says_its_page_and_its_end_and_is_the_same_for_every_try() -> None:
    token = OURS.token(PAGE)
    until = (START + VALID).replace(microsecond=0)
    assert OURS.read(token) == Link("pg_01J", until)
    assert OURS.token(PAGE.model_copy(update={"attempt": 3, "token": 9, "repeat": 1})) == token
    assert Tickets("the secret of this installation").read(token) is not None
    assert "dev-lead" not in token


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token.replace("pg_01J", "pg_02J"),
        lambda token: token.replace(token.split(".")[1], str(int(token.split(".")[1]) + 86_400)),
        lambda token: token[:-4],
        lambda token: token + "x",
        lambda token: f" {token}",
        lambda token: token.rsplit(".", 1)[0],
        lambda token: token.rsplit(".", 1)[0] + "." + "é" * 32,
        lambda _: "",
        lambda _: "a.1." + "A" * 32,
        lambda _: "x" * 5_000,
        lambda _: Tickets("another secret").token(PAGE),
    ],
)  # fmt: skip
def test_what_is_not_ours_is_not_read(forge: object) -> None:
    assert callable(forge)
    assert OURS.read(forge(OURS.token(PAGE))) is None


def test_a_code_is_four_digits_of_one_person_one_incident_and_one_stretch() -> None:
    first = incident()
    code = OURS.code(first, "dev-lead")
    assert len(code) == 4
    assert code.isascii()
    assert code.isdigit()
    assert OURS.is_code(code, first, "dev-lead")
    others = {
        OURS.code(first, "ops-lead"),
        OURS.code(first.model_copy(update={"id": "INC-2026-0008"}), "dev-lead"),
        OURS.code(reopened(), "dev-lead"),
        Tickets("another secret").code(first, "dev-lead"),
    }
    assert code not in others
    assert not any(OURS.is_code(other, first, "dev-lead") for other in others)
    assert not OURS.is_code("", first, "dev-lead")
    assert not OURS.is_code("١٢٣٤", first, "dev-lead")


@pytest.mark.parametrize(
    ("text", "code", "lang"),
    [
        ("확인 1234", "1234", "ko"),
        ("접수 0042", "0042", "ko"),
        ("접수1234", "1234", "ko"),
        ("  확인: 1234.  ", "1234", "ko"),
        ("「접수」 1234!", "1234", "ko"),
        ("접수 1234", "1234", "ko"),
        ("1234", "1234", "ko"),
        ("ack 1234", "1234", "en"),
        ("ACK1234", "1234", "en"),
        ("Ok, 1234", "1234", "en"),
        ("acknowledge - 1234\n", "1234", "en"),
    ],
)
def test_answers_are_read_as_people_write_them(text: str, code: str, lang: str) -> None:
    assert read_answer(text) == Answer(code, lang)  # type: ignore[arg-type]


def test_a_digests_code_has_a_digit_more_and_stays_when_it_is_told_again() -> None:
    digest = PAGE.model_copy(update={"row": "digest:pg_01J"})
    code = OURS.digest_code(digest)
    answer = read_answer(f"접수 {code}")
    assert (len(code), answer, read_answer("1234").of_digest) == (5, Answer(code, "ko"), False)  # type: ignore[union-attr]
    assert answer is not None
    assert answer.of_digest
    assert OURS.is_digest_code(code, digest.model_copy(update={"id": "pg_02J", "repeat": 1}))
    for other in ({"row": "digest:pg_09J"}, {"person": "ops-lead"}):
        assert not OURS.is_digest_code(code, digest.model_copy(update=other))
    assert code_line("ko", "00042") == "회신(모두): 접수 00042"
    assert code_line("en", "00042") == "Reply (all): ack 00042"
    assert read_answer(code_line("en", "00042").partition(": ")[2]) == Answer("00042", "en")


@pytest.mark.parametrize(
    "text",
    ["", "확인", "ack", "123", "123456", "확인 12 34", "nack 1234", "확인 1234 5678", "hello 1234 bye", "x" * 9_000],
)
def test_other_texts_are_no_answer(text: str) -> None:
    assert read_answer(text) is None


def test_the_words_of_an_answer_name_the_code_in_both_languages() -> None:
    assert code_line("ko", "0042") == "회신: 접수 0042"
    assert code_line("en", "0042") == "Reply: ack 0042"
    assert read_answer(code_line("ko", "0042").partition(": ")[2]) == Answer("0042", "ko")
    assert read_answer(code_line("en", "0042").partition(": ")[2]) == Answer("0042", "en")


def test_what_stands_against_taking_an_incident() -> None:
    tale = Tale().add(0, opened())
    assert standing(tale.incident, "minsu") is None
    tale.add(5, t.IncidentAcknowledged(via="sms"), MINSU)
    assert standing(tale.incident, "minsu") == "yours"
    assert standing(tale.incident, "jiwon") == "held"
    tale.add(6, t.IncidentAcknowledged(via="email", also=True), JIWON)
    assert tale.incident.holder == MINSU
    tale.add(9, t.IncidentResolved(reason="x"), MINSU)
    assert standing(tale.incident, "minsu") == "over"
    assert standing(reopened(), "minsu") is None


def test_whoever_takes_it_after_it_came_back_is_the_holder() -> None:
    tale = Tale().add(0, opened()).add(5, t.IncidentAcknowledged(), MINSU).add(6, t.IncidentResolved(reason="x"), MINSU)
    tale.add(60, t.IncidentReopened(reason="again"), MINSU)
    assert standing(tale.incident, "minsu") is None
    tale.add(70, t.IncidentAcknowledged(), JIWON)
    assert (tale.incident.acknowledged_by, tale.incident.holder) == (MINSU, JIWON)
    assert tale.incident.acknowledged_at == START + timedelta(seconds=5)
