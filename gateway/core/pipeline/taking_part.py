"""Who takes part in a conversation: who wrote in it, and whom a verified sender brings in."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.pipeline.identifying import find, identify
from gateway.core.pipeline.work import Work
from gateway.domain.contact import Identity, at_least
from gateway.domain.conversation import Conversation, Participant
from gateway.domain.draft import Draft, DraftParticipant, Role
from gateway.domain.known import Known

LISTED = 10


def take_part(work: Work, known: Known, conversation: Conversation, author: Identity) -> None:
    """Note somebody as taking part whom the platform itself let into a thread."""
    if author.id not in _taking_part(work, known, conversation):
        role: Role = "peer" if conversation.visibility == "public" else "cc"
        work.participants.append(
            Participant(
                tenant=work.tenant, conversation=conversation.id, identity=author.id,
                role=role if conversation.requester else "requester", added_at=work.now,
            )
        )  # fmt: skip


def bring_in(
    work: Work,
    draft: Draft,
    known: Known,
    conversation: Conversation,
    author: Identity | None,
    message: int,
) -> tuple[str, ...]:
    """Let those take part whom a verified sender names; remarks for the agent if they may not.

    Whoever takes part gets the answers. A sender who is only claimed may be anybody who uses that
    address, and brings nobody in: not even into a new conversation, in which the agent would answer
    to the person whose address it is.
    """
    here = _taking_part(work, known, conversation)
    fresh = [one for one in draft.participants if _id(work, known, one) not in here]
    if not fresh:
        return ()
    names = _listed([one.address.value for one in fresh])
    if author is None or not at_least(draft.proof, "asserted"):
        work.decide(
            "identity", "not brought in",
            f"{names}: named as receivers by a sender whose address is only claimed",
            message=message, conversation=conversation.id,
        )  # fmt: skip
        remark = f"Also addressed to {names}, who will get no answers: the sender is not verified."
        return (remark,)
    for participant in fresh:
        identity = identify(
            work, known, participant.address, proof="claimed",
            evidence="named as a receiver of a message",
        )  # fmt: skip
        if identity.id in here:
            continue
        here.add(identity.id)
        work.participants.append(
            Participant(
                tenant=work.tenant, conversation=conversation.id, identity=identity.id,
                role=participant.role, added_at=work.now, added_by=author.id,
            )
        )  # fmt: skip
    work.decide(
        "identity", "brought in",
        f"{names}: named as receivers by {author.scheme}:{author.value}; answers go there as well",
        message=message, conversation=conversation.id,
    )  # fmt: skip
    return ()


def _taking_part(work: Work, known: Known, conversation: Conversation) -> set[int]:
    here = known.conversations.get(conversation.id)
    before = set(here.participants) if here else set()
    return before | {p.identity for p in work.participants if p.conversation == conversation.id}


def _id(work: Work, known: Known, participant: DraftParticipant) -> int | None:
    found = find(work, known, participant.address)
    return found.id if found else None


def _listed(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
