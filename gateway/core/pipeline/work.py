"""The work sheet of one arrival: collects what it causes until everything is committed at once."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.domain.arrival import Arrival, Quarantined
from gateway.domain.changes import Changes, Claim, Expectation, Reference, StateWrite, TimerCancel
from gateway.domain.contact import Contact, Identity
from gateway.domain.conversation import Conversation, Link, Participant, Thread, Ticket
from gateway.domain.decision import Decision, DecisionKind
from gateway.domain.delivery import Delivery, Operation
from gateway.domain.event import Event, EventKind
from gateway.domain.ids import Ids, show
from gateway.domain.message import Gone, Message
from gateway.domain.partition import Fence
from gateway.domain.timer import Timer

CORE = "core 0.1.0"


def delivery_key(message: Message, operation: Operation, target: str) -> str:
    """The idempotency key of a delivery: the same for every attempt, another for a revision."""
    name = target.rpartition("/")[2]
    revision = f".{message.revision}" if message.revision else ""
    return f"gw-{message.tenant}-{show('msg', message.id)}{revision}-{operation}-{name}"


class Work:
    """Collects changes; nothing here does I/O.

    Args:
        arrival: what is worked on, None for a person's or a timer's doing.
        now: milliseconds since the Unix epoch, one moment for the whole sheet.
        fence: for which partition it is, where several processes divide the work.
    """

    def __init__(
        self,
        *,
        tenant: str,
        now: int,
        new_id: Ids,
        arrival: Arrival | None = None,
        fence: Fence | None = None,
    ) -> None:
        self.tenant, self.now, self.new_id, self.arrival = tenant, now, new_id, arrival
        self.fence = fence
        self.contacts: list[Contact] = []
        self.identities: list[Identity] = []
        self.participants: list[Participant] = []
        self.participants_gone: list[tuple[int, int]] = []
        self.threads: list[Thread] = []
        self.messages: list[Message] = []
        self.references: list[Reference] = []
        self.claims: list[Claim] = []
        self.tickets: list[Ticket] = []
        self.deliveries: list[Delivery] = []
        self.settled: list[Delivery] = []
        self.receipts: list[Delivery] = []
        self.links: list[Link] = []
        self.decisions: list[Decision] = []
        self.timers: list[Timer] = []
        self.timers_cancelled: list[TimerCancel] = []
        self.timers_done: list[int] = []
        self.state: list[StateWrite] = []
        self.events: list[Event] = []
        self.quarantined: list[tuple[int, Quarantined]] = []
        self.buried: list[tuple[int, Gone]] = []
        self.done: list[int] = []
        self.moved: list[Any] = []
        self._conversations: dict[int, Conversation] = {}
        self._read: dict[int, int] = {}

    def decide(
        self,
        kind: DecisionKind,
        outcome: str,
        reason: str,
        *,
        plugin: str = CORE,
        message: int | None = None,
        conversation: int | None = None,
        **facts: Any,
    ) -> None:
        """Note a decision and why it was taken."""
        self.decisions.append(
            Decision(
                id=self.new_id(), tenant=self.tenant, kind=kind, plugin=plugin, outcome=outcome,
                arrival=self.arrival.id if self.arrival else None,
                reason=reason, message=message, conversation=conversation, facts=facts, at=self.now,
            )
        )  # fmt: skip

    def tell(self, kind: EventKind, **about: Any) -> None:
        """Note an event for subscribers."""
        data = about.pop("data", {})
        event = Event(
            id=self.new_id(), tenant=self.tenant, kind=kind, at=self.now, data=data, **about
        )
        self.events.append(event)

    def open(self, conversation: Conversation) -> Conversation:
        """Note a new conversation."""
        self._conversations[conversation.id] = msgspec.structs.replace(conversation, version=1)
        return self._conversations[conversation.id]

    def read(self, conversation: Conversation) -> Conversation:
        """Note that a conversation was read; what is committed then rests on its version."""
        if conversation.id not in self._conversations:
            self._read.setdefault(conversation.id, conversation.version)
            self._conversations.setdefault(conversation.id, conversation)
            self.new_id.follow(conversation.last_delivery)
        return self._conversations[conversation.id]

    def change(self, conversation: Conversation, **fields: Any) -> Conversation:
        """Change a conversation that was opened or read here."""
        current = self.read(conversation)
        fresh = conversation.id not in self._read
        version = 1 if fresh else self._read[conversation.id] + 1
        changed = msgspec.structs.replace(current, **fields, version=version, updated_at=self.now)
        self._conversations[conversation.id] = changed
        return changed

    def conversation(self, identifier: int) -> Conversation:
        """The conversation as it stands on this sheet."""
        return self._conversations[identifier]

    def next_seq(self, conversation: Conversation) -> int:
        """Take the next message number of a conversation."""
        current = self.read(conversation)
        return self.change(current, last_seq=current.last_seq + 1).last_seq

    def deliver(
        self,
        message: Message,
        target: str,
        operation: Operation,
        **fields: Any,
    ) -> Delivery:
        """Queue a delivery of a message to a target, behind what its conversation has for it already.

        The conversation is on this sheet.
        """
        delivery = Delivery(
            id=self.new_id(), tenant=self.tenant, conversation=message.conversation,
            message=message.id, revision=message.revision, target=target, operation=operation,
            key=delivery_key(message, operation, target),
            made_at=self.now, next_at=fields.pop("next_at", self.now), **fields,
        )  # fmt: skip
        self.deliveries.append(delivery)
        self.change(self.conversation(message.conversation), last_delivery=delivery.id)
        return delivery

    def put_aside(self, reason: Quarantined) -> None:
        """Put the arrival into quarantine instead of finishing it."""
        if self.arrival is None:
            return
        self.quarantined.append((self.arrival.id, reason))
        self.tell("arrival.quarantined", arrival=self.arrival.id, data={"code": reason.code})
        self.decide("quarantine", reason.code, reason.error, plugin=reason.plugin or CORE)

    def bury(self, why: Gone) -> None:
        """Keep nothing of the arrival but its tombstone."""
        if self.arrival is not None:
            self.buried.append((self.arrival.id, why))

    def changes(self, *, finish: bool = True) -> Changes:
        """Everything on the sheet as one unit of work.

        Args:
            finish: the arrival is done with this; False while further parts of it follow.
        """
        if finish and self.arrival is not None and not self.quarantined:
            self.done.append(self.arrival.id)
        written = tuple(
            conversation
            for conversation in self._conversations.values()
            if conversation.version != self._read.get(conversation.id)
        )
        unchanged = tuple(
            Expectation(conversation=identifier, version=version)
            for identifier, version in self._read.items()
            if self._conversations[identifier].version == version
        )
        return Changes(
            tenant=self.tenant,
            fence=self.fence,
            arrivals_done=tuple(self.done),
            quarantine=tuple(self.quarantined),
            buried=tuple(self.buried) if finish else (),
            expects=unchanged,
            claims=tuple(self.claims),
            contacts=tuple(self.contacts),
            identities=tuple(self.identities),
            conversations=written,
            participants=tuple(self.participants),
            participants_gone=tuple(self.participants_gone),
            threads=tuple(self.threads),
            messages=tuple(self.messages),
            references=tuple(self.references),
            tickets=tuple(self.tickets),
            deliveries=tuple(self.deliveries),
            settled=tuple(self.settled),
            receipts=tuple(self.receipts),
            links=tuple(self.links),
            decisions=tuple(self.decisions),
            timers=tuple(self.timers),
            timers_cancelled=tuple(self.timers_cancelled),
            timers_done=tuple(self.timers_done),
            state=tuple(self.state),
            events=tuple(self.events),
            moved=tuple(self.moved),
        )
