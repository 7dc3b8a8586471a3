import os
from pathlib import Path

import pytest

from judgify.kit.clock import SystemClock
from judgify.kit.errors import Denied
from judgify.kit.supervisor_client import SupervisorClient


async def test_the_home_of_another_user_is_said_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(path))

    # Tests may run as root, whom no mode keeps out.
    monkeypatch.setattr(Path, "stat", refuse)
    async with SupervisorClient(tmp_path, clock=SystemClock(), by="test") as client:
        with pytest.raises(Denied, match="another user"):
            await client.alive()
