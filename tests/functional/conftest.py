"""One whole installation, shared by the functional tests that leave it as they found it."""

from collections.abc import Iterator

import pytest
from tests.support.installation import Installation

CANARY = "c4n4ry-9f31-do-not-print-me"


@pytest.fixture(scope="session")
def platform() -> Iterator[Installation]:
    """The platform and the response engine, up. Secrets that the environment can carry hold the canary."""
    installation = Installation(
        OPENAI_API_KEY=f"sk-{CANARY}-model-key-0001",
        JWT_SECRET=f"{CANARY}-jwt-signing-secret-0002",
        JUDGIFY_LOG_LEVEL="DEBUG",
    )
    try:
        installation.ok("up", "--detach")
        yield installation
    finally:
        installation.remove()
