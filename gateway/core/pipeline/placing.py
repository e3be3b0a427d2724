"""Placing a message: into the conversation it belongs to, or into a new one of its own."""

from __future__ import annotations

import msgspec

from gateway.core.pipeline.candidate import Candidate
from gateway.core.pipeline.taking_part import bring_in, take_part
from gateway.core.pipeline.work import Work
from gateway.domain.changes import Claim, Reference
from gateway.domain.contact import Identity
from gateway.domain.conversation import (
    Conversation,
    Link,
    Participant,
    Route,
    Thread,
    reference_hash,
)
from gateway.domain.ids import show
from gateway.domain.known import Known
from gateway.domain.matching import Apart, Joined
from gateway.domain.message import Author, Message

NO_TICKET = ("auto_reply", "out_of_office", "bounce")


def open_conversation(
    work: Work, candidate: Candidate, author: Identity | None, route: Route, apart: Apart
) -> Conversation:
    """Open a conversation for a message, linked to the one it resembles."""
    message = candidate.message
    quiet = message.quiet or message.automated in NO_TICKET
    conversation = Conversation(
        id=work.new_id(),
        tenant=work.tenant,
        state="resolved" if quiet else "open",
        subject=message.subject,
        tier=route.tier,
        priority=route.priority,
        route=msgspec.structs.replace(route, backends=()) if quiet else route,
        visibility="public"
        if candidate.draft.thread and candidate.draft.thread.audience == "public"
        else "private",
        requester=author.id if author else None,
        contact=author.contact if author else None,
        language=message.language,
        opened_at=work.now,
        updated_at=work.now,
        resolved_at=work.now if quiet else None,
    )
    conversation = work.open(conversation)
    if author:
        work.participants.append(
            Participant(
                tenant=work.tenant, conversation=conversation.id, identity=author.id,
                role="requester", added_at=work.now,
            )
        )  # fmt: skip
    if apart.link is not None:
        work.links.append(
            Link(
                id=work.new_id(), tenant=work.tenant, kind=apart.link_kind, a=conversation.id,
                b=apart.link, evidence=apart.reason, who="core", at=work.now,
            )
        )  # fmt: skip
        work.decide(
            "link", apart.link_kind, f"shown beside {show('conv', apart.link)}: {apart.reason}",
            message=message.id, conversation=conversation.id,
        )  # fmt: skip
    work.tell("conversation.opened", conversation=conversation.id, message=message.id)
    return conversation


def place(
    work: Work,
    candidate: Candidate,
    known: Known,
    conversation: Conversation,
    author: Identity | None,
    verdict: Joined | Apart,
) -> Message:
    """Write a message into a conversation: thread, participants, references, claims."""
    draft, message = candidate.draft, candidate.message
    joined = verdict if isinstance(verdict, Joined) else None
    if isinstance(verdict, Apart) and verdict.link_kind == "follow_up_of":
        known = _move_thread(work, known, conversation, verdict)
    thread = thread_in(work, candidate, known, conversation, author)
    if author:
        take_part(work, known, conversation, author)
    remarks = message.remarks
    if joined is None or joined.by != "repeat":
        remarks += bring_in(work, draft, known, conversation, author, message.id)
    placed = msgspec.structs.replace(
        message,
        conversation=conversation.id,
        seq=work.next_seq(conversation),
        thread=thread.id if thread else None,
        author=Author(
            kind=message.author.kind,
            name=message.author.name,
            address=message.author.address,
            identity=author.id if author else None,
        ),
        repeat_of=joined.repeat_of if joined else None,
        remarks=remarks,
    )
    work.messages.append(placed)
    for native in placed.external_ids:
        work.references.append(
            Reference(
                key=reference_hash(work.tenant, native), conversation=conversation.id,
                message=placed.id,
            )
        )  # fmt: skip
    work.tell("message.stored", conversation=conversation.id, message=placed.id)
    return placed


def claim(work: Work, message: int, keys: tuple[bytes, ...], arrival: int) -> None:
    """Claim the keys that make a message unique."""
    work.claims += [Claim(key=key, message=message, arrival=arrival) for key in keys]


def reopen(work: Work, conversation: Conversation, message: Message) -> Conversation:
    """Put a conversation that waits or has ended back to work, unless a machine wrote."""
    ended = conversation.state in ("resolved", "closed", "waiting", "snoozed")
    if not ended or message.automated in NO_TICKET:
        return conversation
    work.decide(
        "state", "open", f"the customer wrote while it was {conversation.state}",
        message=message.id, conversation=conversation.id,
    )  # fmt: skip
    return work.change(conversation, state="open", resolved_at=None)


def thread_in(
    work: Work,
    candidate: Candidate,
    known: Known,
    conversation: Conversation,
    author: Identity | None,
) -> Thread | None:
    """Tie a message's native thread to a conversation; to a part of it where it is another's."""
    ref = candidate.draft.thread
    if ref is None:
        return None
    found = known.thread
    mine = found is not None and _stands(known, found.conversation) == conversation.id
    if found is not None and not mine:
        # The native thread belongs to another conversation: this message is of it, but not in it.
        native = f"{ref.native_id}#{show('conv', conversation.id)}"
        found = _own_thread(known, conversation, candidate.message.channel, native)
    else:
        native = ref.native_id
    thread = Thread(
        id=found.id if found else work.new_id(),
        tenant=work.tenant,
        conversation=conversation.id,
        channel=candidate.message.channel,
        native_id=native,
        address=ref.address or (found.address if found else ""),
        identity=author.id if author else (found.identity if found else None),
        window_until=ref.window_until,
        audience=ref.audience,
        last_in_at=work.now,
        extra=found.extra if found else {},
    )
    work.threads.append(thread)
    return thread


def _move_thread(work: Work, known: Known, conversation: Conversation, apart: Apart) -> Known:
    """Let a native thread lead to what follows up the conversation that it led to.

    Else each later message of the thread would open a follow-up of its own. The conversation that
    ended keeps a thread by which a late answer still goes out.
    """
    found = known.thread
    ended = known.conversations.get(apart.link or 0)
    if found is None or ended is None or _stands(known, found.conversation) != apart.link:
        return known
    work.read(ended.conversation)
    kept = f"{found.native_id}#{show('conv', found.conversation)}"
    work.threads.append(msgspec.structs.replace(found, id=work.new_id(), native_id=kept))
    moved = msgspec.structs.replace(found, conversation=conversation.id)
    return msgspec.structs.replace(known, thread=moved)


def _own_thread(
    known: Known, conversation: Conversation, channel: str, native: str
) -> Thread | None:
    here = known.conversations.get(conversation.id)
    for thread in here.threads if here else ():
        if (thread.channel, thread.native_id) == (channel, native):
            return thread
    return None


def _stands(known: Known, conversation: int) -> int:
    found = known.conversations.get(conversation)
    return found.conversation.id if found else conversation
