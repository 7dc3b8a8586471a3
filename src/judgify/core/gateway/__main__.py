"""`python -m judgify.core.gateway`: serve the gateway on its port."""

from judgify.kit.start import lean, settled


def main() -> None:
    """Serve until told to end."""
    lean()
    from judgify.core.gateway.app import Gateway  # noqa: PLC0415 - after lean
    from judgify.core.gateway.protocol import StrictProtocol  # noqa: PLC0415 - after lean
    from judgify.kit.clock import SystemClock  # noqa: PLC0415 - after lean
    from judgify.kit.serve import run  # noqa: PLC0415 - after lean
    from judgify.kit.settings import Settings  # noqa: PLC0415 - after lean

    settings = Settings.from_env()
    gateway = Gateway(settings, SystemClock())
    settled()
    run(gateway, settings, "gateway", http=StrictProtocol)


if __name__ == "__main__":
    main()
