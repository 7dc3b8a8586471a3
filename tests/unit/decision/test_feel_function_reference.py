"""The page of the functions lists each of them, in each of its forms, and each reason that it can give."""

import re
from pathlib import Path

from judgify.decision.feel.function import BUILTINS, Builtin, Form
from judgify.decision.feel.range import Range, member
from judgify.decision.feel.temporal import PROPERTIES
from judgify.decision.wording_function import FUNCTION_REASONS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "feel-functions.md").read_text(encoding="utf-8")


def signature(builtin: Builtin, form: Form) -> str:
    names = []
    for parameter in form.parameters:
        if parameter.name not in names and f"{parameter.name}?" not in names:
            names.append(parameter.name + "?" * parameter.optional)
    return f"`{builtin.name}({', '.join(names)}{'…' * form.variadic})`"


def test_the_page_lists_every_form_of_every_function_and_nothing_else() -> None:
    listed = set(
        re.findall(r"`[a-z][a-z ]*\([a-zA-Z0-9 ,?…]*\)`", PAGE.split("## Conversion")[1].split("## Properties")[0])
    )
    known = {signature(builtin, form) for builtin in BUILTINS.values() for form in builtin.forms}
    assert known - listed == set()
    assert {form for form in listed - known if form != "`precedes(x, y)`"} == {"`match(item, newItem)`"}


def test_the_page_words_every_reason_of_a_function() -> None:
    told = set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", PAGE))
    # These come before a function is called at all, or from a property.
    assert set(FUNCTION_REASONS) - told == {"no-function", "unknown-zone"}


def test_the_page_lists_every_property() -> None:
    listed = set(re.findall(r"`([a-z ]+)`", PAGE.split("## Properties")[1].split("\n\n`time offset`")[0]))
    known = {name for names in PROPERTIES.values() for name in names}
    of_ranges = {"start", "end", "start included", "end included"}
    assert listed - {"no-property"} == known | of_ranges
    assert {name: member(Range(1, 2, True, True), name) for name in of_ranges}
