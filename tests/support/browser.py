"""Chromium for tests that look at pages."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser of its own, ended afterwards; without Chromium the test is skipped, and says why."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory(prefix="jdgchrome") as profile:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*ARGUMENTS, f"--disk-cache-dir={Path(profile) / 'cache'}"]
        )
        try:
            yield browser
        finally:
            browser.close()
