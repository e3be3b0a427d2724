"""What is to be sent, before it is a mail."""

from __future__ import annotations

from typing import Literal

import msgspec


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """A person or mailbox in a header."""

    address: str
    name: str = ""


class OutgoingFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to go along.

    Args:
        name: What it is called; cleaned before use.
        media_type: Such as `image/png`; what cannot be sent as such becomes `application/octet-stream`.
        data: Its bytes.
        content_id: How the HTML refers to it (`cid:`), without brackets.
        inline: Whether it belongs into the HTML; without HTML that refers to it, it is an ordinary attachment.
    """

    name: str
    media_type: str = "application/octet-stream"
    data: bytes
    content_id: str = ""
    inline: bool = False


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to be composed.

    Args:
        sender: The mailbox, with the agent's name if one is shown.
        to: At least one recipient, here or in `cc`.
        cc: Further recipients.
        reply_to: Where answers go: the address with the reply token.
        envelope_from: Where bounces go; empty is the null sender of automatic mail.
        subject: Any text; made safe.
        message_id: With brackets; fixed before the first attempt, so that a repetition is the same mail.
        in_reply_to: The identifier answered to; empty when none.
        references: The identifiers before it, oldest first.
        date: Milliseconds since 1970.
        text: The plain text, always there.
        html: The same in HTML, or None.
        files: Attachments and images.
        automatic: Empty for what a person wrote; else the value of Auto-Submitted (RFC 3834).
        loop_id: Identifies this gateway in automatic mail, so that it knows its own when it comes back.
    """

    sender: Party
    to: tuple[Party, ...]
    cc: tuple[Party, ...] = ()
    reply_to: Party | None = None
    envelope_from: str = ""
    subject: str
    message_id: str
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    date: int
    text: str
    html: str | None = None
    files: tuple[OutgoingFile, ...] = ()
    automatic: Literal["", "auto-replied", "auto-generated"] = ""
    loop_id: str = ""
