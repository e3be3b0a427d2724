"""What is left of tickets and entries when a person is forgotten."""

from __future__ import annotations

import msgspec

from gateway import Forgotten
from gateway_desk.ticket import DeskEntry, DeskTicket


def without(entry: DeskEntry, forgotten: Forgotten) -> DeskEntry:
    """An entry without what was forgotten: its own words, or those it quotes."""
    if entry.message in forgotten.messages:
        return DeskEntry(
            id=entry.id, ticket=entry.ticket, number=entry.number, author_kind=entry.author_kind,
            audience=entry.audience, kind=entry.kind, channel=entry.channel, message=entry.message,
            remarks=("erased",), at=entry.at,
        )  # fmt: skip
    return msgspec.structs.replace(entry, quoted="")


def without_person(ticket: DeskTicket, forgotten: Forgotten) -> DeskTicket:
    """A ticket that does not name who was forgotten; the subject goes with its author."""
    places = {(one.scheme, one.value) for one in forgotten.addresses}
    asked = ticket.requester
    if asked is None or (asked.scheme, asked.value) not in places:
        return ticket
    return msgspec.structs.replace(ticket, requester=None, subject="")
