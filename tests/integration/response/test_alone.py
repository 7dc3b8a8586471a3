"""Two engines never work in one folder; a killed one leaves it free."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from judgify.kit.errors import Conflict
from judgify.response.alone import alone

HOLD = """
import sys, time
from pathlib import Path
from judgify.response.alone import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_engine_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "engine.lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(Conflict, match=f"process {first.pid}"), alone(path):
            pass
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        with alone(path):
            assert path.read_text() == f"{os.getpid()}\n"
