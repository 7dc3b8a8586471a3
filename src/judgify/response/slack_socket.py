"""Socket Mode: presses of buttons for hosts without a public address, over a connection that this engine opens.

The vendor's client speaks the protocol and reconnects; what it cannot mend (a used-up address, a dead session) is
mended by beginning anew.
"""

import asyncio
import logging
from typing import Any, Final
from urllib.parse import urlsplit

from judgify.kit.clock import Clock
from judgify.kit.egress import check_address
from judgify.kit.errors import Denied, JudgifyError
from judgify.kit.log import get_logger
from judgify.notify.reference import resolve
from judgify.notify.slack_calls import SlackCalls, quiet_logger
from judgify.response.slack_desk import App, SlackDesk

log = get_logger("judgify.response.slack")
PING_S: Final = 5.0
CONNECT_S: Final = 15.0
LOOK_S: Final = 1.0
DEAD_AFTER_S: Final = 12.0
"""So long the vendor's client may try to reconnect by itself."""
PAUSES_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)


async def listen(app: App, desk: SlackDesk, clock: Clock, environ: Any) -> None:
    """Stay connected for ever, and hand every press to the desk; each envelope is answered by its id."""
    if app.app_token is None:
        return
    await asyncio.to_thread(SlackCalls.load)
    failed = 0
    while True:
        try:
            token = resolve(app.app_token, environ)
            await _session(app, desk, clock, token)
            failed = 0
        except (TimeoutError, OSError, JudgifyError) as error:
            failed += 1
            detail = error.detail if isinstance(error, JudgifyError) else type(error).__name__
            log.warning("no socket to Slack; it is tried again", reason=detail)
        await clock.sleep(PAUSES_S[min(failed, len(PAUSES_S) - 1)])


async def _session(app: App, desk: SlackDesk, clock: Clock, token: str) -> None:
    client = await _client(app.calls, token)

    async def hear(_: Any, request: Any) -> None:
        from slack_sdk.socket_mode.response import SocketModeResponse  # noqa: PLC0415 - loaded only with Socket Mode

        if request.type == "interactive":
            await desk.take(app, request.payload)
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    client.socket_mode_request_listeners.append(hear)
    try:
        async with asyncio.timeout(CONNECT_S):
            await client.connect()
        log.info("connected to Slack", mode="socket")
        lost_at: float | None = None
        while lost_at is None or clock.monotonic() - lost_at < DEAD_AFTER_S:
            await clock.sleep(LOOK_S)
            if await client.is_connected():
                lost_at = None
            elif lost_at is None:
                lost_at = clock.monotonic()
        log.warning("the socket to Slack was lost; a new one is opened")
    finally:
        await client.web_client.session.close()
        await client.close()


async def _client(calls: SlackCalls, token: str) -> Any:
    from slack_sdk.socket_mode.aiohttp import SocketModeClient  # noqa: PLC0415 - loaded only with Socket Mode

    class Checked(SocketModeClient):
        """Connects to checked addresses only."""

        async def issue_new_wss_url(self) -> str:
            url = await super().issue_new_wss_url()
            parts = urlsplit(url)
            plain = calls.base_url.startswith("http://")
            if parts.scheme != "wss" and not (plain and parts.scheme == "ws"):
                raise Denied("Slack's socket address is not encrypted")
            await check_address(f"http{'s' if parts.scheme == 'wss' else ''}://{parts.netloc}/", calls.allow)
            return url

    session = calls.session()
    client = Checked(
        app_token=token,
        logger=quiet_logger(),
        web_client=calls.client("", session),
        ping_interval=PING_S,
    )
    client.proxy = None
    await client.aiohttp_client_session.close()
    client.aiohttp_client_session = calls.session(lasting=True)
    logging.getLogger("judgify.notify.slack_sdk").propagate = False
    return client
