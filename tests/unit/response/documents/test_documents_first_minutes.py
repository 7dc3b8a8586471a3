"""What the first minutes add to the documents: the team, late steps, and what customers may know."""

import pytest
from tests.support.guides import shipped
from tests.support.tale import Tale, opened

from judgify.response import timeline as t
from judgify.response.documents import GuideDocuments
from judgify.response.documents.record import Record
from judgify.response.documents.wording import WORDING
from judgify.response.guide.schema import Guide
from judgify.response.model import Lang


@pytest.fixture(scope="module")
def guide() -> Guide:
    return shipped()


def log(guide: Guide, tale: Tale, lang: Lang) -> str:
    return GuideDocuments(guide).render("log", lang, tale.incident, tale.entries)


@pytest.mark.guide("G03", "G11", "G23")
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_log_tells_who_was_convened_and_which_step_is_late(guide: Guide, lang: Lang) -> None:
    step = guide.checklist.steps[0]
    tale = Tale().add(0, opened(severity="P0"))
    tale.add(1, t.TeamConvened(role="response-team", persons=("team-lead", "cto")))
    tale.add(70, t.ChecklistOverdue(step=step.id))
    tale.add(71, t.ChecklistOverdue(step="a-step-of-an-older-guide"))
    text = log(guide, tale, lang)
    assert step.title.of(lang) in text
    assert "a-step-of-an-older-guide" in text


@pytest.mark.guide("G10")
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_customers_learn_what_does_not_work_and_no_cause(guide: Guide, lang: Lang) -> None:
    tale = Tale().add(0, opened(severity="P1"))
    text = GuideDocuments(guide).render("customers", lang, tale.incident, tale.entries)
    assert guide.services["judgment"].label.of(lang) in text
    assert tale.incident.id not in text


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_reason_is_told_in_the_readers_language_where_it_is_the_guides_own(guide: Guide, lang: Lang) -> None:
    tale = Tale().add(0, opened())
    record = Record(guide, lang, tale.incident, tale.entries)
    assert record.reason("declared", "declared so") == WORDING["declared_reason"].of(lang)
    rule = guide.signals.rules[0]
    assert record.reason(rule.id, rule.reason.ko) == rule.reason.of(lang)
    assert record.reason(rule.id, "a reason of somebody's own") == "a reason of somebody's own"
