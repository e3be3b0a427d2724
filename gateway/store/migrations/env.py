"""Alembic's environment: runs on the connection that `gateway.store.migrating` hands over."""

from __future__ import annotations

from alembic import context

from gateway.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
