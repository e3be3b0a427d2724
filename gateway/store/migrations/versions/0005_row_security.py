"""Row-level security for whoever reads as a role that owns nothing: the API and the pages."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

# A role that has not said whose rows it wants sees none; owners are not bound.
OF_TENANT = (
    "tenant IN (SELECT json_array_elements_text("
    "nullif(current_setting('gateway.tenants', true), '')::json))"
)
WITH_TENANT = (
    "arrival", "contact", "identity", "conversation", "participant", "thread", "message", "ticket",
    "delivery", "link", "decision",
)  # fmt: skip
BESIDE = {  # visible with the row that they belong to
    "arrival_state": "EXISTS (SELECT 1 FROM arrival AS it WHERE it.id = arrival_state.arrival)",
    "message_arrival": "EXISTS (SELECT 1 FROM message AS it WHERE it.id = message_arrival.message)",
    "message_revision": "EXISTS (SELECT 1 FROM message AS it WHERE it.id = message_revision.message)",
}
CLOSED = (
    "claim", "reference", "timer", "event", "plugin_state", "blob_use", "blob_unused", "kept_back",
    "lease", "process", "share", "meta",
)  # fmt: skip


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in (*WITH_TENANT, *BESIDE, *CLOSED):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    for table in WITH_TENANT:
        op.execute(f"CREATE POLICY tenants ON {table} FOR SELECT USING ({OF_TENANT})")
    for table, condition in BESIDE.items():
        op.execute(f"CREATE POLICY tenants ON {table} FOR SELECT USING ({condition})")
