"""From a request's text to tokens: Korean words are taken apart with their particles, English ones kept whole. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from judgify.core.dashboard.grammar.lexicon import JOINING, NUMERALS, PARTICLES, STOP, WORDS
from judgify.kit.errors import Invalid

MAX_LENGTH: Final = 500
"""Characters of a request."""
_MAX_RUN: Final = 40
"""Longest Korean word that is taken apart; a longer one is unknown as it stands."""
_GROUPING: Final = ("별", "별로", "마다", "단위", "간격")
_CLEAR: Final = frozenset({"을", "를", "로", "으로", "와", "과"})
_FIRST_MARK: Final = 0xE000
_LETTER: Final = re.compile(r"[a-z0-9_]")
_PIECE: Final = re.compile(
    r"(?P<date>\d{4}[-.]\d{1,2}[-.]\d{1,2})|(?P<stat>p\d\d(?![a-z0-9]))|(?P<number>\d+)|(?P<latin>[a-z][a-z0-9_]*)"
    r"|(?P<hangul>[가-힣]+)|(?P<mark>[\ue000-\uf8ff])|(?P<quoted>\"[^\"]{1,100}\")|(?P<join>[,;+&/])|(?P<dot>[.?!](?=\s))"
    r"|(?P<other>[^\s\W]+)"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word: its meaning, and how it stood in the text."""

    kind: str
    value: str
    text: str


Names = Mapping[str, tuple[str, str]]
"""Names of this installation (workflows, fields, results) in lower case → (kind, value)."""

_HANGUL: Final = {word.replace(" ", ""): meaning for word, meaning in WORDS.items() if re.search(r"[가-힣]", word)}
_SPACED: Final = sorted((word for word in WORDS if re.fullmatch(r"[가-힣]+( [가-힣]+)+", word)), key=len, reverse=True)
_JOINED: Final = [(re.compile(r"(?<![가-힣])" + word.replace(" ", r"\s+")), word.replace(" ", "")) for word in _SPACED]
_LATIN: Final = {tuple(word.split()): meaning for word, meaning in WORDS.items() if re.fullmatch(r"[a-z0-9 ]+", word)}
_LONGEST: Final = max(map(len, _LATIN))


def tokenize(text: str, names: Names | None = None) -> list[Token]:
    """Split a request into tokens; what is not known becomes `unknown`. `Invalid` for more than 500 characters."""
    if len(text) > MAX_LENGTH:
        raise Invalid(f"request: at most {MAX_LENGTH} characters; this has {len(text)}")
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"[\ue000-\uf8ff\x00]", " ", plain)
    plain = re.sub("[“”‘’「」『』'`]", '"', plain)
    plain, marks = _mark_names(plain, names or {})
    for pattern, joined in _JOINED:
        plain = pattern.sub(joined, plain)
    tokens: list[Token] = []
    words: list[str] = []
    end = -1
    for found in _PIECE.finditer(plain):
        kind, piece = str(found.lastgroup), found[0]
        if kind == "latin":
            words.append(piece)
            end = found.end()
            continue
        tokens += _latin(words)
        words = []
        tokens += _piece(kind, piece, marks, after=found.start() == end)
        end = found.end()
    return tokens + _latin(words)


def _piece(kind: str, piece: str, marks: Mapping[str, Token], *, after: bool) -> list[Token]:
    if kind == "hangul":
        return _take_apart(piece, after=after)
    if kind == "mark":
        return [marks[piece]]
    text = piece.strip('"').strip()
    meaning, value = {
        "number": ("number", piece.lstrip("0")[:6] or "0"),
        "date": ("date", "-".join(part.zfill(2) for part in re.split("[-.]", piece))),
        "stat": ("stat" if piece in WORDS else "unknown", piece),
        "join": ("and", piece),
        "dot": ("and", piece),
    }.get(kind, ("unknown", text))
    return [Token(meaning, value, text)]


def _mark_names(text: str, names: Names) -> tuple[str, dict[str, Token]]:
    """Put one private character where a name of this installation stands; the longest names first."""
    marks: dict[str, Token] = {}
    for name in sorted(names, key=len, reverse=True):
        if name.replace(" ", "") in _HANGUL or name in STOP or len(marks) >= MAX_LENGTH:
            continue
        pattern = r"\s+".join(re.escape(part) for part in name.split())
        if tuple(name.split()) in _LATIN:
            # A name that is also a word of ours (a field `line`) is meant where one groups by it.
            pattern = rf"(?<=\bby ){pattern}"
        for found in reversed(list(re.finditer(rf'"?(?<![가-힣a-z0-9_]){pattern}"?', text))):
            if not _ends_well(text[found.end() :], found[0]):
                continue
            mark = chr(_FIRST_MARK + len(marks))
            marks[mark] = Token(*names[name], found[0].strip('"'))
            text = f"{text[: found.start()]}{mark}{text[found.end() :]}"
    return text, marks


def _ends_well(rest: str, name: str) -> bool:
    """Tell whether a name ends here: no letter goes on, and a Korean ending is one that is known."""
    if _LETTER.match(rest) and _LETTER.match(name[-1]):
        return False
    ending = re.match(r"[가-힣]+", rest)
    return ending is None or all(token.kind != "unknown" for token in _take_apart(ending[0], after=True))


def _latin(words: list[str]) -> list[Token]:
    """Read English words, the longest phrase first."""
    tokens: list[Token] = []
    place = 0
    while place < len(words):
        for length in range(min(_LONGEST, len(words) - place), 0, -1):
            phrase = tuple(words[place : place + length])
            if phrase in _LATIN:
                tokens.append(_token(_LATIN[phrase], " ".join(phrase)))
                place += length
                break
        else:
            tokens += _single(words[place])
            place += 1
    return tokens


def _single(word: str) -> list[Token]:
    if word in STOP:
        return []
    if word in NUMERALS:
        return [Token("number", str(NUMERALS[word]), word)]
    apart = re.fullmatch(r"([a-z]+)(\d+)", word)
    if apart and (apart[1],) in _LATIN:
        return [_token(_LATIN[(apart[1],)], apart[1]), Token("number", apart[2][:6], apart[2])]
    return [Token("unknown", word, word)]


@lru_cache(maxsize=4096)
def _parts(run: str, *, after: bool) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Take a Korean word apart at the lowest cost: (cost, ((kind, text), …)).

    A part of the lexicon costs 2, a particle 1 and only follows a part; an unknown stem costs the most and reaches to
    the particles at the word's end.
    """
    if not run:
        return 0, ()
    best: tuple[int, tuple[tuple[str, str], ...]] = (1000, (("unknown", run),))
    for length in range(len(run), 0, -1):
        head, rest = run[:length], run[length:]
        if (head in _HANGUL or head in STOP or (head in NUMERALS and not after)) and (after or _stands(head, rest)):
            cost, parts = _parts(rest, after=True)
            best = min(best, (cost + 2, (("word", head), *parts)), key=lambda found: found[0])
        if after and head in PARTICLES:
            cost, parts = _parts(rest, after=True)
            best = min(best, (cost + 1, (("particle", head), *parts)), key=lambda found: found[0])
        if not after and 1 < length < len(run) and (rest in PARTICLES or rest in _GROUPING):
            cost = 900 - len(rest)
            best = min(best, (cost, (("unknown", head), *_parts(rest, after=True)[1])), key=lambda found: found[0])
    return best


def _stands(head: str, rest: str) -> bool:
    """Tell whether a word may begin here; one of a single letter only before few others, else it is part of a name."""
    return len(head) > 1 or not rest or rest in _CLEAR or rest.startswith(_GROUPING)


def _take_apart(run: str, *, after: bool) -> list[Token]:
    if len(run) > _MAX_RUN:
        return [Token("unknown", run, run)]
    tokens: list[Token] = []
    parts = _parts(run, after=after)[1]
    for place, (kind, text) in enumerate(parts):
        if kind == "unknown":
            tokens.append(Token("unknown", text, text))
        elif kind == "particle":
            if text in JOINING and place == len(parts) - 1:
                tokens.append(Token("and", text, text))
            elif text == "별로":
                tokens.append(Token("by", "", text))
            elif text in {"부터", "까지", "보다"}:
                tokens.append(Token({"부터": "since", "까지": "until", "보다": "versus"}[text], "", text))
        elif text in _HANGUL:
            tokens.append(_token(_HANGUL[text], text))
        elif text in NUMERALS:
            tokens += [Token("number", str(NUMERALS[text]), text)]
            tokens += [Token("unit", "day", text)] if text in {"이틀", "사흘"} else []
    return tokens


def _token(meaning: str, text: str) -> Token:
    kind, _, value = meaning.partition(":")
    return Token(kind, value, text)
