"""Flows: tenants' customers, and agents, whose arrivals take turns."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SORTED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
PAGE = 5000


def upgrade() -> None:
    op.add_column("arrival_state", sa.Column("flow", SORTED, nullable=False, server_default=""))
    connection = op.get_bind()
    after = 0
    while rows := connection.execute(
        sa.text(
            "SELECT id, tenant, doc FROM arrival_state JOIN arrival ON id = arrival"
            " WHERE arrival > :after ORDER BY arrival LIMIT :most"
        ),
        {"after": after, "most": PAGE},
    ).all():
        after = rows[-1].id
        connection.execute(
            sa.text("UPDATE arrival_state SET flow = :flow WHERE arrival = :id"),
            [{"id": row.id, "flow": _flow(row.tenant, bytes(row.doc))} for row in rows],
        )
    op.drop_index("arrival_state_state", "arrival_state")
    op.create_index("arrival_state_state", "arrival_state", ["state", "flow", "arrival"])


def _flow(tenant: str, doc: bytes) -> str:
    kind = json.loads(doc).get("source_kind", "channel")
    return f"{'customers' if kind == 'channel' else 'agents'}/{tenant}"
