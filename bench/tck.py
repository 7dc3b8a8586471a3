"""Run a folder of the DMN conformance kit against the decision engine.

    python -m bench.tck ../shared/tck [--only 0085] [--failures] [--csv FILE] [--limit SECONDS]

Prints the cases passed per directory, per level and in all; the exit code is 0 only when every case passed. `--csv`
writes the kit's own result format (folder, test file, case, SUCCESS or ERROR, comment). No case is special-cased; the
kit's tolerance for numbers (1e-8) is used, and a case that expects an error expects null. A model or a case that breaks
is a failed case, never the end of the run, and every case ends after the time limit. The engine runs with the
standard's null semantics.
"""

import argparse
import csv
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any, Final

from judgify.decision.dmn import Mode, Model, ModelError, read_models
from judgify.decision.dmn.definition import Definitions
from judgify.decision.dmn.element import Element, read_xml
from judgify.decision.dmn.reader import read_definitions
from judgify.decision.feel.shown import plain
from judgify.decision.feel.temporal import read_date, read_date_time, read_duration, read_time
from judgify.decision.feel.value import kind
from judgify.kit.clock import SystemClock

TOLERANCE: Final = Decimal("0.00000001")
"""How far apart two numbers may lie, as in the kit's runners."""
_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "date": read_date,
    "time": read_time,
    "dateTime": read_date_time,
    "duration": read_duration,
}
_NUMBERS: Final = {"decimal", "double", "float", "integer", "int", "long", "short"}


class OutOfTimeError(BaseException):
    """The case took longer than its limit; no handler of the engine's may swallow it."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one case came out; `comment` is empty for a success."""

    folder: str
    file: str
    case: str
    comment: str = ""

    @property
    def word(self) -> str:
        """The kit's word for it."""
        return "ERROR" if self.comment else "SUCCESS"


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Stop what runs inside after so many seconds.

    Raises:
        OutOfTimeError: It took longer.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def value_of(holder: Element) -> Any:
    """Read the kit's form of a value: `value`, `list` or `component`s inside a holder.

    Raises:
        ValueError: A type of the kit's schema that this runner does not know.
    """
    components = list(holder.all("component"))
    if components:
        return {component.get("name") or "": value_of(component) for component in components}
    listed = holder.first("list")
    if listed is not None:
        return None if _is_nil(listed) else [value_of(item) for item in listed.all("item")]
    value = holder.first("value")
    return None if value is None or _is_nil(value) else _simple(value)


def _is_nil(element: Element) -> bool:
    return element.get(f"{_XSI}nil") in {"true", "1"}


def _simple(value: Element) -> Any:
    declared = (value.get(f"{_XSI}type") or "string").rpartition(":")[2]
    text = value.text
    if declared == "string":
        return text
    text = text.strip()
    if declared == "boolean":
        return text in {"true", "1"}
    if declared in _NUMBERS:
        return Decimal(text)
    if declared in _READERS:
        return _READERS[declared](text)
    raise ValueError(f"the kit's type {declared} is not known")


def same(expected: Any, actual: Any) -> bool:
    """Tell whether two values are the same, as the kit's runners do."""
    if kind(expected) != kind(actual):
        return False
    if kind(expected) == "number":
        return bool(abs(Decimal(expected) - Decimal(actual)) < TOLERANCE)
    if isinstance(expected, list):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    if isinstance(expected, Mapping):
        return expected.keys() == actual.keys() and all(same(expected[key], actual[key]) for key in expected)
    return bool(expected == actual)


def shown(value: Any) -> str:
    """Word a value for a comment."""
    return repr(plain(value, shorten=True))


def judge(model: Model, case: Element) -> str:
    """Run one case and say what differs; the empty text when nothing does."""
    inputs = {_key(node): value_of(node) for node in case.all("inputNode")}
    now = SystemClock().now()
    invocable = case.get("invocableName") if case.get("type") in {"decisionService", "bkm"} else None
    wrong = []
    for node in case.all("resultNode"):
        name = node.get("name") or ""
        wants_error = node.get("errorResult") == "true"
        holder = node.first("expected")
        expected = value_of(holder) if holder is not None else None
        if invocable is not None:
            outcome = model.invoke(invocable, inputs, mode=Mode.STANDARD, now=now)
            actual = outcome.outputs.get(name)
        else:
            outcome = model.evaluate(name, inputs, mode=Mode.STANDARD, now=now)
            actual = outcome.value
        if not same(None if wants_error else expected, actual):
            why = f" [{'; '.join(str(fault) for fault in outcome.faults[:3])}]" if outcome.faults else ""
            wrong.append(f"{name}: expected {shown(expected)}, got {shown(actual)}{why}")
    return "; ".join(wrong)


def _key(node: Element) -> Any:
    name, namespace = node.get("name") or "", node.get("namespace")
    return (namespace, name) if namespace else name


def run_file(path: Path, limit: float) -> Iterator[Result]:
    """Run one test file of the kit."""
    folder = f"{path.parents[1].name}/{path.parent.name}"
    try:
        root = read_xml(path.read_bytes(), path.name)
    except Exception as error:  # noqa: BLE001 - whatever breaks is a failed case, never the end of the run
        yield Result(folder, path.stem, "", f"{type(error).__name__}: {error}")
        return
    named = root.first("modelName")
    model, broken = _model(path, named.text.strip() if named is not None else "", limit)
    for case in root.all("testCase"):
        comment = broken
        if model is not None:
            try:
                with within(limit):
                    comment = judge(model, case)
            except OutOfTimeError:
                comment = f"longer than {limit:g} s"
            except Exception as error:  # noqa: BLE001 - same
                comment = f"{type(error).__name__}: {error}"
        yield Result(folder, path.stem, case.get("id") or "", " ".join(comment.split()))


def needed(files: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    """Give a model's file and those that it imports, by way of others too, and nothing else of a folder.

    Raises:
        KeyError: There is no such file.
        ModelError: The model itself cannot be read.
    """
    own = read_definitions(files[name], name)
    others: dict[str, Definitions] = {}
    for file, data in files.items():
        with suppress(ModelError):
            definitions = read_definitions(data, file)
            if file != name and definitions.namespace != own.namespace:
                others.setdefault(definitions.namespace, definitions)
    found, waiting = {name: files[name]}, [own]
    while waiting:
        for used in waiting.pop().imports:
            other = others.pop(used.namespace, None)
            if other is not None:
                found[other.where] = files[other.where]
                waiting.append(other)
    return found


def _model(path: Path, name: str, limit: float) -> tuple[Model | None, str]:
    """Read the model of a test file, with the other models of its folder for what it imports."""
    try:
        files = {file.name: file.read_bytes() for file in sorted(path.parent.glob("*.dmn"))}
        with within(10 * limit):
            return read_models(needed(files, name))[name], ""
    except OutOfTimeError:
        return None, f"reading the model took longer than {10 * limit:g} s"
    except Exception as error:  # noqa: BLE001 - same
        return None, f"{type(error).__name__}: {error}"


def run(folder: Path, only: str, limit: float) -> list[Result]:
    """Run every test file below a folder whose path holds `only`."""
    files = [file for file in sorted(folder.rglob("*.xml")) if only in str(file.relative_to(folder))]
    return [result for file in files for result in run_file(file, limit)]


def report(results: list[Result], *, failures: bool) -> None:
    """Print the cases passed per directory, per level and in all."""
    folders: dict[str, list[Result]] = {}
    for result in results:
        folders.setdefault(result.folder, []).append(result)
    for folder, own in folders.items():
        passed = sum(not result.comment for result in own)
        print(f"{'ok  ' if passed == len(own) else 'FAIL'} {passed:5d} / {len(own):<5d} {folder}")
        for result in own if failures else []:
            if result.comment:
                print(f"       {result.case}: {result.comment}")
    print()
    for level in sorted({folder.split("/", maxsplit=1)[0] for folder in folders}):
        _total(level, [result for result in results if result.folder.startswith(f"{level}/")])
    _total("in all", results)


def _total(name: str, results: list[Result]) -> None:
    passed = sum(not result.comment for result in results)
    share = 100 * passed / len(results) if results else 0
    print(f"{name:20s} {passed:5d} / {len(results):<5d} cases passed, {len(results) - passed} failed ({share:.2f} %)")


def write_csv(results: list[Result], file: Path) -> None:
    """Write the kit's own result format."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for result in results:
            writer.writerow([result.folder, result.file, result.case, result.word, result.comment])


def main(arguments: list[str] | None = None) -> int:
    """Run the kit; 0 when every case passed, 1 when one failed, 2 when there was none."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("path", type=Path, help="folder of the kit, or one directory of it")
    parser.add_argument("--only", default="", help="part of the path of the test files to run")
    parser.add_argument("--failures", action="store_true", help="show each failed case, expected and actual")
    parser.add_argument("--csv", type=Path, help="write the results in the kit's own format")
    parser.add_argument("--limit", type=float, default=5, help="seconds for one case")
    given = parser.parse_args(arguments)
    results = run(given.path, given.only, given.limit)
    report(results, failures=given.failures)
    if given.csv:
        write_csv(results, given.csv)
    if not results:
        return 2
    return int(any(result.comment for result in results))


if __name__ == "__main__":
    raise SystemExit(main())
