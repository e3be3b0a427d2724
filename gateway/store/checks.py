"""Whether a unit of work still fits what the database holds."""

from __future__ import annotations

from gateway.domain.changes import Changes, Conflict
from gateway.domain.contact import identity_hash
from gateway.domain.conversation import thread_hash, ticket_hash
from gateway.store.ledger import Ledger


def find_conflict(ledger: Ledger, changes: Changes) -> Conflict | None:
    """Return the first thing that does not hold, or None; nothing is changed."""
    for check in (
        _fence, _arrivals, _versions, _claims, _contacts, _identities, _threads, _tickets, _messages,
        _settled, _state, _timers,
    ):  # fmt: skip
        if conflict := check(ledger, changes):
            return conflict
    return None


def _fence(ledger: Ledger, changes: Changes) -> Conflict | None:
    if changes.fence is None or changes.fence in ledger.fences:
        return None
    return Conflict(
        on="fence", detail=f"partition {changes.fence.partition} is another process's now"
    )


def _arrivals(ledger: Ledger, changes: Changes) -> Conflict | None:
    for arrival in (*changes.arrivals_done, *(arrival for arrival, _ in changes.quarantine)):
        state = ledger.arrivals.get(arrival, "done")
        if state != "waiting":
            return Conflict(on="arrival", detail=f"arrival {arrival} is {state} already")
    return None


def _versions(ledger: Ledger, changes: Changes) -> Conflict | None:
    for expected in changes.expects:
        found = ledger.versions.get(expected.conversation)
        if found != expected.version:
            return _version(expected.conversation, expected.version, found)
    for conversation in changes.conversations:
        found = ledger.versions.get(conversation.id, 0)
        if found != conversation.version - 1:
            return _version(conversation.id, conversation.version - 1, found)
    return None


def _version(conversation: int, expected: int, found: int | None) -> Conflict:
    return Conflict(
        on="version", detail=f"conversation {conversation} is at {found}, not {expected}"
    )


def _claims(ledger: Ledger, changes: Changes) -> Conflict | None:
    for claim in changes.claims:
        if claim.key in ledger.claims:
            return Conflict(on="claim", detail=claim.key.hex())
    return None


def _contacts(ledger: Ledger, changes: Changes) -> Conflict | None:
    for contact in changes.contacts:
        found = ledger.contacts.get(contact.id)
        if found is None or contact.version == found + 1:
            continue
        if contact.version != found or found > 1:
            return Conflict(on="contact", detail=f"contact {contact.id} is at {found}")
    return None


def _identities(ledger: Ledger, changes: Changes) -> Conflict | None:
    for identity in changes.identities:
        found = ledger.identities.get(identity_hash(identity.tenant, identity.address))
        if found is not None and found != identity.id:
            return Conflict(on="identity", detail=f"the address is identity {found}")
    return None


def _threads(ledger: Ledger, changes: Changes) -> Conflict | None:
    for thread in changes.threads:
        key = thread_hash(thread.tenant, thread.channel, thread.native_id)
        found = ledger.threads.get(key)
        if found is not None and found != thread.id:
            return Conflict(on="thread", detail=f"the native thread is thread {found}")
    return None


def _tickets(ledger: Ledger, changes: Changes) -> Conflict | None:
    closing = {ticket.id for ticket in changes.tickets if ticket.state != "open"}
    for ticket in changes.tickets:
        key = ticket_hash(ticket.tenant, ticket.backend, ticket.external_id)
        found = ledger.tickets.get(key)
        if found is not None and found != ticket.id:
            return Conflict(on="ticket", detail=f"the backend's ticket is ticket {found}")
        standing = ledger.open_tickets.get((ticket.conversation, ticket.backend), ticket.id)
        if ticket.state == "open" and standing not in closing | {ticket.id}:
            return Conflict(on="ticket", detail=f"ticket {standing} is open at {ticket.backend}")
    return None


def _messages(ledger: Ledger, changes: Changes) -> Conflict | None:
    for message in changes.messages:
        if not message.revision:
            continue
        stored = ledger.messages.get(message.id)
        if stored is None or stored.revision != message.revision - 1:
            found = "missing" if stored is None else f"at revision {stored.revision}"
            return Conflict(on="revision", detail=f"message {message.id} is {found}")
    return None


def _settled(ledger: Ledger, changes: Changes) -> Conflict | None:
    for delivery in changes.settled:
        stored = ledger.deliveries.get(delivery.id)
        if stored is None or stored.lease != delivery.lease:
            return Conflict(on="lease", detail=f"delivery {delivery.id} is in other hands")
        # Without a lease nobody has seen what happened meanwhile, and sent is sent.
        if not stored.lease and stored.state == "delivered" and delivery.state != "delivered":
            return Conflict(on="lease", detail=f"delivery {delivery.id} was delivered meanwhile")
    for delivery in changes.receipts:
        if delivery.id not in ledger.deliveries:
            return Conflict(on="delivery", detail=f"delivery {delivery.id} is missing")
    return None


def _state(ledger: Ledger, changes: Changes) -> Conflict | None:
    written: dict[tuple[str, str], int] = {}
    for write in changes.state:
        place = (write.owner, write.key)
        found = written.get(place, ledger.state.get(place, 0))
        if write.expected is not None and write.expected != found:
            return Conflict(on="state", detail=f"{write.owner} {write.key} is at {found}")
        written[place] = 0 if write.value is None else found + 1
    return None


def _timers(ledger: Ledger, changes: Changes) -> Conflict | None:
    for timer in changes.timers_done:
        if timer not in ledger.timers:
            return Conflict(on="timer", detail=f"timer {timer} is gone")
    return None
