"""What we depend on: pinned, hashed, licensed, and without a known vulnerability where a database can be asked.

Where no advisory database answers, that is said and is no failure: a check that nobody can pass teaches nobody.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LISTS = ("run", "dev")
TIME_S = 30.0
ALLOWED = frozenset(
    {
        "apache",
        "bsd",
        "isc",
        "mit",
        "mit-0",
        "mpl",
        "mozilla public license 2.0",
        "psf",
        "python software foundation",
        "the unlicense",
        "0bsd",
    }
)
"""Families of licences that a product may be shipped with. MPL: unchanged files only, which is what we do."""
READ_BY_HAND = {"pagerduty": "MIT, by the LICENSE file of its repository; the package's metadata names none"}
"""Packages that do not say their licence where a program can read it → what was found, and where."""
_ENTRY = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==(\S+)(.*)$")


def requirements(name: str) -> dict[str, tuple[str, list[str]]]:
    """Give package → (version, hashes) of a list; a line that is neither pinned nor a hash is an error."""
    found: dict[str, tuple[str, list[str]]] = {}
    package = ""
    for number, line in enumerate((ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip().removesuffix("\\").strip()
        if not text or text.startswith("#"):
            continue
        entry = _ENTRY.match(text)
        if entry:
            package = entry[1]
            found[package] = (entry[2], [])
        elif re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", text) and package:
            found[package][1].append(text)
        else:
            raise SystemExit(f"requirements/{name}.txt:{number}: neither a pinned package nor a hash: {text[:80]}")
    return found


def unpinned(name: str) -> list[str]:
    """Give what is wrong with a list: packages without a hash, and addresses."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    wrong = [f"{name}.txt: {package} has no hash" for package, (_, hashes) in requirements(name).items() if not hashes]
    return wrong + [f"{name}.txt names an address: {found}" for found in re.findall(r"\S*://\S*", text)]


def licence(package: str) -> str | None:
    """Give what an installed package says of its licence, or None where it is not installed."""
    try:
        told = importlib.metadata.metadata(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    expressions = told.get_all("License-Expression")
    if expressions:
        return str(expressions[0])
    kinds = [str(one).rpartition("::")[2].strip() for one in told.get_all("Classifier") or [] if "License ::" in one]
    lines = str((told.get_all("License") or [""])[0]).splitlines()
    return " OR ".join(kinds) or (lines[0].strip() if lines else "")


def allowed(text: str) -> bool:
    """Tell whether each part of an expression (`A AND B`), or one of several to choose from (`A OR B`), is allowed."""
    return any(
        all(any(part.strip(" ()").startswith(family) for family in ALLOWED) for part in choice.split(" and "))
        for choice in text.lower().split(" or ")
    )


def unlicensed() -> list[str]:
    """Give the packages of the run set whose licence is not allowed or not known."""
    wrong = []
    for package in requirements("run"):
        text = licence(package)
        if text is None:
            print(f"  licence of {package} not looked at: it is not for this machine")
        elif package in READ_BY_HAND:
            print(f"  licence of {package}: {READ_BY_HAND[package]}")
        elif not text or not allowed(text):
            wrong.append(f"run.txt: the licence of {package} is {text or 'not stated'}")
    return wrong


def vulnerable() -> list[str]:
    """Give the known vulnerabilities of what is installed and tested; says what could not be looked at."""
    asked = [str(BIN / "pip-audit"), "--require-hashes", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
    # The dev set holds the run set at the same versions, which tests/meta checks.
    asked += ["--timeout", "5", "-r", str(ROOT / "requirements" / "dev.txt")]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=TIME_S)  # noqa: S603 - our own argv
        answer = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        print(f"NOT AUDITED: no advisory database answers here ({type(error).__name__})")
        return []
    skipped = [one for one in answer if one.get("skip_reason")]
    if len(skipped) == len(answer):
        print(f"NOT AUDITED: no advisory database answers here (nothing is known of any of {len(answer)} packages)")
    elif skipped:
        print(f"NOT AUDITED: {', '.join(one['name'] for one in skipped)}")
    return [
        f"{one['name']} {one.get('version')}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no release'}"
        for one in answer
        for flaw in one.get("vulns", [])
    ]


def main() -> int:
    """Look at everything; 1 when something is wrong."""
    wrong = [line for name in LISTS for line in unpinned(name)] + unlicensed() + vulnerable()
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
