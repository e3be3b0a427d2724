"""Erase a person from conversations; what others have said stays.

A conversation in which nobody else takes part is erased whole, the answers in it too, for they are
letters to that person. Of any other one only what the person said is erased, and what others quoted
of it. Rows stay as empty places, so that the numbers and ids of the rest stay what they were, and
so that a redelivery or a late revision is recognised and does not bring back what was erased.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, delete, or_, select, text

from gateway.domain.conversation import Conversation, Link, Participant, Thread
from gateway.domain.decision import AUDITS, Decision
from gateway.domain.delivery import Delivery
from gateway.domain.forgetting import Forgotten
from gateway.domain.ids import show
from gateway.domain.message import Message, erased, without_quotes
from gateway.errors import NotFound, Refused
from gateway.store import lines, schema
from gateway.store.burying import bury_arrivals, release_blobs
from gateway.store.expiring import delete_rows
from gateway.store.people import Person
from gateway.store.removing import arrivals_of, note_forgotten, tickets_of
from gateway.store.rows import (
    SETTLED,
    conversation_row,
    decode,
    encode,
    message_row,
    plain,
    thread_row,
)
from gateway.store.statements import among, fetch, put, run_many

OWNER = "core/erasure"
_DOC = {
    table: text(f"UPDATE {table} SET doc = :doc WHERE id = :id")  # noqa: S608 - constants
    for table in ("decision", "link")
}
_DELIVERY = text(
    "UPDATE delivery SET doc = :doc, state = :state, blocks = :blocks, due_at = :due_at"
    " WHERE id = :id"
)
_REVISION = text(
    "UPDATE message_revision SET doc = :doc WHERE message = :message AND revision = :revision"
)


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a person was erased, or would be."""

    conversations: int = 0
    messages: int = 0
    attachments: int = 0
    arrivals: int = 0
    decisions: int = 0
    deliveries: int = 0

    def plus(self, other: Erased) -> Erased:
        """Add up."""
        mine, more = msgspec.structs.asdict(self), msgspec.structs.asdict(other)
        return Erased(**{name: many + more[name] for name, many in mine.items()})


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure under way; it holds no address, so that it may be kept.

    Args:
        people: hashes of the person's addresses, by which it can be shown who was erased.
        at: when it was asked for; milliseconds since the Unix epoch.
        done: what was erased so far.
    """

    tenant: str
    contact: int
    people: tuple[str, ...]
    who: str
    at: int
    done: Erased = Erased()


def survey(connection: Connection, person: Person, conversation: int) -> tuple[Erased, Forgotten]:
    """Count what one conversation holds of a person, and say what plugins would be asked."""
    found = _Found(connection, person, conversation)
    return found.count(), found.forgotten()


def erase_from(connection: Connection, person: Person, conversation: int, job: str) -> Erased:
    """Erase a person from one conversation.

    Args:
        job: key of the job in which it is counted.

    Raises:
        Refused: something of it is being sent at this very moment.
    """
    found = _Found(connection, person, conversation)
    if not found.named:
        return Erased()  # another process was faster
    if found.under_way:
        raise Refused(
            f"something of {show('conv', conversation)} is being sent at this moment; "
            "it goes on when that is done"
        )
    counted = found.count()
    found.erase()
    columns = ("value", "version")
    for row in fetch(connection, schema.plugin_state, "key", [job], *columns, owner=OWNER):
        known = msgspec.json.decode(row.value, type=Job)
        value = msgspec.structs.replace(known, done=known.done.plus(counted))
        put(
            connection, schema.plugin_state,
            [(OWNER, job, msgspec.json.encode(value), row.version + 1)],
        )  # fmt: skip
    return counted


class _Found:
    """What a conversation holds of a person; read under the lock of the conversation."""

    def __init__(self, connection: Connection, person: Person, conversation: int) -> None:
        self._connection, self._person = connection, person
        self._mine = {identity.id for identity in person.identities}
        rows = fetch(connection, schema.conversation, "id", [conversation], "doc", lock=True)
        if not rows:
            raise NotFound("there is no such conversation")
        self._taking = fetch(
            connection, schema.participant, "conversation", [conversation], "identity", "doc"
        )
        self.named = any(row.identity in self._mine for row in self._taking)
        self._conversation = decode(rows[0].doc, Conversation)
        rows = fetch(connection, schema.message, "conversation", [conversation], "doc")
        messages = [decode(row.doc, Message) for row in rows]
        self._whole = not self._others(messages)
        self._gone = [one for one in messages if self._whole or one.author.identity in self._mine]
        kept = {one.id for one in messages} - {one.id for one in self._gone}
        self._quoting = [one for one in messages if one.id in kept and one.quoted]
        self._keys = [one.id for one in self._gone]
        self._arrivals = arrivals_of(connection, self._gone)
        self._decisions = self._find_decisions()
        columns = ("id", "state", "doc")
        rows = fetch(connection, schema.delivery, "conversation", [conversation], *columns)
        self._deliveries = [
            (row.state, sent)
            for row, sent in ((row, decode(row.doc, Delivery)) for row in rows)
            if sent.message in set(self._keys) or self._mine & set(sent.recipients)
        ]
        self.under_way = any(state == "leased" for state, _ in self._deliveries)

    def _others(self, messages: Iterable[Message]) -> bool:
        """Whether any other customer takes part, or ever spoke."""
        taking = {
            row.identity for row in self._taking if decode(row.doc, Participant).role != "agent"
        } - self._mine
        speaking = {
            one.author.identity for one in messages if one.author.kind in ("customer", "peer")
        } - self._mine
        return bool(taking or (speaking - {None}))

    def _find_decisions(self) -> list[Decision]:
        table = schema.decision
        conditions = [
            among(self._connection, table.c.message, self._keys),
            and_(
                among(self._connection, table.c.arrival, self._arrivals), table.c.message.is_(None)
            ),
        ]
        if self._whole:
            conditions.append(
                and_(table.c.conversation == self._conversation.id, table.c.message.is_(None))
            )
        rows = self._connection.execute(select(table.c.doc).where(or_(*conditions)))
        found = [decode(row.doc, Decision) for row in rows]
        return [one for one in found if one.kind not in AUDITS]

    def count(self) -> Erased:
        """Count what is there to be erased."""
        return Erased(
            conversations=int(self._whole), messages=len(self._gone),
            attachments=sum(len(one.attachments) for one in self._gone),
            arrivals=len(self._arrivals), decisions=len(self._decisions),
            deliveries=sum(state not in SETTLED for state, _ in self._deliveries),
        )  # fmt: skip

    def erase(self) -> None:
        """Erase all of it."""
        connection, forgotten = self._connection, self.forgotten()
        bury_arrivals(connection, self._arrivals, "erasure")
        release_blobs(connection, self._keys)
        put(connection, schema.message, [message_row(erased(one)) for one in self._gone])
        put(connection, schema.message, [message_row(without_quotes(one)) for one in self._quoting])
        delete_rows(connection, schema.message_revision.c.message, self._keys)
        self._erase_quotes_of_revisions()
        run_many(
            connection, _DOC["decision"],
            [
                {"id": one.id, "doc": encode(msgspec.structs.replace(one, reason="", facts={}))}
                for one in self._decisions
            ],
        )  # fmt: skip
        self._erase_deliveries()
        self._erase_threads()
        self._erase_conversation()
        note_forgotten(connection, self._conversation.id, forgotten)

    def forgotten(self) -> Forgotten:
        """Say what plugins are asked to forget."""
        one = self._conversation
        return Forgotten(
            tenant=one.tenant, reason="erasure", conversation=show("conv", one.id),
            whole=self._whole, messages=tuple(show("msg", key) for key in self._keys),
            addresses=self._person.addresses, tickets=tickets_of(self._connection, one.id),
        )  # fmt: skip

    def _erase_quotes_of_revisions(self) -> None:
        keys = [one.id for one in self._quoting]
        columns = ("message", "revision", "doc")
        rows = fetch(self._connection, schema.message_revision, "message", keys, *columns)
        changed = [
            {
                "message": row.message, "revision": row.revision,
                "doc": encode(without_quotes(decode(row.doc, Message))),
            }
            for row in rows
        ]  # fmt: skip
        run_many(self._connection, _REVISION, changed)

    def _erase_deliveries(self) -> None:
        gone = set(self._keys)
        changed: list[dict[str, Any]] = []
        touched: dict[lines.Line, int] = {}
        for state, sent in self._deliveries:
            recipients = tuple(one for one in sent.recipients if one not in self._mine)
            settled = state in SETTLED
            # What was to bring erased words somewhere, or words to nobody, is not sent any more.
            stopped = not settled and (sent.message in gone or not recipients)
            after = msgspec.structs.replace(
                sent, state="cancelled" if stopped else state, recipients=recipients,
                blocks=sent.blocks and not stopped,
            )  # fmt: skip
            if sent.message in gone or stopped:
                after = msgspec.structs.replace(
                    after, text="", subject="", last_error="", history=(), external_ids=()
                )
            changed.append(
                {
                    "id": sent.id, "doc": encode(after), "state": after.state,
                    "blocks": int(after.blocks), "due_at": None,
                }
            )  # fmt: skip
            line = (plain(sent.target), sent.conversation)
            touched[line] = min(touched.get(line, sent.id), sent.id)
        run_many(self._connection, _DELIVERY, changed)
        lines.advance(self._connection, touched)

    def _erase_threads(self) -> None:
        where = self._conversation.id
        rows = fetch(self._connection, schema.thread, "conversation", [where], "doc")
        threads = [decode(row.doc, Thread) for row in rows]
        if self._whole:
            delete_rows(self._connection, schema.thread.c.conversation, [where])
            return
        theirs = [
            thread_row(msgspec.structs.replace(one, identity=None, address="", extra={}))
            for one in threads
            if one.identity in self._mine
        ]
        put(self._connection, schema.thread, theirs)

    def _erase_conversation(self) -> None:
        connection, one = self._connection, self._conversation
        changes: dict[str, Any] = {"version": one.version + 1}
        if self._whole:
            changes |= {
                "subject": "", "requester": None, "contact": None, "language": "", "extra": {},
                "state": "closed",
                "work_order": tuple(
                    msgspec.structs.replace(entry, text="") for entry in one.work_order
                ),
            }  # fmt: skip
        elif one.requester in self._mine:
            changes |= {"subject": "", "requester": None, "contact": None}
        changed = msgspec.structs.replace(one, **changes)
        put(connection, schema.conversation, [conversation_row(changed)])
        part = schema.participant
        connection.execute(
            delete(part).where(
                part.c.conversation == one.id, among(connection, part.c.identity, self._mine)
            )
        )
        if self._whole:
            run_many(connection, _DOC["link"], _without_evidence(connection, one.id))


def _without_evidence(connection: Connection, conversation: int) -> list[dict[str, Any]]:
    found: dict[int, Link] = {}
    for end in ("a", "b"):
        for row in fetch(connection, schema.link, end, [conversation], "id", "of", "doc"):
            if row.of == "conversation":
                found[row.id] = decode(row.doc, Link)
    return [
        {"id": key, "doc": encode(msgspec.structs.replace(link, evidence=""))}
        for key, link in sorted(found.items())
    ]
