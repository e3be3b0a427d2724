"""Reply tokens: a conversation's id with a MAC, in letters that survive every mail system.

Base32 in lower case, because local parts of addresses are lower-cased on the way. A full token is
key id (1 byte), conversation (8 bytes), HMAC-SHA256 cut to 128 bits: 40 letters. A short one, for
Message-IDs, has a MAC of 40 bits and is believed only together with a sender who takes part. A
bound one says that somebody has proven to belong to a conversation, and is good for them alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import msgspec

_FULL, _SHORT = 16, 5
_HEAD = 9


class TokenKey(msgspec.Struct, frozen=True):
    """A signing key; at least 16 bytes, 32 recommended."""

    secret: bytes

    @property
    def number(self) -> int:
        """One byte that tells keys apart without giving anything away."""
        return hashlib.sha256(b"reply-key-number" + self.secret).digest()[0]

    def mac(self, purpose: bytes, tenant: str, head: bytes, length: int) -> bytes:
        """Compute the MAC over tenant and head."""
        message = purpose + len(tenant).to_bytes(2, "big") + tenant.encode() + head
        return hmac.new(self.secret, message, hashlib.sha256).digest()[:length]


class Named(msgspec.Struct, frozen=True):
    """What a verified token names."""

    conversation: int
    short: bool


class Keyring:
    """Make and verify reply tokens.

    Args:
        keys: newest first; the first signs, all verify, so that keys can be rotated.
    """

    def __init__(self, keys: list[bytes]) -> None:
        if not keys:
            raise ValueError("at least one reply key is needed")
        if any(len(key) < 16 for key in keys):
            raise ValueError("a reply key has at least 16 bytes")
        self._keys = [TokenKey(key) for key in keys]

    def make(self, tenant: str, conversation: int) -> str:
        """Make a token with a 128-bit MAC (40 letters)."""
        return self._make(b"full", tenant, conversation, _FULL)

    def make_short(self, tenant: str, conversation: int) -> str:
        """Make a token with a 40-bit MAC (23 letters)."""
        return self._make(b"short", tenant, conversation, _SHORT)

    def _make(self, purpose: bytes, tenant: str, conversation: int, length: int) -> str:
        key = self._keys[0]
        head = bytes([key.number]) + conversation.to_bytes(8, "big")
        raw = head + key.mac(purpose, tenant, head, length)
        return base64.b32encode(raw).decode().rstrip("=").lower()

    def verify(self, tenant: str, token: str) -> Named | None:
        """Read a token; None unless a live key of ours made it for this tenant."""
        raw = _raw(token)
        short = len(raw) == _HEAD + _SHORT
        if not short and len(raw) != _HEAD + _FULL:
            return None
        if not self._signed(b"short" if short else b"full", tenant, raw):
            return None
        return Named(int.from_bytes(raw[1:_HEAD], "big"), short)

    def make_bound(self, tenant: str, conversation: int, to: str) -> str:
        """Make a token that is good for one bearer only, whom `to` names."""
        key = self._keys[0]
        head = bytes([key.number]) + conversation.to_bytes(8, "big")
        raw = head + key.mac(b"bound", tenant, head + to.encode(), _FULL)
        return base64.b32encode(raw).decode().rstrip("=").lower()

    def verify_bound(self, tenant: str, token: str, to: str) -> int | None:
        """The conversation a bound token names; None unless it was made for this bearer."""
        raw = _raw(token)
        if len(raw) != _HEAD + _FULL or not self._signed(b"bound", tenant, raw, to.encode()):
            return None
        return int.from_bytes(raw[1:_HEAD], "big")

    def digest(self, purpose: str, tenant: str, text: str) -> str:
        """Hash a text under the newest key, so that without the key it cannot be guessed back."""
        return self._keys[0].mac(purpose.encode(), tenant, text.encode(), _FULL).hex()

    def _signed(self, purpose: bytes, tenant: str, raw: bytes, more: bytes = b"") -> bool:
        head, mac = raw[:_HEAD], raw[_HEAD:]
        good = False
        for key in self._keys:
            good |= hmac.compare_digest(key.mac(purpose, tenant, head + more, len(mac)), mac)
        return good


def _raw(token: str) -> bytes:
    try:
        return base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except ValueError:
        return b""
