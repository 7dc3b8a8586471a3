import os
import stat
from pathlib import Path

import pytest

from judgify.kit import files
from judgify.kit.errors import Unavailable
from judgify.kit.secrets import ensure_secret, read_secret
from judgify.kit.settings import Settings


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a"
    files.write_atomic(path, b"one", 0o644)
    files.write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    files.write_atomic(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = ensure_secret(tmp_path, "cli_token")
    assert ensure_secret(tmp_path, "cli_token") == first
    assert len(first) >= 43
    assert stat.S_IMODE((tmp_path / "secrets" / "cli_token").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_a_missing_or_empty_secret_names_its_file_and_the_mend(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"jwt_secret cannot be read; `judgify up` makes it"):
        read_secret(tmp_path, "jwt_secret")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "jwt_secret").write_text("\n")
    with pytest.raises(Unavailable, match="is empty"):
        read_secret(tmp_path, "jwt_secret")


def test_settings_read_secrets_from_their_files(tmp_path: Path) -> None:
    made = {name: ensure_secret(tmp_path, name) for name in ("service_secret", "jwt_secret", "cli_token")}
    password = ensure_secret(tmp_path, "postgres_password")
    settings = Settings.from_env({}, tmp_path)
    assert settings.service_secret == made["service_secret"]
    assert settings.jwt_secret == made["jwt_secret"]
    assert settings.cli_token == made["cli_token"]
    assert settings.database_url == f"postgresql://judgify:{password}@127.0.0.1:8032/judgify"
    assert password not in repr(settings)
