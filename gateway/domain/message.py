"""Messages: the normalised form of one or more arrivals."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Gone = Literal["", "retention", "erasure"]
Direction = Literal["in", "out", "internal"]
MessageKind = Literal["text", "call", "voicemail", "note", "activity"]
AuthorKind = Literal["customer", "agent", "bot", "peer", "moderator", "system"]
Audience = Literal["customer", "public", "internal"]
Automated = Literal["none", "auto_reply", "out_of_office", "bounce", "list", "notification"]
AttachmentState = Literal["stored", "pending", "too_large", "unavailable", "blocked"]
Verdict = Literal["pass", "fail", "none"]


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a person can be reached, in its normal form.

    Args:
        scheme: ``email``, ``tel``, ``slack``, ``discourse``, ``visitor`` …
        value: the normal form: a lower-case mail address, an E.164 number, a user id.
        name: the display name that came with it; proves nothing.
        scope: what the value is unique within, such as a workspace; empty for the whole world.
    """

    scheme: str
    value: str
    name: str = ""
    scope: str = ""


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who wrote a message."""

    kind: AuthorKind
    name: str = ""
    identity: int | None = None
    address: Address | None = None


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file that came with a message.

    Args:
        name: cleaned: no path, at most 255 characters.
        media_type: what the sender claimed.
        sniffed: what the bytes look like, empty if not recognised.
        size: bytes.
        sha256: hash in hex, also the name of the blob.
        blob: reference into the blob store, empty unless stored.
        content_id: what an inline image is called in the html, without angle brackets.
        mark: ``signed``, ``encrypted``, ``calendar``, ``tnef``, ``message``, or ``recording`` for
            speech that the channel has no transcript of: `transcribe_recording` is asked for one.
    """

    name: str
    media_type: str = "application/octet-stream"
    sniffed: str = ""
    size: int = 0
    sha256: str = ""
    blob: str = ""
    content_id: str = ""
    inline: bool = False
    mark: str = ""
    state: AttachmentState = "stored"


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """What was proven of the sender.

    Args:
        signature: verdict on the transport's own signature (a webhook's, say).
        spf, dkim, dmarc: verdicts of a border that we trust, else ``none``.
        stir: whether the caller's number is attested (STIR/SHAKEN); for calls.
        authority: who gave the verdicts.
        unverified: the channel has its senders verified, and nothing vouches for this one.
    """

    signature: Verdict = "none"
    spf: Verdict = "none"
    dkim: Verdict = "none"
    dmarc: Verdict = "none"
    stir: Verdict = "none"
    authority: str = ""
    unverified: bool = False

    @property
    def failed(self) -> str:
        """Which check the sender's address failed, in words; empty if none."""
        if self.dmarc == "fail":
            return "DMARC"
        return "STIR/SHAKEN" if self.stir == "fail" else ""


class Spam(msgspec.Struct, frozen=True, kw_only=True):
    """How much a message looks like spam or a scam.

    Args:
        score: 0 (certainly not) to 1 (certainly).
        reasons: why, in words.
    """

    score: float = 0.0
    reasons: tuple[str, ...] = ()


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was said in a conversation.

    Times are milliseconds since the Unix epoch; `sent_at` is the sender's claim. `text` is always
    there, without quote and signature; what was cut is in `quoted`. One that is `quiet` is nothing
    to work on yet. `remarks` are sentences for the agent.
    """

    id: int
    tenant: str
    conversation: int
    seq: int
    thread: int | None = None
    channel: str = ""
    direction: Direction
    kind: MessageKind = "text"
    author: Author
    audience: Audience = "customer"
    subject: str = ""
    text: str
    quoted: str = ""
    html: str = ""
    language: str = ""
    attachments: tuple[Attachment, ...] = ()
    in_reply_to: str = ""
    external_ids: tuple[str, ...] = ()
    sent_at: int | None = None
    received_at: int
    recorded_at: int
    automated: Automated = "none"
    answerable: bool = True
    trust: Trust = Trust()
    spam: Spam = Spam()
    repeat_of: int | None = None
    quiet: bool = False
    remarks: tuple[str, ...] = ()
    revision: int = 0
    arrivals: tuple[int, ...] = ()
    extra: dict[str, Any] = {}
    gone: Gone = ""


def erased(message: Message) -> Message:
    """What is left of a message whose author was erased, or to whom it was written."""
    author = message.author
    keeps_name = author.kind in ("agent", "bot", "system")
    return Message(
        id=message.id, tenant=message.tenant, conversation=message.conversation, seq=message.seq,
        channel=message.channel, direction=message.direction, kind=message.kind,
        author=Author(kind=author.kind, name=author.name if keeps_name else ""),
        audience=message.audience, text="", received_at=message.received_at,
        recorded_at=message.recorded_at, automated=message.automated, answerable=message.answerable,
        revision=message.revision, arrivals=message.arrivals, gone="erasure",
    )  # fmt: skip


def without_quotes(message: Message) -> Message:
    """A message without what it quotes of others; its html goes too, for the quote is in it."""
    return msgspec.structs.replace(message, quoted="", html="") if message.quoted else message
