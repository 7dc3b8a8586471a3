"""The page of the functions lists each of them, in each of its forms, and each reason that it can give."""

import re
from pathlib import Path

from judgify.decision.feel.function import BUILTINS, Builtin, Form
from judgify.decision.wording_function import FUNCTION_REASONS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "feel-functions.md").read_text(encoding="utf-8")


def signature(builtin: Builtin, form: Form) -> str:
    names = []
    for parameter in form.parameters:
        if parameter.name not in names and f"{parameter.name}?" not in names:
            names.append(parameter.name + "?" * parameter.optional)
    return f"`{builtin.name}({', '.join(names)}{'…' * form.variadic})`"


def test_the_page_lists_every_form_of_every_function_and_nothing_else() -> None:
    listed = set(re.findall(r"`[a-z][a-z ]*\([a-zA-Z0-9 ,?…]*\)`", PAGE.split("## Conversion")[1]))
    known = {signature(builtin, form) for builtin in BUILTINS.values() for form in builtin.forms}
    assert known - listed == set()
    assert {form for form in listed - known if form != "`precedes(x, y)`"} == {"`match(item, newItem)`"}


def test_the_page_words_every_reason_of_a_function() -> None:
    told = set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", PAGE))
    # These come before a function is called at all, or from a property.
    assert set(FUNCTION_REASONS) - told == {"no-function", "no-property", "unknown-zone"}
