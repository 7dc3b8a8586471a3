"""Message templates: texts with places like `{{ name }}`, and nothing else that could run. Pure.

A place holds a variable, or a member of one (`{{ input.line }}`). There are no loops, conditions or filters: whoever
may write a template still cannot make the service compute, and a value is never read as a template itself. The result
is plain text; each channel escapes it for where it goes.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from judgify.kit.errors import Invalid
from judgify.kit.text import Text
from judgify.notify.message import one_line, visible

MAX_SUBJECT: Final = 500
MAX_BODY: Final = 50_000
MAX_SHORT: Final = 2_000
_BRACES: Final = re.compile(r"\{\{(.*?)\}\}|\{\{|\}\}", re.DOTALL)
_NAME: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]{0,63}(?:\.[A-Za-z0-9_]{1,64}){0,8})\s*")

Language = Literal["ko", "en"]


class Words(BaseModel):
    """What a template says in one language."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    subject: Annotated[Text, Field(min_length=1, max_length=MAX_SUBJECT)]
    body: Annotated[Text, Field(max_length=20_000)] = ""
    short: Annotated[Text, Field(max_length=MAX_SHORT)] = ""

    @model_validator(mode="after")
    def _readable(self) -> "Words":
        for field in ("subject", "body", "short"):
            try:
                names(getattr(self, field))
            except Invalid as error:
                raise ValueError(f"{field}: {error.detail}") from None
        return self


class Texts(BaseModel):
    """A template's words, in Korean, English or both."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    ko: Words | None = None
    en: Words | None = None

    @model_validator(mode="after")
    def _something(self) -> "Texts":
        if self.ko is None and self.en is None:
            raise ValueError("a template needs words in ko, en or both")
        return self

    def variables(self) -> list[str]:
        """Name every variable that the words use, in order of the alphabet."""
        words = [word for word in (self.ko, self.en) if word is not None]
        return sorted(
            {name for word in words for text in (word.subject, word.body, word.short) for name in names(text)}
        )


@dataclass(frozen=True, slots=True)
class Said:
    """A message's words as they are sent, and the template that they come from, if any."""

    subject: str
    body: str
    short: str
    template: str | None = None
    version: int | None = None


def names(text: str) -> set[str]:
    """Name the variables of a text; `Invalid` names line and column of braces that hold no name."""
    found: set[str] = set()
    for place in _BRACES.finditer(text):
        inner = place[1]
        name = None if inner is None else _NAME.fullmatch(inner)
        if name is None:
            line = text.count("\n", 0, place.start()) + 1
            column = place.start() - (text.rfind("\n", 0, place.start()) + 1) + 1
            told = "braces without their partner" if inner is None else f"{{{{{inner[:40]}}}}} is not a variable's name"
            raise Invalid(f"line {line}, column {column}: {told}; write {{{{ name }}}}")
        found.add(name[1])
    return found


def say(template: str, version: int, texts: Texts, lang: Language, variables: Mapping[str, Any]) -> Said:
    """Fill a template; nothing is ever left out silently.

    `Invalid` names every variable that is missing, a language without words, and a text that becomes too long.
    """
    words = texts.ko if lang == "ko" else texts.en
    if words is None:
        raise Invalid(f"template {template} has no words in {lang}", path="lang")
    used = set[str]().union(*(names(text) for text in (words.subject, words.body, words.short)))
    values = {name: _look(variables, name) for name in used}
    missing = sorted(name for name, value in values.items() if value is None)
    if missing:
        raise Invalid(
            f"template {template}, version {version}: missing {', '.join(missing)}", path="variables", missing=missing
        )
    filled = {name: visible(value or "") for name, value in values.items()}
    subject = one_line(_fill(words.subject, filled))
    body, short = _fill(words.body, filled), one_line(_fill(words.short, filled))
    for field, text, most in (("subject", subject, MAX_SUBJECT), ("body", body, MAX_BODY), ("short", short, MAX_SHORT)):
        if len(text) > most:
            raise Invalid(
                f"template {template}: {field} becomes {len(text):,} characters long; at most {most:,} are sent"
            )
    if not subject:
        raise Invalid(f"template {template}: the subject becomes empty")
    return Said(subject, body, short, template, version)


def _fill(text: str, values: Mapping[str, str]) -> str:
    # One pass: what a value holds is not looked at again.
    return _BRACES.sub(lambda place: values[place[1].strip()], text)


def _look(variables: Mapping[str, Any], path: str) -> str | None:
    value: Any = variables
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    if isinstance(value, str):
        return value
    if value is None:
        return "-"
    return json.dumps(value, ensure_ascii=False)
