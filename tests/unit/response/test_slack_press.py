"""What Slack sends, read: a press of ours, or nothing."""

from typing import Any

import pytest

from judgify.response.slack_desk import Press, read_press

PAYLOAD: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U0DUTY0001"},
    "container": {"message_ts": "1.2", "channel_id": "C1", "thread_ts": "1.1"},
    "message": {"ts": "1.2", "blocks": [{"type": "header"}, "odd"]},
    "actions": [{"action_id": "other:x", "value": "y"}, {"action_id": "judgify:acknowledge", "value": "INC-1"}],
}


def test_a_press_is_read() -> None:
    assert read_press(PAYLOAD) == Press("acknowledge", "INC-1", "U0DUTY0001", "C1", "1.2", "1.1", ({"type": "header"},))
    bare = PAYLOAD | {"container": None, "message": None, "channel": {"id": "C2"}}
    assert read_press(bare) == Press("acknowledge", "INC-1", "U0DUTY0001", "C2", "", "", ())


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        {},
        {"type": "view_submission"},
        PAYLOAD | {"actions": []},
        PAYLOAD | {"actions": "x"},
        PAYLOAD | {"actions": [{"action_id": "judgify:delete", "value": "x"}]},
        PAYLOAD | {"actions": [{"action_id": "judgify:acknowledge"}]},
        PAYLOAD | {"user": None},
        PAYLOAD | {"container": "x"},
        PAYLOAD | {"message": "x"},
    ],
)
def test_everything_else_is_nothing(payload: Any) -> None:
    assert read_press(payload) is None
