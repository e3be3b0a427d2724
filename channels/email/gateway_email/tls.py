"""What both mail transports must know about encryption: who is loopback, and what is wrong with a certificate."""

from __future__ import annotations

import ipaddress
import re
import ssl
from datetime import UTC, datetime

_DER_TIME = re.compile(rb"\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z")


def is_loopback(address: str) -> bool:
    """Return whether a peer is this very machine, the only one to whom a password may go unencrypted.

    Args:
        address: An IP address as a socket reports it, or a host name; of names only `localhost` is.
    """
    if address.lower() == "localhost":
        return True
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def certificate_expiry(der: bytes) -> datetime | None:
    """Return when a DER certificate ends: the second of the two times in its validity (RFC 5280 section 4.1.2.5)."""
    times = list(_DER_TIME.finditer(der))
    if len(times) < 2:
        return None
    short, full = times[1].groups()
    if full is None:
        year = int(short[:2])
        full = (b"19" if year >= 50 else b"20") + short
    try:
        return datetime.strptime(full.decode("ascii"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def certificate_fault(host: str, error: ssl.SSLCertVerificationError, der: bytes | None) -> str:
    """Say in one sentence why a server's certificate was refused and what to do.

    Args:
        host: The name that was asked for.
        error: What the TLS library raised.
        der: The certificate itself, where a second look could fetch it; adds the day it expired.
    """
    reason = error.verify_message or "it could not be verified"
    ends = certificate_expiry(der) if der else None
    if "expired" in reason and ends is not None:
        reason = f"it expired on {ends:%Y-%m-%d %H:%M} UTC"
    return (
        f"the TLS certificate of {host} was refused: {reason}. "
        "Have the server's operator renew or correct it, or name the authority that signed it in the TLS settings."
    )


def unverified_context() -> ssl.SSLContext:
    """Return a context that looks at any certificate; only for reading why one was refused, never for mail."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
