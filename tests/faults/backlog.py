"""Databases with a long backlog, made by the store's own operations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from gateway.core.clock import SystemClock
from gateway.domain.ids import IdGenerator
from gateway.store.blobs import MemoryBlobs
from gateway.store.opening import open_store
from gateway.store.operations import Store
from tests.promises.mails import mail
from tests.unit.store.values import Opened, arrival, delivery

BATCH = 1000
TARGET = "backend/tickets"
NODE = 1000  # far from those that the gateway leases

Told = Callable[[int], None]


async def arrivals_waiting(database: Path, many: int, told: Told) -> None:
    """Make a database in which so many mails wait for the pipeline, of a thousand senders."""
    store = await _new(database)
    new_id = IdGenerator(NODE, SystemClock().now)
    form = mail("SENDER", "token-NUMBER\n\nPlease help.\n", message_id="NUMBER@example.net")
    for start in range(0, many, BATCH):
        batch = []
        for number in range(start, min(start + BATCH, many)):
            sender = f"sender-{number % 1000}@example.net"
            body = form.replace(b"SENDER", sender.encode()).replace(b"NUMBER", b"%d" % number)
            batch.append(
                arrival(
                    body, id=new_id(), kind="mail", lane=sender, key=f"{number}",
                    content_type="message/rfc822", sha256=hashlib.sha256(body).digest(),
                    received_at=SystemClock().now(),
                )
            )  # fmt: skip
        await store.accept(batch)
        told(start + len(batch))
    await store.close()


async def deliveries_waiting(database: Path, many: int, told: Told) -> None:
    """Make a database in which so many deliveries wait for the ticket system."""
    store = await _new(database)
    new_id, now = IdGenerator(NODE, SystemClock().now), SystemClock().now()
    for start in range(0, many, BATCH):
        batch = []
        for _ in range(min(BATCH, many - start)):
            opened = Opened(id=new_id())
            waiting = delivery(opened.message, id=new_id(), target=TARGET, next_at=now, made_at=now)
            batch.append(opened.changes(deliveries=(waiting,)))
        conflicts = await store.commit(batch)
        assert not any(conflicts), conflicts
        told(start + len(batch))
    await store.close()


async def _new(database: Path) -> Store:
    return await open_store(f"sqlite:///{database}", blobs=MemoryBlobs(), clock=SystemClock())
