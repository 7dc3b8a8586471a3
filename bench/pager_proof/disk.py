"""A disk that is full: a small file system of its own where that is allowed, else a bound on the database's pages."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

SIZE: Final = "1m"
ROOMY: Final = "64m"
LONGEST_S: Final = 20.0
"""A mount that takes longer than this has failed."""


@cache
def may_mount() -> bool:
    """Tell whether this process may mount a file system."""
    folder = tempfile.mkdtemp(prefix="judgify-proof-mount-")
    try:
        return _mount(folder, SIZE) and _run("umount", folder)
    finally:
        with contextlib.suppress(OSError):
            Path(folder).rmdir()


def _mount(folder: Path | str, size: str) -> bool:
    return _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "judgify-proof", str(folder))


def _run(*argv: str) -> bool:
    path = shutil.which(argv[0], path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    return path is not None and _ended_well(path, *argv[1:])


def _ended_well(*argv: str) -> bool:
    try:
        return subprocess.run(argv, check=False, capture_output=True, timeout=LONGEST_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class Disk:
    """The engine's folder on a disk that can be filled and relieved."""

    def __init__(self, folder: Path, *, tmpfs: bool) -> None:
        """Use a file system of 1 MB where `tmpfs` is wanted and allowed."""
        self._folder = folder
        self.tmpfs = tmpfs and may_mount()
        self.flag = folder.parent.parent / "no-more-pages"

    def open(self) -> None:
        """Put the folder in place, with room in it."""
        if self.tmpfs:
            self._folder.mkdir(mode=0o700)
            if not _mount(self._folder, ROOMY):
                raise OSError(f"cannot mount on {self._folder}")

    def fill(self) -> None:
        """Leave no room at all: the file system shrinks to 1 MB, and what is left of that is written full."""
        if not self.tmpfs:
            self.flag.touch()
            return
        used = sum(path.stat().st_blocks * 512 for path in self._folder.rglob("*") if path.is_file())
        size = max(1 << 20, (used + 4095) // 4096 * 4096)
        _run("mount", "-o", f"remount,size={size}", str(self._folder))
        with contextlib.suppress(OSError), (self._folder / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)

    def relieve(self) -> None:
        """Make room again."""
        if not self.tmpfs:
            self.flag.unlink(missing_ok=True)
            return
        (self._folder / "filler").unlink(missing_ok=True)
        _run("mount", "-o", f"remount,size={ROOMY}", str(self._folder))

    def close(self) -> None:
        """Take it away."""
        if self.tmpfs:
            _run("umount", "-l", str(self._folder))
