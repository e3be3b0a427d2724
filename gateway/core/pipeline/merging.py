"""Merging two conversations, and taking a merge back exactly.

A merge moves threads, so that later messages land in the conversation that stands, and lends its
participants; messages stay where they are and are shown in their place. All it did is kept in the
link, and its undo puts back just that; what was said in between goes home with its thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.core.pipeline.work import Work
from gateway.domain.changes import Move
from gateway.domain.conversation import Link, Participant
from gateway.domain.delivery import Delivery
from gateway.domain.draft import Role
from gateway.domain.ids import show
from gateway.domain.message import Message
from gateway.errors import Refused
from gateway.store.operations import ConversationView


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge did, kept in its link.

    Args:
        state: the state of the merged conversation before.
        threads: threads it moved.
        lent: identities that take part in the standing conversation only through the merge.
        last_seq: of the standing conversation; the numbers of what came afterwards are greater.
    """

    state: str
    resolved_at: int | None = None
    threads: tuple[int, ...] = ()
    lent: tuple[int, ...] = ()
    last_seq: int = 0


def merge(
    work: Work,
    one: ConversationView,
    into: ConversationView,
    who: str,
    *,
    as_role: Role | None = None,
) -> Link:
    """Merge a conversation into another one.

    Args:
        as_role: what those who come along are in the standing conversation; None for what they were.

    Raises:
        Refused: they are the same, of different tenants, or one is merged already.
    """
    a, b = one.conversation, into.conversation
    if a.id == b.id:
        raise Refused("a conversation cannot be merged into itself")
    if a.tenant != b.tenant:
        raise Refused("conversations of different tenants are never merged")
    for conversation in (a, b):
        if conversation.merged_into is not None:
            raise Refused(
                f"{show('conv', conversation.id)} is already merged into "
                f"{show('conv', conversation.merged_into)}; work with that one, or undo its merge"
            )
    there = {participant.identity for participant in into.participants}
    lent = [p for p in one.participants if p.identity not in there]
    undo = Undo(
        state=a.state, resolved_at=a.resolved_at,
        threads=tuple(thread.id for thread in one.threads),
        lent=tuple(participant.identity for participant in lent),
        last_seq=work.read(b).last_seq,
    )  # fmt: skip
    link = Link(
        id=work.new_id(), tenant=work.tenant, kind="merged_into", a=a.id, b=b.id, who=who,
        at=work.now, evidence=f"merged by {who}", undo=msgspec.to_builtins(undo),
    )  # fmt: skip
    work.links.append(link)
    work.moved += [Move(of="thread", id=thread, to=b.id) for thread in undo.threads]
    work.participants += [
        Participant(
            tenant=b.tenant, conversation=b.id, identity=p.identity, role=as_role or p.role,
            added_at=work.now, added_by=p.added_by,
        )
        for p in lent
    ]  # fmt: skip
    work.change(work.read(a), merged_into=b.id, state="closed", resolved_at=work.now)
    work.change(work.read(b))
    work.decide("merge", "merged", f"{who} merged it into {show('conv', b.id)}", conversation=a.id)
    work.decide(
        "merge", "took over", f"{who} merged {show('conv', a.id)} into it", conversation=b.id
    )
    work.tell("conversation.merged", conversation=a.id, data={"into": show("conv", b.id)})
    return link


def said_since(link: Link, messages: Sequence[Message]) -> list[Message]:
    """The messages of the standing conversation itself that came after a merge, by any clock."""
    last = msgspec.convert(link.undo, Undo).last_seq
    return [one for one in messages if one.conversation == link.b and one.seq > last]


def unmerge(
    work: Work,
    link: Link,
    one: ConversationView,
    into: ConversationView,
    since: Sequence[Message],
    sent: Sequence[Delivery],
    who: str,
) -> None:
    """Take a merge back.

    Args:
        since: messages of the standing conversation itself that came after the merge.
        sent: the deliveries of these messages.

    Raises:
        Refused: it was taken back before, or the conversation that stands was merged on.
    """
    if link.kind != "merged_into" or link.revoked_at is not None:
        raise Refused(f"{show('lnk', link.id)} is not a merge that stands")
    if into.conversation.merged_into is not None:
        raise Refused(
            f"{show('conv', into.conversation.id)} was itself merged into another one since; "
            "undo that merge first"
        )
    undo = msgspec.convert(link.undo, Undo)
    a, b = work.read(one.conversation), work.read(into.conversation)
    home = set(undo.threads)
    goes = [message for message in since if message.thread in home]
    for message in goes:
        work.moved.append(Move(of="message", id=message.id, to=a.id, seq=work.next_seq(a)))
    moving = {message.id for message in goes}
    work.moved += [Move(of="delivery", id=one.id, to=a.id) for one in sent if one.message in moving]
    _take_along(work, one, into, goes)
    work.moved += [Move(of="thread", id=thread, to=a.id) for thread in undo.threads]
    stays = {
        message.author.identity for message in since if message.thread not in home
    }  # who spoke in the standing conversation by its own threads takes part in it
    work.participants_gone += [(b.id, identity) for identity in undo.lent if identity not in stays]
    restored: dict[str, Any] = {"state": undo.state, "resolved_at": undo.resolved_at}
    if goes and goes[-1].direction == "in" and undo.state != "held":
        restored = {"state": "open", "resolved_at": None}  # what was said last waits for an answer
    newest = max(a.last_delivery, b.last_delivery)
    work.change(work.conversation(a.id), merged_into=None, last_delivery=newest, **restored)
    work.change(b)
    work.links.append(msgspec.structs.replace(link, revoked_at=work.now, revoked_by=who))
    work.decide(
        "merge", "unmerged", f"{who} took back its merge into {show('conv', b.id)}",
        conversation=a.id,
    )  # fmt: skip
    work.tell("conversation.unmerged", conversation=a.id, data={"from": show("conv", b.id)})


def _take_along(
    work: Work, one: ConversationView, into: ConversationView, goes: Sequence[Message]
) -> None:
    """Let who spoke in messages that go home take part there."""
    there = {participant.identity for participant in one.participants}
    speakers = {message.author.identity for message in goes} - there
    work.participants += [
        msgspec.structs.replace(participant, conversation=one.conversation.id)
        for participant in into.participants
        if participant.identity in speakers
    ]
