"""`python -m judgify.drill.leak --mib-per-s N --when FILE MODULE`: a release that leaks, then is the real service.

The service runs in this very process, as its own `python -m MODULE` would; beside it, from when the file is there on, a
thread takes memory and never gives it back.
"""

import argparse
import os
import runpy
import sys
import threading
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024
_STEPS: Final = 10
_LOOK_S: Final = 0.05
_HELD: Final[list[bytes]] = []


def leak(mib_per_s: int, when: Path) -> None:
    """Take memory for ever, at this rate, once the release has looked good for a while. Does not return."""
    pause = threading.Event()
    while not when.exists():
        pause.wait(_LOOK_S)
    while True:
        # Pages that were never written to are not resident: each chunk is filled.
        _HELD.append(os.urandom(4096) * (mib_per_s * MIB // _STEPS // 4096))
        pause.wait(1 / _STEPS)


def main(argv: list[str]) -> None:
    """Start the leak, then become the service."""
    parser = argparse.ArgumentParser(prog="judgify.drill.leak", description=__doc__)
    parser.add_argument("--mib-per-s", type=int, default=24)
    parser.add_argument("--when", type=Path, required=True)
    parser.add_argument("module")
    options = parser.parse_args(argv)
    threading.Thread(target=leak, args=(options.mib_per_s, options.when), daemon=True).start()
    sys.argv = [options.module]
    runpy.run_module(options.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
