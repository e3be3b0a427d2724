"""Messages as the API and the pages show them; they were redacted before."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.domain.ids import show
from gateway.domain.message import (
    Address,
    Attachment,
    AttachmentState,
    Audience,
    AuthorKind,
    Automated,
    Direction,
    Gone,
    Message,
    MessageKind,
    Verdict,
)
from gateway.web.shapes.ids import ArrivalId, ConversationId, IdentityId, MessageId, ThreadId, maybe
from gateway.web.shapes.moment import Moment, moment


class AuthorDocument(Struct, frozen=True, kw_only=True):
    """Who wrote it."""

    kind: AuthorKind
    name: str
    identity: IdentityId | None
    address: Annotated[str, Meta(description="`email:ada@example.org`; empty if there is none.")]


class AttachmentDocument(Struct, frozen=True, kw_only=True):
    """A file that came with it."""

    number: Annotated[int, Meta(ge=1, description="Its number in this message.")]
    name: str
    media_type: Annotated[str, Meta(description="What the sender claimed.")]
    sniffed: Annotated[str, Meta(description="What the bytes look like; empty if not known.")]
    size: Annotated[int, Meta(ge=0, description="Bytes.")]
    sha256: str
    content_id: str
    inline: bool
    mark: Annotated[str, Meta(description="`signed`, `encrypted`, `calendar` … or empty.")]
    state: AttachmentState
    url: Annotated[str | None, Meta(description="Where to download it; null if it was not kept.")]


class TrustDocument(Struct, frozen=True, kw_only=True):
    """What was proven of the sender."""

    signature: Verdict
    spf: Verdict
    dkim: Verdict
    dmarc: Verdict
    stir: Verdict
    authority: str
    unverified: Annotated[
        bool,
        Meta(description="The channel has senders verified, and nothing vouches for this one."),
    ]


class SpamDocument(Struct, frozen=True, kw_only=True):
    """How much it looks like spam: 0 certainly not, 1 certainly."""

    score: float
    reasons: tuple[str, ...]


class MessageDocument(Struct, frozen=True, kw_only=True):
    """One thing that was said in a conversation."""

    id: MessageId
    tenant: str
    conversation: ConversationId
    seq: Annotated[int, Meta(ge=0, description="Its number in its conversation.")]
    thread: ThreadId | None
    channel: str
    direction: Direction
    kind: MessageKind
    author: AuthorDocument
    audience: Audience
    subject: str
    text: Annotated[str, Meta(description="Without quote and signature.")]
    quoted: Annotated[str, Meta(description="What was cut off the text.")]
    html: Annotated[str, Meta(description="Sanitised; empty if there is none.")]
    language: str
    attachments: tuple[AttachmentDocument, ...]
    in_reply_to: str
    external_ids: tuple[str, ...]
    sent_at: Annotated[Moment | None, Meta(description="What the sender claims.")]
    received_at: Moment
    recorded_at: Moment
    automated: Automated
    trust: TrustDocument
    spam: SpamDocument
    repeat_of: MessageId | None
    quiet: Annotated[bool, Meta(description="There is nothing to work on yet.")]
    remarks: Annotated[tuple[str, ...], Meta(description="Sentences for the agent.")]
    revision: int
    arrivals: tuple[ArrivalId, ...]
    gone: Annotated[Gone, Meta(description="Why only its place is left; empty if it is there.")]


class MessagePage(Struct, frozen=True, kw_only=True):
    """A page of a conversation's messages, oldest first."""

    items: tuple[MessageDocument, ...]
    next: Annotated[
        str | None, Meta(description="Give it as `after` for the next page; null at the end.")
    ]


def message_document(message: Message) -> MessageDocument:
    """Show a message."""
    identifier, author = show("msg", message.id), message.author
    return MessageDocument(
        id=identifier, tenant=message.tenant, conversation=show("conv", message.conversation),
        seq=message.seq, thread=maybe("thr", message.thread), channel=message.channel,
        direction=message.direction, kind=message.kind,
        author=AuthorDocument(
            kind=author.kind, name=author.name, identity=maybe("idn", author.identity),
            address=_address(author.address),
        ),
        audience=message.audience, subject=message.subject, text=message.text,
        quoted=message.quoted, html=message.html, language=message.language,
        attachments=tuple(
            _attachment(identifier, number, one)
            for number, one in enumerate(message.attachments, start=1)
        ),
        in_reply_to=message.in_reply_to, external_ids=message.external_ids,
        sent_at=moment(message.sent_at), received_at=moment(message.received_at),
        recorded_at=moment(message.recorded_at), automated=message.automated,
        trust=TrustDocument(
            signature=message.trust.signature, spf=message.trust.spf, dkim=message.trust.dkim,
            dmarc=message.trust.dmarc, stir=message.trust.stir, authority=message.trust.authority,
            unverified=message.trust.unverified,
        ),
        spam=SpamDocument(score=message.spam.score, reasons=message.spam.reasons),
        repeat_of=maybe("msg", message.repeat_of), quiet=message.quiet, remarks=message.remarks,
        revision=message.revision,
        arrivals=tuple(show("arr", one) for one in message.arrivals), gone=message.gone,
    )  # fmt: skip


def _address(address: Address | None) -> str:
    return f"{address.scheme}:{address.value}" if address and address.value else ""


def _attachment(message: str, number: int, one: Attachment) -> AttachmentDocument:
    url = f"/api/v1/messages/{message}/attachments/{number}" if one.state == "stored" else None
    return AttachmentDocument(
        number=number, name=one.name, media_type=one.media_type, sniffed=one.sniffed,
        size=one.size, sha256=one.sha256, content_id=one.content_id, inline=one.inline,
        mark=one.mark, state=one.state, url=url,
    )  # fmt: skip
