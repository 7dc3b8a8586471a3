"""The estimated loss by the guide's formula."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.guides import shipped
from tests.support.tale import Tale, impact, judgment_down, opened

from judgify.response import timeline as t
from judgify.response.documents import GuideDocuments
from judgify.response.guide.schema import BusinessLoss, Guide, LossTerm


def priced(*terms: tuple[str, str]) -> Guide:
    guide = shipped()
    listed = tuple(LossTerm.model_validate({"measure": name, "amount": Decimal(amount)}) for name, amount in terms)
    loss = BusinessLoss(currency="USD", terms=listed)
    return replace(guide, sla=guide.sla.model_copy(update={"business_loss": loss}))


def stated(guide: Guide, tale: Tale) -> str:
    text = GuideDocuments(guide).render("postmortem", "en", tale.incident, tale.entries)
    return next(line for line in text.splitlines() if "Business impact" in line)


@pytest.mark.guide("G24")
def test_without_a_formula_nothing_is_estimated() -> None:
    assert stated(shipped(), judgment_down()) == "- **Business impact**: not estimated"


@pytest.mark.guide("G24")
def test_the_sum_of_the_terms_is_shown_with_its_terms_and_entries() -> None:
    guide = priced(
        ("outage_minutes", "60"),
        ("failed_requests", "0.5"),
        ("unfinished_requests", "1"),
        ("lost_judgments", "0.01"),
        ("affected_users", "2"),
    )
    # 7 s = 7/60 min → 7; 12.345 % of 800 = 98.76 → 49.38; 4; 1,200 × 0.01 = 12; 12 × 2 = 24: 96.38 in all.
    assert stated(guide, judgment_down()) == (
        "- **Business impact**: estimated loss 96.38 USD: minutes of outage 0.12 × 60 + failed requests 98.76 × 0.5"
        " + unfinished requests 4 × 1 + judgments missing 1,200 × 0.01 + users affected 12 × 2 (evidence 18, 19)"
    )


def test_what_was_not_measured_is_named_and_nothing_is_estimated() -> None:
    tale = Tale().add(0, opened()).add(1, t.ImpactMeasured(impact=impact(measured=False)))
    guide = priced(("outage_minutes", "1"), ("failed_requests", "1"), ("lost_judgments", "1"), ("affected_users", "1"))
    assert stated(guide, tale) == (
        "- **Business impact**: not estimated (not measured: minutes of outage, failed requests, judgments missing,"
        " users affected) (evidence 2)"
    )
