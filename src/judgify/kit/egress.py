"""Outgoing addresses: loopback, private, link-local and metadata ranges are refused unless allow-listed."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from judgify.kit.errors import Denied, Invalid, Unavailable


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address: connect to `address`, not to a name that may resolve differently a moment later."""

    scheme: str
    host: str
    port: int
    address: str


async def check_address(url: str, allow: Iterable[str] = ()) -> Target:
    """Resolve an http(s) address and check what it resolves to; `Denied` when a range is not allowed.

    `allow` holds host names, `host:port` pairs, and networks (`10.1.0.0/16`). Every resolved address must pass.
    A URL with credentials in it, or of another scheme, is `Invalid`; a name that does not resolve is `Unavailable`.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Invalid("the address cannot be read as a URL") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Invalid("an address must begin with http:// or https:// and name a host")
    if parts.username or parts.password:
        raise Invalid("an address must not carry credentials; use a header or a secret reference")
    host = parts.hostname
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(f"the host {host} does not resolve") from error
    addresses = [str(entry[4][0]) for entry in found]
    allowed = tuple(allow)
    if not (host in allowed or f"{host}:{port}" in allowed):
        for address in addresses:
            _refuse_internal(host, address, allowed)
    return Target(parts.scheme, host, port, addresses[0])


def _refuse_internal(host: str, address: str, allow: tuple[str, ...]) -> None:
    number = ipaddress.ip_address(address.split("%", 1)[0])
    mapped = getattr(number, "ipv4_mapped", None)
    number = mapped or number
    if number.is_global and not number.is_multicast:
        return
    for item in allow:
        try:
            if number in ipaddress.ip_network(item, strict=False):
                return
        except ValueError:
            continue
    named = str(number) if host == str(number) else f"{host} resolves to {number}, which"
    raise Denied(
        f"{named} is not a public address; allow it in JUDGIFY_EGRESS_ALLOW if it is meant",
        slug="egress-refused",
    )
