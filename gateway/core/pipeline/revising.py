"""New revisions of stored messages: an edit, a call that ends, a late transcript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from gateway.contracts.channel import Channel
from gateway.core.pipeline.burying import bury
from gateway.core.pipeline.candidate import Candidate
from gateway.core.pipeline.continuing import go_home
from gateway.core.pipeline.keys import exact_key
from gateway.core.pipeline.placing import claim
from gateway.core.pipeline.stopping import released, stopped
from gateway.core.pipeline.work import Work
from gateway.domain.arrival import Arrival
from gateway.domain.changes import Reference
from gateway.domain.conversation import Conversation, reference_hash
from gateway.domain.draft import Draft
from gateway.domain.known import Known, KnownConversation, KnownReference
from gateway.domain.message import Message
from gateway.hooks.calls import Hooks
from gateway.store.operations import Store

Channels = Mapping[str, Channel[Any]]
SEEN = ("kind", "subject", "text", "quoted", "html", "quiet")


class Revised(msgspec.Struct, frozen=True, kw_only=True):
    """A revision that was written down.

    Args:
        conversation: where the message is seen, which need not be the one it was written in.
        before: the message as it was.
    """

    message: Message
    before: Message
    conversation: Conversation

    @property
    def wakes(self) -> bool:
        """Whether there is something to work on now, and was not before."""
        return self.before.quiet and not self.message.quiet

    @property
    def shows(self) -> bool:
        """Whether whoever works on it sees anything new."""
        return not self.message.quiet and _seen(self.before) != _seen(self.message)


def _seen(message: Message) -> tuple[Any, ...]:
    files = tuple(
        (one.name, one.state, one.sha256) for one in message.attachments if one.state != "pending"
    )
    return (*(getattr(message, name) for name in SEEN), files)


async def revise(
    store: Store,
    hooks: Hooks,
    channels: Channels,
    work: Work,
    arrival: Arrival,
    candidate: Candidate,
    known: Known,
    home: KnownConversation | None = None,
) -> Revised | Literal["over"] | None:
    """Make a new revision of a stored message; None if there is none that it revises.

    It is over where the message was erased, of which nothing of the revision is kept, and where a
    plugin stops it, so that the arrival is put aside.

    Args:
        home: the conversation to which the message goes, which may be another one than before.
    """
    lead = revised_by(arrival, candidate.draft, known)
    if lead is None:
        return None
    before = await store.message(None, lead.message)
    if before.gone:
        bury(work, candidate.part, before.id, before.gone)
        return "over"
    place = home or known.conversations[lead.conversation]
    conversation = work.read(place.conversation)
    whole = put_together(channels, arrival.source, before, candidate.message)
    if whole is not candidate.message:
        # What a channel puts together may say what was blacked out in a part of it.
        redacted = await hooks.redact_message(whole, "store")
        if redacted.ended is not None and not await released(store, arrival.id):
            ended = redacted.ended
            work.put_aside(stopped(ended.value, f"{ended.plugin} {ended.version}", work.now))
            return "over"
        whole = redacted.value
    stored = before if home is None else go_home(work, candidate, known, before, home)
    message = revision(whole, stored, arrival.id)
    work.messages.append(message)
    work.change(work.conversation(conversation.id))
    work.references += [
        Reference(
            key=reference_hash(work.tenant, native), conversation=stored.conversation,
            message=before.id,
        )
        for native in message.external_ids
        if native not in before.external_ids
    ]  # fmt: skip
    work.decide(
        "match", "revision", f"revision {message.revision} of a stored message",
        message=stored.id, conversation=stored.conversation,
    )  # fmt: skip
    work.tell("message.revised", conversation=stored.conversation, message=stored.id)
    claim(work, before.id, (exact_key(arrival, candidate.part),), arrival.id)
    return Revised(message=message, before=before, conversation=conversation)


def revised_by(arrival: Arrival, draft: Draft, known: Known) -> KnownReference | None:
    """Where the stored message is that a draft revises; None if it revises none that is known."""
    lead = known.references.get(reference_hash(arrival.tenant, draft.revises))
    return lead if lead is not None and lead.conversation in known.conversations else None


def put_together(channels: Channels, source: str, stored: Message, new: Message) -> Message:
    """Let the channel put a stored message together with what came."""
    channel = channels.get(source)
    return new if channel is None else channel.revise(stored, new)


def revision(new: Message, stored: Message, *arrivals: int) -> Message:
    """The next revision of a stored message; whose it is and where it stands stays."""
    return msgspec.structs.replace(
        new,
        id=stored.id,
        conversation=stored.conversation,
        seq=stored.seq,
        thread=stored.thread,
        author=stored.author,
        revision=stored.revision + 1,
        external_ids=tuple(dict.fromkeys((*stored.external_ids, *new.external_ids))),
        received_at=stored.received_at,
        arrivals=(*stored.arrivals, *arrivals),
    )
