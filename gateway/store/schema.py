"""The tables.

Columns exist only for what is queried; the rest of a value is JSON in `doc`. Every key is a 64-bit
time-ordered id or a 16-byte hash. What grows with every message has few random-keyed indexes
(claim, identity, thread, reference); what is due is found by partial indexes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

# An INTEGER primary key is SQLite's own row id; BIGINT would cost a second index.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")
# Keys sort by bytes whatever the database's language is.
SORTED = Text().with_variant(Text(collation="C"), "postgresql")

OPEN = "state NOT IN ('delivered', 'cancelled')"
BLOCKING = "blocks = 1"
DUE = "due_at IS NOT NULL"
# Whether a row is of a share of the work, given as bits (`gateway.domain.partition.mask`).
# PostgreSQL takes `= 1` for a rare thing, and then reads and sorts whatever waits.
MINE = "((CAST(:mine AS BIGINT) >> partition) & 1) > 0"


def _id() -> Column[int]:
    return Column("id", NUMBER, primary_key=True, autoincrement=False)


def _number(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, NUMBER, nullable=null)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _bytes(name: str, *, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=null)


def _partition() -> Column[int]:
    """Which share of the work a row belongs to (`gateway.domain.partition`)."""
    return Column("partition", SmallInteger, nullable=False)


def _partial(name: str, *columns: Any, where: str, unique: bool = False) -> Index:
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _of_conversation() -> ForeignKeyConstraint:
    """Bind a row to a conversation of its own tenant."""
    return ForeignKeyConstraint(
        ["tenant", "conversation"], ["conversation.tenant", "conversation.id"]
    )


arrival = Table(
    "arrival", metadata,
    _id(), _text("tenant"), _text("source"), _number("received_at"),
    Column("blob", Text), _bytes("doc"), _bytes("body"),
    Index("arrival_received", "received_at"),
    _partial("arrival_blob", "blob", where="blob IS NOT NULL"),
)  # fmt: skip

# Arrivals that are not done; the journal itself is only ever appended to. Ids are made by the clocks
# of several machines, and before the commit: what is worked on first is told by `xid`, the number
# of the transaction that stored it (`gateway.store.transactions`).
arrival_state = Table(
    "arrival_state", metadata,
    Column("arrival", NUMBER, primary_key=True, autoincrement=False),
    _text("state"), _number("size"), _bytes("reason", null=True), _partition(),
    Column("flow", SORTED, nullable=False), _number("xid"),
    Index("arrival_state_state", "state", "flow", "xid", "arrival"),
)  # fmt: skip

claim = Table(
    "claim", metadata,
    Column("key", LargeBinary, primary_key=True), _number("message"), _number("arrival"),
    sqlite_with_rowid=False,
)  # fmt: skip

contact = Table(
    "contact", metadata,
    _id(), _text("tenant"), _number("version"), _bytes("doc"),
    UniqueConstraint("tenant", "id", name="contact_tenant"),
)  # fmt: skip

identity = Table(
    "identity", metadata,
    _id(), _text("tenant"), _number("contact"), _bytes("hash"), _text("value"), _bytes("doc"),
    UniqueConstraint("hash", name="identity_hash"),
    UniqueConstraint("tenant", "id", name="identity_tenant"),
    ForeignKeyConstraint(["tenant", "contact"], ["contact.tenant", "contact.id"]),
    Index("identity_contact", "contact"),
    Index("identity_value", "value"),
)  # fmt: skip

conversation = Table(
    "conversation", metadata,
    _id(), _text("tenant"), _text("state"), _text("tier"), _number("version"),
    _number("last_seq"), _number("updated_at"), _number("merged_into", null=True),
    _text("words"), _bytes("doc"),
    UniqueConstraint("tenant", "id", name="conversation_tenant"),
    _partial("conversation_merged", "merged_into", where="merged_into IS NOT NULL"),
)  # fmt: skip

participant = Table(
    "participant", metadata,
    _number("conversation"), _number("identity"), _text("tenant"),
    Column("gone", SmallInteger, nullable=False), _bytes("doc"),
    PrimaryKeyConstraint("conversation", "identity", name="participant_pkey"),
    _of_conversation(),
    ForeignKeyConstraint(["tenant", "identity"], ["identity.tenant", "identity.id"]),
    Index("participant_identity", "identity", "conversation"),
    sqlite_with_rowid=False,
)  # fmt: skip

thread = Table(
    "thread", metadata,
    _id(), _text("tenant"), _number("conversation"), _text("channel"), _bytes("hash"),
    _bytes("doc"),
    UniqueConstraint("hash", name="thread_hash"),
    _of_conversation(),
    Index("thread_conversation", "conversation"),
)  # fmt: skip

# A customer can only be the author of a message in a conversation that lists them as a participant:
# a join across people is a constraint violation, not a policy.
message = Table(
    "message", metadata,
    _id(), _text("tenant"), _number("conversation"), _number("seq"), _text("direction"),
    _number("author_identity", null=True), _number("revision"), _bytes("doc"),
    UniqueConstraint("conversation", "seq", name="message_seq"),
    _of_conversation(),
    ForeignKeyConstraint(
        ["conversation", "author_identity"],
        ["participant.conversation", "participant.identity"],
        name="message_author",
    ),
)  # fmt: skip

message_revision = Table(
    "message_revision", metadata,
    _number("message"), _number("revision"), _bytes("doc"),
    PrimaryKeyConstraint("message", "revision", name="message_revision_pkey"),
)  # fmt: skip

message_arrival = Table(
    "message_arrival", metadata,
    _number("arrival"), _number("message"),
    PrimaryKeyConstraint("arrival", "message", name="message_arrival_pkey"),
    sqlite_with_rowid=False,
)  # fmt: skip

# Which messages have attachments in the blob store, any of their revisions; with `arrival_blob` it
# says whether a blob is used still, by whatever tenant.
blob_use = Table(
    "blob_use", metadata,
    Column("blob", SORTED, nullable=False), _number("message"),
    PrimaryKeyConstraint("blob", "message", name="blob_use_pkey"),
    Index("blob_use_message", "message"),
    sqlite_with_rowid=False,
)  # fmt: skip

# Blobs that lost a user: looked at, retired, and purged an hour later unless they are used again.
blob_unused = Table(
    "blob_unused", metadata,
    Column("blob", SORTED, primary_key=True), _number("retired_at", null=True),
    sqlite_with_rowid=False,
)  # fmt: skip

# What retention passed over since something waited for it; looked at again each time.
kept_back = Table(
    "kept_back", metadata,
    Column("walk", SORTED, nullable=False), _number("id"),
    PrimaryKeyConstraint("walk", "id", name="kept_back_pkey"),
    sqlite_with_rowid=False,
)  # fmt: skip

reference = Table(
    "reference", metadata,
    Column("key", LargeBinary, primary_key=True),
    _number("conversation"), _number("message"), _number("delivery", null=True),
    sqlite_with_rowid=False,
)  # fmt: skip

ticket = Table(
    "ticket", metadata,
    _id(), _text("tenant"), _number("conversation"), _text("backend"), _bytes("hash"),
    _text("state"), _bytes("doc"),
    UniqueConstraint("hash", name="ticket_hash"),
    _of_conversation(),
    Index("ticket_conversation", "conversation"),
    _partial("ticket_open", "conversation", "backend", where="state = 'open'", unique=True),
)  # fmt: skip

# `due_at` is when a delivery can be claimed: `next_at` while it waits and nothing older of its
# line (target and conversation) blocks it, else NULL. So a claim never looks at what must wait.
# `holder` is the process that claimed it; once that is dead, or knows nothing of it, the claim is void.
delivery = Table(
    "delivery", metadata,
    _id(), _text("tenant"), _number("conversation"), _number("message"), _text("target"),
    _text("state"), _number("next_at"), _number("due_at", null=True),
    Column("blocks", SmallInteger, nullable=False), _number("lease"), _number("holder"),
    _bytes("doc"), _partition(),
    _of_conversation(),
    Index("delivery_conversation", "conversation", "id"),
    Index("delivery_message", "message"),
    _partial("delivery_due", "target", "due_at", "id", where=DUE),
    _partial("delivery_blocking", "target", "conversation", "id", where=BLOCKING),
    _partial("delivery_open", "state", "target", "id", where=OPEN),
)  # fmt: skip

link = Table(
    "link", metadata,
    _id(), _text("tenant"), _text("of"), _text("kind"), _number("a"), _number("b"),
    _number("revoked_at", null=True), _bytes("doc"),
    Index("link_a", "a"), Index("link_b", "b"),
)  # fmt: skip

decision = Table(
    "decision", metadata,
    _id(), _text("tenant"), _number("arrival", null=True), _number("message", null=True),
    _number("conversation", null=True), _bytes("doc"),
    _partial("decision_message", "message", where="message IS NOT NULL"),
    _partial("decision_arrival", "arrival", where="message IS NULL"),
    _partial("decision_conversation", "conversation", where="message IS NULL"),
)  # fmt: skip

timer = Table(
    "timer", metadata,
    _id(), _bytes("hash"), _number("due_at"), _bytes("doc"), _partition(),
    UniqueConstraint("hash", name="timer_hash"),
    Index("timer_due", "due_at", "id"),
)  # fmt: skip

# Ids are made before the commit, so they do not tell what a reader has seen already: `position`
# does on SQLite, with one writer, and (`xid`, `position`) below the oldest open transaction on
# PostgreSQL, where the migration gives `xid` its default.
event = Table(
    "event", metadata,
    Column("position", NUMBER, primary_key=True, autoincrement=True),
    _number("id"), Column("xid", NUMBER, nullable=False, server_default=text("0")), _bytes("doc"),
    UniqueConstraint("id", name="event_id"),
    Index("event_order", "xid", "position"),
    sqlite_autoincrement=True,
)  # fmt: skip

plugin_state = Table(
    "plugin_state", metadata,
    Column("owner", SORTED, nullable=False), Column("key", SORTED, nullable=False),
    _bytes("value"), _number("version"),
    PrimaryKeyConstraint("owner", "key", name="plugin_state_pkey"),
    sqlite_with_rowid=False,
)  # fmt: skip

lease = Table(
    "lease", metadata,
    Column("name", SORTED, primary_key=True), _text("owner"), _number("token"),
    _number("expires_at"),
    sqlite_with_rowid=False,
)  # fmt: skip

# Processes that live; `session` is what PostgreSQL knows their connections by. A number is never given twice, whatever became of its row.
process = Table(
    "process", metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    _text("name"), _text("session"), Column("node", SmallInteger),
    Column("works", SmallInteger, nullable=False), _number("expires_at"),
    UniqueConstraint("node", name="process_node"),
    sqlite_autoincrement=True,
)  # fmt: skip

# Every partition, from the beginning, and who works on it.
share = Table(
    "share", metadata,
    Column("partition", SmallInteger, primary_key=True, autoincrement=False),
    _number("process", null=True),
    Index("share_process", "process"),
    sqlite_with_rowid=False,
)  # fmt: skip

meta = Table(
    "meta", metadata,
    Column("name", SORTED, primary_key=True), _text("value"),
    sqlite_with_rowid=False,
)  # fmt: skip
