"""The look at our dependencies: what it refuses, and what it says when it cannot look."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.meta.source import ROOT

pytestmark = pytest.mark.guide("S00")


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("judgify_audit", ROOT / "scripts" / "dev" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "BIN", tmp_path)
    return module


def pip_audit_says(folder: Path, answer: Any, *, seconds: float = 0) -> None:
    """Put a program in the place of pip-audit that gives this answer, as the real one does."""
    text = answer if isinstance(answer, str) else json.dumps({"dependencies": answer})
    program = folder / "pip-audit"
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep({seconds})\nprint({text!r})\n", encoding="utf-8")
    program.chmod(0o755)


def test_our_own_lists_are_pinned_hashed_and_licensed(audit: ModuleType) -> None:
    assert [line for name in audit.LISTS for line in audit.unpinned(name)] == []
    assert audit.unlicensed() == []


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("MIT", True),
        ("Apache-2.0 AND MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("GNU Affero General Public License v3", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_licences_are_read_with_their_and_and_or(audit: ModuleType, text: str, *, fits: bool) -> None:
    assert audit.allowed(text) is fits


def test_a_known_vulnerability_fails(audit: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flaw = {"id": "PYSEC-2026-1", "fix_versions": ["9.9"]}
    pip_audit_says(
        tmp_path, [{"name": "a", "version": "1", "vulns": [flaw]}, {"name": "b", "version": "1", "vulns": []}]
    )
    assert audit.main() == 1
    told = capsys.readouterr().out
    assert "a 1: PYSEC-2026-1, mended in 9.9" in told
    assert "NOT AUDITED" not in told


def test_where_nothing_can_be_looked_up_it_says_so_and_passes(
    audit: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = [{"name": "a", "skip_reason": "not found"}, {"name": "b", "skip_reason": "not found"}]
    for answer in (unknown, "no JSON", ""):
        pip_audit_says(tmp_path, answer)
        assert audit.main() == 0
        assert "NOT AUDITED: no advisory database answers here" in capsys.readouterr().out
    pip_audit_says(tmp_path, [*unknown, {"name": "c", "version": "1", "vulns": []}])
    assert audit.main() == 0
    assert "NOT AUDITED: a, b\n" in capsys.readouterr().out
    monkeypatch.setattr(audit, "TIME_S", 0.2)
    pip_audit_says(tmp_path, unknown, seconds=20)
    assert audit.main() == 0
    assert "TimeoutExpired" in capsys.readouterr().out


def test_a_line_without_pin_or_hash_is_refused(
    audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    place = tmp_path / "requirements" / "run.txt"
    place.parent.mkdir()
    good = "a==1 \\\n    --hash=sha256:" + "0" * 64 + "\n"
    place.write_text(good, encoding="utf-8")
    assert audit.unpinned("run") == []
    place.write_text(good + "b==2\n", encoding="utf-8")
    assert audit.unpinned("run") == ["run.txt: b has no hash"]
    for line in ("c>=1", "git+https://example.com/d", "--index-url https://example.com", "    --hash=md5:0"):
        place.write_text(good + line + "\n", encoding="utf-8")
        with pytest.raises(SystemExit, match="neither a pinned package nor a hash"):
            audit.unpinned("run")
