"""Reading for people: lists by page, newest first, and single records with what is around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Select, Table, and_, func, or_, select, text

from gateway.domain.contact import Identity
from gateway.domain.conversation import Conversation
from gateway.domain.counts import Counts
from gateway.domain.decision import Decision
from gateway.domain.delivery import Delivery
from gateway.domain.flow import flow_of, tenant_of
from gateway.domain.message import Message
from gateway.errors import NotFound
from gateway.store import schema
from gateway.store.operations import (
    ConversationFilter,
    ConversationView,
    Cursor,
    DeliveryFilter,
    Tenants,
)
from gateway.store.rows import decode, delivery_of, plain
from gateway.store.statements import among, query
from gateway.store.viewing import view_conversations

V = TypeVar("V")
S = Select[Any]


def _within(connection: Connection, statement: S, table: Table, tenants: Tenants) -> S:
    if tenants is None:
        return statement
    return statement.where(among(connection, table.c.tenant, tenants))


def _paged(statement: S, table: Table, page: Cursor) -> S:
    if page.before is not None:
        statement = statement.where(table.c.id < page.before)
    return statement.order_by(table.c.id.desc()).limit(page.limit)


def _all(
    connection: Connection, table: Table, kind: type[V], key: str, values: Iterable[int]
) -> list[V]:
    wanted = set(values)
    if not wanted:
        return []
    order = table.c.get("id", table.c[key])
    statement = select(table.c.doc).where(among(connection, table.c[key], wanted)).order_by(order)
    return [decode(row.doc, kind) for row in connection.execute(statement)]


def list_conversations(
    connection: Connection, tenants: Tenants, wanted: ConversationFilter, page: Cursor
) -> list[Conversation]:
    """List conversations, newest first."""
    table = schema.conversation
    statement = _within(connection, select(table.c.doc), table, tenants)
    if wanted.state:
        statement = statement.where(table.c.state == wanted.state)
    if wanted.tier:
        statement = statement.where(table.c.tier == wanted.tier)
    if wanted.text:
        words = plain(wanted.text.casefold())
        statement = statement.where(table.c.words.contains(words, autoescape=True))
    if wanted.channel:
        statement = statement.where(
            select(schema.thread.c.id)
            .where(schema.thread.c.conversation == table.c.id)
            .where(schema.thread.c.channel == wanted.channel)
            .exists()
        )
    if wanted.identity:
        statement = statement.where(table.c.id.in_(_of_identity(wanted.identity)))
    found = connection.execute(_paged(statement, table, page))
    return [decode(row.doc, Conversation) for row in found]


def _of_identity(wanted: str) -> S:
    """Select conversations of an address, written with its scheme (``email:…``) or without."""
    identity, part = schema.identity, schema.participant
    _, _, bare = wanted.partition(":")
    return (
        select(part.c.conversation)
        .join(identity, identity.c.id == part.c.identity)
        .where(part.c.gone == 0, identity.c.value.in_({plain(wanted), plain(bare or wanted)}))
    )


def read_identities(
    connection: Connection, tenants: Tenants, identifiers: Iterable[int]
) -> dict[int, Identity]:
    """Read identities by id."""
    found = _all(connection, schema.identity, Identity, "id", identifiers)
    return {one.id: one for one in found if tenants is None or one.tenant in tenants}


def view_conversation(
    connection: Connection, tenants: Tenants, identifier: int
) -> ConversationView:
    """Read a conversation with everything around it but its messages."""
    view = view_conversations(connection, (identifier,)).get(identifier)
    if view is None or (tenants is not None and view.conversation.tenant not in tenants):
        raise NotFound("there is no such conversation")
    return view


def _one(
    connection: Connection, table: Table, kind: type[V], tenants: Tenants, identifier: int
) -> V:
    statement = select(table.c.doc).where(table.c.id == identifier)
    doc = connection.scalar(_within(connection, statement, table, tenants))
    if doc is None:
        raise NotFound(f"there is no such {table.name}")
    return decode(doc, kind)


def read_message(connection: Connection, tenants: Tenants, identifier: int) -> Message:
    """Read one message."""
    return _one(connection, schema.message, Message, tenants, identifier)


def list_messages(
    connection: Connection, tenants: Tenants, conversation: int, *, after_seq: int, limit: int
) -> list[Message]:
    """List a conversation's messages by seq, those of merged conversations in their place.

    A message of a merged conversation is given the seq of the message before which it came in (or
    of the last one), so that a page never ends between it and what it stands beside; such a page may
    be longer than `limit`.
    """
    table = schema.message
    _one(connection, schema.conversation, Conversation, tenants, conversation)
    own = [
        decode(row.doc, Message)
        for row in connection.execute(
            select(table.c.doc)
            .where(table.c.conversation == conversation, table.c.seq > after_seq)
            .order_by(table.c.seq)
            .limit(limit)
        )
    ]
    merged = _merged_into(connection, conversation)
    if not merged:
        return own
    before = connection.scalar(
        select(func.max(table.c.id)).where(
            table.c.conversation == conversation, table.c.seq <= after_seq
        )
    )
    there = and_(among(connection, table.c.conversation, merged), table.c.id > (before or 0))
    if len(own) == limit:
        there = and_(there, table.c.id < max(message.id for message in own))
    elif not own and after_seq > 0:
        return []  # what came in after the last message stands beside it, on the page before
    guests = [
        decode(row.doc, Message)
        for row in connection.execute(select(table.c.doc).where(there).order_by(table.c.id))
    ]
    return _beside(own, guests)


def _beside(own: list[Message], guests: list[Message]) -> list[Message]:
    if not own:
        return guests
    placed = [(message.seq, message.id, message) for message in own]
    for guest in guests:
        seq = min((m.seq for m in own if m.id > guest.id), default=own[-1].seq)
        placed.append((seq, guest.id, msgspec.structs.replace(guest, seq=seq)))
    return [message for _, _, message in sorted(placed, key=lambda one: one[:2])]


def _merged_into(connection: Connection, conversation: int) -> set[int]:
    """Find the conversations that were merged into one, and into those."""
    table = schema.conversation
    found: set[int] = set()
    wanted = {conversation}
    while wanted:
        rows = connection.execute(
            select(table.c.id).where(
                among(connection, table.c.merged_into, wanted), text("merged_into IS NOT NULL")
            )
        )
        wanted = {row.id for row in rows} - found - {conversation}
        found |= wanted
    return found


def list_decisions(
    connection: Connection,
    tenants: Tenants,
    *,
    message: int | None,
    arrival: int | None,
    conversation: int | None,
) -> list[Decision]:
    """List decisions about a message (and its arrivals), an arrival or a conversation, in order."""
    table, bond, said = schema.decision, schema.message_arrival, schema.message
    alone = text("decision.message IS NULL")
    conditions: list[Any] = []
    if message is not None:
        arrivals = select(bond.c.arrival).where(bond.c.message == message)
        conditions += [table.c.message == message, and_(table.c.arrival.in_(arrivals), alone)]
    if arrival is not None:
        messages = select(bond.c.message).where(bond.c.arrival == arrival)
        about = and_(
            table.c.message.in_(messages),
            or_(table.c.arrival == arrival, table.c.arrival.is_(None)),
        )
        conditions += [about, and_(table.c.arrival == arrival, alone)]
    if conversation is not None:
        messages = select(said.c.id).where(said.c.conversation == conversation)
        conditions += [
            table.c.message.in_(messages),
            and_(table.c.conversation == conversation, alone),
        ]
    found: dict[int, Decision] = {}
    for condition in conditions:
        statement = _within(connection, select(table.c.id, table.c.doc), table, tenants)
        for row in connection.execute(statement.where(condition)):
            found[row.id] = decode(row.doc, Decision)
    return [found[key] for key in sorted(found)]


_DELIVERY = (
    schema.delivery.c.doc,
    schema.delivery.c.state,
    schema.delivery.c.lease,
    schema.delivery.c.blocks,
)


def list_deliveries(
    connection: Connection, tenants: Tenants, wanted: DeliveryFilter, page: Cursor
) -> list[Delivery]:
    """List deliveries, newest first."""
    table = schema.delivery
    statement: S = _within(connection, select(*_DELIVERY), table, tenants)
    if wanted.states:
        statement = statement.where(table.c.state.in_(wanted.states))
        if not {"delivered", "cancelled"} & set(wanted.states):
            statement = statement.where(text(schema.OPEN))
    if wanted.target:
        statement = statement.where(table.c.target == plain(wanted.target))
    if wanted.conversation is not None:
        statement = statement.where(table.c.conversation == wanted.conversation)
    if wanted.message is not None:
        statement = statement.where(table.c.message == wanted.message)
    return [delivery_of(row) for row in connection.execute(_paged(statement, table, page))]


def read_delivery(connection: Connection, tenants: Tenants, identifier: int) -> Delivery:
    """Read one delivery."""
    table = schema.delivery
    statement: S = select(*_DELIVERY).where(table.c.id == identifier)
    row = connection.execute(_within(connection, statement, table, tenants)).one_or_none()
    if row is None:
        raise NotFound("there is no such delivery")
    return delivery_of(row)


_ARRIVALS = select(
    schema.arrival_state.c.state, schema.arrival_state.c.flow,
    func.count().label("many"), func.min(schema.arrival_state.c.arrival).label("eldest"),
).group_by(schema.arrival_state.c.state, schema.arrival_state.c.flow)  # fmt: skip
_DELIVERIES = (
    select(
        schema.delivery.c.state, schema.delivery.c.target,
        func.count().label("many"), func.min(schema.delivery.c.id).label("eldest"),
    )
    .where(text(schema.OPEN))
    .group_by(schema.delivery.c.state, schema.delivery.c.target)
)  # fmt: skip


def count(connection: Connection) -> Counts:
    """Count what waits, from partial indexes only."""
    arrival = schema.arrival
    arrivals: Counter[str] = Counter()
    customers: Counter[str] = Counter()
    first: int | None = None
    for row in query(connection, _ARRIVALS):
        arrivals[row.state] += row.many
        if row.state == "waiting":
            first = row.eldest if first is None else min(first, row.eldest)
            if row.flow == flow_of(tenant := tenant_of(row.flow), "channel"):
                customers[tenant] += row.many
    oldest = connection.scalar(select(arrival.c.received_at).where(arrival.c.id == first))
    by_state: dict[str, dict[str, int]] = {"waiting": {}, "dead": {}, "unknown": {}}
    waiting = by_state["waiting"]
    eldest: list[int] = []
    for row in query(connection, _DELIVERIES):
        if row.state in ("dead", "unknown"):
            by_state[row.state][row.target] = row.many
        if row.state != "dead":
            waiting[row.target] = waiting.get(row.target, 0) + row.many
            eldest.append(row.eldest)
    made = [d.made_at for d in _all(connection, schema.delivery, Delivery, "id", eldest)]
    return Counts(
        arrivals_waiting=arrivals["waiting"],
        customers_waiting=dict(customers),
        arrivals_quarantined=arrivals["quarantined"],
        deliveries_waiting=waiting,
        deliveries_dead=by_state["dead"],
        deliveries_unknown=by_state["unknown"],
        oldest_arrival=oldest,
        oldest_delivery=min(made, default=None),
    )
