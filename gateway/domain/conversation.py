"""Conversations, their participants, threads, tickets and links."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gateway.domain.draft import Role
from gateway.domain.ids import key_hash

ConversationState = Literal["open", "waiting", "held", "snoozed", "resolved", "closed"]
Tier = Literal["L0", "L1", "L2", "L3", "L4"]
Priority = Literal["low", "normal", "high", "urgent"]
LinkKind = Literal[
    "merged_into", "duplicate_of", "split_from", "follow_up_of", "incident_of", "related",
    "same_person", "not_same",
]  # fmt: skip


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where a conversation goes.

    Args:
        backends: names of backend instances.
        queue: the backend's own name of a queue, group or project.
        due: milliseconds since the Unix epoch until which a first response is owed.
        rule: which rule decided.
    """

    backends: tuple[str, ...] = ()
    queue: str = ""
    tier: Tier = "L1"
    priority: Priority = "normal"
    tags: tuple[str, ...] = ()
    due: int | None = None
    rule: str = ""


class WorkEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the work order: what was tried, by whom, at which tier, how long."""

    at: int
    who: str
    tier: Tier
    text: str
    minutes: int = 0


class ConversationClock(msgspec.Struct, frozen=True, kw_only=True):
    """A commitment: when it is due, since when it is paused, when it was met."""

    kind: Literal["first_response", "next_response", "resolution"]
    due: int | None = None
    paused_at: int | None = None
    met_at: int | None = None


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """All that is said about one matter, whatever the channels.

    Args:
        version: grows with every change; a writer that read an older one runs again.
        last_seq: number of the newest message.
        last_delivery: id of the newest delivery; whatever clock makes the next one's, it is greater.
        merged_into: the conversation that took this one over, while a merge stands.
        requester: the identity that opened it, None if nobody can be named.
    """

    id: int
    tenant: str
    state: ConversationState = "open"
    subject: str = ""
    tier: Tier = "L1"
    priority: Priority = "normal"
    route: Route = Route()
    visibility: Literal["private", "public"] = "private"
    requester: int | None = None
    contact: int | None = None
    language: str = ""
    clocks: tuple[ConversationClock, ...] = ()
    work_order: tuple[WorkEntry, ...] = ()
    merged_into: int | None = None
    last_seq: int = 0
    last_delivery: int = 0
    opened_at: int = 0
    updated_at: int = 0
    resolved_at: int | None = None
    version: int = 0
    extra: dict[str, Any] = {}


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """An identity that takes part in a conversation.

    Args:
        source: the conversation this membership came from when a merge brought it.
    """

    tenant: str
    conversation: int
    identity: int
    role: Role = "requester"
    added_at: int = 0
    added_by: int | None = None


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """The native thing a conversation is tied to on one channel."""

    id: int
    tenant: str
    conversation: int
    channel: str
    native_id: str
    address: str = ""
    identity: int | None = None
    window_until: int | None = None
    audience: Literal["private", "public"] = "private"
    last_in_at: int = 0
    extra: dict[str, Any] = {}


def thread_hash(tenant: str, channel: str, native_id: str) -> bytes:
    """The look-up key of a thread: unique within one channel instance."""
    return key_hash("thread", tenant, channel, native_id)


def reference_hash(tenant: str, external_id: str) -> bytes:
    """The look-up key of a message's native id: within a tenant, across its inboxes."""
    return key_hash("reference", tenant, external_id)


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A backend's record of a conversation; one open at a time per backend."""

    id: int
    tenant: str
    conversation: int
    backend: str
    external_id: str
    url: str = ""
    state: Literal["open", "closed"] = "open"
    native_state: str = ""
    synced_at: int = 0


def ticket_hash(tenant: str, backend: str, external_id: str) -> bytes:
    """The look-up key of a ticket."""
    return key_hash("ticket", tenant, backend, external_id)


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A statement about two conversations (or contacts), which can be revoked.

    Args:
        a, b: ids; `a` is the one said something of ("a is merged_into b").
        evidence: why, in words.
        undo: what a merge moved, so that it can be put back exactly.
    """

    id: int
    tenant: str
    kind: LinkKind
    a: int
    b: int
    of: Literal["conversation", "contact"] = "conversation"
    evidence: str = ""
    who: str = ""
    at: int = 0
    revoked_at: int | None = None
    revoked_by: str = ""
    undo: dict[str, Any] = {}
