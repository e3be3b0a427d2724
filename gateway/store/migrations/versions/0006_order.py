"""The order of arrivals is that of the transactions that stored them, not that of the clocks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("arrival_state", sa.Column("xid", NUMBER, nullable=False, server_default="0"))
    # What waits already was stored before all that comes, and stays in the order of its ids.
    op.execute(f"UPDATE arrival_state SET xid = arrival - {1 << 62}")  # noqa: S608 - a constant
    op.drop_index("arrival_state_state", "arrival_state")
    op.create_index("arrival_state_state", "arrival_state", ["state", "flow", "xid", "arrival"])
