"""Hearing what agents write and do in RT: entries after the last one known, in their order."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway import Context, Intake, NewArrival
from gateway_rt.answers import Entry, EntryHead, Ticket
from gateway_rt.client import MYSELF, PAGE, RtClient
from gateway_rt.errors import RtError, RtForbidden, RtNotFound, RtRefused
from gateway_rt.reading import Heard, HeardFile
from gateway_rt.settings import RtSettings

KINDS = ("Correspond", "Comment", "Status")
OVERLAP = 50
BATCH_BYTES = 8 << 20
CURSOR = "cursor"
KNOWN_NAMES = 1000


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Up to where entries were heard.

    Args:
        first: entries up to this one were there before the gateway was.
        last: the highest one seen.
        recent: those seen a little below it; RT gives ids before it commits, so that a lower one
            may show up after a higher one.
    """

    first: int
    last: int
    recent: tuple[int, ...] = ()

    def after(self, entry: int) -> Cursor:
        """Return the cursor once an entry was seen."""
        last = max(self.last, entry)
        recent = {*self.recent, entry}
        kept = tuple(sorted(one for one in recent if one > last - OVERLAP))
        return Cursor(first=self.first, last=last, recent=kept)

    def knows(self, entry: int) -> bool:
        """Whether an entry was seen, or is older than the gateway."""
        return entry <= self.first or entry in self.recent


class Ear:
    """Hears one Request Tracker."""

    def __init__(self, context: Context[RtSettings], client: RtClient) -> None:
        self._context, self._client = context, client
        self._began = False
        self._first_ticket: int | None = None
        self._names: dict[str, str] = {}

    async def opened(self, ticket: int) -> None:
        """Begin to hear with the gateway's very first ticket; there is nothing of ours before it."""
        if self._began:
            return
        if self._first_ticket is None or ticket < self._first_ticket:
            self._first_ticket = ticket
        try:
            await self._begin()
        except RtError as error:
            # The ticket is there, whatever this says; hearing tries again.
            self._context.log.warning("rt.not_begun", ticket=ticket, error=str(error))

    async def _begin(self) -> Cursor | None:
        state = self._context.state
        stored = await state.get(CURSOR)
        if stored.value is None:
            if self._first_ticket is None:
                return None
            first = await self._client.first_entry(self._first_ticket)
            cursor = Cursor(first=first, last=first)
            await state.put(CURSOR, msgspec.to_builtins(cursor), expected=0)
            stored = await state.get(CURSOR)
        self._began = True
        return msgspec.convert(stored.value, Cursor)

    async def hear(self, intake: Intake) -> None:
        """Take in what came since the cursor.

        Raises:
            RtError: as the client says; what was heard before is stored.
        """
        cursor = await self._begin()
        while cursor is not None:
            heads = await self._client.entries_after(
                max(0, cursor.last - OVERLAP), others_than=MYSELF, kinds=KINDS, limit=PAGE
            )
            fresh = [head for head in heads if not cursor.knows(head.id)]
            cursor = await self._take(fresh, cursor, intake)
            if len(heads) < PAGE or not fresh:
                return

    async def _take(self, heads: Iterable[EntryHead], cursor: Cursor, intake: Intake) -> Cursor:
        arrivals: list[NewArrival] = []
        held, stored = 0, cursor
        tickets: dict[int, Ticket | None] = {}
        for head in heads:
            if head.ticket not in tickets:
                tickets[head.ticket] = await self._ticket(head.ticket)
            ticket = tickets[head.ticket]
            if ticket is not None:
                arrivals += await self._arrivals(head, ticket)
            cursor = cursor.after(head.id)
            held += sum(len(arrival.body) for arrival in arrivals[-1:])
            if held >= BATCH_BYTES:
                await intake.accept(arrivals, state=[(CURSOR, msgspec.to_builtins(cursor))])
                arrivals, held, stored = [], 0, cursor
        if cursor != stored:
            await intake.accept(arrivals, state=[(CURSOR, msgspec.to_builtins(cursor))])
        return cursor

    async def _ticket(self, number: int) -> Ticket | None:
        try:
            return await self._client.ticket(number)
        except (RtNotFound, RtForbidden) as error:
            self._context.log.warning("rt.ticket_unreadable", ticket=number, error=str(error))
            return None

    async def _arrivals(self, head: EntryHead, ticket: Ticket) -> list[NewArrival]:
        """Make an arrival for each of the gateway's tickets that the entry belongs to."""
        numbers = await self._ours(ticket, head.id)
        if not numbers:
            return []
        try:
            heard = await self._heard(head, ticket)
        except RtNotFound:
            return []
        except (RtForbidden, RtRefused) as error:
            heard = _heard(head, kind="unreadable", text=f"entry {head.id} of RT: {error}")
        return [
            NewArrival(
                key=str(head.id) if number == ticket.id else f"{head.id}/{number}",
                lane=str(number), kind="entry", content_type="application/json",
                body=msgspec.json.encode(msgspec.structs.replace(heard, ticket=str(number))),
            )
            for number in numbers
        ]  # fmt: skip

    async def _ours(self, ticket: Ticket, entry: int) -> tuple[int, ...]:
        """Name the ticket if the gateway made it, else those of the gateway's merged into it.

        What was written before the merge was not for the eyes of the merged one's customer.
        """
        field = self._context.settings.ticket_field
        if any(ticket.fields.get(field, ())):
            return (ticket.id,)
        merged = await self._client.merged_into(ticket.id, field)
        return tuple(number for number, since in merged.items() if entry > since > 0)

    async def _heard(self, head: EntryHead, ticket: Ticket) -> Heard:
        if head.kind == "Status":
            return _heard(head, kind="status")
        entry = await self._client.read_entry(head)
        if head.kind == "Comment":
            heard = _heard(head, kind="note")
        else:
            heard = _heard(head, kind="customer" if head.creator in ticket.requestors else "reply")
        return msgspec.structs.replace(
            heard, author=await self._name(head.creator), text=entry.text, html=entry.html,
            files=tuple(self._files(entry)),
        )  # fmt: skip

    def _files(self, entry: Entry) -> Iterable[HeardFile]:
        room = self._context.settings.file_limit
        for number, part in enumerate(entry.files, start=1):
            fits = part.content is not None and len(part.content) <= room
            room -= part.size if fits else 0
            yield HeardFile(
                name=part.name or f"file-{number}", media_type=part.media_type,
                content=part.content if fits else None,
            )  # fmt: skip

    async def _name(self, user: str) -> str:
        if user not in self._names:
            if len(self._names) >= KNOWN_NAMES:
                self._names.clear()
            try:
                self._names[user] = await self._client.real_name(user)
            except (RtNotFound, RtForbidden, RtRefused):
                self._names[user] = user
        return self._names[user]


def _heard(head: EntryHead, *, kind: str, text: str = "") -> Heard:
    return msgspec.convert(
        {
            "kind": kind, "ticket": str(head.ticket), "entry": str(head.id),
            "at": int(head.created.timestamp() * 1000), "author": head.creator,
            "author_id": head.creator, "text": text, "old_status": head.old_value,
            "new_status": head.new_value,
        },
        Heard,
    )  # fmt: skip
