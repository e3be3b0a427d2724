"""The first schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SORTED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "arrival",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_at", NUMBER, nullable=False),
        sa.Column("blob", sa.Text(), nullable=True),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("arrival_received", "arrival", ["received_at"])
    op.create_table(
        "arrival_state",
        sa.Column("arrival", NUMBER, autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("arrival"),
    )
    op.create_index("arrival_state_state", "arrival_state", ["state", "arrival"])
    op.create_table(
        "claim",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("message", NUMBER, nullable=False),
        sa.Column("arrival", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contact",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "id", name="contact_tenant"),
    )
    op.create_table(
        "conversation",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("last_seq", NUMBER, nullable=False),
        sa.Column("updated_at", NUMBER, nullable=False),
        sa.Column("merged_into", NUMBER, nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "id", name="conversation_tenant"),
    )
    op.create_index(
        "conversation_merged", "conversation", ["merged_into"], **where("merged_into IS NOT NULL")
    )
    op.create_table(
        "decision",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("arrival", NUMBER, nullable=True),
        sa.Column("message", NUMBER, nullable=True),
        sa.Column("conversation", NUMBER, nullable=True),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("decision_arrival", "decision", ["arrival"], **where("message IS NULL"))
    op.create_index(
        "decision_conversation", "decision", ["conversation"], **where("message IS NULL")
    )
    op.create_index("decision_message", "decision", ["message"], **where("message IS NOT NULL"))
    op.create_table(
        "event",
        sa.Column("position", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("xid", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id", name="event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("event_order", "event", ["xid", "position"])
    op.create_table(
        "lease",
        sa.Column("name", SORTED, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("token", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "link",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("of", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("a", NUMBER, nullable=False),
        sa.Column("b", NUMBER, nullable=False),
        sa.Column("revoked_at", NUMBER, nullable=True),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("link_a", "link", ["a"])
    op.create_index("link_b", "link", ["b"])
    op.create_table(
        "message_arrival",
        sa.Column("arrival", NUMBER, nullable=False),
        sa.Column("message", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("arrival", "message", name="message_arrival_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message_revision",
        sa.Column("message", NUMBER, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("message", "revision", name="message_revision_pkey"),
    )
    op.create_table(
        "meta",
        sa.Column("name", SORTED, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "plugin_state",
        sa.Column("owner", SORTED, nullable=False),
        sa.Column("key", SORTED, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name="plugin_state_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reference",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("conversation", NUMBER, nullable=False),
        sa.Column("message", NUMBER, nullable=False),
        sa.Column("delivery", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "timer",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("due_at", NUMBER, nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash", name="timer_hash"),
    )
    op.create_index("timer_due", "timer", ["due_at", "id"])
    op.create_table(
        "delivery",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("conversation", NUMBER, nullable=False),
        sa.Column("message", NUMBER, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_at", NUMBER, nullable=False),
        sa.Column("due_at", NUMBER, nullable=True),
        sa.Column("blocks", sa.SmallInteger(), nullable=False),
        sa.Column("lease", NUMBER, nullable=False),
        sa.Column("leased_until", NUMBER, nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "conversation"],
            ["conversation.tenant", "conversation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "delivery_blocking", "delivery", ["target", "conversation", "id"], **where("blocks = 1")
    )
    op.create_index("delivery_conversation", "delivery", ["conversation", "id"])
    op.create_index(
        "delivery_due", "delivery", ["target", "due_at", "id"], **where("due_at IS NOT NULL")
    )
    op.create_index("delivery_message", "delivery", ["message"])
    op.create_index(
        "delivery_open",
        "delivery",
        ["state", "target", "id"],
        **where("state NOT IN ('delivered', 'cancelled')"),
    )
    op.create_table(
        "identity",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("contact", NUMBER, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "contact"],
            ["contact.tenant", "contact.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash", name="identity_hash"),
        sa.UniqueConstraint("tenant", "id", name="identity_tenant"),
    )
    op.create_index("identity_contact", "identity", ["contact"])
    op.create_index("identity_value", "identity", ["value"])
    op.create_table(
        "thread",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("conversation", NUMBER, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "conversation"],
            ["conversation.tenant", "conversation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash", name="thread_hash"),
    )
    op.create_index("thread_conversation", "thread", ["conversation"])
    op.create_table(
        "ticket",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("conversation", NUMBER, nullable=False),
        sa.Column("backend", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "conversation"],
            ["conversation.tenant", "conversation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash", name="ticket_hash"),
    )
    op.create_index("ticket_conversation", "ticket", ["conversation"])
    op.create_index(
        "ticket_open", "ticket", ["conversation", "backend"], unique=True, **where("state = 'open'")
    )
    op.create_table(
        "participant",
        sa.Column("conversation", NUMBER, nullable=False),
        sa.Column("identity", NUMBER, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("gone", sa.SmallInteger(), nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "conversation"],
            ["conversation.tenant", "conversation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "identity"],
            ["identity.tenant", "identity.id"],
        ),
        sa.PrimaryKeyConstraint("conversation", "identity", name="participant_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_index("participant_identity", "participant", ["identity", "conversation"])
    op.create_table(
        "message",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("conversation", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("author_identity", NUMBER, nullable=True),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("doc", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation", "author_identity"],
            ["participant.conversation", "participant.identity"],
            name="message_author",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "conversation"],
            ["conversation.tenant", "conversation.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("conversation", "seq", name="message_seq"),
    )

    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "ALTER TABLE event ALTER COLUMN xid SET DEFAULT (pg_current_xact_id()::text::bigint)"
        )
