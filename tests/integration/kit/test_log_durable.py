"""Log lines in a file are forced to disk soon after, by a thread of their own."""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from judgify.kit import log

pytestmark = pytest.mark.guide("G19")


def test_what_is_written_is_forced_to_disk_and_a_broken_disk_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    seen = threading.Semaphore(0)

    def sync(descriptor: int) -> None:
        called.append(descriptor)
        seen.release()
        raise OSError("no space")

    monkeypatch.setattr(os, "fdatasync", sync)
    monkeypatch.setattr(log, "SYNC_S", 0.01)
    with (tmp_path / "x.log").open("w") as stream:
        handler = log.DurableHandler(stream)
        for number in range(2):
            handler.emit(logging.LogRecord("x", 20, "x", 1, f"line {number}", None, None))
            assert seen.acquire(timeout=10)
        assert called == [stream.fileno()] * 2
        assert (tmp_path / "x.log").read_text() == "line 0\nline 1\n"


def test_only_a_file_is_forced_to_disk(tmp_path: Path) -> None:
    code = (
        "import logging; from judgify.kit import log; log.configure('x'); log.get_logger('x').info('hello');"
        "import sys; print(type(logging.getLogger().handlers[0]).__name__, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    environ = {**os.environ, "PYTHONPATH": str(Path(log.__file__).parents[2])}
    piped = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    assert piped.stderr.split() == ["StreamHandler"]
    with (tmp_path / "out").open("w") as out:
        filed = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=True, env=environ)
    assert filed.stderr.split() == ["DurableHandler"]
    assert "hello" in (tmp_path / "out").read_text()
