"""Targets: one way to deliver, whether a ticket system or a channel is at the other end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from gateway.contracts.backend import Backend
from gateway.contracts.channel import Channel
from gateway.core.answered import answered, answered_or_none
from gateway.core.gathering import Gathered
from gateway.core.outbox.composing import ReplyComposer, compose_forward
from gateway.core.pipeline.outgoing import NO_ROUTE
from gateway.domain.answers import Hold
from gateway.domain.conversation import Ticket
from gateway.domain.delivery import Delivery, Repeat, StuckHead
from gateway.domain.draft import ReceiptState
from gateway.domain.message import Message
from gateway.domain.outgoing import EntryRef, Forward, Reply, Sent, TicketRef
from gateway.errors import ConnectorError, NotFound, Rejected
from gateway.hooks.calls import Hooks
from gateway.hooks.dispatcher import Piped
from gateway.store.operations import ConversationView, Cursor, DeliveryFilter, Store

TICKET_CLOSED = "ticket_closed"
RELEASED = "released"
EARLIER = 20


class Stopped(ConnectorError):
    """A plugin held the delivery back or refused it; a person can let it go."""

    code = "held"
    blame = "operator"


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a delivery.

    Args:
        ticket: where a ticket was opened.
        closed: a ticket that turned out to be closed for good.
        sent: what a channel answered.
        found: nothing was sent, since it had been done before.
        shown: the revision of the message that a ticket system has seen now.
    """

    external_ids: tuple[str, ...] = ()
    receipt: ReceiptState | None = None
    ticket: TicketRef | None = None
    closed: Ticket | None = None
    sent: Sent | None = None
    found: bool = False
    shown: int | None = None


Letter = tuple[Message, ConversationView]
"""What a delivery carries: its message, with the conversation around it."""


class Target(Protocol):
    """One channel or backend instance as the outbox sees it."""

    name: str
    repeat: Repeat
    stuck_head: StuckHead
    concurrency: int

    async def deliver(self, delivery: Delivery, letter: Letter) -> Done:
        """Send; raises ConnectorError or HookFailure."""
        ...

    async def find(self, delivery: Delivery, letter: Letter) -> Done | None:
        """Look up whether it was sent before."""
        ...


class Letters:
    """Letters of deliveries, read for many at once."""

    def __init__(self, store: Store) -> None:
        self._gathered = Gathered(store.in_context)

    async def of(self, delivery: Delivery) -> Letter:
        """Read a delivery's message and conversation; raises NotFound."""
        asked = (delivery.message, delivery.conversation, delivery.thread)
        found = await self._gathered.ask(asked)
        if found is None:
            raise NotFound("the message or its conversation is not there any more")
        return found


class BackendTarget:
    """A ticket system."""

    def __init__(self, name: str, backend: Backend[Any], store: Store, hooks: Hooks) -> None:
        self.name = f"backend/{name}"
        self._instance, self._backend, self._store, self._hooks = name, backend, store, hooks
        self.repeat = backend.capabilities.repeat
        self.stuck_head = backend.capabilities.stuck_head
        self.concurrency = backend.capabilities.concurrency

    async def deliver(self, delivery: Delivery, letter: Letter) -> Done:
        """Open a ticket with the conversation's first forward, add an entry with the others."""
        message, view = letter
        if (shown := await self._shown(delivery, message)) is not None:
            return shown
        done = await self._forward(delivery, message, view)
        # Who knows the key from an attempt before may have kept what that one showed.
        fresh = delivery.state != "unknown" and all(
            one.outcome == "retry" for one in delivery.history
        )
        return msgspec.structs.replace(done, shown=message.revision if fresh else None)

    async def _shown(self, delivery: Delivery, message: Message) -> Done | None:
        """What was sent before its revision was told of, and showed that revision already."""
        if not delivery.revision:
            return None
        same = DeliveryFilter(
            states=("delivered",), target=self.name, conversation=delivery.conversation,
            message=delivery.message,
        )  # fmt: skip
        for one in await self._store.deliveries(None, same, Cursor(limit=EARLIER)):
            if one.shown is not None and one.shown >= message.revision:
                return Done(external_ids=one.external_ids, receipt="delivered", found=True)
        return None

    async def _forward(self, delivery: Delivery, message: Message, view: ConversationView) -> Done:
        forward, ticket, closed = await self._compose(delivery, message, view)
        if ticket is None:
            # An earlier attempt may have got through before the ticket was closed.
            before = await self._entry(forward, closed) if delivery.state == "unknown" else None
            return before or await self._open(forward)
        try:
            added = await self._backend.add_entry(_ref(ticket), forward)
        except Rejected as error:
            if error.reason_code != TICKET_CLOSED:
                raise
            opened = await self._open(forward)
            return msgspec.structs.replace(opened, closed=ticket)
        entry = answered(self.name, "add_entry", added, EntryRef)
        return Done(external_ids=tuple(filter(None, (entry.external_id,))), receipt="delivered")

    async def find(self, delivery: Delivery, letter: Letter) -> Done | None:
        """Look up the ticket or entry that an earlier attempt may have made."""
        forward, ticket, closed = await self._compose(delivery, *letter)
        tickets = (ticket, *closed) if ticket is not None else closed
        apart = await self._apart(letter[1])
        if (entry := await self._entry(forward, (*tickets, *apart))) is not None:
            return entry
        # No entry: it may have opened a ticket, where the known one was closed for good.
        answer = await self._backend.find(forward)
        found = answered_or_none(self.name, "find", answer, TicketRef)
        if found is None or any(one.external_id == found.external_id for one in tickets):
            return None
        return Done(
            external_ids=(found.external_id,), receipt="delivered", ticket=found, closed=ticket,
            found=True,
        )  # fmt: skip

    async def _apart(self, view: ConversationView) -> list[Ticket]:
        """Read the tickets of conversations with which this one was merged when it was tried."""
        mine, found = view.conversation.id, list[Ticket]()
        for link in view.links:
            if link.kind == "merged_into" and link.revoked_at is not None:
                other = link.b if link.a == mine else link.a
                found += (await self._store.conversation(None, other)).tickets
        return [one for one in found if one.backend == self._instance]

    async def _entry(self, forward: Forward, tickets: Sequence[Ticket]) -> Done | None:
        """Find the entry that an earlier attempt may have made in one of some tickets."""
        for ticket in tickets:
            answer = await self._backend.find_entry(_ref(ticket), forward)
            entry = answered_or_none(self.name, "find_entry", answer, EntryRef)
            if entry is not None:
                ids = tuple(filter(None, (entry.external_id,)))
                return Done(external_ids=ids, receipt="delivered", found=True)
        return None

    async def _open(self, forward: Forward) -> Done:
        answer = await self._backend.open_ticket(forward)
        opened = answered(self.name, "open_ticket", answer, TicketRef)
        return Done(external_ids=(opened.external_id,), receipt="delivered", ticket=opened)

    async def _compose(
        self, delivery: Delivery, message: Message, view: ConversationView
    ) -> tuple[Forward, Ticket | None, tuple[Ticket, ...]]:
        """Make the forward, and find its open ticket and the ones closed before, newest first."""
        # What stands in for a missing subject is redacted with the rest.
        subject = message.subject or view.conversation.subject
        message = msgspec.structs.replace(message, subject=subject)
        message = await _redacted(self._hooks, message, delivery)
        forward = compose_forward(delivery, message, view)
        piped = await self._hooks.prepare_forward(forward, self._instance)
        _check(piped, delivery)
        forward = piped.value
        mine = sorted(
            (one for one in view.tickets if one.backend == self._instance),
            key=lambda one: one.id, reverse=True,
        )  # fmt: skip
        open_ = next((one for one in mine if one.state == "open"), None)
        return forward, open_, tuple(one for one in mine if one.state != "open")


class ChannelTarget:
    """A way back to customers."""

    def __init__(
        self, name: str, channel: Channel[Any], hooks: Hooks, composer: ReplyComposer
    ) -> None:
        self.name = f"channel/{name}"
        self._channel, self._hooks = channel, hooks
        self._composer = composer
        self.repeat = channel.capabilities.repeat
        self.stuck_head = channel.capabilities.stuck_head
        self.concurrency = channel.capabilities.concurrency

    async def deliver(self, delivery: Delivery, letter: Letter) -> Done:
        """Send the reply."""
        if not self._channel.capabilities.sends:
            raise Rejected(
                f"{self.name} only takes in; give it a way to send in the configuration, then "
                "replay this, or write to the customer by other means and discard it",
                code="sends_nothing",
            )
        answer = await self._channel.send(await self._compose(delivery, *letter))
        return _sent(answered(self.name, "send", answer, Sent))

    async def find(self, delivery: Delivery, letter: Letter) -> Done | None:
        """Look up the reply at the provider."""
        answer = await self._channel.find_sent(await self._compose(delivery, *letter))
        sent = answered_or_none(self.name, "find_sent", answer, Sent)
        return None if sent is None else msgspec.structs.replace(_sent(sent), found=True)

    async def _compose(self, delivery: Delivery, message: Message, view: ConversationView) -> Reply:
        reply = await self._composer.compose(delivery, message, view)
        if not reply.recipients and reply.thread is None:
            raise Rejected(
                "nobody to send it to: the conversation has neither a thread nor a sender "
                "that can be written to",
                code=NO_ROUTE,
            )
        piped = await self._hooks.prepare_reply(reply, view.conversation)
        _check(piped, delivery)
        return piped.value


async def _redacted(hooks: Hooks, message: Message, delivery: Delivery) -> Message:
    piped = await hooks.redact_message(message, "forward")
    _check(piped, delivery)
    return piped.value


def _check(piped: Piped[Any], delivery: Delivery) -> None:
    """Raise what a plugin stopped, unless a person let it go."""
    if piped.ended is None or any(one.outcome == RELEASED for one in delivery.history):
        return
    held = isinstance(piped.ended.value, Hold)
    raise Stopped(
        f"{'held back' if held else 'refused'} by plugin {piped.ended.plugin}: "
        f"{piped.ended.value.reason}",
        code="held" if held else "refused",
    )


def _ref(ticket: Ticket) -> TicketRef:
    return TicketRef(external_id=ticket.external_id, url=ticket.url)


def _sent(sent: Sent) -> Done:
    return Done(external_ids=sent.external_ids, receipt=sent.state, sent=sent)
