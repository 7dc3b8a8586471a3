"""How long processes were ready to run and got no processor: the kernel's own figure, where there is one (Linux)."""

import contextlib
from collections.abc import Iterable
from pathlib import Path


class Wanting:
    """Adds up, over processes that come and go."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._known: dict[str, int] = {}
        self._total = 0

    def seconds(self, pids: Iterable[int]) -> float:
        """Give the seconds so far, all threads of these processes taken together."""
        for pid in pids:
            for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with contextlib.suppress(OSError, IndexError):
                    waited = int(path.read_text(encoding="ascii").split()[1])
                    self._total += waited - self._known.get(str(path), 0)
                    self._known[str(path)] = waited
        return self._total / 1e9
