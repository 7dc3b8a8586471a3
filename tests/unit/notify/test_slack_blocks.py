from dataclasses import replace

import pytest

from judgify.notify import Act, Link, Message, Recipient
from judgify.notify.slack_blocks import blocks, cut_escaped, fallback, member

NOBODY = Recipient("x")
PAGE = Message(
    kind="page",
    subject="down & out",
    body="a <b>",
    dedup_key="k",
    incident_id="INC-1",
    links=(Link("console", "http://x/1"),),
    acts=(Act("approve", "승인", "t"), Act("reject", "거절", "t")),
)


def test_only_a_members_id_names_a_person() -> None:
    assert member("U0DUTY0001") == "U0DUTY0001"
    assert member("W0DUTY0001") == "W0DUTY0001"
    assert [member(one) for one in (None, "@ops-lead", "U1", "U0DUTY0001> <!channel", "u0duty0001")] == [None] * 5


@pytest.mark.parametrize("most", range(1, 14))
def test_an_entity_is_never_cut_in_two(most: int) -> None:
    text = "a&amp;b&lt;c&gt;"
    short = cut_escaped(text, most)
    assert len(short) <= max(most, 1)
    assert short.removesuffix("…").count("&") == short.count(";")


def test_a_message_without_anything_is_a_header() -> None:
    bare = Message(kind="notice", subject="s", body=" \n", dedup_key="k")
    assert [block["type"] for block in blocks(bare, NOBODY)] == ["header"]


def test_an_approval_asks_once_more_and_a_turn_names_nobody() -> None:
    built = blocks(replace(PAGE, lang="en"), Recipient("x", slack="U0DUTY0001"))
    approve, reject = built[-1]["elements"]
    assert approve["confirm"]["title"]["text"] == "Are you sure?"
    assert approve["action_id"] == "judgify:approve"
    assert "confirm" not in reject
    turned = blocks(replace(PAGE, turn="resolved", standing="held by <x>", acts=()), Recipient("x", slack="U0DUTY0001"))
    assert [block["type"] for block in turned] == ["header", "section", "section", "context"]
    assert turned[1]["text"]["text"] == "*held by &lt;x&gt;*"


def test_the_fallback_is_escaped_and_short() -> None:
    assert fallback(PAGE) == "down &amp; out"
    assert len(fallback(replace(PAGE, subject="&" * 9_000))) <= 3_000
    assert len(blocks(replace(PAGE, subject="&" * 9_000), NOBODY)[0]["text"]["text"]) == 150
