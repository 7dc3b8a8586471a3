"""The package needs nothing of ours but the error kinds, and nothing at all from outside."""

import shutil
import subprocess
import sys
from pathlib import Path

import judgify

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
from judgify.decision import DecisionTable
table = DecisionTable.from_mapping({"name": "t", "inputs": [{"name": "a"}], "outputs": [{"name": "o"}],
                                    "rules": [{"when": ["1"], "then": {"o": 2}}]})
assert table.evaluate({"a": 1}).to_dict()["output"] == {"o": 2}
loaded = set(sys.modules) - before
print(*sorted(name for name in loaded if name.split(".")[0] == "judgify" and not name.startswith("judgify.decision")))
# What Python was built with is part of it, and stands under a name of its own.
outside = {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"judgify"}
print(*sorted(name for name in outside if not name.startswith("_sysconfigdata")))
"""


def test_a_copy_of_the_package_and_of_the_error_kinds_is_enough(tmp_path: Path) -> None:
    source, target = Path(judgify.__file__).parent, tmp_path / "judgify"
    shutil.copytree(source / "decision", target / "decision", ignore=shutil.ignore_patterns("__pycache__"))
    (target / "kit").mkdir()
    for name in ("__init__.py", "kit/__init__.py", "kit/errors.py"):
        shutil.copy(source / name, target / name)
    # -I and -S: neither the environment nor any installed package is on the path.
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    ours, theirs = done.stdout.split("\n")[:2]
    assert ours.split() == ["judgify", "judgify.kit", "judgify.kit.errors"]
    assert theirs.split() == []
