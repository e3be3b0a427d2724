"""What a mailbox takes up, and what in its settings is hardly meant."""

from __future__ import annotations

import ipaddress

from gateway import Footprint
from gateway_email.settings import EmailSettings


def footprint(settings: EmailSettings) -> Footprint:
    """Say what a mailbox listens on, and which mail is its own."""
    imap, lmtp = settings.imap, settings.lmtp
    addresses = {"address": settings.address.lower()} | {
        f"aliases[{n}]": alias.lower() for n, alias in enumerate(settings.aliases)
    }
    owns = {}
    if lmtp is not None:
        owns = {
            place: f"mail to {one} by {lmtp.protocol.upper()}" for place, one in addresses.items()
        }
    if imap is not None:
        owns["imap"] = f"the folder {imap.folder} of {imap.user} at {imap.host}:{imap.port}"
    return Footprint(
        listens={} if lmtp is None else {"lmtp": (lmtp.host, lmtp.port)},
        owns=owns,
        serves=addresses if imap or lmtp else {},
        doubts={
            f"{name}.tls": f"what goes to {server.host} can be read on the way; set {instead}"
            for name, server, instead in (
                ("imap", imap, '"implicit"'),
                ("smtp", settings.smtp, '"starttls" or "implicit"'),
            )
            if server is not None and server.tls == "none" and not _is_here(server.host)
        },
    )


def _is_here(host: str) -> bool:
    """Whether a host is this very machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
