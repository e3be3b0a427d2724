"""Who calls: the peer of the connection, or whom a trusted proxy names."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from aiohttp import web

from gateway.config.addresses import Network

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


def peer_of(request: web.Request, trusted: Sequence[Network]) -> str:
    """The address a request comes from.

    ``X-Forwarded-For`` is read from its right end, where our own proxies write, and believed for
    as long as its writer is trusted; what a client wrote into it himself is never reached.
    """
    peer = request.remote or ""
    if not _within(peer, trusted):
        return peer
    named = [
        one.strip()
        for line in request.headers.getall("X-Forwarded-For", [])
        for one in line.split(",")
    ]
    for candidate in reversed(named):
        if not _is_address(candidate):
            return peer
        peer = candidate
        if not _within(peer, trusted):
            return peer
    return peer


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine and nothing else."""
    host = host.strip("[]")
    if host.lower().rstrip(".") == "localhost":
        return True
    return _is_address(host) and ip_address(host).is_loopback


def came_straight_from_here(request: web.Request) -> bool:
    """Whether somebody on this machine asks, and no proxy or foreign page does it for others.

    A web page can have its own name resolved to this machine (DNS rebinding), so the Host header
    has to be a loopback name as well.
    """
    if any(name in request.headers for name in _FORWARDED):
        return False
    host = request.headers.get("Host", "")
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return is_loopback(request.remote or "") and is_loopback(name)


def _within(address: str, networks: Sequence[Network]) -> bool:
    if not networks or not _is_address(address):
        return False
    here = ip_address(address)
    mapped = getattr(here, "ipv4_mapped", None)
    return any(one in network.addresses for network in networks for one in (here, mapped) if one)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
