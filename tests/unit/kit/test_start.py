"""A service's process loads what it needs and nothing for terminals."""

import subprocess
import sys

PROGRAM = """
import sys
from judgify.kit.start import lean
lean()
import judgify.core.action.app
loaded = sorted(name for name in ("rich", "greenlet", "openai", "slack_sdk", "aiohttp", "apprise", "vl_convert")
                if sys.modules.get(name) is not None)
print(",".join(loaded))
"""


def test_a_lean_process_has_no_terminal_library_and_no_client_that_it_may_never_use() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_what_is_loaded_already_is_left_alone() -> None:
    program = "import rich, sys; from judgify.kit.start import lean; lean(); assert sys.modules['rich'] is rich"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
