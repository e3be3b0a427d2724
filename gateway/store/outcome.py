"""The outcome of a batch of changes, gathered by table before it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from gateway.domain.arrival import Quarantined
from gateway.domain.changes import Changes
from gateway.domain.delivery import Delivery, receipted, settled_beside
from gateway.domain.message import Gone
from gateway.store import lines, rows
from gateway.store.ledger import Ledger
from gateway.store.statements import Row

K = TypeVar("K")
Images = dict[K, Row]


@dataclass(slots=True)
class Outcome:
    """Rows to write; what is keyed is written as the last unit of work left it.

    Args:
        ledger: what the database holds; `record` keeps it up.
        new_contacts, …: rows of records that are not there yet.
        contacts, …: rows of records that are there.
        settled: which of `deliveries` lose their lease; of the others only the value changes.
        advanced, realigned: lines of deliveries to be looked after, from which id on.
    """

    ledger: Ledger
    arrivals_done: set[int] = field(default_factory=set)
    quarantined: dict[int, Quarantined] = field(default_factory=dict)
    buried: dict[int, Gone] = field(default_factory=dict)
    contacts: Images[int] = field(default_factory=dict)
    new_contacts: Images[int] = field(default_factory=dict)
    identities: Images[int] = field(default_factory=dict)
    new_identities: Images[int] = field(default_factory=dict)
    conversations: Images[int] = field(default_factory=dict)
    new_conversations: Images[int] = field(default_factory=dict)
    participants: dict[tuple[int, int], Row | None] = field(default_factory=dict)
    threads: Images[int] = field(default_factory=dict)
    new_threads: Images[int] = field(default_factory=dict)
    new_messages: Images[int] = field(default_factory=dict)
    messages: Images[int] = field(default_factory=dict)
    revisions: list[Row] = field(default_factory=list)
    message_arrivals: dict[Row, None] = field(default_factory=dict)
    blob_uses: dict[Row, None] = field(default_factory=dict)
    claims: Images[bytes] = field(default_factory=dict)
    references: Images[bytes] = field(default_factory=dict)
    tickets: Images[int] = field(default_factory=dict)
    new_deliveries: Images[int] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    advanced: dict[lines.Line, int] = field(default_factory=dict)
    realigned: dict[lines.Line, int] = field(default_factory=dict)
    links: Images[int] = field(default_factory=dict)
    decisions: list[Row] = field(default_factory=list)
    timers: dict[bytes, Row | None] = field(default_factory=dict)
    timers_done: set[int] = field(default_factory=set)
    state: dict[tuple[str, str], Row | None] = field(default_factory=dict)
    new_state: set[tuple[str, str]] = field(default_factory=set)
    events: list[Row] = field(default_factory=list)


def record(outcome: Outcome, changes: Changes) -> None:
    """Add a unit of work that has no conflict, and note in the ledger what it changes."""
    _record_arrivals(outcome, changes)
    _record_people(outcome, changes)
    _record_conversations(outcome, changes)
    _record_messages(outcome, changes)
    _record_tickets(outcome, changes)
    _record_deliveries(outcome, changes)
    _record_timers(outcome, changes)
    _record_state(outcome, changes)
    outcome.links.update((link.id, rows.link_row(link)) for link in changes.links)
    outcome.decisions.extend(map(rows.decision_row, changes.decisions))
    outcome.events.extend(map(rows.event_row, changes.events))


def _record_arrivals(outcome: Outcome, changes: Changes) -> None:
    arrivals = outcome.ledger.arrivals
    for arrival in changes.arrivals_done:
        outcome.arrivals_done.add(arrival)
        arrivals[arrival] = "done"
    for arrival, reason in changes.quarantine:
        outcome.quarantined[arrival] = reason
        arrivals[arrival] = "quarantined"
    outcome.buried.update(changes.buried)


def _record_people(outcome: Outcome, changes: Changes) -> None:
    ledger = outcome.ledger
    for contact in changes.contacts:
        known = contact.id in ledger.contacts and contact.id not in outcome.new_contacts
        images = outcome.contacts if known else outcome.new_contacts
        images[contact.id] = rows.contact_row(contact)
        ledger.contacts[contact.id] = contact.version
    for identity in changes.identities:
        row = rows.identity_row(identity)
        known = row[3] in ledger.identities and identity.id not in outcome.new_identities
        images = outcome.identities if known else outcome.new_identities
        images[identity.id] = row
        ledger.identities[row[3]] = identity.id


def _record_conversations(outcome: Outcome, changes: Changes) -> None:
    ledger = outcome.ledger
    for conversation in changes.conversations:
        new = conversation.version == 1 or conversation.id in outcome.new_conversations
        images = outcome.new_conversations if new else outcome.conversations
        images[conversation.id] = rows.conversation_row(conversation)
        ledger.versions[conversation.id] = conversation.version
    for participant in changes.participants:
        place = (participant.conversation, participant.identity)
        if outcome.participants.get(place) is None:  # the first one stands
            outcome.participants[place] = rows.participant_row(participant)
    outcome.participants.update(dict.fromkeys(changes.participants_gone))
    for thread in changes.threads:
        row = rows.thread_row(thread)
        known = row[4] in ledger.threads and thread.id not in outcome.new_threads
        (outcome.threads if known else outcome.new_threads)[thread.id] = row
        ledger.threads[row[4]] = thread.id


def _record_messages(outcome: Outcome, changes: Changes) -> None:
    ledger = outcome.ledger
    moved = {one.id: one for one in changes.moved if one.of == "message"}
    for message in changes.messages:
        kept = message
        if message.revision:
            # Where a message is, is changed by moving it only.
            stored = ledger.messages[message.id]
            if message.id not in moved:
                kept = msgspec.structs.replace(
                    message, conversation=stored.conversation, seq=stored.seq
                )
            outcome.revisions.append((stored.id, stored.revision, rows.encode(stored)))
        new = not message.revision or message.id in outcome.new_messages
        images = outcome.new_messages if new else outcome.messages
        images[message.id] = rows.message_row(kept)
        ledger.messages[message.id] = kept
        _bind(outcome, message.id, *message.arrivals)
        for attachment in message.attachments:
            if attachment.blob:
                outcome.blob_uses[(attachment.blob, message.id)] = None
    for claim in changes.claims:
        outcome.claims[claim.key] = (claim.key, claim.message, claim.arrival)
        ledger.claims.add(claim.key)
        _bind(outcome, claim.message, claim.arrival)
    for decision in changes.decisions:
        if decision.message is not None and decision.arrival is not None:
            _bind(outcome, decision.message, decision.arrival)
    for reference in changes.references:
        outcome.references.setdefault(
            reference.key,
            (reference.key, reference.conversation, reference.message, reference.delivery),
        )


def _bind(outcome: Outcome, message: int, *arrivals: int) -> None:
    outcome.message_arrivals.update(((arrival, message), None) for arrival in arrivals)


def _record_tickets(outcome: Outcome, changes: Changes) -> None:
    ledger = outcome.ledger
    for ticket in changes.tickets:
        row = rows.ticket_row(ticket)
        outcome.tickets[ticket.id] = row
        ledger.tickets[row[4]] = ticket.id
        place = (ticket.conversation, ticket.backend)
        if ticket.state == "open":
            ledger.open_tickets[place] = ticket.id
        elif ledger.open_tickets.get(place) == ticket.id:
            del ledger.open_tickets[place]


def _record_deliveries(outcome: Outcome, changes: Changes) -> None:
    for delivery in changes.deliveries:
        outcome.new_deliveries[delivery.id] = rows.delivery_row(delivery)
        _touch(outcome.advanced, delivery)
    stored = outcome.ledger.deliveries
    for delivery in changes.settled:
        before = stored[delivery.id]
        after = settled_beside(delivery, before)
        blocks = after.blocks and after.state not in rows.SETTLED
        after = msgspec.structs.replace(
            after, lease=0, blocks=blocks, conversation=before.conversation
        )
        stored[delivery.id] = outcome.deliveries[delivery.id] = after
        outcome.settled.add(delivery.id)
        # One that blocks again, such as a replayed dead letter, takes its turn from later ones.
        _touch(outcome.realigned if blocks and not before.blocks else outcome.advanced, after)
    for told in changes.receipts:
        before = stored[told.id]
        after = receipted(before, told)
        stored[told.id] = outcome.deliveries[told.id] = after
        if after.state != before.state:
            outcome.settled.add(told.id)
            _touch(outcome.advanced, after)


def _touch(touched: dict[lines.Line, int], delivery: Delivery) -> None:
    line = (rows.plain(delivery.target), delivery.conversation)
    touched[line] = min(touched.get(line, delivery.id), delivery.id)


def _record_timers(outcome: Outcome, changes: Changes) -> None:
    outcome.timers_done.update(changes.timers_done)
    outcome.ledger.timers.difference_update(changes.timers_done)
    for cancel in changes.timers_cancelled:
        outcome.timers[rows.timer_hash(cancel.tenant, cancel.owner, cancel.name)] = None
    for timer in changes.timers:
        row = rows.timer_row(timer)
        outcome.timers[row[1]] = row


def _record_state(outcome: Outcome, changes: Changes) -> None:
    versions = outcome.ledger.state
    for write in changes.state:
        place = (write.owner, write.key)
        if place not in versions:
            outcome.new_state.add(place)
        if write.value is None:
            outcome.state[place] = None
            versions[place] = 0
        else:
            versions[place] = versions.get(place, 0) + 1
            outcome.state[place] = (*place, write.value, versions[place])
