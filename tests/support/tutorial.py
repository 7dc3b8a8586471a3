"""The tutorial's pages as programs: every ``sh`` block is run in order, and what the page shows must come out.

``python -m tests.support.tutorial en|ko [--clone ADDRESS]`` does so as a newcomer would, in a clone of its own with a
fresh home, and prints how long each step took.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
PAGES = {"en": ROOT / "docs/tutorial/ten-minutes.md", "ko": ROOT / "docs/tutorial/ten-minutes.ko.md"}
PANELS = 2
"""How many charts the dashboard of either page has."""
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$|^## ([^\n]*)$", re.MULTILINE | re.DOTALL)
_VOLATILE = re.compile(
    r"\d\d:\d\d|\d\.\d+|\d s\b|INC-\d|dsh_|token=|/enter/|running +healthy|asked|pid|mailbox|근거|evidence|http://|초\b"
)
"""Lines with times, ids, ports or measured figures: their digits and ids are as they come out, their words are not."""
_MARKS = str.maketrans("", "", "┏┳┓┃┡╇┩│└┴┘━─┼├┤")


@dataclass(frozen=True, slots=True)
class Step:
    """A block to type, what the page shows of its output (none: anything), and the heading that it stands under."""

    heading: str
    command: str
    shown: tuple[str, ...]


def steps(page: Path) -> list[Step]:
    """Give the blocks of a page in order."""
    found: list[Step] = []
    heading = ""
    for match in _FENCE.finditer(page.read_text(encoding="utf-8")):
        kind, body, title = match.groups()
        if title is not None:
            heading = title
        elif kind == "sh":
            found.append(Step(heading, body.rstrip("\n"), ()))
        elif kind == "text" and found:
            found[-1] = Step(found[-1].heading, found[-1].command, tuple(body.splitlines()))
    return found


def missing(shown: tuple[str, ...], output: str) -> list[str]:
    """Give the lines of a page that do not come out, in this order; `…` stands for what was left out."""
    lines = iter([_plain(line) for line in output.splitlines()])
    return [line for line in shown if _plain(line) not in {"", "…"} and not _found(line, lines)]


def _found(line: str, lines: Iterator[str]) -> bool:
    wanted = re.escape(_plain(line)).replace("…", ".*")
    if _VOLATILE.search(line):
        wanted = re.sub(r"(?:dsh|act|req)_\w+", r"\\w+", wanted)
        wanted = re.sub(r"(/enter/|token=)[\w\\-]+", r"\1[\\w-]+", wanted)
        wanted = re.sub(r"\\?[~/][\w\\./-]*response/mailbox", ".*response/mailbox", wanted)
        wanted = re.sub(r"\d[\d,]*(?:\\\.\d+)?", r"[\\d,.]+", wanted)
    pattern = re.compile(wanted)
    return any(pattern.fullmatch(each) for each in lines)


def _plain(line: str) -> str:
    return " ".join(line.translate(_MARKS).split())


def run(step: Step, folder: Path, environ: Mapping[str, str], incident: str | None = None) -> str:
    """Type a block in `folder` and give its output; fails when it ends with another code than 0."""
    command = step.command if incident is None else re.sub(r"INC-\d{4}-\d{4}", incident, step.command)
    if "dashboard open" in command:
        return _opened(command, folder, environ)
    done = subprocess.run(
        ["bash", "-e", "-c", command], cwd=folder, env=dict(environ), capture_output=True, text=True, check=False,
        timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n→ {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def _opened(command: str, folder: Path, environ: Mapping[str, str]) -> str:
    """Open the printed link as a browser would, then end the command as Ctrl-C does."""
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}"], cwd=folder, env=dict(environ), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            link, told = process.stdout.readline(), process.stdout.readline()
            with httpx.Client(follow_redirects=True, trust_env=False, timeout=30) as browser:
                answer = browser.get(link.strip())
            assert answer.status_code == httpx.codes.OK, answer.text[:500]
            assert answer.text.count('class="panel') >= PANELS, answer.text[:3000]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
    return link + told


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Follow one page in a clone of its own; 1 when something that the page shows does not come out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("language", choices=PAGES)
    parser.add_argument("--clone", default=str(ROOT), help="where to clone from")
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="judgify-tutorial-"))
    home.chmod(0o755)
    environ = {**os.environ, "HOME": str(home), "JUDGIFY_HOME": str(home / "state")}
    environ.pop("PYTHONPATH", None)
    started = time.monotonic()
    subprocess.run(["git", "clone", "-q", given.clone, str(home / "judgify")], check=True)
    _say(f"{time.monotonic() - started:7.1f} s  git clone")
    wrong = 0
    try:
        for step in steps(PAGES[given.language]):
            began = time.monotonic()
            output = run(step, home / "judgify", environ)
            _say(f"{time.monotonic() - began:7.1f} s  {step.command.splitlines()[0][:100]}")
            for line in missing(step.shown, output):
                wrong += 1
                _say(f"           not shown: {line}\n{output}")
        _say(f"{time.monotonic() - started:7.1f} s  in all")
    finally:
        subprocess.run([str(home / "judgify/judgify"), "down"], env=environ, check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
