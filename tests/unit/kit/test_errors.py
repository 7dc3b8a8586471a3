import pytest

from judgify.kit.errors import KINDS, Denied, Invalid, JudgifyError, NotFound, TooMany, Unavailable, from_problem


def test_the_class_docstring_is_the_default_sentence() -> None:
    assert NotFound().detail == "There is nothing of that name here."


def test_a_problem_carries_type_status_detail_and_request_id() -> None:
    document = Invalid("rows[2] is wrong", path="rows[2]").problem("req_1")
    assert document == {
        "type": "urn:judgify:problem:invalid",
        "title": "Value not acceptable",
        "status": 422,
        "detail": "rows[2] is wrong",
        "path": "rows[2]",
        "request_id": "req_1",
    }


def test_every_kind_has_its_own_status() -> None:
    assert sorted(KINDS) == [400, 401, 403, 404, 409, 413, 422, 429, 503]


@pytest.mark.parametrize("kind", list(KINDS.values()))
def test_a_problem_document_gives_back_the_error_it_was_made_from(kind: type[JudgifyError]) -> None:
    error = kind("what happened")
    again = from_problem(error.status, error.problem("req_1"))
    assert type(again) is kind
    assert again.detail == "what happened"
    assert again.problem("req_1") == error.problem("req_1")


def test_a_narrower_type_survives_the_wire() -> None:
    error = Denied("no", slug="egress-refused")
    assert from_problem(403, error.problem()).type_slug == "egress-refused"


def test_too_many_keeps_when_to_come_back() -> None:
    error = from_problem(429, TooMany(retry_after_s=7).problem())
    assert error.fields["retry_after_s"] == 7


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_status_means_unavailable(status: int) -> None:
    assert isinstance(from_problem(status, {"detail": "x"}), Unavailable)


def test_an_answer_that_is_no_problem_document_is_still_an_error() -> None:
    error = from_problem(418, ["tea"])
    assert type(error) is JudgifyError
    assert error.detail == "the other side answered 418"
