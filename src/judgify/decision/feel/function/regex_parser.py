r"""Reading the regular expressions of XPath: those of XML Schema, with anchors, reluctant quantifiers and references.

Their syntax looks like Python's and is another: `\i`, `\c`, `[a-z-[aeiou]]` and `\p{IsGreek}` exist, `\b`, `(?=…)`
and `\Z` do not, and a stray brace or bracket is a mistake.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.function.regex_set import ANY, CLASSES, LINE, CharSet, inverse, named, single

MAX_PATTERN: Final = 1_000
"""Characters of one pattern."""
MAX_GROUPS: Final = 50
"""Groups of one pattern, nested or not."""
MAX_COUNT: Final = 1_000
"""The greatest number of a counted repetition."""
FLAGS: Final = frozenset("smixq")
_QUANTITY: Final = re.compile(r"\{([0-9]{1,9})(?:(,)([0-9]{1,9})?)?\}")
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t"} | {letter: letter for letter in "\\|.?*+(){}-[]^$"}
_META: Final = frozenset("?*+{}()|[]")


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    chars: CharSet


@dataclass(frozen=True, slots=True)
class Anchor:
    """`^` or `$`."""

    symbol: str


@dataclass(frozen=True, slots=True)
class Reference:
    r"""`\1`: the text that a group holds."""

    group: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Choice:
    """The first that fits."""

    branches: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Group:
    """A part in parentheses, numbered from 1."""

    number: int
    part: "Node"


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part several times; `most` is None without an upper bound."""

    part: "Node"
    least: int
    most: int | None
    greedy: bool


Node: TypeAlias = Chars | Anchor | Reference | Sequence | Choice | Group | Repeat


class _Parser:
    def __init__(self, pattern: str, flags: str) -> None:
        self.text = pattern
        self.at = 0
        self.dot = ANY if "s" in flags else LINE
        self.groups = 0
        self.numbers = 0
        self.closed: set[int] = set()
        self.references = False

    def fail(self, problem: str) -> NoReturn:
        raise EvaluationError("bad-pattern", value=self.text, problem=problem, position=str(self.at + 1))

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self) -> str:
        letter = self.peek()
        self.at += 1
        return letter

    def choice(self) -> Node:
        branches = [self.branch()]
        while self.peek() == "|":
            self.at += 1
            branches.append(self.branch())
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def branch(self) -> Node:
        parts: list[Node] = []
        while self.peek() not in {"", "|", ")"}:
            parts.append(self.quantified(self.atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def quantified(self, part: Node) -> Node:
        bounds = {"?": (0, 1), "*": (0, None), "+": (1, None)}.get(self.peek())
        if bounds is not None:
            self.at += 1
        elif self.peek() == "{":
            bounds = self.quantity()
        else:
            return part
        least, most = bounds
        greedy = self.peek() != "?"
        self.at += not greedy
        return Repeat(part, least, most, greedy)

    def quantity(self) -> tuple[int, int | None]:
        found = _QUANTITY.match(self.text, self.at)
        if not found:
            self.fail("a brace that is no number of times")
        least = int(found[1])
        most = least if not found[2] else int(found[3]) if found[3] else None
        if most is not None and most < least:
            self.fail("the greater number of times comes first")
        if max(least, most or 0) > MAX_COUNT:
            self.fail(f"a part more than {MAX_COUNT} times")
        self.at = found.end()
        return least, most

    def atom(self) -> Node:
        letter = self.peek()
        if letter in {"^", "$"}:
            self.at += 1
            return Anchor(letter)
        if letter == "(":
            return self.group()
        if letter == "[":
            self.at += 1
            return Chars(self.expression(1))
        if letter == "\\":
            return self.escape()
        if letter in _META:
            self.fail(f'"{letter}" stands alone')
        self.at += 1
        return Chars(self.dot if letter == "." else single(letter))

    def group(self) -> Node:
        self.at += 1
        counted = not self.text.startswith("?:", self.at)
        if not counted:
            self.at += 2
        elif self.peek() == "?":
            self.fail("XPath has no such group")
        self.groups += 1
        if self.groups > MAX_GROUPS:
            self.fail(f"more than {MAX_GROUPS} groups")
        self.numbers += counted
        number = self.numbers if counted else 0
        part = self.choice()
        if self.take() != ")":
            self.at -= 1
            self.fail("a parenthesis is not closed")
        self.closed.add(number)
        return Group(number, part) if counted else part

    def escape(self) -> Node:
        self.at += 1
        if "1" <= self.peek() <= "9":
            return self.reference()
        return Chars(self.escaped())

    def reference(self) -> Node:
        number = int(self.take())
        # As many digits as there are groups for.
        while "0" <= self.peek() <= "9" and number * 10 + int(self.peek()) <= self.numbers:
            number = number * 10 + int(self.take())
        if number not in self.closed:
            self.fail(f"no group {number} ends before")
        self.references = True
        return Reference(number)

    def escaped(self) -> CharSet:
        letter = self.take()
        if letter in CLASSES:
            return CLASSES[letter]
        if letter in {"p", "P"}:
            return self.category(letter)
        if letter not in _ESCAPED:
            self.at -= 1
            self.fail(f'"\\{letter}" means nothing')
        return single(_ESCAPED[letter])

    def category(self, letter: str) -> CharSet:
        end = self.text.find("}", self.at)
        name = self.text[self.at + 1 : end] if self.peek() == "{" and end > 0 else ""
        chars = named(name)
        if chars is None:
            self.fail(f'no category or block "{name}"')
        self.at = end + 1
        return inverse(chars) if letter == "P" else chars

    def expression(self, depth: int) -> CharSet:
        """Read what follows a `[`, up to and with the `]`."""
        if depth > MAX_GROUPS:
            self.fail("too many classes within each other")
        negated = self.peek() == "^"
        self.at += negated
        spans: list[tuple[int, int]] = []
        tests: list[Callable[[str], bool]] = []
        without = None
        first = True
        while self.peek() != "]" or first:
            if self.peek() == "-" and self.text.startswith("-[", self.at) and not first:
                self.at += 2
                without = self.expression(depth + 1)
                if self.peek() != "]":
                    self.fail("something follows what is left out")
                break
            member = self.member(first=first)
            first = False
            if isinstance(member, CharSet):
                tests.extend(member.categories)
            else:
                spans.append(member)
        self.at += 1
        return CharSet(tuple(spans), tuple(tests), negated, without)

    def member(self, *, first: bool) -> CharSet | tuple[int, int]:
        start = self.char(first=first)
        if isinstance(start, CharSet):
            return start
        if self.peek() != "-" or self.text[self.at + 1 : self.at + 2] in {"]", "["}:
            return ord(start), ord(start)
        self.at += 1
        end = self.char(first=False, end=True)
        if isinstance(end, CharSet) or end < start:
            self.fail("a range without an end, or backwards")
        return ord(start), ord(end)

    def char(self, *, first: bool, end: bool = False) -> CharSet | str:
        letter = self.peek()
        if not letter or letter in {"[", "]"}:
            self.fail("a class is not closed, or a bracket in it is not escaped")
        if letter == "-" and not end and not first and self.text[self.at + 1 : self.at + 2] != "]":
            self.fail('"-" in the middle of a class is written "\\-"')
        self.at += 1
        if letter != "\\":
            return letter
        if self.peek() in _ESCAPED:
            return _ESCAPED[self.take()]
        return self.escaped()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A pattern that was read.

    Attributes:
        node: Its tree.
        groups: How many numbered groups it has.
        references: Whether it refers to what a group holds.
    """

    node: Node
    groups: int
    references: bool


def parse(pattern: str, flags: str) -> Parsed:
    """Read a pattern.

    Args:
        pattern: The pattern.
        flags: Of `s m i x q`, each any number of times.

    Raises:
        EvaluationError: `bad-flags`; `bad-pattern` with the problem and the position.
    """
    if not FLAGS.issuperset(flags):
        raise EvaluationError("bad-flags", value=flags)
    if len(pattern) > MAX_PATTERN:
        raise EvaluationError(
            "bad-pattern", value=pattern[:40], problem=f"longer than {MAX_PATTERN} characters", position="1"
        )
    if "q" in flags:
        return Parsed(Sequence(tuple(Chars(single(letter)) for letter in pattern)), 0, references=False)
    parser = _Parser(_bare(pattern) if "x" in flags else pattern, flags)
    node = parser.choice()
    if parser.at < len(parser.text):
        parser.fail("a parenthesis is closed that was not opened")
    return Parsed(node, parser.numbers, parser.references)


def _bare(pattern: str) -> str:
    """Leave out the white space that the flag x makes meaningless: all of it outside of classes."""
    kept, depth, escaped = [], 0, False
    for letter in pattern:
        if letter in " \t\n\r" and not depth:
            continue
        kept.append(letter)
        if escaped:
            escaped = False
            continue
        escaped = letter == "\\"
        depth = max(0, depth + (letter == "[") - (letter == "]"))
    return "".join(kept)
