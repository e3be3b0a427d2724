"""What keeping data only for so long needs: who uses a blob, and what was passed over."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SORTED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BATCH = 500


def upgrade() -> None:
    op.create_table(
        "blob_use",
        sa.Column("blob", SORTED, nullable=False),
        sa.Column("message", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("blob", "message", name="blob_use_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_index("blob_use_message", "blob_use", ["message"])
    op.create_table(
        "blob_unused",
        sa.Column("blob", SORTED, nullable=False),
        sa.Column("retired_at", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("blob"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kept_back",
        sa.Column("walk", SORTED, nullable=False),
        sa.Column("id", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("walk", "id", name="kept_back_pkey"),
        sqlite_with_rowid=False,
    )
    has_blob = sa.text("blob IS NOT NULL")
    op.create_index(
        "arrival_blob", "arrival", ["blob"], sqlite_where=has_blob, postgresql_where=has_blob
    )
    _note_uses("message", "id")
    _note_uses("message_revision", "message", "revision")


def _note_uses(table: str, *keys: str) -> None:
    """Note the blobs of the attachments that messages have, a batch at a time."""
    connection = op.get_bind()
    stored = sa.table(table, *map(sa.column, keys), sa.column("doc"))
    use = sa.table("blob_use", sa.column("blob"), sa.column("message"))
    place = [stored.c[key] for key in keys]
    after = [0] * len(keys)
    while rows := connection.execute(
        sa.select(*place, stored.c.doc)
        .where(sa.tuple_(*place) > sa.tuple_(*map(sa.literal, after)))
        .order_by(*place)
        .limit(BATCH)
    ).all():
        after = list(rows[-1][:-1])
        for blob, message in sorted({(blob, row[0]) for row in rows for blob in _blobs(row.doc)}):
            same = sa.and_(use.c.blob == blob, use.c.message == message)
            if connection.scalar(sa.select(sa.func.count()).where(same)) == 0:
                connection.execute(use.insert().values(blob=blob, message=message))


def _blobs(doc: bytes) -> list[str]:
    attachments: list[dict[str, Any]] = json.loads(doc).get("attachments", [])
    return [one["blob"] for one in attachments if one.get("blob")]
