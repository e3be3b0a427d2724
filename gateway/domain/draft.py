"""What a connector's parse returns: pure readings of one arrival."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gateway.domain.contact import Proof
from gateway.domain.message import (
    Address,
    Audience,
    AuthorKind,
    Automated,
    MessageKind,
    Spam,
    Trust,
)

Role = Literal["requester", "cc", "peer", "agent", "follower"]
ReceiptState = Literal["accepted", "sent", "delivered", "read", "failed"]


class DraftAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file as parsed; its bytes go to the blob store before the message is committed.

    Args:
        data: the bytes, or None with a `state` that says why there are none.
    """

    name: str
    media_type: str = "application/octet-stream"
    data: bytes | None = None
    content_id: str = ""
    inline: bool = False
    mark: str = ""
    state: Literal["stored", "pending", "too_large", "unavailable", "blocked"] = "stored"


class ThreadRef(msgspec.Struct, frozen=True, kw_only=True):
    """The native thing a message belongs to on its channel.

    Args:
        native_id: mail's first reference, a Slack ``thread_ts``, a topic's number, a call SID.
        admits_sender: the platform itself decides who may write there, so being there is proof.
        address: where replies to this thread go, if not to the author's own address.
        window_until: replies are free-form until then, in milliseconds since the Unix epoch.
        audience: who reads it.
    """

    native_id: str
    admits_sender: bool = False
    address: str = ""
    window_until: int | None = None
    audience: Literal["private", "public"] = "private"


class DraftParticipant(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody the author brought in, by Cc for instance."""

    address: Address
    role: Role = "cc"


class Draft(msgspec.Struct, frozen=True, kw_only=True, tag="draft"):
    """One message as its channel reads it; the pipeline makes a `Message` of it.

    Args:
        author: the sender's address in normal form, or None if there is none.
        also: further addresses of the author that the same proof covers, such as an id beside a phone
            number; each takes part as the author does, and none is taken from somebody who has it.
        proof: how well the sender's address is proven (see `Proof`).
        evidence: what the proof rests on, in words.
        recipients: the channel's own addresses that were written to (for routing).
        tokens: reply tokens found, in the order to be tried; the core verifies them.
        references: native ids of earlier messages, nearest first.
        external_ids: this message's own native ids.
        same_as: content keys under which the same message in another inbox is recognised.
        answerable: False if no automatic answer may be sent; `reasons` says why.
        acknowledge: the channel may send an acknowledgement to this sender.
        revises: native id of the message of which this is a new revision, or a part that
            `Channel.revise` puts together with what came before.
        quiet: nothing to work on yet, as a call that still rings: it is kept and shown, but opens
            no ticket and wakes nobody, until a revision that is not quiet.
        continues: the proof that `Codes.redeem` gave for its author.
        remarks: sentences for the agent, such as what the sender asks for and does not get.
    """

    kind: MessageKind = "text"
    author: Address | None = None
    also: tuple[Address, ...] = ()
    author_kind: AuthorKind = "customer"
    proof: Proof = "claimed"
    evidence: str = ""
    audience: Audience = "customer"
    subject: str = ""
    text: str
    quoted: str = ""
    html: str = ""
    language: str = ""
    attachments: tuple[DraftAttachment, ...] = ()
    participants: tuple[DraftParticipant, ...] = ()
    recipients: tuple[str, ...] = ()
    thread: ThreadRef | None = None
    tokens: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    in_reply_to: str = ""
    external_ids: tuple[str, ...] = ()
    same_as: tuple[str, ...] = ()
    sent_at: int | None = None
    automated: Automated = "none"
    answerable: bool = True
    acknowledge: bool = True
    reasons: tuple[str, ...] = ()
    trust: Trust = Trust()
    spam: Spam = Spam()
    revises: str = ""
    quiet: bool = False
    continues: str = ""
    remarks: tuple[str, ...] = ()
    extra: dict[str, Any] = {}


class Receipt(msgspec.Struct, frozen=True, kw_only=True, tag="receipt"):
    """What became of something we sent: a delivery receipt, or a bounce.

    Args:
        external_ids: native ids under which it was sent; the first known one counts.
        delivery: our own delivery id where the provider gives it back.
        recipient: whose copy it is about, None for all.
        state: never moves a delivery back; ``failed`` is told to the agent.
        permanent: a failed one will not work later either.
        whole: it is about all of what we sent, or about its last part: whatever it tells, it
            proves that we did send it, should we not know.
        text: what the provider says, for the agent.
    """

    external_ids: tuple[str, ...] = ()
    delivery: int | None = None
    recipient: Address | None = None
    state: ReceiptState
    permanent: bool = True
    whole: bool = False
    code: str = ""
    text: str = ""
    at: int | None = None


class AgentReply(msgspec.Struct, frozen=True, kw_only=True, tag="agent_reply"):
    """What an agent wrote in a ticket system.

    Args:
        ticket: the ticket's id in the backend.
        entry: the entry's id in the backend; makes the reply unique.
        audience: ``customer`` leaves on the customer's channel, ``internal`` is kept as a note.
    """

    ticket: str
    entry: str
    audience: Audience = "internal"
    author: str = ""
    author_id: str = ""
    text: str
    html: str = ""
    subject: str = ""
    attachments: tuple[DraftAttachment, ...] = ()
    at: int | None = None


class TicketChange(msgspec.Struct, frozen=True, kw_only=True, tag="ticket_change"):
    """A change of a ticket's state in its backend.

    Args:
        state: in the gateway's words, or empty if only `native_state` is known.
    """

    ticket: str
    state: Literal["", "open", "waiting", "held", "resolved", "closed"] = ""
    native_state: str = ""
    at: int | None = None


class Ignored(msgspec.Struct, frozen=True, kw_only=True, tag="ignored"):
    """An arrival that says nothing to anybody; `reason` is kept as a decision."""

    reason: str


Parsed = Draft | Receipt | AgentReply | TicketChange | Ignored
