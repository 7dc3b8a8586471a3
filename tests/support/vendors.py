"""Settings for each type of channel that posts to a vendor, pointed at a server of ours."""

from typing import Any

VENDORS = ("slack_webhook", "http", "slack_bot", "teams", "discord", "pagerduty", "sms")
CANARY = "canary-4f1d8c7a9b2e"


def vendor_config(
    kind: str, port: int, environ: dict[str, str], scheme: str = "http", host: str = "localhost"
) -> dict[str, Any]:
    """Give a channel's configuration; its secrets, all of them the canary, go into `environ`."""
    base = f"{scheme}://{host}:{port}"
    environ |= {"KEY": CANARY, "URL": f"{base}/services/{CANARY}?token={CANARY}"}
    return {
        "slack_bot": {"type": kind, "room": "#alerts-critical", "token": "env:KEY", "api_url": f"{base}/api/"},
        "pagerduty": {"type": kind, "routing_key": "env:KEY", "url": f"{base}/v2/enqueue"},
        "sms": {"type": kind, "url": "env:URL", "bearer": "env:KEY", "sender": "02-555-0100"},
    }.get(kind, {"type": kind, "url": "env:URL"})
