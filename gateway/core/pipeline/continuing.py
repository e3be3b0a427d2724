"""Going on by another channel: what was the sender's own joins what their code leads to.

A call that rings, or a chat that has begun, is a conversation before anybody keys in a code. Once
the code is right it is merged into the conversation that gave the code, as an agent would merge it:
`gateway unmerge` takes it back. What others take part in is never merged by a code.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from gateway.core.pipeline.keys import author_address, continued_by
from gateway.core.pipeline.merging import merge
from gateway.core.pipeline.work import Work
from gateway.domain.contact import identity_hash
from gateway.domain.conversation import reference_hash
from gateway.domain.draft import Draft
from gateway.domain.ids import show
from gateway.domain.known import Known, KnownConversation
from gateway.domain.matching import MatchingPolicy, is_over
from gateway.domain.tokens import Keyring
from gateway.store.operations import Store

BY_CODE = "a continuation code"


async def continue_where_proven(
    store: Store, work: Work, keyring: Keyring, draft: Draft, known: Known, policy: MatchingPolicy
) -> Known:
    """Merge the sender's own conversation into the one that a code leads to; what is known then."""
    continued = continued_by(keyring, work.tenant, draft)
    if draft.continues and continued is None:
        work.decide("match", "code refused", "its proof of a continuation code is not its sender's")
    into = known.conversations.get(continued) if continued is not None else None
    if into is None:
        return known
    for own in _own(work.tenant, draft, known):
        if own.conversation.id == into.conversation.id:
            continue
        why_not = _why_not(work, draft, known, own, into, policy)
        if why_not:
            work.decide(
                "match", "not merged", f"its sender keyed in a continuation code of "
                f"{show('conv', into.conversation.id)}, but {why_not}",
                conversation=own.conversation.id,
            )  # fmt: skip
            continue
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
        known = msgspec.structs.replace(known, conversations=standing)
    return known


def _own(tenant: str, draft: Draft, known: Known) -> Iterator[KnownConversation]:
    """The conversations that a message is in already: what it revises, and its native thread's."""
    lead = known.references.get(reference_hash(tenant, draft.revises)) if draft.revises else None
    threads = known.thread.conversation if known.thread else None
    for name in {lead.conversation if lead else None, threads} - {None}:
        if name is not None and (found := known.conversations.get(name)):
            yield found


def _why_not(
    work: Work,
    draft: Draft,
    known: Known,
    own: KnownConversation,
    into: KnownConversation,
    policy: MatchingPolicy,
) -> str:
    address = author_address(draft)
    author = known.identities.get(identity_hash(work.tenant, address)) if address else None
    if not own.participants <= ({author.id} if author else set()):
        return "others take part in this conversation"
    if is_over(into.conversation, policy, work.now):
        return f"that one ended over {policy.reopen_days:g} days ago"
    return ""
