"""The desk as a backend, and what agents do at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import msgspec

from gateway import (
    Arrival,
    Backend,
    BackendCapabilities,
    Context,
    EntryRef,
    Forgotten,
    Forward,
    Health,
    Intake,
    NewArrival,
    NotFound,
    Overloaded,
    Parser,
    Refused,
    Rejected,
    Remains,
    Route,
    StoreUnavailable,
    TargetBroken,
    Throttled,
    TicketRef,
)
from gateway_desk.book import TicketBook
from gateway_desk.reading import WrittenReply, WrittenState, read_arrival
from gateway_desk.settings import DeskSettings
from gateway_desk.ticket import (
    Audience,
    DeskEntry,
    DeskTicket,
    TicketState,
    after_answer,
    entry_id,
    entry_key,
    pack,
    read_number,
)

SCANS = 50


class Desk(Backend[DeskSettings]):
    """Tickets in the gateway's own database."""

    capabilities: ClassVar[BackendCapabilities] = BackendCapabilities(
        repeat="idempotent", stuck_head="hold", concurrency=32
    )

    def __init__(self, context: Context[DeskSettings]) -> None:
        super().__init__(context)
        self._book = TicketBook(context.state, context.clock)

    # what the gateway asks

    async def open_ticket(self, forward: Forward) -> TicketRef:
        """Open a ticket, once for each `forward.key`."""
        with _as_connector_errors():
            return TicketRef(external_id=str(await self._book.open(forward)))

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        """Add an entry, once for each `forward.key`.

        Raises:
            Rejected: code ``ticket_closed`` or ``ticket_missing``.
        """
        with _as_connector_errors():
            place = await self._book.add(
                read_number(ticket.external_id), forward, reopen=self.context.settings.reopen
            )
        return EntryRef(external_id=entry_id(place.ticket, place.entry))

    async def find(self, forward: Forward) -> TicketRef | None:
        """Find the ticket that was opened for a forward."""
        with _as_connector_errors():
            number = await self._book.opened(forward)
        return None if number is None else TicketRef(external_id=str(number))

    async def find_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef | None:  # noqa: ARG002
        """Find the entry that was added for a forward."""
        with _as_connector_errors():
            place = await self._book.added(forward)
        return EntryRef(external_id=entry_id(place.ticket, place.entry)) if place else None

    @property
    def parser(self) -> Parser:
        """Read answers, notes and state changes."""
        return read_arrival

    def is_quick(self, arrival: Arrival) -> bool:
        """Whether it is JSON of a size that is read in no time."""
        return len(arrival.body) <= 65_536

    def routes(self, intake: Intake) -> Sequence[Route]:
        """Answer the desk's JSON API, if a token is configured."""
        from gateway_desk.web import DeskApi

        token = self.context.settings.token
        return DeskApi(self, intake, token).routes() if token else ()

    async def forget(self, forgotten: Forgotten) -> Sequence[Remains]:
        """Forget a conversation's ticket, or what one person said in it; nothing stays."""
        for ticket in forgotten.tickets:
            if ticket.backend == self.context.name:
                await self._book.forget(read_number(ticket.external_id), forgotten)
        return ()

    async def probe(self) -> Health:
        """Read from the state."""
        try:
            await self._book.page(before=None, limit=1, wanted=None)
        except StoreUnavailable as error:
            return Health(state="down", code=error.code, reason=str(error))
        return Health()

    # what agents ask

    async def tickets(
        self, *, state: str = "", queue: str = "", before: int | None = None, limit: int = 50
    ) -> tuple[list[DeskTicket], int | None]:
        """List tickets, newest first, and the number to go on below (None: nothing is left).

        Args:
            state, queue: empty ones do not narrow.
            limit: 1 to 500; a page may hold fewer although more follow.
        """

        def wanted(ticket: DeskTicket) -> bool:
            return (not state or ticket.state == state) and (not queue or ticket.queue == queue)

        return await self._book.page(
            before=before, limit=limit, wanted=wanted if state or queue else None
        )

    async def all_tickets(
        self, *, state: str = "", queue: str = "", limit: int = 50
    ) -> list[DeskTicket]:
        """List up to `limit` tickets, looking as far back as 50,000 tickets for them."""
        found: list[DeskTicket] = []
        before: int | None = None
        for _ in range(SCANS):
            some, before = await self.tickets(
                state=state, queue=queue, before=before, limit=limit - len(found)
            )
            found.extend(some)
            if before is None or len(found) >= limit:
                break
        return found

    async def ticket(self, number: int) -> DeskTicket:
        """Read one ticket; raises NotFound."""
        return (await self._book.read(number))[0]

    async def entries(self, number: int, *, after: int = 0, limit: int = 200) -> list[DeskEntry]:
        """Read entries of a ticket in order, those numbered above `after`."""
        return await self._book.entries(number, after=after, limit=limit)

    async def all_entries(self, number: int) -> list[DeskEntry]:
        """Read every entry of a ticket."""
        found: list[DeskEntry] = []
        while some := await self.entries(number, after=found[-1].number if found else 0):
            found.extend(some)
        return found

    async def attachment(self, number: int, entry: int, index: int) -> tuple[str, bytes]:
        """Read the name and the bytes of an attachment, counted from 1; raises NotFound."""
        shown = await self._book.entry(number, entry)
        if shown is None or not 1 <= index <= len(shown.attachments):
            raise NotFound(f"ticket {number} has no attachment {index} in an entry {entry}")
        attachment = shown.attachments[index - 1]
        if attachment.state != "stored":
            raise NotFound(f"the attachment {attachment.name!r} is {attachment.state}")
        return attachment.name, await self.context.blobs.read(attachment)

    async def reply(
        self,
        intake: Intake,
        number: int,
        text: str,
        *,
        author: str = "",
        audience: Audience = "customer",
        key: str = "",
    ) -> DeskEntry:
        """Answer the customer, or note something for colleagues; shown in the ticket at once.

        Args:
            audience: ``internal`` for a note.
            key: an idempotency key; the same again gives the entry that was made the first time.

        Raises:
            NotFound: there is no such ticket.
            Refused: the key was used for another text.
            Overloaded, StoreUnavailable: nothing was sent; try again.
        """
        place = await self._book.reserve(number, key)
        if key and (known := await self._book.entry(number, place.entry)):
            if (known.text, known.audience) != (text, audience):
                raise Refused("this idempotency key was used for another text")
            return known
        entry = DeskEntry(
            id=entry_id(number, place.entry),
            ticket=number,
            number=place.entry,
            author_kind="agent",
            audience=audience,
            author=author,
            text=text,
            at=self.context.clock.now(),
        )
        await intake.accept(
            [_reply_arrival(entry)], state=[(entry_key(number, place.entry), pack(entry))]
        )
        if audience != "internal":
            await self._await_customer(number)
        return entry

    async def set_state(self, intake: Intake, number: int, state: TicketState) -> DeskTicket:
        """Put a ticket into another state and tell the gateway.

        The gateway is told first: should the ticket not be changed after that, the agent sees an
        error and does it again.

        Raises:
            NotFound: there is no such ticket.
        """
        ticket, version = await self._book.read(number)
        if ticket.state == state:
            return ticket
        now = self.context.clock.now()
        written = WrittenState(ticket=str(number), state=state, at=now)
        key = f"state/{number}-{version}-{state}"
        await intake.accept([_arrival(key, number, "state", written)])
        return await self._book.amend(
            number, lambda ticket: msgspec.structs.replace(ticket, state=state)
        )

    async def assign(self, number: int, assignee: str) -> DeskTicket:
        """Give a ticket to somebody, or with an empty name to nobody; raises NotFound."""
        return await self._book.amend(
            number, lambda ticket: msgspec.structs.replace(ticket, assignee=assignee)
        )

    async def _await_customer(self, number: int) -> None:
        try:
            await self._book.amend(
                number,
                lambda ticket: msgspec.structs.replace(ticket, state=after_answer(ticket.state)),
            )
        except (Overloaded, StoreUnavailable) as error:
            # the answer is stored and on its way; only the ticket's state lags behind
            self.context.log.warning("desk_state_not_updated", ticket=number, reason=error.code)


def _reply_arrival(entry: DeskEntry) -> NewArrival:
    written = WrittenReply(
        ticket=str(entry.ticket),
        entry=entry.id,
        audience=entry.audience,
        author=entry.author,
        text=entry.text,
        at=entry.at,
    )
    return _arrival(f"entry/{entry.id}", entry.ticket, "reply", written)


def _arrival(key: str, ticket: int, kind: str, written: msgspec.Struct) -> NewArrival:
    return NewArrival(
        key=key,
        lane=str(ticket),
        kind=kind,
        body=msgspec.json.encode(written),
        content_type="application/json",
    )


@contextmanager
def _as_connector_errors() -> Iterator[None]:
    try:
        yield
    except Overloaded as error:
        raise Throttled(str(error), code=error.code, retry_after=error.retry_after) from error
    except StoreUnavailable as error:
        raise TargetBroken(str(error), code=error.code) from error
    except NotFound as error:
        raise Rejected(str(error), code="ticket_missing") from error
