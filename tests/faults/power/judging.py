"""Whether a gateway's data folder, as a power cut left it, keeps what was promised."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from pathlib import Path

from gateway.domain.arrival import Arrival
from gateway.domain.message import Message
from gateway.store.rows import decode

TOKEN = re.compile(rb"token-\w+-\d{5}-[0-9a-f]{10}")
# A customer's message has to reach a ticket, an agent's the customer.
_UNDELIVERED = (
    "SELECT m.id FROM message m LEFT JOIN delivery d ON d.message = m.id WHERE d.id IS NULL"
)
_NOWHERE = (
    "SELECT a.id FROM arrival a LEFT JOIN arrival_state s ON s.arrival = a.id"
    " LEFT JOIN message_arrival m ON m.arrival = a.id WHERE s.state IS NULL AND m.message IS NULL"
)


class Judge:
    """Looks at one image of a database after the other; remembers what it knows of rows."""

    def __init__(self) -> None:
        self._arrivals: dict[int, tuple[bytes, str]] = {}
        self._messages: dict[tuple[int, int], tuple[str, ...]] = {}

    def faults(
        self, database: Path, acknowledged: Collection[str], blob: Callable[[str], bytes | None]
    ) -> list[str]:
        """What is wrong with an image, each fault beginning with its kind.

        Args:
            blob: the content of a blob in this image, None if it is not there.
        """
        if not database.exists():
            return [f"lost: {token}, and the whole database with it" for token in acknowledged]
        try:
            with closing(sqlite3.connect(database, isolation_level=None)) as connection:
                return self._read(connection, acknowledged, blob)
        except sqlite3.DatabaseError as error:
            return [f"corrupt: {error}"]

    def _read(
        self,
        connection: sqlite3.Connection,
        acknowledged: Collection[str],
        blob: Callable[[str], bytes | None],
    ) -> list[str]:
        [checked] = connection.execute("PRAGMA integrity_check").fetchone()
        if checked != "ok":
            return [f"corrupt: {checked}"]
        if not connection.execute(
            "SELECT 1 FROM sqlite_schema WHERE name = 'arrival_state'"
        ).fetchone():
            return [f"lost: {token}, there is not even a schema" for token in acknowledged]
        faults = [f"corrupt: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
        there = set()
        for identifier, doc, body, name in connection.execute(
            "SELECT id, doc, body, blob FROM arrival"
        ):
            digest, token = self._arrival(identifier, doc, body, name, blob)
            content = blob(name) if name else body
            if content is not None and hashlib.sha256(content).digest() == digest:
                there.add(token)
            else:
                faults.append(f"content: arrival {identifier} of {token} is not what came in")
        faults += [f"lost: {token}" for token in acknowledged if token not in there]
        faults += [f"undelivered: message {row[0]}" for row in connection.execute(_UNDELIVERED)]
        faults += [f"nowhere: arrival {row[0]}" for row in connection.execute(_NOWHERE)]
        return [*faults, *self._attachments(connection, blob)]

    def _arrival(
        self, identifier: int, doc: bytes, body: bytes, name: str,
        blob: Callable[[str], bytes | None],
    ) -> tuple[bytes, str]:  # fmt: skip
        """What an arrival's content should hash to, and the token in it."""
        known = self._arrivals.get(identifier)
        if known is None:
            content = (blob(name) or b"") if name else body
            found = TOKEN.search(content)
            known = (decode(doc, Arrival).sha256, found[0].decode() if found else "")
            if found:
                self._arrivals[identifier] = known
        return known

    def _attachments(
        self, connection: sqlite3.Connection, blob: Callable[[str], bytes | None]
    ) -> Iterator[str]:
        for identifier, revision, doc in connection.execute(
            "SELECT id, revision, doc FROM message"
        ):
            key = (identifier, revision)
            if key not in self._messages:
                files = decode(doc, Message).attachments
                self._messages[key] = tuple(one.blob for one in files if one.blob)
            for name in self._messages[key]:
                content = blob(name)
                if content is None or hashlib.sha256(content).hexdigest() != name:
                    yield f"attachment: of message {identifier} is not there"
