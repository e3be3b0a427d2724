"""Going on by another channel: what was the sender's own joins what their code leads to.

A call that rings, or a chat that has begun, is a conversation before anybody keys in a code. Once
the code is right it is merged into the conversation that gave the code, as an agent would merge it:
`gateway unmerge` takes it back. What others take part in is never merged by a code. A call that
came in where more was said (between the same two numbers) goes there alone; the rest is another matter.
"""

from __future__ import annotations

import msgspec

from gateway.core.pipeline.candidate import Candidate
from gateway.core.pipeline.keys import author_address, continued_by
from gateway.core.pipeline.merging import merge
from gateway.core.pipeline.placing import thread_in
from gateway.core.pipeline.taking_part import take_part
from gateway.core.pipeline.work import Work
from gateway.domain.changes import Move
from gateway.domain.contact import identity_hash
from gateway.domain.conversation import reference_hash
from gateway.domain.draft import Draft
from gateway.domain.ids import show
from gateway.domain.known import Known, KnownConversation
from gateway.domain.matching import MatchingPolicy, is_over
from gateway.domain.message import Message
from gateway.domain.tokens import Keyring
from gateway.store.operations import Store

BY_CODE = "a continuation code"


class Continued(msgspec.Struct, frozen=True, kw_only=True):
    """What a code has changed.

    Args:
        known: what is known now, merges followed.
        home: where the message that is revised goes, by itself; None if it stays with the others.
    """

    known: Known
    home: KnownConversation | None = None


async def continue_where_proven(
    store: Store, work: Work, keyring: Keyring, draft: Draft, known: Known, policy: MatchingPolicy
) -> Continued:
    """Bring what is the sender's own into the conversation that their code leads to."""
    continued = continued_by(keyring, work.tenant, draft)
    if draft.continues and continued is None:
        work.decide("match", "code refused", "its proof of a continuation code is not its sender's")
    into = known.conversations.get(continued) if continued is not None else None
    own = _own(work.tenant, draft, known)
    if into is None or own is None or own.conversation.id == into.conversation.id:
        return Continued(known=known)
    words = f"its sender keyed in a continuation code of {show('conv', into.conversation.id)}"
    if is_over(into.conversation, policy, work.now):
        why_not = f"that one ended over {policy.reopen_days:g} days ago"
    elif draft.revises and own.conversation.last_seq > 1:
        work.decide("match", "moved", words, conversation=own.conversation.id)
        return Continued(known=known, home=into)
    elif not own.participants <= _author(work, draft, known):
        why_not = "others take part in this conversation"
    else:
        return Continued(known=await _merged(store, work, known, own, into))
    work.decide("match", "not merged", f"{words}, but {why_not}", conversation=own.conversation.id)
    return Continued(known=known)


def go_home(
    work: Work, candidate: Candidate, known: Known, before: Message, home: KnownConversation
) -> Message:
    """Move a stored message, and nothing that stands beside it, to where a code leads."""
    conversation = work.read(home.conversation)
    author = next(
        (one for one in known.identities.values() if one.id == before.author.identity), None
    )
    thread = thread_in(work, candidate, known, conversation, author)
    if author is not None:
        take_part(work, known, conversation, author)
    seq = work.next_seq(conversation)
    work.moved.append(Move(of="message", id=before.id, to=conversation.id, seq=seq))
    return msgspec.structs.replace(
        before, conversation=conversation.id, seq=seq, thread=thread.id if thread else None
    )


async def _merged(
    store: Store, work: Work, known: Known, own: KnownConversation, into: KnownConversation
) -> Known:
    merge(
        work,
        await store.conversation(None, own.conversation.id),
        await store.conversation(None, into.conversation.id),
        BY_CODE,
        as_role="cc",
    )
    standing = {
        name: into if one.conversation.id == own.conversation.id else one
        for name, one in known.conversations.items()
    }
    return msgspec.structs.replace(known, conversations=standing)


def _own(tenant: str, draft: Draft, known: Known) -> KnownConversation | None:
    """The conversation that a message is in already: that of what it revises, or of its thread."""
    if draft.revises:
        lead = known.references.get(reference_hash(tenant, draft.revises))
        return known.conversations.get(lead.conversation) if lead else None
    return known.conversations.get(known.thread.conversation) if known.thread else None


def _author(work: Work, draft: Draft, known: Known) -> set[int]:
    address = author_address(draft)
    found = known.identities.get(identity_hash(work.tenant, address)) if address else None
    return {found.id} if found else set()
