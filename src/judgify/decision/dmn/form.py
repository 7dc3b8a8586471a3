"""Reading a model strictly: mistakes kept with their lines, names and types resolved to one form."""

import unicodedata
from typing import Final

from judgify.decision.dmn.element import Element
from judgify.decision.dmn.error import ModelError, ModelProblem
from judgify.decision.dmn.limit import MAX_PROBLEMS

VERSIONS: Final = {
    "http://www.omg.org/spec/DMN/20180521/MODEL/": "1.2",
    "https://www.omg.org/spec/DMN/20191111/MODEL/": "1.3",
    "https://www.omg.org/spec/DMN/20211108/MODEL/": "1.4",
    "https://www.omg.org/spec/DMN/20230324/MODEL/": "1.5",
}
"""The namespaces of DMN that are read, with their versions."""
MODEL: Final = "https://www.omg.org/spec/DMN/20230324/MODEL/"
"""The namespace that is written."""
OWN: Final = "urn:judgify:decision"
"""The namespace of what our tables have and DMN has no place for."""


class Form:
    """The mistakes found so far in one file."""

    def __init__(self, where: str, language: str | None = None) -> None:
        self.where = where
        self.language = language
        self.place = ""
        self.problems: list[ModelProblem] = []

    def report(self, element: Element, message: str, mend: str | None = None) -> None:
        """Keep a mistake."""
        self.problems.append(ModelProblem(message, element.line, self.place, mend=mend))
        if len(self.problems) >= MAX_PROBLEMS:
            self.stop_if_broken()

    def stop_if_broken(self) -> None:
        """End the reading when anything was wrong so far.

        Raises:
            ModelError: All that was wrong.
        """
        if self.problems:
            raise ModelError(self.where, self.problems)

    def name(self, element: Element) -> str:
        """Give the needed name of an element, spaces made single, in normal form C."""
        found = element.get("name")
        if found is None:
            self.report(element, f"<{element.name}> needs the attribute name")
        return one_name(found or "")


def one_name(text: str) -> str:
    """Give a name as FEEL compares it: in normal form C, every run of white space one space."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def is_feel(language: str | None) -> bool:
    """Tell whether a declared expression language is FEEL, under whichever version's name; without a name it is."""
    return not language or "feel" in language.lower()


def type_ref(element: Element, attribute: str = "typeRef") -> str | None:
    """Give the type that an element names."""
    return resolved(element, element.get(attribute))


def resolved(element: Element, text: str | None) -> str | None:
    """Give a type's name without a prefix that leads to FEEL or to nothing that would change its meaning."""
    if text is None or not text.strip():
        return None
    prefix, found, local = text.strip().partition(":")
    return one_name(local if found and prefix in element.prefixes else text)
