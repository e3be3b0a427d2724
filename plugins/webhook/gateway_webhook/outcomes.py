"""What a receiver's answer, or its absence, means."""

from __future__ import annotations

import os
import re
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec

from gateway import (
    AuthenticationFailed,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Suspended,
    TargetBroken,
    Throttled,
    Unreachable,
)

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CERTIFICATE_FAULTS = {
    9: ("certificate_not_yet_valid", "its certificate is not valid yet"),
    10: ("certificate_expired", "its certificate has expired; renew it there"),
    18: ("certificate_untrusted", "its certificate is self-signed; give it one from a known authority"),
    19: ("certificate_untrusted", "its certificate chain ends at an authority not known here"),
    20: ("certificate_untrusted", "its certificate comes from an authority not known here, or it does not send the whole chain"),
    62: ("certificate_wrong_host", "its certificate is for another host name"),
    64: ("certificate_wrong_host", "its certificate is for another address"),
}  # fmt: skip


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's JSON body may tell; of anything else nothing is taken."""

    ticket: Any = None
    entry: Any = None
    url: Any = None
    code: Any = None


def read_told(body: bytes) -> Told:
    """Read an answer's body as far as it can be read."""
    try:
        return msgspec.json.decode(body, type=Told)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Told()


def name_of(value: Any) -> str:
    """Read a name such as a ticket's id, empty if it is none: 1 to 255 printable characters."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    fits = isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()
    return value if fits else ""


def link_of(value: Any) -> str:
    """Read a link for people, empty if it is none."""
    fits = isinstance(value, str) and len(value) <= 2000 and value.isprintable()
    return value if fits and value.startswith(("https://", "http://")) else ""


def refusal(
    status: int, retry_after: str, body: bytes, *, origin: str, now: float
) -> ConnectorError:
    """Tell what an answer other than 2xx means.

    Args:
        retry_after: the header of this name.
        origin: the receiver, as the operator reads it.
        now: seconds since the Unix epoch.
    """
    said = f"{origin} answered {status}"
    told = read_told(body).code
    named = told if isinstance(told, str) and _CODE.fullmatch(told) else ""
    wait = seconds_of(retry_after, now)
    if status == 410:
        return Suspended(
            f"{said}: it wants no events any more; set another url or remove this backend",
            code="gone",
        )
    if status in (425, 429, 502, 503, 504):
        return Throttled(f"{said}: it asks for a pause", code=f"http_{status}", retry_after=wait)
    if status in (401, 403):
        return AuthenticationFailed(
            f"{said}: it does not accept our signature; compare the secrets on both sides"
        )
    if 300 <= status < 400:
        return TargetBroken(
            f"{said}: events follow no redirect; put the final address into url", code="redirected"
        )
    if status == 408 or status >= 500:
        return TargetBroken(f"{said}: it failed", code=f"http_{status}", retry_after=wait)
    because = f" ({named})" if named else ""
    return Rejected(f"{said}{because}: it refuses this event", code=named or f"http_{status}")


def failure(error: Exception, *, origin: str, timeout: float) -> ConnectorError:
    """Tell what it means that no answer came.

    Only what failed before the connection stood is known not to have arrived.
    """
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _certificate_fault(error.certificate_error, origin)
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return Unreachable(f"{origin} does not speak TLS as we do: {error.os_error}", code="tls")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Unreachable(f"{origin}: there is no such host; check url and DNS", code="no_host")
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        reason = os.strerror(number) if number else str(error.os_error)
        return Unreachable(f"{origin} cannot be connected to: {reason}")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return Unreachable(f"{origin} did not take a connection in time")
    if isinstance(error, TimeoutError):
        return OutcomeUnknown(f"{origin} did not answer within {timeout:g} s", code="timeout")
    return OutcomeUnknown(
        f"{origin} broke off before its answer was complete ({type(error).__name__})",
        code="connection_lost",
    )


def seconds_of(retry_after: str, now: float) -> float | None:
    """Read a Retry-After header: seconds or a date (RFC 9110, 10.2.3); None if it is neither."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(now, tz=UTC)).total_seconds())


def _certificate_fault(error: Exception, origin: str) -> Unreachable:
    number = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    code, words = _CERTIFICATE_FAULTS.get(
        number, ("certificate_untrusted", f"its certificate is not accepted: {error}")
    )
    return Unreachable(f"{origin} is not talked to: {words}", code=code)
