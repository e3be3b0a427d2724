"""Outgoing HTTP that cannot be turned against this machine's own network.

The guard stands where the socket is made: it sees the final address after DNS and after every
redirect, so neither a redirect nor a name that changes its mind gets past it.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")
# Everything else in IPv6 is local, special, or an IPv4 address in disguise (RFC 4291, RFC 9637).
_UNICAST = ipaddress.ip_network("2000::/3")
_DOCUMENTATION = ipaddress.ip_network("3fff::/20")


class Forbidden(OSError):
    """An outgoing connection was refused because of where it leads."""


def allowed(host: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether an IP address may be connected to: the public internet, or an allowed network."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is None and address in _SIX_TO_FOUR:
            inner = address.sixtofour
        if inner is not None:
            return allowed(str(inner), networks)
    if any(address in network for network in networks if network.version == address.version):
        return True
    if address.version == 6 and (address not in _UNICAST or address in _DOCUMENTATION):
        return False
    return address.is_global and not address.is_multicast


class GuardedHttp:
    """Opens client sessions whose every connection passes the guard.

    Args:
        networks: private networks that may be reached, ``127.0.0.0/8`` for instance.
    """

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def session(
        self, *, trusted: bool = False, ssl: Any = True, **options: Any
    ) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
        """Open a client session.

        Args:
            trusted: the addresses come from the operator's configuration, so that they may lie in
                a private network; never for an address that came with a message.
            ssl: as for `aiohttp.TCPConnector`.
            options: as for `aiohttp.ClientSession`.
        """
        guard = None if trusted else self._socket
        connector = aiohttp.TCPConnector(socket_factory=guard, ssl=ssl)
        return aiohttp.ClientSession(connector=connector, **options)

    def _socket(self, info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        if not allowed(str(address[0]), self._networks):
            raise Forbidden(
                errno.EACCES,
                f"connections to {address[0]} are not allowed; "
                "name its network in the configuration if it is meant",
            )
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setblocking(False)
        return made
