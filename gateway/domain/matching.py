"""Which conversation a message belongs to. Pure: the same draft and knowledge give the same answer.

A message joins only with proof: a continuation code that its sender keyed in, a native thread whose
platform admits the sender, or a signed token or references together with a sender who already takes
part. An address that was verified before has to be verified again, or it may be somebody else's
word. Subject lines, ticket numbers and similar texts never join anything; who holds a token without
taking part gets a conversation of their own, linked to the one the token names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from gateway.domain.contact import Identity, at_least
from gateway.domain.conversation import Conversation
from gateway.domain.draft import Draft
from gateway.domain.known import Known, KnownConversation
from gateway.domain.similarity import comparable, compare, normalise
from gateway.domain.tokens import Named

DAY = 86_400_000
CONTAINED = 0.8
By = Literal["code", "thread", "token", "reference", "repeat", "plugin"]


class MatchingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator can set.

    Args:
        reopen_days: an answer to a conversation closed longer ago opens a follow-up of it.
        repeat_hours: how long ago something may have been said to count as said again.
        repeat_threshold, suggest_threshold: Jaccard indices.
        require_authenticated_sender: references and tokens join only a sender who is at least
            asserted by a provider (DMARC, say), not merely claimed.
    """

    reopen_days: float = 14
    repeat_hours: float = 72
    repeat_threshold: float = 0.45
    suggest_threshold: float = 0.33
    require_authenticated_sender: bool = False


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """It belongs to a conversation."""

    conversation: int
    by: By
    reason: str
    repeat_of: int | None = None
    score: float | None = None


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """It opens a conversation of its own.

    Args:
        link: a conversation to show beside it, and how they are related.
    """

    reason: str
    link: int | None = None
    link_kind: Literal["related", "follow_up_of", "duplicate_of"] = "related"
    score: float | None = None


def match(
    draft: Draft,
    known: Known,
    *,
    author: Identity | None,
    named: tuple[Named, ...],
    policy: MatchingPolicy,
    now: int,
    channel: str = "",
    continued: int | None = None,
) -> Joined | Apart:
    """Decide where a message belongs.

    Args:
        channel: where it came in.
        author: the sender's identity if it is known already.
        named: what the draft's verified tokens name, in order.
        continued: the conversation that the draft's verified proof of a continuation code names.
        now: when the message was received.
    """
    if continued is not None and (found := known.conversations.get(continued)):
        return _join(found, "code", "its sender keyed in a continuation code of it", policy, now)
    if draft.thread and draft.thread.admits_sender and known.thread:
        found = known.conversations.get(known.thread.conversation)
        if found:
            return _join(found, "thread", "it is in a thread that admits its sender", policy, now)
    for found, by, words in _leads(known, named):
        if (why_not := _may_not_join(draft, author, found, channel, policy)) is None:
            return _join(found, by, f"{words} and its sender takes part", policy, now)
        return Apart(
            reason=f"{words}, but {why_not}",
            link=found.conversation.id,
        )
    return _repeat(draft, known, author, policy, now)


def _leads(known: Known, named: tuple[Named, ...]) -> Iterator[tuple[KnownConversation, By, str]]:
    """Conversations that the message points to, the strongest first."""
    for token in named:
        if found := known.conversations.get(token.conversation):
            yield found, "token", "it carries a signed reply token"
    for reference in known.references.values():
        if found := known.conversations.get(reference.conversation):
            yield found, "reference", "it refers to a message of a conversation"
    if known.thread and (found := known.conversations.get(known.thread.conversation)):
        yield found, "thread", "its native thread leads to a conversation"


def open_to_plugins(draft: Draft, author: Identity, found: KnownConversation, channel: str) -> bool:
    """Whether a plugin may let a message join a conversation for what it says.

    Where senders are verified, only one who was.
    """
    return (
        author.id in found.participants
        and not draft.trust.unverified
        and _doubt(draft, author, found, channel) is None
    )


def _doubt(draft: Draft, author: Identity, found: KnownConversation, channel: str) -> str | None:
    """Why a sender who takes part may be somebody else who uses that address.

    A channel that verifies nobody can ask for no proof: there an address that was verified
    elsewhere goes on only in what was said there before.
    """
    if at_least(draft.proof, "asserted") or not at_least(author.proof, "asserted"):
        return None
    if draft.trust.unverified:
        return "its sender's address, verified before, was not verified here"
    if found.threads and all(thread.channel != channel for thread in found.threads):
        return f"its sender's address was verified before, and {channel} verifies nobody"
    return None


def _may_not_join(
    draft: Draft, author: Identity | None, found: KnownConversation, channel: str,
    policy: MatchingPolicy,
) -> str | None:  # fmt: skip
    if draft.trust.failed:
        return f"the sender's address failed authentication ({draft.trust.failed})"
    if author is None or author.id not in found.participants:
        return "its sender does not take part in it"
    if (doubt := _doubt(draft, author, found, channel)) is not None:
        return doubt
    if policy.require_authenticated_sender and not at_least(draft.proof, "asserted"):
        return "its sender's address is only claimed, and the policy asks for more"
    return None


def is_over(conversation: Conversation, policy: MatchingPolicy, now: int) -> bool:
    """Whether a conversation ended so long ago that nothing joins it any more."""
    return (
        conversation.state in ("resolved", "closed")
        and conversation.resolved_at is not None
        and now - conversation.resolved_at > policy.reopen_days * DAY
    )


def _join(
    found: KnownConversation, by: By, reason: str, policy: MatchingPolicy, now: int
) -> Joined | Apart:
    conversation = found.conversation
    if is_over(conversation, policy, now):
        return Apart(
            reason=f"{reason}, but that conversation ended over {policy.reopen_days:g} days ago",
            link=conversation.id,
            link_kind="follow_up_of",
        )
    return Joined(conversation=conversation.id, by=by, reason=reason)


def _repeat(
    draft: Draft, known: Known, author: Identity | None, policy: MatchingPolicy, now: int
) -> Joined | Apart:
    fresh = Apart(reason="nothing proves that it belongs to an earlier conversation")
    if author is None or not at_least(draft.proof, "asserted") or draft.automated != "none":
        return fresh
    if draft.quiet:
        return fresh
    text = normalise(draft.text)
    if not comparable(text):
        return fresh
    alike = [
        (compare(text, normalise(recent.text)), recent)
        for recent in known.recent
        if now - recent.received_at <= policy.repeat_hours * 3_600_000
        and _mine(known, recent.conversation, author)
    ]
    if not alike:
        return fresh
    likeness, recent = max(
        alike, key=lambda one: (one[0].score, not one[0].guarded, one[1].message)
    )
    found = known.conversations[recent.conversation].conversation.id
    if likeness.score >= policy.repeat_threshold and not likeness.guarded:
        return Joined(
            conversation=found,
            by="repeat",
            reason=f"the same sender said nearly the same before (likeness {likeness.score:.2f})",
            repeat_of=recent.message,
            score=likeness.score,
        )
    if likeness.score >= policy.suggest_threshold:
        other = " but names other things" if likeness.guarded else ""
        return Apart(
            reason=f"the same sender said something alike before{other} "
            f"(likeness {likeness.score:.2f})",
            link=found,
            score=likeness.score,
        )
    likeness, recent = max(alike, key=lambda one: (one[0].contained, one[1].message))
    if likeness.contained >= CONTAINED:
        return Apart(
            reason="the same sender said this as part of something longer, or the other way "
            f"round ({likeness.contained:.0%} of it)",
            link=known.conversations[recent.conversation].conversation.id,
            score=likeness.score,
        )
    return fresh


def _mine(known: Known, conversation: int, author: Identity) -> bool:
    found = known.conversations.get(conversation)
    return found is not None and author.id in found.participants
