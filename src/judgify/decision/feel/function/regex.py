"""Matching the regular expressions of XPath, in time that grows with the text and the pattern, never beyond.

Python's `re` is another language and can take for ever on `(a+)+b`. Here a pattern becomes a small program, and no
step of it is tried twice at the same character; only references to groups make that impossible, and there the number
of steps is all that ends a search.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.feel.function import regex_parser as tree
from judgify.decision.feel.function.regex_set import Members, variants
from judgify.decision.feel.meter import spend

MAX_PROGRAM: Final = 5_000
"""Steps of one pattern's program; a repetition is written out, so `(a{500}){500}` is refused."""
MAX_STEPS: Final = 200_000
"""Steps of one search through a text: less than a tenth of a second."""
_CHAR, _SPLIT, _JUMP, _SAVE, _START, _END, _SAME, _MARK, _MOVED, _DONE = range(10)
_STEPS_PER_UNIT: Final = 3

Slots = tuple[int, ...]


class _Compiler:
    def __init__(self, parsed: tree.Parsed, *, fold: bool) -> None:
        self.code: list[tuple[Any, ...]] = []
        self.fold = fold
        self.marked = parsed.references
        self.slots = 2 * (parsed.groups + 1)

    def emit(self, *step: Any) -> int:
        if len(self.code) >= MAX_PROGRAM:
            raise EvaluationError("bad-pattern", problem="too many repetitions", position="1")
        self.code.append(step)
        return len(self.code) - 1

    def add(self, node: tree.Node) -> None:
        match node:
            case tree.Chars():
                self.emit(_CHAR, Members(node.chars, fold=self.fold))
            case tree.Anchor():
                self.emit(_START if node.symbol == "^" else _END)
            case tree.Reference():
                self.emit(_SAME, 2 * node.group)
            case tree.Sequence():
                for part in node.parts:
                    self.add(part)
            case tree.Choice():
                self.choice(node.branches)
            case tree.Group():
                self.emit(_SAVE, 2 * node.number)
                self.add(node.part)
                self.emit(_SAVE, 2 * node.number + 1)
            case _:
                self.repeat(node)

    def choice(self, branches: Sequence[tree.Node]) -> None:
        ends = []
        for branch in branches[:-1]:
            split = self.emit(_SPLIT)
            self.add(branch)
            ends.append(self.emit(_JUMP))
            self.code[split] = (_SPLIT, split + 1, len(self.code))
        self.add(branches[-1])
        for end in ends:
            self.code[end] = (_JUMP, len(self.code))

    def repeat(self, node: tree.Repeat) -> None:
        for _ in range(node.least):
            self.add(node.part)
        if node.most is None:
            self.loop(node)
            return
        splits = []
        for _ in range(node.most - node.least):
            splits.append(self.emit(_SPLIT))
            self.add(node.part)
        for split in splits:
            self.split(split, split + 1, len(self.code), greedy=node.greedy)

    def loop(self, node: tree.Repeat) -> None:
        split = self.emit(_SPLIT)
        if self.marked:
            # Where steps may be tried again, a turn that consumes nothing would go on for ever.
            slot = self.slots
            self.slots += 1
            self.emit(_MARK, slot)
            self.add(node.part)
            self.emit(_MOVED, slot)
        else:
            self.add(node.part)
        self.emit(_JUMP, split)
        self.split(split, split + 1, len(self.code), greedy=node.greedy)

    def split(self, at: int, into: int, past: int, *, greedy: bool) -> None:
        self.code[at] = (_SPLIT, into, past) if greedy else (_SPLIT, past, into)


@dataclass(frozen=True, slots=True)
class Found:
    """A match.

    Attributes:
        text: The text that was searched.
        slots: Where the match and each of its groups begins and ends; -1 for a group that took no part.
    """

    text: str
    slots: Slots

    @property
    def start(self) -> int:
        """Where the match begins."""
        return self.slots[0]

    @property
    def end(self) -> int:
        """Where the match ends."""
        return self.slots[1]

    def group(self, number: int) -> str:
        """Give what a group holds; nothing for one that took no part. Group 0 is the whole match."""
        first, last = self.slots[2 * number], self.slots[2 * number + 1]
        return self.text[first:last] if last >= 0 else ""


class Pattern:
    """A compiled pattern.

    Attributes:
        groups: How many numbered groups it has.

    Raises:
        EvaluationError: `bad-pattern`, `bad-flags`.
    """

    def __init__(self, pattern: str, flags: str) -> None:
        parsed = tree.parse(pattern, flags)
        compiler = _Compiler(parsed, fold="i" in flags)
        compiler.add(parsed.node)
        compiler.emit(_DONE)
        self.groups = parsed.groups
        self._code = compiler.code
        self._slots = compiler.slots
        self._lines = "m" in flags
        self._fold = "i" in flags
        self._references = parsed.references

    def search(self, text: str) -> Found | None:
        """Find the first match.

        Raises:
            LimitError: `slow-pattern`, when the search takes too many steps.
        """
        return next(self.matches(text), None)

    def matches(self, text: str) -> Iterator[Found]:
        """Find all matches from left to right that do not overlap; an empty one only where none ended before.

        Raises:
            LimitError: `slow-pattern`, when the search takes too many steps.
        """
        search = _Search(self, text)
        at = 0
        while at <= len(text):
            found = search.at(at)
            if found is None:
                at += 1
                continue
            yield found
            # What failed before the match may be part of the next one: it failed for good all the same.
            at = found.end if found.end > found.start else found.end + 1
            search.seen.clear()

    @property
    def code(self) -> list[tuple[Any, ...]]:
        """The program."""
        return self._code

    def first(self) -> Slots:
        """Give the slots before anything was matched."""
        return (-1,) * self._slots

    @property
    def lines(self) -> bool:
        """Whether `^` and `$` mean lines."""
        return self._lines

    @property
    def fold(self) -> bool:
        """Whether the case of letters does not matter."""
        return self._fold

    @property
    def references(self) -> bool:
        """Whether the pattern refers to what a group holds."""
        return self._references


class _Search:
    def __init__(self, pattern: Pattern, text: str) -> None:
        self.pattern = pattern
        self.text = text
        self.seen: set[int] = set()
        self.left = MAX_STEPS

    def at(self, start: int) -> Found | None:
        before = self.left
        slots = self.run(start)
        spend(1 + (before - self.left) // _STEPS_PER_UNIT)
        return None if slots is None else Found(self.text, slots)

    # One loop: a call for each kind of step would double its time.
    def run(self, start: int) -> Slots | None:  # noqa: C901, PLR0912 - see above
        code, text, seen = self.pattern.code, self.text, self.seen
        size, width, remember = len(text), len(self.pattern.code), not self.pattern.references
        stack: list[tuple[int, int, Slots]] = [(0, start, self.pattern.first())]
        left = self.left
        while stack:
            pc, at, slots = stack.pop()
            while True:
                left -= 1
                if left < 0:
                    raise LimitError("slow-pattern")
                if remember:
                    state = at * width + pc
                    if state in seen:
                        break
                    seen.add(state)
                step = code[pc]
                kind = step[0]
                pc += 1
                if kind == _CHAR:
                    if at == size or not step[1][text[at]]:
                        break
                    at += 1
                elif kind == _SPLIT:
                    stack.append((step[2], at, slots))
                    pc = step[1]
                elif kind == _JUMP:
                    pc = step[1]
                elif kind in {_SAVE, _MARK}:
                    slots = (*slots[: step[1]], at, *slots[step[1] + 1 :])
                elif kind == _DONE:
                    self.left = left
                    return (start, at, *slots[2 : 2 * (self.pattern.groups + 1)])
                elif kind == _SAME:
                    length = self.same(slots[step[1]], slots[step[1] + 1], at)
                    if length < 0:
                        break
                    at += length
                elif not self.holds(kind, step, at, slots):
                    break
        self.left = left
        return None

    def holds(self, kind: int, step: tuple[Any, ...], at: int, slots: Slots) -> bool:
        text = self.text
        if kind == _MOVED:
            return at > int(slots[step[1]])
        if kind == _START:
            # A line break that ends the text begins no line.
            return at == 0 or (self.pattern.lines and at < len(text) and text[at - 1] == "\n")
        return at == len(text) or (self.pattern.lines and text[at] == "\n")

    def same(self, first: int, last: int, at: int) -> int:
        """Give the length of what a group holds if it follows again, else -1."""
        if last < 0:
            return 0
        held = self.text[first:last]
        there = self.text[at : at + len(held)]
        if held == there:
            return len(held)
        alike = self.pattern.fold and len(held) == len(there)
        if alike and all(two in variants(one) for one, two in zip(held, there, strict=True)):
            return len(held)
        return -1


@lru_cache(maxsize=256)
def compiled(pattern: str, flags: str) -> Pattern:
    """Give a pattern's program; the patterns used last are remembered.

    Raises:
        EvaluationError: `bad-pattern`, `bad-flags`.
    """
    return Pattern(pattern, flags)
