"""What a mail says, as plain values."""

from __future__ import annotations

from typing import Literal

import msgspec

Mark = Literal["", "signed", "encrypted", "calendar", "tnef", "message"]
Kind = Literal[
    "person", "auto_reply", "out_of_office", "bounce", "list", "notification", "feedback"
]


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A mail address with the name shown beside it; the domain is in lower case."""

    name: str = ""
    addr: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment: what came beside the words, as sent, after its transfer encoding.

    ``media_type`` is what the sender claims. ``card`` is a short description to show in place of
    the part, for example of a calendar entry. ``extracted`` tells that the part was taken out of
    another one, which is listed as well.
    """

    name: str
    media_type: str
    data: bytes
    content_id: str = ""
    inline: bool = False
    mark: Mark = ""
    card: str = ""
    extracted: bool = False


class BouncedRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """One address a mail did not reach, with the words of the server that refused it."""

    address: str
    status: str = ""
    action: str = ""
    diagnostic: str = ""


class BounceReport(msgspec.Struct, frozen=True, kw_only=True):
    """Which of our mails did not arrive, for whom and why.

    ``hard`` is true when at least one address failed for good (5.x.x), not when a server only
    reports a delay.
    """

    recipients: tuple[BouncedRecipient, ...] = ()
    hard: bool = False
    original_message_id: str | None = None


class AuthVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What our own border found out about the sender (RFC 8601); ``none`` when it said nothing."""

    spf: str = "none"
    dkim: str = "none"
    dmarc: str = "none"
    authserv_id: str = ""
    dkim_domains: tuple[str, ...] = ()


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail, read.

    Identifiers carry their angle brackets. ``text`` holds what is new, ``quoted`` what was cut
    from it (earlier mails and the signature), ``full_text`` both as they stood. ``date`` is in
    milliseconds since 1970 UTC. ``return_path`` is ``""`` for the null sender and None when the
    mail carries none. ``complete`` is false when a limit let only the header be read: the mail is
    then the part ``message.eml``.
    """

    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    from_: Address | None = None
    sender: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    delivered_to: tuple[Address, ...] = ()
    subject: str = ""
    date: int | None = None
    return_path: str | None = None
    text: str = ""
    quoted: str = ""
    full_text: str = ""
    html: str = ""
    parts: tuple[Part, ...] = ()
    kind: Kind = "person"
    suppress_auto_answer: bool = False
    reasons: tuple[str, ...] = ()
    bounce: BounceReport | None = None
    auth: AuthVerdict = AuthVerdict()
    headers: tuple[tuple[str, str], ...] = ()
    loop_tokens: tuple[str, ...] = ()
    received_count: int = 0
    warnings: tuple[str, ...] = ()
    complete: bool = True
