"""Outgoing addresses: loopback, private, link-local and metadata ranges are refused unless allow-listed."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from judgify.kit.errors import Denied, Invalid, Unavailable

_IPV4_INSIDE: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")))
"""Networks whose last four bytes are an IPv4 address: NAT64, its local use, compatible and translated addresses."""


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
    addresses = await _resolve(host, port)
    allowed = tuple(allow)
    if not (host in allowed or f"{host}:{port}" in allowed):
        for address in addresses:
            _refuse_internal(host, address, allowed)
    return Target(parts.scheme, host, port, addresses[0])


async def _resolve(host: str, port: int) -> list[str]:
    try:
        return [str(ipaddress.ip_address(host))]  # an address needs no resolver, and no thread to wait for one
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(f"the host {host} does not resolve") from error
    return [str(entry[4][0]) for entry in found]


def _meant(number: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Give the IPv4 address that an IPv6 form of one leads to: what is inside decides, not what it is wrapped in."""
    if isinstance(number, ipaddress.IPv4Address):
        return number
    if number.ipv4_mapped or number.sixtofour:
        return number.ipv4_mapped or number.sixtofour or number
    if any(number in network for network in _IPV4_INSIDE) and int(number) > 1:
        return ipaddress.IPv4Address(int(number) & 0xFFFF_FFFF)
    return number


def _refuse_internal(host: str, address: str, allow: tuple[str, ...]) -> None:
    number = _meant(ipaddress.ip_address(address.split("%", 1)[0]))
    if number.is_global and not number.is_multicast and not getattr(number, "is_site_local", False):
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
