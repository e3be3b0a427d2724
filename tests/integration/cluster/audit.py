"""Who wrote what, noted by the database itself: a process must not write for a partition of another's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

# What a process does for a partition: it finishes an arrival, claims a delivery, settles one. The
# sessions are named after their processes.
_TRIGGERS = """
CREATE TABLE audit (session text, owner text, partition int, what text, at timestamptz DEFAULT now());
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place int := OLD.partition;
    owner text;
BEGIN
    IF TG_TABLE_NAME = 'delivery' THEN
        IF (OLD.state, OLD.lease) IS NOT DISTINCT FROM (NEW.state, NEW.lease) THEN RETURN NULL; END IF;
    END IF;
    SELECT split_part(name, '/', 2) INTO owner
    FROM share JOIN process ON process.id = share.process WHERE share.partition = place;
    INSERT INTO audit (session, owner, partition, what)
    VALUES (substring(current_setting('application_name') FROM '[0-9]+$'), owner, place, TG_OP || ' ' || TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER DELETE ON arrival_state FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit AFTER UPDATE ON delivery FOR EACH ROW EXECUTE FUNCTION audit();
"""


class Audit:
    """The notes of one database."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def writes(self) -> int:
        """How much was written."""
        return int(await self._connection.fetchval("SELECT count(*) FROM audit"))

    async def writers(self) -> set[str]:
        """The processes that wrote, by their numbers."""
        return {
            row[0] for row in await self._connection.fetch("SELECT DISTINCT session FROM audit")
        }

    async def stale(self) -> list[tuple[str, str, int, str]]:
        """What was written for a partition that another process held."""
        rows = await self._connection.fetch(
            "SELECT session, owner, partition, what FROM audit WHERE session IS DISTINCT FROM owner"
        )
        return [tuple(row) for row in rows]


@asynccontextmanager
async def audited(url: str) -> AsyncIterator[Audit]:
    """Have the database note, around a block."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_TRIGGERS)
        yield Audit(connection)
    finally:
        await connection.close()
