"""The ticket book: every read and write of tickets, on nothing but the plugin's own state."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway import Clock, Forgotten, Forward, NotFound, Overloaded, Rejected, State
from gateway_desk.forgetting import without, without_person
from gateway_desk.numbering import Numbering
from gateway_desk.ticket import (
    TICKETS,
    DeskEntry,
    DeskTicket,
    EntryPlace,
    done_key,
    entries_prefix,
    entry_key,
    entry_of,
    first_ticket,
    next_ticket,
    pack,
    ticket_key,
    wakes,
)

ATTEMPTS = 20
PAGE = 1000


class TicketBook:
    """Keep tickets in the state.

    A ticket, each of its entries and each idempotency key is a value of its own, so that no
    operation costs more as tickets or entries grow in number. What belongs together is written
    at once, against the versions that were read; who loses a race reads again.
    """

    def __init__(self, state: State, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self._numbering = Numbering(state)

    async def open(self, forward: Forward) -> int:
        """Store a new ticket with its first entry, once for each `forward.key`."""
        done = done_key("open", forward.key)
        for _ in range(ATTEMPTS):
            number = await self._numbering.take()
            now = self._clock.now()
            try:
                stored = await self._state.put_all(
                    [
                        (ticket_key(number), pack(first_ticket(forward, number, now)), 0),
                        (entry_key(number, 1), pack(entry_of(forward, number, 1, now)), 0),
                        (done, pack(EntryPlace(ticket=number, entry=1)), 0),
                    ]
                )
            except Overloaded:
                self._numbering.give_back(number)
                raise
            if stored:
                return number
            if place := await self._place(done):
                self._numbering.give_back(number)
                return place.ticket
            self._numbering.taken()
        raise Overloaded("too many tickets are opened at once; try again")

    async def add(self, number: int, forward: Forward, *, reopen: bool) -> EntryPlace:
        """Store an entry, once for each `forward.key`.

        Raises:
            Rejected: there is no such ticket, or it is closed and shall stay so.
        """
        done = done_key("entry", forward.key)
        for _ in range(ATTEMPTS):
            row = await self._state.get(ticket_key(number))
            if not row.version:
                raise Rejected(f"the desk has no ticket {number}", code="ticket_missing")
            ticket, now = msgspec.convert(row.value, DeskTicket), self._clock.now()
            if ticket.state == "closed" and not reopen and wakes(forward):
                if place := await self._place(done):
                    return place
                raise Rejected(f"ticket {number} is closed and stays so", code="ticket_closed")
            changed = next_ticket(ticket, forward, now)
            place = EntryPlace(ticket=number, entry=changed.last_entry)
            entry = entry_of(forward, number, place.entry, now)
            if await self._state.put_all(
                [
                    (ticket_key(number), pack(changed), row.version),
                    (entry_key(number, place.entry), pack(entry), 0),
                    (done, pack(place), 0),
                ]
            ):
                return place
            if found := await self._place(done):
                return found
        raise _crowded(number)

    async def reserve(self, number: int, key: str) -> EntryPlace:
        """Set a place aside for an entry that is stored later, once for each `key` if there is one.

        Raises:
            NotFound: there is no such ticket.
        """
        done = done_key(f"agent/{number}", key)
        for _ in range(ATTEMPTS):
            if key and (place := await self._place(done)):
                return place
            ticket, version = await self.read(number)
            changed = msgspec.structs.replace(
                ticket, last_entry=ticket.last_entry + 1, updated_at=self._clock.now()
            )
            place = EntryPlace(ticket=number, entry=changed.last_entry)
            writes = [(ticket_key(number), pack(changed), version)]
            if key:
                writes.append((done, pack(place), 0))
            if await self._state.put_all(writes):
                return place
        raise _crowded(number)

    async def amend(self, number: int, change: Callable[[DeskTicket], DeskTicket]) -> DeskTicket:
        """Change a ticket and return what it became.

        Raises:
            NotFound: there is no such ticket.
        """
        for _ in range(ATTEMPTS):
            ticket, version = await self.read(number)
            changed = change(ticket)
            if changed == ticket:
                return ticket
            changed = msgspec.structs.replace(changed, updated_at=self._clock.now())
            if await self._state.put(ticket_key(number), pack(changed), expected=version):
                return changed
        raise _crowded(number)

    async def forget(self, number: int, forgotten: Forgotten) -> None:
        """Delete a ticket whose conversation is gone, or what one person said in it; may be repeated."""
        row = await self._state.get(ticket_key(number))
        if not row.version:
            return
        after = 0
        while entries := await self.entries(number, after=after, limit=PAGE):
            for entry in entries:
                key = entry_key(number, entry.number)
                if forgotten.whole:
                    await self._state.delete(key)
                elif (changed := without(entry, forgotten)) != entry:
                    await self._state.put(key, pack(changed))
            after = entries[-1].number
        if forgotten.whole:
            await self._state.delete(ticket_key(number))
        else:
            await self.amend(number, lambda ticket: without_person(ticket, forgotten))

    async def opened(self, forward: Forward) -> int | None:
        """Find the ticket that was opened for a forward, if one was."""
        place = await self._place(done_key("open", forward.key))
        return place.ticket if place else None

    async def added(self, forward: Forward) -> EntryPlace | None:
        """Find the entry that was added for a forward, if one was."""
        return await self._place(done_key("entry", forward.key))

    async def read(self, number: int) -> tuple[DeskTicket, int]:
        """Read one ticket with the version it is at; raises NotFound."""
        row = await self._state.get(ticket_key(number))
        if not row.version:
            raise NotFound(f"there is no ticket {number} at this desk")
        return msgspec.convert(row.value, DeskTicket), row.version

    async def entry(self, ticket: int, number: int) -> DeskEntry | None:
        """Read one entry."""
        row = await self._state.get(entry_key(ticket, number))
        return msgspec.convert(row.value, DeskEntry) if row.version else None

    async def entries(self, ticket: int, *, after: int, limit: int) -> list[DeskEntry]:
        """Read entries in order, those numbered above `after`."""
        rows = await self._state.list(
            entries_prefix(ticket), after=entry_key(ticket, after), limit=limit
        )
        return [msgspec.convert(row.value, DeskEntry) for _, row in rows]

    async def page(
        self, *, before: int | None, limit: int, wanted: Callable[[DeskTicket], bool] | None
    ) -> tuple[list[DeskTicket], int | None]:
        """Read tickets, newest first, and where to go on (None: nothing is left).

        At most 1,000 tickets are looked at, so a page may hold fewer than asked for although more
        follow.
        """
        size = PAGE if wanted else limit
        start = ticket_key(before) if before is not None else ""
        rows = await self._state.list(TICKETS, after=start, limit=size)
        found: list[DeskTicket] = []
        last = None
        for _, row in rows:
            ticket = msgspec.convert(row.value, DeskTicket)
            last = ticket.number
            if wanted is None or wanted(ticket):
                found.append(ticket)
            if len(found) == limit:
                break
        more = len(found) == limit or len(rows) == size
        return found, last if more else None

    async def _place(self, done: str) -> EntryPlace | None:
        row = await self._state.get(done)
        return msgspec.convert(row.value, EntryPlace) if row.version else None


def _crowded(number: int) -> Overloaded:
    return Overloaded(f"ticket {number} is being changed by too many at once; try again")
