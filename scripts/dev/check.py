"""`./judgify check`: all that CI checks, in order of cost; each step says how long it took."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
MAX_LINES = 500


def run(*argv: str) -> Callable[[], bool]:
    """Give a step that runs one program and succeeds when it exits with 0."""

    def step() -> bool:
        return subprocess.call(argv, cwd=ROOT) == 0  # noqa: S603 - our own argv

    return step


def file_sizes() -> bool:
    """Refuse Python files of more than 500 lines: one has more than one job by then."""
    good = True
    for path in _tracked("*.py"):
        lines = (ROOT / path).read_text(encoding="utf-8").count("\n")
        if lines > MAX_LINES:
            print(f"{path}: {lines} lines; more than {MAX_LINES} are refused: split it by job")
            good = False
    return good


def _tracked(pattern: str) -> list[str]:
    listed = subprocess.run(  # noqa: S603 - our own argv
        ["git", "ls-files", "-co", "--exclude-standard", pattern],  # noqa: S607 - git from the PATH
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


STEPS: tuple[tuple[str, Callable[[], bool]], ...] = (
    ("format", run(str(BIN / "ruff"), "format", "--check", "--quiet", ".")),
    ("lint", run(str(BIN / "ruff"), "check", "--quiet", ".")),
    ("types", run(str(BIN / "mypy"))),
    ("import contracts", run(str(BIN / "lint-imports"), "--config", ".importlinter")),
    ("file sizes", file_sizes),
    ("guide", run(sys.executable, "-m", "judgify.cli", "guide", "check")),
    ("dependencies", run(sys.executable, "scripts/dev/audit.py")),
    ("tests", run(sys.executable, "scripts/dev/run_tests.py")),
)


def main() -> int:
    """Run every step, also after a failure; 1 when any failed. Steps can be picked by name: `check lint types`."""
    wanted = set(sys.argv[1:])
    failed: list[str] = []
    os.environ["PYTHONHASHSEED"] = "0"
    for name, step in STEPS:
        if wanted and not wanted & set(name.split()):
            continue
        started = time.monotonic()
        good = step()
        print(f"[{'ok' if good else 'FAILED'}] {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if not good:
            failed.append(name)
    if failed:
        print(f"check: FAILED: {', '.join(failed)}")
    else:
        print("check: everything is green")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
