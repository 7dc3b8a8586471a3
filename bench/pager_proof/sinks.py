"""Real receivers on free ports of this machine: a mail server and a web server that misbehave when told to."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable
from email import message_from_bytes
from email.header import decode_header, make_header
from typing import Any, Final

from aiosmtpd.smtp import SMTP

from bench.pager_proof.record import Arrival, Key, Verdict
from bench.pager_proof.schedule import TroubleKind

SLOW_S: Final = 0.25
MUTE_S: Final = 6.0
_LABEL: Final = "[반복일 수 있음]"
_VERDICTS: Final[dict[TroubleKind | None, Verdict]] = {
    None: "taken", "slow": "taken", "mute": "kept", "reset-kept": "kept", "reset-lost": "lost", "refuse": "refused",
}  # fmt: skip


class Sinks:
    """The receivers of one run. `trouble` gives what is wrong with one of them at this moment."""

    def __init__(
        self, now: Callable[[], float], trouble: Callable[[str], TroubleKind | None], arrived: Callable[[Arrival], None]
    ) -> None:
        """Tell `arrived` of every message as soon as all of it was read, before it is answered."""
        self._now = now
        self._trouble = trouble
        self._arrived = arrived
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()
        self.smtp_port = 0
        self.http_port = 0

    async def open(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        mail = await loop.create_server(self._mail, "127.0.0.1", 0)
        web = await asyncio.start_server(self._web, "127.0.0.1", 0)
        self._servers = [mail, web]
        self.smtp_port = mail.sockets[0].getsockname()[1]
        self.http_port = web.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and drop what is open."""
        for server in self._servers:
            server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def take(self, sink: str, key: str, *, labelled: bool) -> TroubleKind | None:
        """Note a message that was read; give how its receiver misbehaves."""
        trouble = self._trouble(sink)
        self._arrived(Arrival(self._now(), sink, Key.read(key), labelled, _VERDICTS[trouble]))
        return trouble

    # mail

    def _mail(self) -> SMTP:
        return SMTP(_Mailbox(self), loop=asyncio.get_running_loop(), ident="proof")

    # web

    async def _web(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # whoever called is gone, or the run is over
        finally:
            writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        if self._trouble("http") == "reset-lost":
            reset(writer.transport)
            return False
        length = int(head.partition("content-length:")[2].split("\r\n", 1)[0])
        document = json.loads(await reader.readexactly(length))
        trouble = self.take("http", document["dedup_key"], labelled=document["possibly_repeat"])
        if trouble == "reset-kept":
            reset(writer.transport)
            return False
        if trouble == "mute":
            await asyncio.sleep(MUTE_S)
            return False
        if trouble == "slow":
            await asyncio.sleep(SLOW_S)
        status = "503 Busy" if trouble == "refuse" else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok".encode())
        await writer.drain()
        return True


class _Mailbox:
    """What the mail server calls; the method's name is the library's."""

    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks

    async def handle_DATA(  # noqa: N802 - the library calls it so
        self, server: SMTP, _: Any, envelope: Any
    ) -> str:
        """Take one mail."""
        mail = message_from_bytes(envelope.content)
        subject = str(make_header(decode_header(mail["Subject"])))
        trouble = self._sinks.take("mail", mail["X-Judgify-Dedup-Key"], labelled=_LABEL in subject)
        if trouble in {"reset-kept", "reset-lost"}:
            reset(server.transport)
        if trouble == "mute":
            await asyncio.sleep(MUTE_S)
        if trouble == "slow":
            await asyncio.sleep(SLOW_S)
        return "451 4.3.0 busy" if trouble == "refuse" else "250 2.0.0 kept"


def reset(transport: Any) -> None:
    """Break a connection with RST instead of closing it."""
    sock = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
