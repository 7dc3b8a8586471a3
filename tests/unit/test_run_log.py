"""What a run that is cut short can say of itself."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.run_log import TARGET, unfinished

ROOT = Path(__file__).resolve().parents[2]


def _run(folder: Path, text: str) -> tuple[int, list[str], list[str]]:
    (folder / "test_made_up.py").write_text(text, encoding="utf-8")
    log = folder / "run.log"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.run_log", "-p", "no:cacheprovider"]
    code = subprocess.call(
        [*command, "-c", os.devnull, "--rootdir", str(folder), str(folder / "test_made_up.py")],
        cwd=ROOT,
        env=os.environ | {TARGET: str(log), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.DEVNULL,
    )
    begun, left = unfinished(log)
    return code, [one.rpartition("::")[2] for one in begun], [one.rpartition("::")[2] for one in left]


def test_a_whole_run_left_nothing_even_where_tests_failed(tmp_path: Path) -> None:
    code, begun, left = _run(tmp_path, "def test_a(): pass\ndef test_b(): assert False\n")
    assert (code, begun, left) == (1, [], [])


def test_a_run_that_died_names_the_test_that_was_running_and_those_that_were_to_come(tmp_path: Path) -> None:
    text = "import os\ndef test_a(): pass\ndef test_b(): os._exit(3)\ndef test_c(): pass\n"
    assert _run(tmp_path, text) == (3, ["test_b"], ["test_c"])
