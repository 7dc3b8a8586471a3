"""`judgify runbook` against a running engine."""

import json

import pytest
from tests.support.installation import Installation


@pytest.mark.guide("G13", "G14", "G15", "G16", "G17")
def test_runbooks_are_listed_and_shown_for_people_and_programs(platform: Installation) -> None:
    books = {book["id"]: book for book in json.loads(platform.ok("runbook", "list", "--json"))}
    assert set(books) >= {"gateway", "judgment", "database", "redis", "emergency"}
    assert "judgment" in platform.ok("runbook", "list")
    shown = platform.ok("runbook", "show", "judgment")
    assert "kubectl rollout restart deployment/judgment-service -n judgify-prod" in shown
    assert json.loads(platform.ok("runbook", "show", "judgment", "--json"))["id"] == "judgment"


@pytest.mark.guide("G12")
def test_a_dry_run_shows_what_would_be_done_and_does_nothing(platform: Installation) -> None:
    before = platform.pids()
    answer = json.loads(platform.ok("runbook", "run", "judgment", "--dry-run", "--json"))
    assert answer["state"] == "done"
    assert "nothing done" in platform.ok("runbook", "run", "judgment", "--dry-run")
    assert platform.pids() == before


def test_what_is_not_done_is_said_with_exit_code_one(platform: Installation) -> None:
    alone = platform.run("runbook", "run", "judgment", "--step", "restart")
    assert (alone.returncode, "needs an incident" in alone.stderr) == (1, True)
    unknown = platform.run("runbook", "show", "nothing")
    assert (unknown.returncode, "no runbook 'nothing'" in unknown.stderr) == (1, True)


def test_automation_is_held_and_released(platform: Installation) -> None:
    assert "on hold: 점검" in platform.ok("runbook", "hold", "--reason", "점검")
    held = platform.ok("runbook", "release", "--json")
    assert json.loads(held)["held"] is False
