"""The ledger: what the database holds of everything a batch of changes touches.

It is read in a few statements before anything is written, locked where other processes could
change it, and kept up as the batch is gone through, so that each unit of work is checked against
what the ones before it leave behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from gateway.domain.changes import Changes
from gateway.domain.contact import identity_hash
from gateway.domain.conversation import thread_hash, ticket_hash
from gateway.domain.delivery import Delivery
from gateway.domain.message import Message
from gateway.domain.partition import Fence
from gateway.store import schema
from gateway.store.rows import decode, delivery_of
from gateway.store.sharing import standing_fences
from gateway.store.statements import fetch


@dataclass(slots=True)
class Ledger:
    """Everything by the key under which the checks ask for it.

    Args:
        arrivals: state of the arrivals that are not done.
        versions: version of each conversation.
        contacts: version of each contact.
        identities, threads, tickets: hash → id.
        open_tickets: (conversation, backend) → id of the open ticket.
        state: (owner, key) → version.
        timers: ids of timers that stand.
        fences: those behind which may be written.
    """

    arrivals: dict[int, str] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    claims: set[bytes] = field(default_factory=set)
    contacts: dict[int, int] = field(default_factory=dict)
    identities: dict[bytes, int] = field(default_factory=dict)
    threads: dict[bytes, int] = field(default_factory=dict)
    tickets: dict[bytes, int] = field(default_factory=dict)
    open_tickets: dict[tuple[int, str], int] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    state: dict[tuple[str, str], int] = field(default_factory=dict)
    timers: set[int] = field(default_factory=set)
    fences: set[Fence] = field(default_factory=set)


def read_ledger(connection: Connection, batch: Sequence[Changes]) -> Ledger:
    """Read what a batch touches; rows are locked in the order of their keys."""
    ledger = Ledger()
    ledger.fences = standing_fences(connection, {c.fence for c in batch if c.fence is not None})
    _read_arrivals(connection, batch, ledger)
    _read_conversations(connection, batch, ledger)
    _read_hashes(connection, batch, ledger)
    _read_tickets(connection, batch, ledger)
    _read_messages(connection, batch, ledger)
    _read_deliveries(connection, batch, ledger)
    _read_state(connection, batch, ledger)
    _read_timers(connection, batch, ledger)
    return ledger


_fetch = partial(fetch, lock=True)


def _read_arrivals(connection: Connection, batch: Sequence[Changes], ledger: Ledger) -> None:
    ids = [arrival for c in batch for arrival in c.arrivals_done]
    ids += [arrival for c in batch for arrival, _ in c.quarantine]
    found = _fetch(connection, schema.arrival_state, "arrival", ids, "arrival", "state")
    ledger.arrivals = {row.arrival: row.state for row in found}


def _read_conversations(connection: Connection, batch: Sequence[Changes], ledger: Ledger) -> None:
    ids: set[int] = set()
    for c in batch:
        ids.update(e.conversation for e in c.expects)
        ids.update(conversation.id for conversation in c.conversations)
        # A line of deliveries changes only under the lock of its conversation.
        ids.update(d.conversation for d in (*c.deliveries, *c.settled))
        ids.update(move.to for move in c.moved)
    found = _fetch(connection, schema.conversation, "id", ids, "id", "version")
    ledger.versions = {row.id: row.version for row in found}


def _read_hashes(connection: Connection, batch: Sequence[Changes], ledger: Ledger) -> None:
    keys = [claim.key for c in batch for claim in c.claims]
    ledger.claims = {row.key for row in _fetch(connection, schema.claim, "key", keys, "key")}
    ids = [contact.id for c in batch for contact in c.contacts]
    found = _fetch(connection, schema.contact, "id", ids, "id", "version")
    ledger.contacts = {row.id: row.version for row in found}
    keys = [identity_hash(i.tenant, i.address) for c in batch for i in c.identities]
    found = _fetch(connection, schema.identity, "hash", keys, "hash", "id")
    ledger.identities = {row.hash: row.id for row in found}
    keys = [thread_hash(t.tenant, t.channel, t.native_id) for c in batch for t in c.threads]
    found = _fetch(connection, schema.thread, "hash", keys, "hash", "id")
    ledger.threads = {row.hash: row.id for row in found}


def _read_tickets(connection: Connection, batch: Sequence[Changes], ledger: Ledger) -> None:
    tickets = [ticket for c in batch for ticket in c.tickets]
    keys = [ticket_hash(t.tenant, t.backend, t.external_id) for t in tickets]
    found = _fetch(connection, schema.ticket, "hash", keys, "hash", "id")
    ledger.tickets = {row.hash: row.id for row in found}
    found = _fetch(
        connection, schema.ticket, "conversation", [t.conversation for t in tickets],
        "conversation", "backend", "id", "state",
    )  # fmt: skip
    ledger.open_tickets = {
        (row.conversation, row.backend): row.id for row in found if row.state == "open"
    }


def _read_messages(connection: Connection, batch: Sequence[Changes], ledger: Ledger) -> None:
    ids = [message.id for c in batch for message in c.messages if message.revision]
    found = _fetch(connection, schema.message, "id", ids, "doc")
    ledger.messages = {m.id: m for m in (decode(row.doc, Message) for row in found)}


def _read_deliveries(connection: Connection, batch: Sequence[Changes], ledger: Ledger) -> None:
    ids = [delivery.id for c in batch for delivery in (*c.settled, *c.receipts)]
    found = _fetch(connection, schema.delivery, "id", ids, "doc", "state", "lease", "blocks")
    ledger.deliveries = {d.id: d for d in map(delivery_of, found)}


def _read_state(connection: Connection, batch: Sequence[Changes], ledger: Ledger) -> None:
    owners = sorted({write.owner for c in batch for write in c.state})
    for owner in owners:  # seldom more than one or two
        keys = {write.key for c in batch for write in c.state if write.owner == owner}
        found = _fetch(connection, schema.plugin_state, "key", keys, "key", "version", owner=owner)
        ledger.state.update({(owner, row.key): row.version for row in found})


def _read_timers(connection: Connection, batch: Sequence[Changes], ledger: Ledger) -> None:
    ids = [timer for c in batch for timer in c.timers_done]
    ledger.timers = {row.id for row in _fetch(connection, schema.timer, "id", ids, "id")}
