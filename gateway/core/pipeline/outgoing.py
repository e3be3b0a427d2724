"""Messages that leave: where an answer goes, and who is told of it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.pipeline.work import Work
from gateway.domain.conversation import Conversation, Thread
from gateway.domain.delivery import Delivery
from gateway.domain.known import KnownConversation
from gateway.domain.message import Author, Message

NO_ROUTE = "no_route"


def reply_thread(
    conversation: Conversation, known: Sequence[Thread], prefer: int | None = None
) -> Thread | None:
    """The thread an answer goes to: the one it answers, else the requester's latest."""
    threads = sorted(known, key=lambda thread: thread.last_in_at, reverse=True)
    for thread in threads:
        if thread.id == prefer:
            return thread
    requester = conversation.requester
    for thread in threads:
        if thread.identity == requester:
            return thread
    return threads[0] if threads else None


def send_to_customer(
    work: Work, found: KnownConversation, message: Message, prefer: int | None = None
) -> Delivery:
    """Queue a message for the customer; without a thread it becomes a visible dead letter."""
    thread = reply_thread(found.conversation, found.threads, prefer)
    if thread is None:
        delivery = work.deliver(
            message, f"channel/{message.channel or 'none'}", "reply", state="dead", blocks=False,
            last_code=NO_ROUTE, settled_at=work.now,
            last_error="this conversation has no thread on any channel to answer in; "
            "write to the customer by other means, then discard this",
        )  # fmt: skip
        work.tell("delivery.dead", delivery=delivery.id, conversation=message.conversation)
        return delivery
    return work.deliver(message, f"channel/{thread.channel}", "reply", thread=thread.id)


def tell_agent(work: Work, conversation: Conversation, text: str) -> None:
    """Note in a conversation and its tickets that an answer did not reach the customer.

    Args:
        text: what happened to it and why, for whoever wrote it.
    """
    current = work.read(conversation)
    note = Message(
        id=work.new_id(), tenant=work.tenant, conversation=current.id,
        seq=work.next_seq(current), direction="internal", kind="activity",
        author=Author(kind="system", name="gateway"), audience="internal", text=text,
        automated="bounce", received_at=work.now, recorded_at=work.now,
        arrivals=(work.arrival.id,) if work.arrival else (),
    )  # fmt: skip
    work.messages.append(note)
    work.tell("message.stored", conversation=current.id, message=note.id)
    current = work.conversation(current.id)
    if current.state == "waiting":
        current = work.change(current, state="open")
    tell_backends(work, current, note)


def tell_backends(
    work: Work, conversation: Conversation, message: Message, *, but: str = ""
) -> None:
    """Queue a message for every ticket system of its conversation but the one it came from."""
    for backend in conversation.route.backends:
        if backend != but:
            work.deliver(message, f"backend/{backend}", "forward")
