"""Changes: everything one step wants written, committed at once or not at all."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.domain.arrival import Quarantined
from gateway.domain.contact import Contact, Identity
from gateway.domain.conversation import Conversation, Link, Participant, Thread, Ticket
from gateway.domain.decision import Decision
from gateway.domain.delivery import Delivery
from gateway.domain.event import Event
from gateway.domain.message import Gone, Message
from gateway.domain.partition import Fence
from gateway.domain.timer import Timer


class StateWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A write to a plugin instance's namespaced state.

    Args:
        owner: the instance, ``channel/NAME``, ``backend/NAME`` or ``plugin/NAME``.
        value: the new value (JSON bytes), None deletes the key.
        expected: the version that was read; 0 means it must not exist; None writes blindly.
    """

    owner: str
    key: str
    value: bytes | None
    expected: int | None = None


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A key that makes a message unique; a second claim of it is a conflict."""

    key: bytes
    message: int
    arrival: int


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A native id under which a message or delivery can be found again."""

    key: bytes
    conversation: int
    message: int
    delivery: int | None = None


class TimerCancel(msgspec.Struct, frozen=True, kw_only=True):
    """Take back a timer, by owner and name."""

    tenant: str
    owner: str
    name: str


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation is still at the version that was read."""

    conversation: int
    version: int


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Re-home a record: a merge moves threads and tickets, its undo moves them back."""

    of: Literal["thread", "ticket", "message", "delivery"]
    id: int
    to: int
    seq: int | None = None


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of work.

    It is committed whole. If an expectation, a claim, a unique key or a fencing token does not
    hold, nothing of it is written and the store answers with a `Conflict`.

    Args:
        arrivals_done: arrivals that are finished with this commit.
        quarantine: arrivals put aside, with the reason.
        buried: arrivals whose content is not kept, with the reason.
        expects: versions that were read.
        conversations: new ones (version 1) or changed ones (version read + 1).
        messages: new ones (revision 0) or new revisions of stored ones.
        deliveries: new ones.
        settled: deliveries with their new state; the row's lease must equal `lease`.
        receipts: deliveries of which only `receipt` moves on.
        participants_gone: (conversation, identity) pairs that no longer take part.
        moved: records that a merge or its undo re-homes.
        fence: for which partition this is written; None for people and for the only process.
    """

    tenant: str
    fence: Fence | None = None
    arrivals_done: tuple[int, ...] = ()
    quarantine: tuple[tuple[int, Quarantined], ...] = ()
    buried: tuple[tuple[int, Gone], ...] = ()
    expects: tuple[Expectation, ...] = ()
    claims: tuple[Claim, ...] = ()
    contacts: tuple[Contact, ...] = ()
    identities: tuple[Identity, ...] = ()
    conversations: tuple[Conversation, ...] = ()
    participants: tuple[Participant, ...] = ()
    participants_gone: tuple[tuple[int, int], ...] = ()
    threads: tuple[Thread, ...] = ()
    messages: tuple[Message, ...] = ()
    references: tuple[Reference, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    settled: tuple[Delivery, ...] = ()
    receipts: tuple[Delivery, ...] = ()
    links: tuple[Link, ...] = ()
    decisions: tuple[Decision, ...] = ()
    timers: tuple[Timer, ...] = ()
    timers_cancelled: tuple[TimerCancel, ...] = ()
    timers_done: tuple[int, ...] = ()
    state: tuple[StateWrite, ...] = ()
    events: tuple[Event, ...] = ()
    moved: tuple[Move, ...] = ()


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else was faster; read again and run again.

    Args:
        on: ``version``, ``claim``, ``identity``, ``thread``, ``lease``, ``state`` …; ``fence``:
            it is another process's business now.
    """

    on: str
    detail: str = ""
