"""The systems outside: ticket systems, and the providers of channels. They outlive every process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from gateway.domain.arrival import NewArrival
from gateway.domain.delivery import Repeat
from gateway.domain.draft import AgentReply, Parsed, TicketChange
from gateway.domain.outgoing import EntryRef, Forward, Reply, Sent, TicketRef
from gateway.errors import Rejected


class Witness(Protocol):
    """Who looks on: told of every effect on the world outside, at the moment it happens."""

    def forwarded(self, target: str, ticket: str, forward: Forward) -> None:
        """A ticket was opened or an entry added."""
        ...

    def replied(self, target: str, reply: Reply) -> None:
        """A customer got something."""
        ...


def encode(*parsed: Parsed) -> bytes:
    """What connectors in a simulation hand in: what is to be read in it, as JSON."""
    return msgspec.json.encode(list(parsed))


@dataclass
class Record:
    """A ticket: the conversation it was opened for, and the keys of its entries."""

    conversation: str
    first: str
    entries: dict[str, str] = field(default_factory=dict)
    closed: bool = False


class Desk:
    """A ticket system.

    Args:
        repeat: whether it knows keys again, can be searched, or neither.
        on_entry: told of everything that customers say, so that agents may answer.
    """

    def __init__(
        self,
        name: str,
        repeat: Repeat,
        witness: Witness,
        on_entry: Callable[[Desk, str, Forward], None],
    ) -> None:
        self.name, self.repeat, self._witness, self._on_entry = name, repeat, witness, on_entry
        self.tickets: dict[str, Record] = {}
        self.said: list[NewArrival] = []
        self._made = 0

    def open(self, forward: Forward) -> TicketRef:
        """Open a ticket."""
        if self.repeat == "idempotent" and (found := self.find(forward)):
            return found
        number = str(len(self.tickets) + 1)
        self.tickets[number] = Record(conversation=forward.conversation, first=forward.key)
        self._add(number, forward)
        return TicketRef(external_id=number)

    def add(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        """Add an entry."""
        record = self.tickets[ticket.external_id]
        if self.repeat == "idempotent" and forward.key in record.entries:
            return EntryRef(external_id=record.entries[forward.key])
        if record.closed:
            raise Rejected("this ticket is closed for good", code="ticket_closed")
        return EntryRef(external_id=self._add(ticket.external_id, forward))

    def _add(self, number: str, forward: Forward) -> str:
        self._made += 1
        entry = self.tickets[number].entries[forward.key] = f"{number}.{self._made}"
        self._witness.forwarded(self.name, number, forward)
        self._on_entry(self, number, forward)
        return entry

    def find(self, forward: Forward) -> TicketRef | None:
        """Find the ticket that was opened under a key."""
        for number, record in self.tickets.items():
            if record.first == forward.key:
                return TicketRef(external_id=number)
        return None

    def find_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef | None:
        """Find an entry by its key."""
        found = self.tickets[ticket.external_id].entries.get(forward.key)
        return None if found is None else EntryRef(external_id=found)

    def holds(self, key: str) -> bool:
        """Whether anything was taken in under a key, as a person sees who looks."""
        return any(key in record.entries for record in self.tickets.values())

    def say(self, marker: str, ticket: str, said: AgentReply | TicketChange) -> NewArrival:
        """Let an agent do something in a ticket."""
        arrival = NewArrival(key=marker, lane=ticket, body=encode(said))
        self.said.append(arrival)
        return arrival


class Provider:
    """What carries a channel's messages: a chat, a carrier, a mail server.

    Args:
        knows_again: it delivers what is sent under the same key only once.
    """

    def __init__(self, name: str, witness: Witness, *, knows_again: bool) -> None:
        self.name, self._witness, self._knows_again = name, witness, knows_again
        self.sent: dict[str, Reply] = {}
        self.history: list[NewArrival] = []
        self.unseen: dict[str, NewArrival] = {}
        self.inbox: list[Reply] = []

    def take(self, reply: Reply) -> Sent:
        """Carry a reply to the customer."""
        if not (self._knows_again and reply.key in self.sent):
            self._witness.replied(self.name, reply)
            self.inbox.append(reply)
        self.sent[reply.key] = reply
        return Sent(external_ids=(f"{self.name}-{reply.key}",))

    def holds(self, key: str) -> bool:
        """Whether a reply was sent, as a person sees who looks."""
        return key in self.sent
