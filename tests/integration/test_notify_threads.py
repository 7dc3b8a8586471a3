"""What a channel remembers is on the disk, and its libraries are loaded only where they are used."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from judgify.notify import threads
from judgify.notify.threads import FileThreads


async def test_what_was_kept_is_found_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "threads" / "slack.json"
    assert await FileThreads(path).find("INC-1") is None
    await FileThreads(path).keep("INC-1", "C1 1.2")
    kept = FileThreads(path)
    await kept.keep("INC-2", "C1 1.3")
    assert await kept.find("INC-1") == "C1 1.2"
    assert await FileThreads(path).find("INC-2") == "C1 1.3"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_oldest_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MOST", 2)
    kept = FileThreads(tmp_path / "t.json")
    for number in ("1", "2", "1", "3"):
        await kept.keep(number, "x")
    assert [await kept.find(number) for number in ("1", "2", "3")] == ["x", None, "x"]


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff"])
async def test_a_broken_file_begins_anew(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes(content)
    kept = FileThreads(tmp_path / "t.json")
    assert await kept.find("INC-1") is None
    await kept.keep("INC-1", "x")
    assert await FileThreads(tmp_path / "t.json").find("INC-1") == "x"


async def test_a_full_disk_is_told_and_the_place_is_known_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = FileThreads(tmp_path / "file" / "t.json")
    with pytest.raises(OSError, match="file"):
        await kept.keep("INC-1", "x")
    assert await kept.find("INC-1") == "x"


def test_an_engine_without_such_channels_carries_none_of_their_libraries() -> None:
    program = (
        "import sys, judgify.response.bootstrap\n"
        "print([n for n in ('aiohttp', 'slack_sdk', 'apprise', 'pagerduty', 'requests') if n in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
