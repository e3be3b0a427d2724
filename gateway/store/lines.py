"""Lines: the deliveries of one target and conversation, which leave in order.

Only the head of a line has a `due_at`. Whatever changes a line says here from which delivery on
it has to be looked at again, under the lock of its conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, text

from gateway.store import schema
from gateway.store.statements import fetch, run_many

Line = tuple[str, int]

_FIRST = (
    "COALESCE((SELECT min(head.id) FROM delivery AS head WHERE head.target = :target"
    " AND head.conversation = :conversation AND head.blocks = 1), 9223372036854775807)"
)
_IN_LINE = "conversation = :conversation AND target = :target AND id >= :since"
_WAITING = "state IN ('queued', 'unknown')"

_ADVANCE = text(
    f"UPDATE delivery SET due_at = CASE WHEN {_WAITING} THEN next_at END"  # noqa: S608 - constants
    f" WHERE {_IN_LINE} AND id <= {_FIRST}"
)
_REALIGN = text(
    f"UPDATE delivery SET due_at = CASE WHEN {_WAITING} AND id <= {_FIRST} THEN next_at END"  # noqa: S608 - constants
    f" WHERE {_IN_LINE}"
)


def lock(connection: Connection, conversations: Iterable[int]) -> None:
    """Keep others from changing the lines of some conversations until the transaction ends."""
    fetch(connection, schema.conversation, "id", conversations, "id", lock=True)


def advance(connection: Connection, touched: Mapping[Line, int]) -> None:
    """Make due what nothing older blocks any more, from a delivery to the next that blocks."""
    run_many(connection, _ADVANCE, _parameters(touched))


def realign(connection: Connection, touched: Mapping[Line, int]) -> None:
    """Work out anew what is due in the rest of a line, where something began to block."""
    run_many(connection, _REALIGN, _parameters(touched))


def _parameters(touched: Mapping[Line, int]) -> list[dict[str, str | int]]:
    return [
        {"target": target, "conversation": conversation, "since": since}
        for (target, conversation), since in sorted(touched.items())
    ]
