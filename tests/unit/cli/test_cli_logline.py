import json

import pytest

from judgify.cli.logline import WIDTH, readable

TRACEBACK = """Traceback (most recent call last):
  File "/x/a.py", line 72, in lifespan
    async with spec.lifespan(app):
               ^^^^^^^^^^^^^^^^^^
pydantic_core.ValidationError: 1 validation error for Incident
cleared
  Input should be an object
"""


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain words", "plain words"),
        ('"a string"', '"a string"'),
        ('{"no": "message"}', '{"no": "message"}'),
        (
            json.dumps({"timestamp": "2026-11-22T23:19:55.1Z", "level": "error", "message": "down"}),
            "23:19:55 error down",
        ),
        (
            json.dumps({"timestamp": "2026-11-22T23:19:55.1Z", "level": "error", "message": TRACEBACK}),
            (
                "23:19:55 error pydantic_core.ValidationError: 1 validation error for Incident cleared "
                "Input should be an object"
            ),
        ),
        (json.dumps({"message": "failed", "level": "error", "error": "no disk"}), " error failed: no disk"),
        (json.dumps({"message": "Traceback", "level": "error"}), " error Traceback"),
        ("\x1b[2J", "�[2J"),
    ],
)
def test_a_line_for_people(line: str, shown: str) -> None:
    assert readable(line) == shown


def test_a_long_line_is_cut() -> None:
    assert readable("x" * 1000) == "x" * (WIDTH - 1) + "…"
