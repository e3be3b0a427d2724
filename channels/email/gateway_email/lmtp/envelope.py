"""What a mail server hands over, and what it is told."""

from __future__ import annotations

import msgspec


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One mail as it came over LMTP or SMTP.

    Args:
        mail_from: The envelope sender; empty for the null sender of bounces.
        rcpt_tos: The recipients that were admitted, in order, a repeated one twice.
        raw: The mail, byte for byte, dots unstuffed.
        peer: Address of the client.
        helo: What it called itself.
        lmtp: Whether it spoke LMTP.
        smtp_utf8: Whether it announced addresses beyond ASCII (RFC 6531).
    """

    mail_from: str
    rcpt_tos: tuple[str, ...]
    raw: bytes
    peer: str = ""
    helo: str = ""
    lmtp: bool = False
    smtp_utf8: bool = False


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one recipient.

    Args:
        code: Three digits: 2xx taken for good, 4xx try again, 5xx never.
        status: The enhanced status code (RFC 3463).
        text: Words for the other side's log; line breaks and what is not ASCII are replaced.
    """

    code: int
    status: str
    text: str

    @property
    def line(self) -> str:
        """The answer as it goes over the wire, without its line end."""
        words = "".join(letter if " " <= letter <= "~" else "?" for letter in self.text)
        return f"{self.code} {self.status} {words[:400]}"

    @classmethod
    def accepted(cls, note: str = "taken") -> Verdict:
        """Return the answer that may be given only after the mail is safe."""
        return cls(code=250, status="2.0.0", text=note)

    @classmethod
    def failed(cls, note: str = "a fault on our side, please try again") -> Verdict:
        """Return the answer to any failure of our own: the other side keeps the mail and tries again."""
        return cls(code=451, status="4.3.0", text=note)

    @classmethod
    def overloaded(cls, note: str = "too busy, please try again later") -> Verdict:
        """Return the answer when there is no room now."""
        return cls(code=452, status="4.3.1", text=note)

    @classmethod
    def unknown_recipient(cls, note: str = "no such recipient here") -> Verdict:
        """Return the answer to a recipient that is not ours."""
        return cls(code=550, status="5.1.1", text=note)

    @classmethod
    def too_large(cls, limit: int) -> Verdict:
        """Return the answer to a mail above the size limit, in octets."""
        return cls(code=552, status="5.3.4", text=f"the mail is over the limit of {limit} octets")


class Overloaded(Exception):
    """Raised by whoever accepts mail when it cannot take more now; the other side hears 452 and tries again."""
