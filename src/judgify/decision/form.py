"""Reading a form strictly: every key known, every value of its type, every mistake kept with its path."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from judgify.decision.clause import NoNames, OutputColumn
from judgify.decision.error import Problem, TableError, did_you_mean
from judgify.decision.feel.compiler import compile_expression
from judgify.decision.feel.error import EvaluationError, FeelError
from judgify.decision.feel.parser import parse_expression
from judgify.decision.feel.shown import plain
from judgify.decision.limit import MAX_NAME, MAX_PROBLEMS, MAX_TEXT
from judgify.decision.wording import reason

T = TypeVar("T")
MAX_NAMED: Final = 80
"""Characters of a mistaken word that a message repeats."""


class Form:
    """The mistakes found so far in one table, and the ways of finding them."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[Problem] = []

    def report(self, path: str, message: str, mend: str | None = None, position: int | None = None) -> None:
        """Keep a mistake."""
        self.problems.append(Problem(path, message, position, mend))
        if len(self.problems) >= MAX_PROBLEMS:
            self.stop_if_broken()

    def unknown(self, path: str, key: object, known: Iterable[str]) -> None:
        """Keep a key that means nothing."""
        name = str(plain(key, shorten=True))[:MAX_NAMED]
        self.report(f"{path}.{name}" if path else name, f'"{name}" is not known here', did_you_mean(name, known))

    def stop_if_broken(self) -> None:
        """End the reading when anything was wrong so far.

        Raises:
            TableError: All that was wrong.
        """
        if self.problems:
            raise TableError(self.where, self.problems)

    def mapping(
        self, raw: object, path: str, known: Sequence[str] | None, needed: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Give a mapping's known members, names in normal form C; `known` None takes any name."""
        if not isinstance(raw, Mapping):
            self.report(path, f"a mapping is needed here, not {spoken(raw)}")
            return {}
        found: dict[str, Any] = {}
        for key, value in raw.items():
            name = unicodedata.normalize("NFC", key) if isinstance(key, str) else key
            if not isinstance(name, str):
                self.report(path, f"the key {spoken(key)} is not a text", "write it in quotes")
            elif known is not None and name not in known:
                self.unknown(path, name, known)
            else:
                found[name] = value
        for key in needed:
            if key not in raw and key not in found:
                self.report(path, f'"{key}" is missing')
        return found

    def items(self, raw: object, path: str, most: int) -> Sequence[Any]:
        """Give a list's members."""
        if not isinstance(raw, list | tuple):
            self.report(path, f"a list is needed here, not {spoken(raw)}")
            return ()
        if len(raw) > most:
            self.report(path, f"{len(raw)} entries; at most {most} are read")
            return ()
        return raw

    def text(self, given: Mapping[str, Any], key: str, path: str) -> str:
        """Give a needed text in normal form C; the empty text when it is none."""
        return self.optional_text(given, key, path, needed=True) or ""

    def optional_text(self, given: Mapping[str, Any], key: str, path: str, *, needed: bool = False) -> str | None:
        """Give a text in normal form C; None when there is none."""
        raw = given.get(key)
        if raw is None and not needed:
            return None
        at = f"{path}.{key}" if path else key
        if not isinstance(raw, str) or not raw.strip():
            self.report(at, f"a text is needed here, not {spoken(raw)}")
            return None
        most = MAX_NAME if key in {"name", "id"} else MAX_TEXT
        if len(raw) > most:
            self.report(at, f"longer than {most} characters")
            return None
        return unicodedata.normalize("NFC", raw)

    def feel(self, path: str, read: Callable[[], T]) -> T | None:
        """Do something that may find bad FEEL, and keep the mistake."""
        try:
            return read()
        except FeelError as error:
            self.report(path, error.message, error.mend, error.position)
        except EvaluationError as fault:
            self.report(path, reason(fault.code, fault.params))
        return None

    def output(self, raw: object, path: str, column: OutputColumn) -> Any:
        """Give a constant output in the engine's form; None when it is not one."""
        if isinstance(raw, str) and len(raw) > MAX_TEXT:
            self.report(path, f"longer than {MAX_TEXT} characters")
            return None
        if isinstance(raw, Mapping) and set(raw) == {"feel"}:
            return self.feel(path, lambda: column.take(constant(raw["feel"])))
        try:
            return column.take(raw)
        except EvaluationError as fault:
            mend = None
            if fault.code == "output-not-allowed":
                mend = did_you_mean(str(plain(raw, shorten=True))[:MAX_NAMED], map(str, column.values))
            self.report(path, reason(fault.code, fault.params), mend)
        return None


def constant(text: object) -> Any:
    """Work out an expression of constants.

    Raises:
        FeelError: It is none.
        EvaluationError: It cannot be worked out.
    """
    if not isinstance(text, str):
        raise FeelError(f"an expression is a text, not {spoken(text)}", 1)
    node = parse_expression(unicodedata.normalize("NFC", text))
    return compile_expression(node, NoNames()).run(None)


def spoken(raw: object) -> str:
    """Name a value of any size or kind in a few words."""
    if raw is None:
        return "nothing"
    shown = repr(plain(raw, shorten=True)) if isinstance(raw, str | int | float) else ""
    return shown if 0 < len(shown) <= MAX_NAMED else f"a {type(raw).__name__}"
