"""Commit units of work: each whole or not at all, a batch of them in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from gateway.domain.changes import Changes, Conflict
from gateway.store import lines, rows, schema
from gateway.store.burying import bury_arrivals
from gateway.store.checks import find_conflict
from gateway.store.faults import conflict_of
from gateway.store.ledger import read_ledger
from gateway.store.moving import move
from gateway.store.outcome import Outcome, record
from gateway.store.statements import Row, add, add_missing, put, run_many

_DONE = text("DELETE FROM arrival_state WHERE arrival = :arrival")
_QUARANTINE = text(
    "UPDATE arrival_state SET state = 'quarantined', reason = :reason WHERE arrival = :arrival"
)
_JOIN = text(
    "INSERT INTO participant (conversation, identity, tenant, gone, doc)"
    " VALUES (:conversation, :identity, :tenant, :gone, :doc)"
    " ON CONFLICT (conversation, identity)"
    " DO UPDATE SET gone = 0, doc = excluded.doc WHERE participant.gone = 1"
)
_LEAVE = text(
    "UPDATE participant SET gone = 1 WHERE conversation = :conversation AND identity = :identity"
)
_SETTLE = text(
    "UPDATE delivery SET state = :state, next_at = :next_at, due_at = NULL, blocks = :blocks,"
    " lease = 0, holder = 0, doc = :doc WHERE id = :id"
)
_RECEIPT = text("UPDATE delivery SET doc = :doc WHERE id = :id")
_TIMER_DONE = text("DELETE FROM timer WHERE id = :id")
_TIMER_CLEAR = text("DELETE FROM timer WHERE hash = :hash")
_STATE_CLEAR = text("DELETE FROM plugin_state WHERE owner = :owner AND key = :key")


def commit(connection: Connection, batch: Sequence[Changes]) -> list[Conflict | None]:
    """Write a batch inside the open transaction.

    The batch is written together. Only when the database itself objects, because another process
    was faster or a constraint does not hold, each unit is written alone, to find the one it is.
    """
    # A merge or its undo renumbers messages, which is done one statement after another.
    if not any(changes.moved for changes in batch):
        try:
            with connection.begin_nested():
                return _write(connection, batch)
        except DBAPIError as error:
            if conflict_of(error) is None:
                raise
    return [_write_alone(connection, changes) for changes in batch]


def _write_alone(connection: Connection, changes: Changes) -> Conflict | None:
    try:
        with connection.begin_nested():
            return _write(connection, [changes])[0]
    except DBAPIError as error:
        if (conflict := conflict_of(error)) is None:
            raise
        return conflict


def _write(connection: Connection, batch: Sequence[Changes]) -> list[Conflict | None]:
    ledger = read_ledger(connection, batch)
    outcome = Outcome(ledger)
    answers: list[Conflict | None] = []
    for changes in batch:
        conflict = find_conflict(ledger, changes)
        if conflict is None:
            record(outcome, changes)
        answers.append(conflict)
    _write_conversations(connection, outcome)
    for changes, conflict in zip(batch, answers, strict=True):
        if conflict is None:
            for one in changes.moved:
                move(connection, one)
    _write_messages(connection, outcome)
    _write_deliveries(connection, outcome)
    _write_timers(connection, outcome)
    _write_state(connection, outcome)
    add(connection, schema.decision, outcome.decisions)
    add(connection, schema.event, outcome.events)
    _write_arrivals(connection, outcome)
    return answers


def _in_order(images: Mapping[int, Row] | Mapping[bytes, Row]) -> list[Row]:
    """Sort rows by key, so that no two processes wait for each other."""
    return [row for _, row in sorted(images.items())]


def _write_conversations(connection: Connection, outcome: Outcome) -> None:
    add(connection, schema.contact, _in_order(outcome.new_contacts))
    put(connection, schema.contact, _in_order(outcome.contacts))
    add(connection, schema.identity, sorted(outcome.new_identities.values(), key=lambda r: r[3]))
    put(connection, schema.identity, _in_order(outcome.identities))
    add(connection, schema.conversation, _in_order(outcome.new_conversations))
    put(connection, schema.conversation, _in_order(outcome.conversations))
    names = [column.name for column in schema.participant.columns]
    places = sorted(outcome.participants)
    present = [row for place in places if (row := outcome.participants[place]) is not None]
    run_many(connection, _JOIN, [dict(zip(names, row, strict=True)) for row in present])
    run_many(
        connection,
        _LEAVE,
        [
            {"conversation": conversation, "identity": identity}
            for conversation, identity in places
            if outcome.participants[conversation, identity] is None
        ],
    )
    add(connection, schema.thread, sorted(outcome.new_threads.values(), key=lambda r: r[4]))
    put(connection, schema.thread, _in_order(outcome.threads))
    # A closed ticket makes room for the open one that follows it.
    tickets = sorted(outcome.tickets.values(), key=lambda row: (row[5] == "open", row[0]))
    put(connection, schema.ticket, tickets)
    put(connection, schema.link, _in_order(outcome.links))


def _write_messages(connection: Connection, outcome: Outcome) -> None:
    add(connection, schema.message, _in_order(outcome.new_messages))
    put(connection, schema.message, _in_order(outcome.messages))
    add(connection, schema.message_revision, outcome.revisions)
    add(connection, schema.claim, _in_order(outcome.claims))
    add_missing(connection, schema.reference, _in_order(outcome.references))
    add_missing(connection, schema.message_arrival, sorted(outcome.message_arrivals))
    add_missing(connection, schema.blob_use, sorted(outcome.blob_uses))


def _write_deliveries(connection: Connection, outcome: Outcome) -> None:
    add(connection, schema.delivery, _in_order(outcome.new_deliveries))
    settled, told = [], []
    for _, delivery in sorted(outcome.deliveries.items()):
        values = {"id": delivery.id, "doc": rows.encode(delivery)}
        if delivery.id in outcome.settled:
            blocks = int(delivery.blocks)
            settled.append(
                {**values, "state": delivery.state, "next_at": delivery.next_at, "blocks": blocks}
            )
        else:
            told.append(values)
    run_many(connection, _SETTLE, settled)
    run_many(connection, _RECEIPT, told)
    lines.advance(connection, outcome.advanced)
    lines.realign(connection, outcome.realigned)


def _write_timers(connection: Connection, outcome: Outcome) -> None:
    run_many(connection, _TIMER_DONE, [{"id": timer} for timer in sorted(outcome.timers_done)])
    run_many(connection, _TIMER_CLEAR, [{"hash": key} for key in sorted(outcome.timers)])
    images = {key: row for key, row in outcome.timers.items() if row is not None}
    add(connection, schema.timer, _in_order(images))


def _write_state(connection: Connection, outcome: Outcome) -> None:
    new: list[Row] = []
    changed: list[Row] = []
    gone = []
    for place, row in sorted(outcome.state.items()):
        if row is None:
            gone.append(dict(zip(("owner", "key"), place, strict=True)))
        else:
            (new if place in outcome.new_state else changed).append(row)
    run_many(connection, _STATE_CLEAR, gone)
    add(connection, schema.plugin_state, new)
    put(connection, schema.plugin_state, changed)


def _write_arrivals(connection: Connection, outcome: Outcome) -> None:
    run_many(connection, _DONE, [{"arrival": a} for a in sorted(outcome.arrivals_done)])
    reasons = sorted(outcome.quarantined.items(), key=lambda item: item[0])
    run_many(
        connection,
        _QUARANTINE,
        [{"arrival": arrival, "reason": rows.encode(reason)} for arrival, reason in reasons],
    )
    for why in set(outcome.buried.values()):
        bury_arrivals(connection, [one for one, of in outcome.buried.items() if of == why], why)
