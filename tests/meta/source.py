"""What the documentation must agree with, read from the source itself."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, get_args

from judgify.kit.errors import KINDS
from judgify.kit.settings import Ports
from judgify.response.model import Approval

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "src" / "judgify"
_VARIABLE: Final = re.compile(
    r"JUDGIFY_[A-Z0-9_]*[A-Z0-9]|DATABASE_URL|REDIS_URL|REDIS_ENABLED|ENABLE_LLM_ENGINE|OPENAI_[A-Z_]+"
    r"|POSTGRES_READ_ONLY|JWT_SECRET|XDG_[A-Z_]+"
)
_BUILT: Final[dict[str, frozenset[str]]] = {
    "JUDGIFY_PORT_": frozenset(name.upper() for name in Ports().all()),
}
"""Prefix of a variable that the source puts together → what may follow."""
_BUILT_SLUGS: Final[dict[str, frozenset[str]]] = {
    "approval-": frozenset(get_args(Approval.model_fields["state"].annotation)) - {"waiting"},
}
"""Prefix of a problem type that the source puts together → what may follow."""


@cache
def modules() -> tuple[tuple[Path, ast.Module], ...]:
    """Give every module of the product, parsed."""
    return tuple((path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(SOURCE.rglob("*.py")))


def _nodes() -> Iterator[ast.AST]:
    for _, tree in modules():
        yield from ast.walk(tree)


def variables() -> set[str]:
    """Give the environment variables that occur in the source, in the guide and in the shell script.

    A name that is put together from a prefix counts with everything that may follow; an unknown prefix is an error,
    so that no variable can hide.
    """
    found: set[str] = set()
    for node in _nodes():
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VARIABLE.fullmatch(node.value):
            found.add(node.value)
        if isinstance(node, ast.JoinedStr):
            found |= _built_variables(node)
    for path in (ROOT / "guide").rglob("*.yaml"):
        found |= set(re.findall(r"^[^#\n]*\benv:([A-Z][A-Z0-9_]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    found |= set(re.findall(r"\$\{?(JUDGIFY_[A-Z_]+)", (ROOT / "judgify").read_text(encoding="utf-8")))
    return found


def _built_variables(node: ast.JoinedStr) -> set[str]:
    prefix = _prefix(node)
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*_", prefix) or not prefix.startswith("JUDGIFY_"):
        return set()
    assert prefix in _BUILT, f"line {node.lineno}: no list of what follows {prefix}"
    return {prefix + rest for rest in _BUILT[prefix]}


def _prefix(node: ast.JoinedStr) -> str:
    first = node.values[0] if node.values else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def metrics() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Give name → (kind, labels) of what is declared through `Metrics.counter`, `.gauge`, `.histogram`."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for node in _nodes():
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        first = node.args[0]
        if node.func.attr not in {"counter", "gauge", "histogram"} or not isinstance(first, ast.Constant):
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        labels = node.args[2] if len(node.args) > 2 else named.get("labels")
        found[str(first.value)] = (node.func.attr, () if labels is None else ast.literal_eval(labels))
    return found


def problems() -> dict[str, set[int]]:
    """Give the problem types that the source can answer with, and the statuses that come with each."""
    found: dict[str, set[int]] = {}
    statuses = {kind.__name__: status for status, kind in KINDS.items()} | {"JudgifyError": 500}
    bodies = {node.name: node for node in _nodes() if isinstance(node, ast.ClassDef)}
    for name, node in bodies.items():
        values = _class_values(node)
        if isinstance(values.get("status"), int):
            statuses[name] = int(str(values["status"]))
    for name, node in bodies.items():
        slug = _class_values(node).get("slug")
        if isinstance(slug, str):
            found.setdefault(slug, set()).add(_status(name, bodies, statuses))
    for call in _nodes():
        if isinstance(call, ast.Call):
            for slug in _slugs(call):
                kind = call.func.id if isinstance(call.func, ast.Name) else ""
                assert kind in statuses or kind in bodies, f"line {call.lineno}: {kind} has no known status"
                found.setdefault(slug, set()).add(_status(kind, bodies, statuses))
    return found


def _status(name: str, bodies: dict[str, ast.ClassDef], statuses: dict[str, int]) -> int:
    if name in statuses:
        return statuses[name]
    return next(_status(base.id, bodies, statuses) for base in bodies[name].bases if isinstance(base, ast.Name))


def _class_values(node: ast.ClassDef) -> dict[str, object]:
    values: dict[str, object] = {}
    for part in node.body:
        if not isinstance(part, ast.Assign | ast.AnnAssign) or not isinstance(part.value, ast.Constant):
            continue
        for target in part.targets if isinstance(part, ast.Assign) else [part.target]:
            if isinstance(target, ast.Name) and target.id in {"slug", "status"}:
                values[target.id] = part.value.value
    return values


def _slugs(call: ast.Call) -> set[str]:
    for keyword in call.keywords:
        if keyword.arg != "slug":
            continue
        if isinstance(keyword.value, ast.Constant):
            return {str(keyword.value.value)}
        if isinstance(keyword.value, ast.JoinedStr):
            prefix = _prefix(keyword.value)
            assert prefix in _BUILT_SLUGS, f"line {call.lineno}: no list of what follows {prefix!r}"
            return {prefix + rest for rest in _BUILT_SLUGS[prefix]}
    return set()


def rows(page: str) -> dict[str, list[str]]:
    """Give the rows of a reference page's tables that begin with a code word: the word → the other cells."""
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        match = re.match(r"\| `([^`]+)` \|(.*)\|$", line)
        if match:
            assert match[1] not in found, f"{page}: {match[1]} is listed twice"
            found[match[1]] = [cell.strip() for cell in re.split(r"(?<!\\)\|", match[2])]
    return found
