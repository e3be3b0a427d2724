"""Mailbox names on the wire: modified UTF-7 (RFC 3501 section 5.1.3) in a quoted string."""

from __future__ import annotations

import binascii
import re

_NOT_PLAIN = re.compile(r"[^\x20-\x7e]+|&")
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")


def encode_mailbox(name: str) -> str:
    """Return a mailbox name in modified UTF-7; control characters are encoded too, so none reaches the wire."""

    def shift(found: re.Match[str]) -> str:
        if found[0] == "&":
            return "&-"
        packed = binascii.b2a_base64(found[0].encode("utf-16-be", "surrogatepass"), newline=False)
        return f"&{packed.decode('ascii').rstrip('=').replace('/', ',')}-"

    return _NOT_PLAIN.sub(shift, name)


def decode_mailbox(wire: str) -> str:
    """Return the name behind modified UTF-7; what is not valid is left as it stands."""

    def unshift(found: re.Match[str]) -> str:
        packed = found[1].replace(",", "/")
        if not packed:
            return "&"
        try:
            return binascii.a2b_base64(packed + "=" * (-len(packed) % 4)).decode("utf-16-be")
        except (binascii.Error, UnicodeDecodeError):
            return found[0]

    return _SHIFTED.sub(unshift, wire)


def quoted(text: str) -> str:
    """Return text as an IMAP quoted string (RFC 3501 section 4.3)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def quoted_mailbox(name: str) -> str:
    """Return a mailbox name as it stands in a command."""
    return quoted(encode_mailbox(name))
