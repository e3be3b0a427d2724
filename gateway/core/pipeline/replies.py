"""What agents and ticket systems say: replies, notes and state changes on their way back."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.core.api_reply import named_conversation
from gateway.core.pipeline.burying import bury
from gateway.core.pipeline.keys import exact_key, loose_key
from gateway.core.pipeline.outgoing import reply_thread, send_to_customer, tell_agent, tell_backends
from gateway.core.pipeline.placing import claim
from gateway.core.pipeline.work import Work
from gateway.domain.arrival import Arrival, Quarantined
from gateway.domain.changes import TimerCancel
from gateway.domain.conversation import Conversation, Ticket
from gateway.domain.draft import AgentReply, TicketChange
from gateway.domain.ids import show
from gateway.domain.known import Known, KnownConversation
from gateway.domain.message import Address, Attachment, Author, Message

STATES: dict[str, Literal["open", "waiting", "held", "resolved", "closed"]] = {
    "open": "open", "waiting": "waiting", "held": "held", "resolved": "resolved",
    "closed": "closed",
}  # fmt: skip


def already_known(work: Work, arrival: Arrival, part: int, known: Known) -> bool:
    """Whether this part of an arrival was taken in before; noted as a duplicate.

    A person's words under the key of others are put aside instead: they would vanish.
    """
    keys = (exact_key(arrival, part), loose_key(arrival, part))
    holder = next((known.claimed[key] for key in keys if key in known.claimed), None)
    if holder is None:
        return False
    if holder in known.gone:
        bury(work, part, holder, known.gone[holder])
        return True
    if arrival.source_kind == "api" and keys[0] not in known.claimed:
        work.put_aside(
            Quarantined(
                stage="match", code="key_reused", at=work.now,
                error=f"its idempotency key stands for {show('msg', holder)}, which says something "
                "else; nothing of it was sent: write it anew with another key, and discard this",
            )
        )  # fmt: skip
        return True
    work.decide(
        "duplicate", "redelivery", f"{arrival.source} handed this in before", message=holder
    )
    return True


def ticket_conversation(
    work: Work, arrival: Arrival, ticket: str, known: Known
) -> KnownConversation | None:
    """The conversation of a ticket; without one the arrival is put aside, never dropped."""
    if arrival.source_kind == "api":
        found = known.conversations.get(named_conversation(ticket))
        if found is not None:
            return found
    elif known.ticket is not None:
        found = known.conversations.get(known.ticket.conversation)
        if found is not None:
            return found
    work.put_aside(
        Quarantined(
            stage="match", code="unknown_ticket", at=work.now,
            error=f"{arrival.source} spoke of ticket {ticket!r}, which no conversation knows; "
            "replay it once the ticket is linked, or discard it",
        )
    )  # fmt: skip
    return None


def take_reply(
    work: Work,
    arrival: Arrival,
    part: int,
    reply: AgentReply,
    attachments: tuple[Attachment, ...],
    known: Known,
) -> Message | None:
    """Take in what an agent wrote in a ticket system."""
    if already_known(work, arrival, part, known):
        return None
    found = ticket_conversation(work, arrival, reply.ticket, known)
    if found is None:
        return None
    message = write(
        work, found, text=reply.text, html=reply.html, subject=reply.subject,
        internal=reply.audience == "internal", author=reply.author, attachments=attachments,
        address=Address(scheme="agent", value=reply.author_id or reply.author, name=reply.author),
        external_id=f"{arrival.source}:{reply.ticket}:{reply.entry}",
        from_backend=arrival.source if arrival.source_kind == "backend" else "",
        sent_at=reply.at,
    )  # fmt: skip
    claim(work, message.id, (exact_key(arrival, part), loose_key(arrival, part)), arrival.id)
    return message


def write(
    work: Work,
    found: KnownConversation,
    *,
    text: str,
    html: str = "",
    subject: str = "",
    internal: bool,
    author: str,
    address: Address | None = None,
    attachments: tuple[Attachment, ...] = (),
    external_id: str = "",
    from_backend: str = "",
    sent_at: int | None = None,
    prefer: int | None = None,
) -> Message:
    """Write an agent's reply or note into a conversation and send it where it belongs."""
    conversation = work.read(found.conversation)
    thread = None if internal else reply_thread(found.conversation, found.threads, prefer)
    message = Message(
        id=work.new_id(), tenant=work.tenant, conversation=conversation.id,
        seq=work.next_seq(conversation), thread=thread.id if thread else None,
        channel=thread.channel if thread else "",
        direction="internal" if internal else "out", kind="note" if internal else "text",
        author=Author(kind="agent", name=author, address=address),
        audience="internal" if internal else "customer", subject=subject, text=text, html=html,
        attachments=attachments, external_ids=(external_id,) if external_id else (),
        sent_at=sent_at, received_at=work.arrival.received_at if work.arrival else work.now,
        recorded_at=work.now, arrivals=(work.arrival.id,) if work.arrival else (),
    )  # fmt: skip
    work.messages.append(message)
    work.decide(
        "reply", "note" if internal else "to the customer",
        f"{author or 'an agent'} wrote in {from_backend or 'the gateway'}",
        message=message.id, conversation=conversation.id,
    )  # fmt: skip
    work.tell("message.stored", conversation=conversation.id, message=message.id)
    tell_backends(work, conversation, message, but=from_backend)
    if not internal:
        sent = send_to_customer(work, found, message, prefer)
        if sent.state == "queued":
            answered(work, work.conversation(conversation.id))
        else:
            tell_agent(work, conversation, f"The answer could not be sent: {sent.last_error}")
    return message


def answered(work: Work, conversation: Conversation) -> None:
    """Note that the customer has been answered: commitments are met, and we wait."""
    clocks = tuple(
        msgspec.structs.replace(clock, met_at=work.now)
        if clock.met_at is None and clock.kind != "resolution"
        else clock
        for clock in conversation.clocks
    )
    state = "waiting" if conversation.state == "open" else conversation.state
    work.change(conversation, clocks=clocks, state=state)
    work.timers_cancelled.append(
        TimerCancel(
            tenant=work.tenant, owner="core",
            name=f"first_response/{show('conv', conversation.id)}",
        )
    )  # fmt: skip


def take_change(
    work: Work, arrival: Arrival, part: int, change: TicketChange, known: Known
) -> None:
    """Take in a ticket's new state."""
    if already_known(work, arrival, part, known):
        return
    found = ticket_conversation(work, arrival, change.ticket, known)
    if found is None or known.ticket is None:
        return
    conversation = work.read(found.conversation)
    closed = change.state in ("resolved", "closed")
    work.tickets.append(
        msgspec.structs.replace(
            known.ticket, native_state=change.native_state, synced_at=work.now,
            state=_ticket_state(change, known.ticket, found),
        )
    )  # fmt: skip
    if change.state and change.state != conversation.state:
        work.change(
            conversation, state=STATES[change.state], resolved_at=work.now if closed else None
        )
    work.decide(
        "state", change.state or "noted",
        f"ticket {change.ticket} of {arrival.source} is now "
        f"{change.native_state or change.state}",
        conversation=conversation.id,
    )  # fmt: skip
    work.tell("ticket.changed", conversation=conversation.id, data={"state": change.state})


def _ticket_state(
    change: TicketChange, ticket: Ticket, found: KnownConversation
) -> Literal["open", "closed"]:
    """A ticket's new state; beside the one that followed it up, a reopened one stays closed."""
    if not change.state:
        return ticket.state
    followed = any(
        other.backend == ticket.backend and other.id != ticket.id and other.state == "open"
        for other in found.tickets
    )
    return "closed" if change.state == "closed" or followed else "open"
