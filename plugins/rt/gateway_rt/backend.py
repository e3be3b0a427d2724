"""The Request Tracker backend."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from typing import ClassVar

import msgspec

from gateway import (
    Arrival,
    Backend,
    BackendCapabilities,
    ConnectorError,
    Context,
    Deferred,
    EntryRef,
    Forward,
    Health,
    Intake,
    Parser,
    Rejected,
    Suspended,
    TicketRef,
)
from gateway_rt.answers import Queue, Ticket
from gateway_rt.client import RtClient
from gateway_rt.errors import RtNotFound
from gateway_rt.faults import told
from gateway_rt.hearing import Ear
from gateway_rt.reading import read_arrival
from gateway_rt.settings import RtSettings
from gateway_rt.writing import as_correspondence, copied_of, files_of, requestor_of, text_of

CHECKED_SECONDS = 600.0
CLOSED = "ticket_closed"


class RtBackend(Backend[RtSettings]):
    """One Request Tracker."""

    capabilities: ClassVar[BackendCapabilities] = BackendCapabilities(
        repeat="lookup", stuck_head="hold", concurrency=4
    )

    def __init__(self, context: Context[RtSettings]) -> None:
        super().__init__(context)
        settings = context.settings
        self.capabilities = msgspec.structs.replace(  # type: ignore[misc]
            type(self).capabilities, poll_seconds=settings.poll_seconds
        )
        self._client = RtClient(
            url=settings.url,
            token=settings.token.reveal(),
            session=partial(context.http.session, trusted=True),
            tls=ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else None,
            connect_seconds=settings.connect_seconds,
            total_seconds=settings.timeout,
            file_limit=settings.file_limit,
        )
        self._ear = Ear(context, self._client)
        self._checked: dict[str, float] = {}

    # out

    async def open_ticket(self, forward: Forward) -> TicketRef:
        """Create a ticket.

        Raises:
            Suspended: RT lacks a custom field, without which a ticket could be made twice.
        """
        settings = self.context.settings
        queue = forward.queue or settings.queue
        files, missing = await files_of(forward, self.context.blobs)
        with told():
            await self._check(queue)
            number = await self._client.create_ticket(
                queue=queue,
                subject=forward.subject or "(no subject)",
                requestor=requestor_of(forward),
                text=text_of(forward, missing, opening=True),
                cc=copied_of(forward),
                files=files,
                fields={settings.ticket_field: forward.key},
            )
        await self._ear.opened(number)
        return self._ref(number)

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        """Write a correspondence for what the customer said, a comment for anything else.

        Raises:
            Rejected: with code ``ticket_closed`` for a ticket that is closed for good, or gone.
            Deferred: RT lacks a custom field, without which an entry could be made twice.
        """
        settings = self.context.settings
        files, missing = await files_of(forward, self.context.blobs)
        text = text_of(forward, missing, opening=False)
        fields = {settings.entry_field: forward.key}
        with told():
            found = await self._open_one(ticket)
            await self._check_entry_field(found)
            number = found.effective_id
            if not as_correspondence(forward):
                written = await self._client.comment(number, text, files=files, fields=fields)
            else:
                rests = settings.states.get(found.status) in ("resolved", "waiting", "held")
                written = await self._client.correspond(
                    number,
                    text,
                    files=files,
                    fields=fields,
                    status=settings.reopen_status if rests else None,
                )
        return EntryRef(external_id="" if written.id is None else str(written.id))

    async def find(self, forward: Forward) -> TicketRef | None:
        """Find the ticket with the forward's key in its custom field."""
        with told():
            found = await self._client.find_tickets(self.context.settings.ticket_field, forward.key)
        if not found:
            return None
        await self._ear.opened(found[0])
        return self._ref(found[0])

    async def find_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef | None:
        """Find the entry with the forward's key in its custom field."""
        field = self.context.settings.entry_field
        with told():
            try:
                known = await self._client.ticket(int(ticket.external_id))
            except RtNotFound:
                return None
            for number in dict.fromkeys((known.effective_id, int(ticket.external_id))):
                found = await self._client.find_entries(number, field, forward.key)
                if found:
                    return EntryRef(external_id=str(found[0]))
        return None

    def _ref(self, number: int) -> TicketRef:
        root = self.context.settings.url.rstrip("/")
        return TicketRef(external_id=str(number), url=f"{root}/Ticket/Display.html?id={number}")

    async def _open_one(self, ticket: TicketRef) -> Ticket:
        """Return the ticket to write to: the one that it was merged into, where it was.

        Raises:
            Rejected: it is closed for good, or gone; RT itself would take the entry all the same.
        """
        try:
            found = await self._client.ticket(int(ticket.external_id))
            if found.effective_id != found.id:
                found = await self._client.ticket(found.effective_id)
        except RtNotFound as error:
            raise Rejected(f"{error}; a new ticket is opened", code=CLOSED) from error
        if self.context.settings.states.get(found.status) == "closed":
            raise Rejected(f"ticket {found.id} is {found.status}; a new one is opened", code=CLOSED)
        return found

    # what RT must have

    async def _check(self, name: str) -> Queue | None:
        """Look whether a queue has what the gateway needs, now and then.

        Raises:
            Suspended: it has not; the text says what to do.
        """
        now = asyncio.get_running_loop().time()
        if now - self._checked.get(name, -CHECKED_SECONDS) < CHECKED_SECONDS:
            return None
        queue = await self._client.queue(name)
        settings = self.context.settings
        if settings.ticket_field not in queue.ticket_fields:
            raise Suspended(
                _advice(queue, settings.ticket_field, "Tickets"), code="no_ticket_field"
            )
        if settings.entry_field not in queue.entry_fields:
            raise Suspended(
                _advice(queue, settings.entry_field, "Ticket Transactions"), code="no_entry_field"
            )
        if queue.disabled:
            raise Suspended(
                f"RT's queue {queue.name} is disabled; enable it or set another queue",
                code="queue_disabled",
            )
        self._checked[name] = now
        return queue

    async def _check_entry_field(self, ticket: Ticket) -> None:
        """Look whether a ticket's queue takes the entries' custom field.

        A ticket can be moved to a queue without it: that concerns this ticket, not all of RT.
        """
        now = asyncio.get_running_loop().time()
        name, field = f"entries of {ticket.queue_id}", self.context.settings.entry_field
        if now - self._checked.get(name, -CHECKED_SECONDS) < CHECKED_SECONDS:
            return
        queue = await self._client.queue(str(ticket.queue_id))
        if field not in queue.entry_fields:
            raise Deferred(_advice(queue, field, "Ticket Transactions"), code="no_entry_field")
        self._checked[name] = now

    # in

    async def poll(self, intake: Intake) -> None:
        """Take in what agents wrote and did since the last time."""
        with told():
            await self._ear.hear(intake)

    @property
    def parser(self) -> Parser:
        """Read entries; what each status means is bound to it."""
        return partial(read_arrival, self.context.settings.states)

    def is_quick(self, arrival: Arrival) -> bool:
        """Whether it is plain text of a size that is read in no time; HTML can take very long."""
        body = arrival.body
        return len(body) <= 65_536 and b"<" not in body and b"\\u00" not in body

    async def probe(self) -> Health:
        """Log in, and look whether the queue has the custom fields."""
        self._checked.clear()
        try:
            with told():
                await self._client.version()
                await self._check(self.context.settings.queue)
        except ConnectorError as error:
            return Health(state="down", code=error.reason_code, reason=str(error))
        return Health()


def _advice(queue: Queue, field: str, kind: str) -> str:
    return (
        f"RT's queue {queue.name} has no custom field {field!r} for {kind}, by which the gateway "
        f"finds again what it wrote; in RT create it (Admin, Custom Fields, Create: type "
        f"'Enter one value', applies to {kind}) and apply it to all queues (Applies to, Global)"
    )
