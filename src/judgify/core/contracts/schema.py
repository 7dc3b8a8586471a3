"""JSON Schema 2020-12 of a workflow's input: bounded, self-contained, and quick on input that is right."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

from jsonschema import Draft202012Validator, TypeChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from judgify.core.contracts.pattern import steps
from judgify.core.contracts.problem import Problem

MAX_NODES: Final = 2_000
"""Members of a schema, counted again wherever a `$ref` leads to them."""
MAX_WORK: Final = 400_000
"""Members of the schema times members of an input; a larger product is not evaluable instead of a stalled service."""
MAX_STEPS: Final = 20_000_000.0
"""Ways of trying that all patterns of a schema may cost on one input."""
PATTERN_LENGTH: Final = 256
"""Characters of a text on which every accepted pattern can be tried."""
MAX_DEPTH: Final = 40
MAX_PATTERN: Final = 200
MAX_CAUSES: Final = 50
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_SHOWN: Final = 200
Ok = Callable[[Any], bool]


def is_number(_: TypeChecker | None, value: Any) -> bool:
    """Tell whether a value is a number of JSON; true and false are none."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def is_integer(_: TypeChecker | None, value: Any) -> bool:
    """Tell whether a value is a whole number; 1.0 is one, as the specification has it."""
    if isinstance(value, float | Decimal):
        return float(value).is_integer() if isinstance(value, float) else value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


class _TooMuch(ArithmeticError):
    """The patterns of a schema would cost more on this input than they may."""


_left: Final[ContextVar[float]] = ContextVar("left", default=MAX_STEPS)


def _pay(pattern: str, text: str) -> None:
    left = _left.get() - steps(pattern, len(text))
    if left < 0:
        raise _TooMuch
    _left.set(left)


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str):
        _pay(pattern, value)
        if not re.search(pattern, value):
            yield ValidationError(f"{value[:_SHOWN]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, _: Any) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    for pattern, schema in patterns.items():
        for name, item in value.items():
            # Paid twice: `additionalProperties` beside it tries every pattern again.
            _pay(pattern, name)
            _pay(pattern, name)
            if re.search(pattern, name):
                yield from validator.descend(item, schema, path=name, schema_path=pattern)


def _unique_items(_: Any, wanted: Any, value: Any, __: Any) -> Iterator[ValidationError]:
    # The library compares every pair, which takes minutes for some thousand objects.
    if wanted and isinstance(value, list) and len({_identity(item) for item in value}) < len(value):
        yield ValidationError("has equal members")


def _identity(value: Any) -> Any:
    """Give a hashable form that is equal for values that are equal in JSON; true is not 1."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, dict):
        return ("dict", frozenset((name, _identity(item)) for name, item in value.items()))
    if isinstance(value, list):
        return ("list", tuple(_identity(item) for item in value))
    return value


# Numbers of the input are decimals, so that 0.1 is 0.1; the library knows binary floats only.
_Validator: Final = extend(  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    Draft202012Validator,
    validators={"pattern": _pattern, "patternProperties": _pattern_properties, "uniqueItems": _unique_items},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"number": is_number, "integer": is_integer}),
)


class InputSchema:
    """A checked schema. `causes` of right input is empty, and cheap to find out."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Take a schema for which `schema_problems` found nothing."""
        self._validator = _Validator(schema, registry=Registry())
        self._quick = _compile(schema)
        walk = _Walk(schema)
        walk.visit(schema, "", ())
        self._nodes = max(walk.nodes, 1)

    def causes(self, value: Any) -> list[dict[str, Any]]:
        """Say where and why a value does not fit, at most 50 times: path, value, reason in English and Korean."""
        if self._quick is not None and self._quick(value):
            return []
        if not _is_lighter(value, MAX_WORK // self._nodes):
            return [_cause("", None, "the input is too large for its schema", "입력이 스키마에 비해 너무 큽니다")]
        reset = _left.set(MAX_STEPS)
        try:
            errors = islice(self._validator.iter_errors(value), MAX_CAUSES)
            found = sorted(errors, key=lambda error: [str(part) for part in error.path])
        except _TooMuch:
            return [
                _cause(
                    "",
                    None,
                    "the input is too long for the schema's patterns",
                    "입력이 스키마의 pattern에 비해 너무 깁니다",
                )
            ]
        except (ArithmeticError, RecursionError, Unresolvable) as error:
            return [
                _cause("", None, f"the schema cannot be applied: {type(error).__name__}", "스키마를 적용할 수 없음")
            ]
        finally:
            _left.reset(reset)
        return [_explain(error) for error in found]


def schema_problems(schema: object) -> list[Problem]:
    """Find what is wrong with a schema: not one at all, foreign or endless references, too large, risky patterns."""
    if not isinstance(schema, Mapping):
        return [Problem("input_schema", "is not an object", 'begin with {"type": "object"}')]
    if not _is_lighter(schema, MAX_NODES * 4):
        # Told before the check against the meta-schema, which takes seconds for a very large one.
        return [Problem("input_schema", "the schema is too large or too deep", "make it smaller")]
    try:
        _Validator.check_schema(schema)
    except (SchemaError, RecursionError) as error:
        where = "".join(f".{part}" for part in getattr(error, "path", ()))
        told = getattr(error, "message", "is nested too deeply")
        return [Problem(f"input_schema{where}", str(told)[:300], "see JSON Schema 2020-12")]
    if schema.get("type") != "object":
        return [Problem("input_schema.type", "the input is always an object", 'write "type": "object"')]
    if schema.get("$schema", DIALECT) != DIALECT:
        return [
            Problem("input_schema.$schema", "is another dialect than 2020-12", f'write "{DIALECT}" or leave it out')
        ]
    walk = _Walk(schema)
    walk.visit(schema, "input_schema", ())
    return walk.problems


class _Walk:
    """One pass over a schema that follows its references, as a validator would."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.problems: list[Problem] = []
        self.nodes = 0

    def visit(self, node: Any, path: str, refs: tuple[str, ...], depth: int = 0, *, named: bool = False) -> None:
        """Look at a node; `named` says that its members are names of the input's members, not keywords."""
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            if not self.problems:
                self.problems.append(Problem(path, "the schema is too large or too deep", "make it smaller"))
            return
        if isinstance(node, list):
            for index, item in enumerate(node):
                self.visit(item, f"{path}[{index}]", refs, depth + 1)
        if not isinstance(node, Mapping):
            return
        for key, value in node.items():
            if named:
                self.visit(value, f"{path}.{key}", refs, depth + 1)
            else:
                self._member(key, value, f"{path}.{key}", refs, depth)

    def _member(self, key: str, value: Any, path: str, refs: tuple[str, ...], depth: int) -> None:
        if key in {"$dynamicRef", "$id", "$anchor", "$dynamicAnchor", "$vocabulary"} and isinstance(value, str):
            self.problems.append(Problem(path, f"{key} is not supported", "use $ref with #/$defs/…"))
        elif key == "$ref" and isinstance(value, str):
            self._reference(value, path, refs, depth)
        elif key == "pattern" and isinstance(value, str):
            self._pattern(value, path)
        elif key == "patternProperties" and isinstance(value, Mapping):
            for pattern in value:
                self._pattern(pattern, path)
            self.visit(value, path, refs, depth + 1, named=True)
        elif key in {"properties", "dependentSchemas"}:
            self.visit(value, path, refs, depth + 1, named=True)
        elif key not in {"enum", "const", "default", "examples", "$defs"}:
            self.visit(value, path, refs, depth + 1)

    def _reference(self, target: str, path: str, refs: tuple[str, ...], depth: int) -> None:
        if target in refs:
            self.problems.append(Problem(path, f"{target} leads back to itself", "spell the levels out"))
            return
        found = _follow(self.root, target)
        if found is None:
            self.problems.append(
                Problem(path, f"{target} is not in this schema", "only #/… within the schema is followed")
            )
            return
        self.visit(found, path, (*refs, target), depth + 1)

    def _pattern(self, pattern: str, path: str) -> None:
        if len(pattern) > MAX_PATTERN or steps(pattern, PATTERN_LENGTH) > MAX_STEPS:
            mend = (
                f"at most {MAX_PATTERN} characters; begin it with ^, write {{1,20}} instead of + or *, and repeat no "
                "group that repeats or chooses inside"
            )
            self.problems.append(Problem(path, "the pattern could take for ever", mend))


def _is_lighter(value: Any, limit: int) -> bool:
    """Tell whether a JSON value has fewer members than `limit`; a long text counts for several."""
    left, waiting = limit, [value]
    while waiting:
        item = waiting.pop()
        left -= 1 + (len(item) >> 8 if isinstance(item, str) else 0)
        if left <= 0:
            return False
        if isinstance(item, Mapping):
            if len(item) >= left:
                return False
            waiting.extend(item.values())
        elif isinstance(item, list):
            if len(item) >= left:
                return False
            waiting.extend(item)
    return True


def _follow(root: Mapping[str, Any], target: str) -> Any:
    if not target.startswith("#/"):
        return None
    node: Any = root
    # Unescaped as the library does it, else it would follow another reference than was looked at.
    for part in unquote(target[2:]).split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, Mapping) or key not in node:
            return None
        node = node[key]
    return node if isinstance(node, Mapping | bool) else None


_PLAIN: Final = frozenset(
    {"title", "description", "default", "examples", "$schema", "$comment", "$defs", "format", "deprecated", "readOnly"}
)
_TYPES: Final[dict[str, Ok]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: is_number(None, value),
    "integer": lambda value: is_integer(None, value),
}
_BOUNDS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "minimum": lambda value, bound: bool(value >= bound),
    "maximum": lambda value, bound: bool(value <= bound),
    "exclusiveMinimum": lambda value, bound: bool(value > bound),
    "exclusiveMaximum": lambda value, bound: bool(value < bound),
}


def _compile(schema: Any) -> Ok | None:
    """Make a check of the common keywords; None where one is used that only the library knows.

    It may say no to right input (then the library decides), never yes to wrong input.
    """
    if not isinstance(schema, Mapping):
        return None
    checks: list[Ok] = []
    for key, value in schema.items():
        if key in _PLAIN or key in {"properties", "required", "additionalProperties"}:
            continue
        check = _keyword(key, value)
        if check is None:
            return None
        checks.append(check)
    if schema.keys() & {"properties", "required", "additionalProperties"}:
        members = _members(schema)
        if members is None:
            return None
        checks.append(members)
    return lambda value: all(check(value) for check in checks)


def _keyword(key: str, given: Any) -> Ok | None:
    if key == "type":
        tests = [_TYPES[name] for name in ([given] if isinstance(given, str) else given)]
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)
    if key in _BOUNDS:
        compare = _BOUNDS[key]
        return lambda value: not is_number(None, value) or compare(value, given)
    if key == "enum" and all(isinstance(item, str) for item in given):
        known = frozenset(given)
        return lambda value: isinstance(value, str) and value in known
    if key == "minLength":
        return lambda value: not isinstance(value, str) or len(value) >= given
    if key == "maxLength":
        return lambda value: not isinstance(value, str) or len(value) <= given
    return None


def _members(schema: Mapping[str, Any]) -> Ok | None:
    required = frozenset(schema.get("required", ()))
    more = schema.get("additionalProperties", True)
    if not isinstance(more, bool):
        return None
    checks: dict[str, Ok] = {}
    for name, child in schema.get("properties", {}).items():
        check = _compile(child)
        if check is None:
            return None
        checks[name] = check

    def ok(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        if not required <= value.keys():
            return False
        for name, item in value.items():
            check = checks.get(name)
            if not (more if check is None else check(item)):
                return False
        return True

    return ok


def _explain(error: ValidationError) -> dict[str, Any]:
    path = ".".join(str(part) for part in error.absolute_path)
    given: Any = error.instance
    wanted: Any = error.validator_value
    if error.validator == "required":
        missing = [name for name in wanted if name not in given]
        names = ", ".join(map(str, missing))
        return _cause(path, None, f"missing: {names}", f"값이 없습니다: {names}", missing[0] if missing else None)
    if error.validator == "type":
        word = wanted if isinstance(wanted, str) else " | ".join(wanted)
        shown = (str(given) if isinstance(given, Decimal) else repr(given))[:_SHOWN]
        return _cause(path, given, f"{shown} is not of type {word}", f"{shown} 값은 {word} 형식이 아닙니다")
    return _cause(path, given, error.message[:300], f"입력 스키마({error.validator})에 맞지 않습니다")


def _cause(path: str, value: Any, reason: str, reason_ko: str, name: Any = None) -> dict[str, Any]:
    shown = value if value is None or isinstance(value, bool | int | Decimal) else str(value)[:_SHOWN]
    column = f"{path}.{name}" if path and name else name or path or None
    return {
        "code": "schema",
        "table": None,
        "rule": None,
        "column": column,
        "cell": None,
        "input": column,
        "value": shown,
        "reason": reason,
        "reason_ko": reason_ko,
    }
