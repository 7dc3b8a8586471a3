"""The package needs nothing of ours but the error kinds, and nothing at all from outside."""

import subprocess
import sys

PROGRAM = """
import sys
before = set(sys.modules)
from judgify.decision import DecisionTable
table = DecisionTable.from_mapping({"name": "t", "inputs": [{"name": "a"}], "outputs": [{"name": "o"}],
                                    "rules": [{"when": ["1"], "then": {"o": 2}}]})
assert table.evaluate({"a": 1}).to_dict()["output"] == {"o": 2}
loaded = set(sys.modules) - before
print(*sorted(name for name in loaded if name.split(".")[0] == "judgify" and not name.startswith("judgify.decision")))
print(*sorted({name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"judgify"}))
"""


def test_only_the_error_kinds_are_imported() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    ours, theirs = done.stdout.split("\n")[:2]
    assert ours.split() == ["judgify", "judgify.kit", "judgify.kit.errors"]
    assert theirs.split() == []
