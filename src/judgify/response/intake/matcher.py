"""The matchers of Alertmanager's clients: `name="value"`, `!=`, `=~`, `!~`. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

MAX_PATTERN: Final = 200
_FORM: Final = re.compile(r"\s*\"?([a-zA-Z_:][a-zA-Z0-9_:.-]{0,200})\"?\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
# A pattern within a repetition may take for ever on a label that somebody else made up.
_NESTED: Final = re.compile(r"[+*}?]\s*\)\s*[+*{]|\\\d|\(\?[^:]")
Sign = Literal["=", "!=", "=~", "!~"]
_SIGNS: Final[tuple[Sign, ...]] = ("=", "!=", "=~", "!~")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; a label that is not there is empty."""

    name: str
    sign: Sign
    value: str

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels fit."""
        given = labels.get(self.name, "")
        if self.sign in {"=", "!="}:
            return (given == self.value) == (self.sign == "=")
        return (re.fullmatch(self.value, given) is not None) == (self.sign == "=~")


def read_matcher(text: str) -> Matcher | None:
    """Read a matcher; None for what is none, or a pattern that is too long, wrong, or could take for ever."""
    found = _FORM.fullmatch(text[:1_000])
    if found is None:
        return None
    name, value = str(found[1]), str(found[3])
    sign = next(one for one in _SIGNS if one == found[2])
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _ESCAPE.sub(r"\1", value[1:-1]) if sign in {"=", "!="} else value[1:-1].replace("\\\\", "\\")
    if sign in {"=~", "!~"}:
        if len(value) > MAX_PATTERN or _NESTED.search(value) or value.count("*") + value.count("+") > 4:
            return None
        try:
            re.compile(value)
        except re.error:
            return None
    return Matcher(name, sign, value)
