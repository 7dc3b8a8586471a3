"""Rules about the repository itself."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_requirements_are_pinned_by_hash_and_name_no_address() -> None:
    for name in ("run", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        assert not re.search(r"https?://|--index|--find-links|--extra", text)
        packages = re.findall(r"^([a-z0-9][^ \n]*)==", text, re.MULTILINE)
        assert len(packages) > 20
        assert text.count("--hash=sha256:") >= len(packages)


def test_the_run_set_is_part_of_the_dev_set_at_the_same_versions() -> None:
    pinned = {
        name: dict(
            re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE)
        )
        for name in ("run", "dev")
    }
    differing = {k: v for k, v in pinned["run"].items() if pinned["dev"].get(k) != v}
    assert differing == {}


def test_every_declared_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")
    for wanted in project["dependencies"]:
        name = re.split(r"[\[>=<;~! ]", wanted, maxsplit=1)[0]
        assert re.search(rf"^{re.escape(name)}==", text, re.MULTILINE), name


def test_only_the_clock_reads_the_wall_clock() -> None:
    # Ruff bans the calls by name; this catches `from time import time` and an aliased module as well.
    offenders = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        if path.name in {"clock.py", "ids.py"} and path.parent.name == "kit":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "time":
                offenders += [f"{path}: from time import {name.name}" for name in node.names if name.name != "sleep"]
            if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today", "time_ns"}:
                base = node.value
                if isinstance(base, ast.Name) and base.id in {"datetime", "date", "time", "dt"}:
                    offenders.append(f"{path}:{node.lineno}: {base.id}.{node.attr}")
    assert offenders == []


def test_vendored_files_name_licence_version_and_digest() -> None:
    import hashlib

    for folder in ROOT.glob("src/judgify/**/static/vendor"):
        listed = (folder / "VENDORED.md").read_text(encoding="utf-8")
        for path in folder.iterdir():
            if path.name == "VENDORED.md" or path.name.startswith("LICENSE"):
                continue
            assert path.name in listed
            assert hashlib.sha256(path.read_bytes()).hexdigest() in listed


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    pattern = re.compile(r"(?<![\w.])/(?:home|Users)/[a-z]|(?<![\w.])/root/[a-z]")
    offenders = []
    for path in tracked():
        if path == Path(__file__) or path.suffix in {".png", ".woff2", ".svg"} or "vendor" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                offenders.append(f"{path.relative_to(ROOT)}:{number}")
    assert offenders == []


def test_shell_scripts_can_be_parsed() -> None:
    for path in [ROOT / "judgify", *ROOT.glob("scripts/**/*.sh")]:
        subprocess.run(["sh", "-n", str(path)], check=True)
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
