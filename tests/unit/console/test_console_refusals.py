"""What Korean readers are told, and documents as pages that can hold nothing foreign."""

import pytest

from judgify.console.markdown import rendered
from judgify.console.refusal import korean


@pytest.mark.parametrize(
    ("detail", "status", "told"),
    [
        ("INC-2026-0001 is resolved already", 409, "INC-2026-0001은(는) 이미 resolved 상태입니다"),
        ("this needs the role commander; kim has responder", 403, "commander 역할이 필요합니다"),
        ("customers hear from a commander; nothing was sent", 403, "고객 공지는 지휘자만 보낼 수 있습니다"),
        ("something new", 422, "입력한 값을 확인하세요 (something new)"),
        ("", 599, "처리하지 못했습니다"),
    ],
)
def test_refusals_are_told_in_korean(detail: str, status: int, told: str) -> None:
    assert korean(detail, status).startswith(told)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "![x](https://evil.example/x.png)",
        "<https://evil.example>",
        "[x]: javascript:alert(1)\n[x]",
    ],
)
def test_a_document_holds_no_tag_picture_or_link_of_its_own(text: str) -> None:
    shown = str(rendered(f"# 제목\n\n{text}\n"))
    assert "<h1>제목</h1>" in shown
    assert not any(tag in shown for tag in ("<script", "<img", "<a ", "href="))
