"""`python -m judgify.core.gateway`: serve the gateway on its port."""

from judgify.core.gateway.app import Gateway
from judgify.core.gateway.protocol import StrictProtocol
from judgify.kit.clock import SystemClock
from judgify.kit.serve import run
from judgify.kit.settings import Settings


def main() -> None:
    """Serve until told to end."""
    settings = Settings.from_env()
    run(Gateway(settings, SystemClock()), settings, "gateway", http=StrictProtocol)


if __name__ == "__main__":
    main()
