"""The programs that benchmarks measure against: from the PATH, else unpacked, never installed, from Debian's own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / ".bench"
"""Where unpacked programs and the last results lie; not part of the repository."""
PACKAGES: Final = {
    "wrk": ("wrk", "libluajit-5.1-2", "libluajit-5.1-common"),
    "nginx": ("nginx",),
    "prometheus-alertmanager": ("prometheus-alertmanager",),
    "amtool": ("prometheus-alertmanager",),
    "prometheus": ("prometheus",),
}


class Missing(Exception):
    """A program is neither on the PATH nor can it be unpacked here."""


def program(name: str) -> tuple[str, dict[str, str]]:
    """Give the path of a program and the environment it needs; `Missing` says how to get it."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found:
        return found, dict(os.environ)
    unpacked = FOLDER / "root"
    if not _inside(unpacked, name):
        _unpack(unpacked, PACKAGES[name])
    path = _inside(unpacked, name)
    if path is None:
        raise Missing(f"{name} is not here; on Debian: apt-get install {' '.join(PACKAGES[name])}")
    libraries = ":".join(str(one) for one in (unpacked / "usr/lib").glob("*-linux-gnu"))
    return str(path), {**os.environ, "LD_LIBRARY_PATH": libraries}


@contextmanager
def shared_files(folder: str) -> Iterator[None]:
    """Lend an unpacked program the folder of /usr/share that it was built to read, while the block runs."""
    installed, unpacked = Path("/usr/share") / folder, FOLDER / "root/usr/share" / folder
    if installed.exists() or not unpacked.exists():
        yield
        return
    try:
        installed.symlink_to(unpacked)
    except OSError as error:
        raise Missing(f"{folder}: its files must lie in {installed}; on Debian install the package") from error
    try:
        yield
    finally:
        installed.unlink()


def _inside(unpacked: Path, name: str) -> Path | None:
    return next((path for path in (unpacked / "usr/bin" / name, unpacked / "usr/sbin" / name) if path.exists()), None)


def _unpack(target: Path, packages: tuple[str, ...]) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        if not _downloaded(packages, folder) and os.geteuid() == 0:
            # A fresh machine has no list of packages yet, an old one names versions that are gone.
            subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
            _downloaded(packages, folder)
        for archive in Path(folder).glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(archive), str(target)], check=True)


def _downloaded(packages: tuple[str, ...], folder: str) -> bool:
    """Download archives of packages; tell whether all of them came."""
    tries = [
        subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=False, capture_output=True)
        for package in packages
    ]
    return all(done.returncode == 0 for done in tries)
