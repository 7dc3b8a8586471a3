"""What the documentation must agree with, read from the source itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "judgify"
_VARIABLE = re.compile(r"(JUDGIFY_[A-Z0-9_]+|DATABASE_URL|REDIS_URL|REDIS_ENABLED|ENABLE_LLM_ENGINE|OPENAI_[A-Z_]+"
                       r"|POSTGRES_READ_ONLY|JWT_SECRET)")  # fmt: skip
_INTERNAL = re.compile(r"JUDGIFY_PORT_$|JUDGIFY_[A-Z_]*_$")


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Give every module of the product, parsed."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def variables() -> set[str]:
    """Give the environment variables that occur as text in the source."""
    found: set[str] = set()
    for _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
                match = _VARIABLE.fullmatch(node.value)
                if match and not _INTERNAL.fullmatch(node.value):
                    found.add(node.value)
    return found


def metric_names() -> set[str]:
    """Give the names that are declared through `Metrics.counter`, `.gauge`, `.histogram`."""
    found: set[str] = set()
    for _, tree in modules():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in {"counter", "gauge", "histogram"} and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str) and "_" in first.value:
                    found.add(first.value)
    return found


def problem_slugs() -> set[str]:
    """Give the problem types that the source can answer with."""
    found: set[str] = set()
    for _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "slug" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
            if (
                isinstance(node, ast.Assign | ast.AnnAssign)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(target, ast.Name) and target.id == "slug" for target in targets):
                    found.add(node.value.value)
    return found


def documented(page: str) -> set[str]:
    """Give what a reference page lists: the code words that begin the rows of its tables."""
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([^`{ ]+)", text, re.MULTILINE))
