"""Which lane a mail belongs to: its sender's, read cheaply before anything is parsed."""

from __future__ import annotations

import re

LOOKED_AT = 65_536
_FROM = re.compile(
    rb"(?:^|\n)From:[^\n]{0,998}?([^\s<>\"',;:@]{1,64}@[A-Za-z0-9.-]{1,255})", re.IGNORECASE
)


def lane_of(raw: bytes, mail_from: str = "") -> str:
    """The sender's address in lower case, or a lane for all mails that name none.

    Args:
        mail_from: the envelope sender, used where the header names nobody.
    """
    found = _FROM.search(raw[:LOOKED_AT])
    if found is not None:
        return found[1].decode("ascii", "replace").lower()
    return mail_from.lower() or "nobody"
