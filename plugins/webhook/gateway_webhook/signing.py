"""Signatures of Standard Webhooks 1.0, scheme ``v1``: HMAC-SHA256 with a shared secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from gateway import Secret

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
LONGEST_ID = 255
MOST_SIGNATURES = 16
_PREFIX = "whsec_"


class BadSignature(Exception):
    """A request does not prove who sent it; the sentence says why, and nothing secret."""


def read_secret(secret: Secret) -> bytes:
    """Read the key out of a secret: ``whsec_`` and base64, padded or not.

    Raises:
        ValueError: with what was expected of it, without showing it.
    """
    text = secret.reveal().removeprefix(_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("to be whsec_ followed by base64") from None
    if not 24 <= len(key) <= 64:
        raise ValueError(f"to hold 24 to 64 bytes, not {len(key)}")
    return key


def sign(keys: Sequence[bytes], identifier: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Make the three headers of a signed request, with a signature for each key."""
    return {
        ID: identifier,
        TIMESTAMP: str(timestamp),
        SIGNATURE: " ".join(_signature(key, identifier, str(timestamp), body) for key in keys),
    }


def verify(
    keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, *, now: float, tolerance: int
) -> str:
    """Verify a signed request over its body as received, and return its id.

    Args:
        headers: names in lower case.
        now: seconds since the Unix epoch.
        tolerance: seconds the timestamp may be off, either way.

    Raises:
        BadSignature: nothing of the request may be believed.
    """
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not headers.get(name)]
    if missing:
        raise BadSignature(f"the request has no {', '.join(missing)} header")
    identifier, timestamp = headers[ID], headers[TIMESTAMP]
    if len(identifier) > LONGEST_ID or not (identifier.isascii() and identifier.isprintable()):
        raise BadSignature(f"{ID} must be at most {LONGEST_ID} printable ASCII characters")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise BadSignature(f"{TIMESTAMP} must be whole seconds since the Unix epoch")
    if abs(now - int(timestamp)) > tolerance:
        raise BadSignature(f"{TIMESTAMP} is off by more than {tolerance} seconds")
    given = [text.encode("utf-8", "replace") for text in headers[SIGNATURE].split(" ")]
    if len(given) > MOST_SIGNATURES:
        raise BadSignature(f"{SIGNATURE} holds more than {MOST_SIGNATURES} signatures")
    expected = [_signature(key, identifier, timestamp, body).encode() for key in keys]
    # every pair is compared, so that the time taken does not tell which one was close
    if not sum(hmac.compare_digest(ours, theirs) for ours in expected for theirs in given):
        raise BadSignature(f"no signature in {SIGNATURE} fits the body and a known secret")
    return identifier


def _signature(key: bytes, identifier: str, timestamp: str, body: bytes) -> str:
    digest = hmac.new(key, f"{identifier}.{timestamp}.".encode(), hashlib.sha256)
    digest.update(body)
    return f"v1,{base64.b64encode(digest.digest()).decode()}"
