"""String functions (DMN 1.5, table 74); a string is a sequence of code points."""

import unicodedata
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.feel.function.position import start_of, width_of
from judgify.decision.feel.function.regex import Found, compiled
from judgify.decision.feel.function.signature import LIST, NUMBER, STRING, builtin, form, kind, needs
from judgify.decision.feel.meter import spend
from judgify.decision.feel.number import Number
from judgify.decision.limit import MAX_STRING

_COPIED: Final = 1_024
"""Characters that are copied in one step."""
_SEARCHED: Final = 512
"""Characters that are searched for others in one step."""
_STRING: Final = needs("string", STRING)
_MATCH: Final = needs("match", STRING)
_FLAGS: Final = needs("flags", STRING, optional=True)


def _made(parts: list[str]) -> str:
    size = sum(len(part) for part in parts)
    if size > MAX_STRING:
        raise LimitError("too-large")
    spend(len(parts) + size // 64)
    return unicodedata.normalize("NFC", "".join(parts))


def _substring(text: str, start: Number, length: Number | None = None) -> str:
    spend(len(text) // _COPIED)
    first = start_of(start, len(text))
    if length is None:
        return text[first:]
    return text[first : first + width_of(length, len(text) - first)]


def _before(text: str, match: str) -> str:
    spend(len(text) // _SEARCHED)
    return text[: max(0, text.find(match))]


def _after(text: str, match: str) -> str:
    spend(len(text) // _SEARCHED)
    at = text.find(match)
    return "" if at < 0 else text[at + len(match) :]


def _contains(text: str, match: str) -> bool:
    spend(len(text) // _SEARCHED)
    return match in text


def _matches(text: str, pattern: str, flags: str | None = None) -> bool:
    return compiled(pattern, flags or "").search(text) is not None


def _template(replacement: str, groups: int, flags: str) -> list[str | int]:
    """Split a replacement into texts and the numbers of groups; a number too great for a group is a shorter one."""
    if "q" in flags:
        return [replacement]
    parts: list[str | int] = []
    at = 0
    while at < len(replacement):
        letter, following = replacement[at], replacement[at + 1 : at + 2]
        at += 1
        if letter == "\\" and following and following in "\\$":
            parts.append(following)
            at += 1
        elif letter == "$" and "0" <= following <= "9":
            number = int(following)
            at += 1
            while "0" <= replacement[at : at + 1] <= "9" and number * 10 + int(replacement[at]) <= groups:
                number = number * 10 + int(replacement[at])
                at += 1
            parts.append(number if number <= groups else "")
        elif letter in "\\$":
            raise EvaluationError("bad-replacement", value=replacement, position=str(at))
        else:
            parts.append(letter)
    return parts


def _filled(template: list[str | int], found: Found) -> str:
    return "".join(found.group(part) if isinstance(part, int) else part for part in template)


def _replace(text: str, pattern: str, replacement: str, flags: str | None = None) -> str:
    program = compiled(pattern, flags or "")
    template = _template(replacement, program.groups, flags or "")
    if program.search("") is not None:
        # As XPath has it: what the pattern would find between any two characters has no end.
        raise EvaluationError("empty-match", value=pattern)
    parts, done, size = [], 0, 0
    for found in program.matches(text):
        piece = _filled(template, found)
        size += len(piece) + found.start - done
        if size > MAX_STRING:
            raise LimitError("too-large")
        parts += [text[done : found.start], piece]
        done = found.end
    return _made([*parts, text[done:]])


def _split(text: str, delimiter: str) -> list[str]:
    program = compiled(delimiter, "")
    if program.search("") is not None:
        raise EvaluationError("empty-match", value=delimiter)
    parts, done = [], 0
    for found in program.matches(text):
        parts.append(text[done : found.start])
        done = found.end
    return [*parts, text[done:]]


def _join(items: list[Any], delimiter: str | None = None) -> str:
    texts = [item for item in items if item is not None]
    for item in texts:
        if not isinstance(item, str):
            raise EvaluationError("not-strings", value=item, function="string join", found=kind(item))
    size = sum(len(text) for text in texts) + len(delimiter or "") * len(texts)
    if size > MAX_STRING:
        raise LimitError("too-large")
    return _made([(delimiter or "").join(texts)])


FUNCTIONS: Final = (
    builtin(
        "substring",
        form(_substring, _STRING, needs("start position", NUMBER), needs("length", NUMBER, optional=True)),
    ),
    builtin("string length", form(len, _STRING)),
    builtin("upper case", form(lambda string: _made([string.upper()]), _STRING)),
    builtin("lower case", form(lambda string: _made([string.lower()]), _STRING)),
    builtin("substring before", form(_before, _STRING, _MATCH)),
    builtin("substring after", form(_after, _STRING, _MATCH)),
    builtin(
        "replace",
        form(_replace, needs("input", STRING), needs("pattern", STRING), needs("replacement", STRING), _FLAGS),
    ),
    builtin("contains", form(_contains, _STRING, _MATCH)),
    builtin("starts with", form(lambda string, match: string.startswith(match), _STRING, _MATCH)),
    builtin("ends with", form(lambda string, match: string.endswith(match), _STRING, _MATCH)),
    builtin("matches", form(_matches, needs("input", STRING), needs("pattern", STRING), _FLAGS)),
    builtin("split", form(_split, _STRING, needs("delimiter", STRING))),
    builtin("string join", form(_join, needs("list", LIST), needs("delimiter", STRING, optional=True))),
)
"""The functions of this module."""
