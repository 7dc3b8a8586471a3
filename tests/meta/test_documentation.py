"""The documentation tells what the code does, and the other way round."""

import importlib.util
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer.main

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("meta_source", HERE / "source.py")
assert _spec is not None
assert _spec.loader is not None
source = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(source)
ROOT: Path = source.ROOT

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    dead = []
    for target in _LINK.findall(text):
        if re.match(r"(https?|mailto):", target) or target.startswith("#"):
            continue
        path = unquote(target.split("#", 1)[0])
        if not (page.parent / path).exists():
            dead.append(target)
    assert dead == []


def test_every_setting_is_documented_and_exists() -> None:
    assert source.documented("settings.md") == source.variables()


def test_every_metric_is_documented_and_exists() -> None:
    assert source.documented("metrics.md") == source.metric_names()


def test_every_problem_type_is_documented_and_exists() -> None:
    assert source.documented("errors.md") == source.problem_slugs()


def _commands() -> set[str]:
    from judgify.cli import build

    found: set[str] = set()

    def walk(command: object, words: tuple[str, ...]) -> None:
        children = getattr(command, "commands", None)
        if children is None:
            found.add(" ".join(words))
            return
        for name, child in children.items():
            if not child.hidden:
                walk(child, (*words, name))

    walk(typer.main.get_command(build()), ())
    return found


def test_every_command_is_documented_and_exists() -> None:
    text = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `judgify ([a-z -]*[a-z])", text, re.MULTILINE))
    assert listed == _commands()
