"""Partitions: work that processes divide among themselves, and who of them lives."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from alembic import op

from gateway.domain.partition import PARTITIONS, of_conversation, of_lane

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PAGE = 5000


class Waiting(msgspec.Struct):
    """What of an arrival says where it belongs."""

    tenant: str
    lane: str


class Due(msgspec.Struct):
    """What of a timer says where it belongs."""

    conversation: int | None = None


def upgrade() -> None:
    for table in ("arrival_state", "delivery", "timer"):
        column = sa.Column("partition", sa.SmallInteger(), nullable=False, server_default="0")
        op.add_column(table, column)
    op.alter_column("delivery", "leased_until", new_column_name="holder")
    # As `gateway.domain.partition.of_conversation`.
    op.execute(
        "UPDATE delivery SET holder = 0, partition = ((conversation >> 22) + conversation) % 64"
    )
    _place_arrivals()
    _place_timers()
    op.create_table(
        "process",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("node", sa.SmallInteger(), nullable=True),
        sa.Column("works", sa.SmallInteger(), nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("node", name="process_node"),
        sqlite_autoincrement=True,
    )
    share = op.create_table(
        "share",
        sa.Column("partition", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("process", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("partition"),
        sqlite_with_rowid=False,
    )
    op.create_index("share_process", "share", ["process"])
    op.bulk_insert(share, [{"partition": n, "process": None} for n in range(PARTITIONS)])


def _place_arrivals() -> None:
    connection = op.get_bind()
    read = msgspec.json.Decoder(Waiting)
    after = 0
    while found := connection.execute(
        sa.text(
            "SELECT id, doc FROM arrival_state JOIN arrival ON id = arrival"
            " WHERE arrival > :after ORDER BY arrival LIMIT :most"
        ),
        {"after": after, "most": PAGE},
    ).all():
        after = found[-1].id
        told = [(row.id, read.decode(bytes(row.doc))) for row in found]
        connection.execute(
            sa.text("UPDATE arrival_state SET partition = :place WHERE arrival = :id"),
            [{"id": number, "place": of_lane(one.tenant, one.lane)} for number, one in told],
        )


def _place_timers() -> None:
    connection = op.get_bind()
    read = msgspec.json.Decoder(Due)
    after = 0
    while found := connection.execute(
        sa.text("SELECT id, doc FROM timer WHERE id > :after ORDER BY id LIMIT :most"),
        {"after": after, "most": PAGE},
    ).all():
        after = found[-1].id
        told = [(row.id, read.decode(bytes(row.doc)).conversation or 0) for row in found]
        connection.execute(
            sa.text("UPDATE timer SET partition = :place WHERE id = :id"),
            [{"id": number, "place": of_conversation(about)} for number, about in told],
        )
