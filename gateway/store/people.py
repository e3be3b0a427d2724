"""People as they are to be erased: who they are, where they take part, and the last of them."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, or_, select, update

from gateway.domain.contact import Contact, Identity
from gateway.domain.message import Address
from gateway.store import schema
from gateway.store.burying import bury_arrivals
from gateway.store.expiring import delete_rows
from gateway.store.rows import decode, plain
from gateway.store.statements import among, fetch


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A contact with its identities."""

    contact: Contact
    identities: tuple[Identity, ...]

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where the person can be reached."""
        return tuple(identity.address for identity in self.identities)


def find_people(
    connection: Connection,
    tenants: frozenset[str] | None,
    *,
    contact: int | None,
    address: Address | None,
) -> list[Person]:
    """Find a contact, or everybody who has an address."""
    if contact is not None:
        wanted = {contact}
    else:
        value = plain(address.value) if address else ""
        rows = fetch(connection, schema.identity, "value", [value], "contact", "doc")
        named = [(row.contact, decode(row.doc, Identity)) for row in rows]
        wanted = {one for one, found in named if address and found.scheme == address.scheme}
    people = []
    for row in fetch(connection, schema.contact, "id", wanted, "id", "tenant", "doc"):
        if tenants is None or row.tenant in tenants:
            theirs = fetch(connection, schema.identity, "contact", [row.id], "doc")
            people.append(
                Person(
                    contact=decode(row.doc, Contact),
                    identities=tuple(decode(one.doc, Identity) for one in theirs),
                )
            )
    return people


def conversations_of(connection: Connection, person: Person) -> list[int]:
    """Find the conversations that name a person, in order."""
    ids = [identity.id for identity in person.identities]
    rows = fetch(connection, schema.participant, "identity", ids, "conversation")
    return sorted({row.conversation for row in rows})


def erase_quarantined(connection: Connection, person: Person, *, dry: bool = False) -> int:
    """Bury what a person sent and what rests in quarantine, or was discarded; gives how many."""
    values = {identity.value.casefold() for identity in person.identities}
    states, table = schema.arrival_state, schema.arrival
    rows = connection.execute(
        select(table.c.id, table.c.doc)
        .join(states, states.c.arrival == table.c.id)
        .where(states.c.state.in_(("quarantined", "discarded")))
        .where(table.c.tenant == person.contact.tenant)
    )
    theirs = [row.id for row in rows if _lane(row.doc) in values]
    if not dry:
        bury_arrivals(connection, theirs, "erasure")
        mine = among(connection, states.c.arrival, theirs)
        connection.execute(update(states).where(mine).values(state="discarded", reason=None))
    return len(theirs)


class _Laned(msgspec.Struct, frozen=True):
    """The part of an arrival that says whose it is."""

    lane: str = ""
    gone: str = ""


def _lane(doc: bytes) -> str:
    found = msgspec.json.decode(doc, type=_Laned)
    return "" if found.gone else found.lane.casefold()


def erase_identities(connection: Connection, person: Person) -> bool:
    """Delete a contact with its identities; False while one of them takes part in something."""
    ids = [identity.id for identity in person.identities]
    theirs = fetch(connection, schema.identity, "contact", [person.contact.id], "id", lock=True)
    known = sorted({*ids, *(row.id for row in theirs)})
    if fetch(connection, schema.participant, "identity", known, "identity"):
        return False
    link = schema.link
    ends = or_(link.c.a == person.contact.id, link.c.b == person.contact.id)
    connection.execute(delete(link).where(ends, link.c.of == "contact"))
    delete_rows(connection, schema.identity.c.id, known)
    delete_rows(connection, schema.contact.c.id, [person.contact.id])
    return True
