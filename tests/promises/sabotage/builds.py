"""Gateways broken on purpose, to show that the tests of the promises would notice.

Each function breaks one rule of the gateway in the process that calls it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

LATE_SECONDS = 0.3


def acknowledge_before_commit() -> None:
    """An arrival counts as accepted before it is on disk."""
    from gateway.core.intake import IntakeDoor

    accept = IntakeDoor.accept
    late: set[asyncio.Task[Any]] = set()

    async def accept_later(self: IntakeDoor, arrivals: Sequence[Any], **options: Any) -> list[int]:
        async def store() -> None:
            await asyncio.sleep(LATE_SECONDS)
            await accept(self, arrivals, **options)

        task = asyncio.create_task(store())
        late.add(task)
        task.add_done_callback(late.discard)
        return [0 for _ in arrivals]

    IntakeDoor.accept = accept_later  # type: ignore[method-assign]


def send_again_without_key() -> None:
    """A delivery whose outcome is unknown is sent again as if it were another one."""
    from gateway.core.outbox.targets import BackendTarget

    compose = BackendTarget._compose

    async def compose_anew(self: BackendTarget, *about: Any) -> Any:
        forward, *tickets = await compose(self, *about)
        fresh = f"{forward.key}-{secrets.token_hex(4)}"
        return msgspec.structs.replace(forward, key=fresh), *tickets

    BackendTarget._compose = compose_anew  # type: ignore[method-assign, assignment]


def no_redelivery_key() -> None:
    """A mail that is handed in again is taken for another one."""
    from gateway.core.pipeline.inbound import Inbound

    def never(self: Inbound, *_: Any) -> bool:  # as a method
        return False

    def claim_nothing(self: Inbound, *_: Any) -> None:
        pass

    setattr(Inbound, "_redelivered", never)  # noqa: B010  # of another signature
    setattr(Inbound, "_claim", claim_nothing)  # noqa: B010


def synchronous_normal() -> None:
    """SQLite writes its journal without waiting until it is on disk."""
    from gateway.store import sqlite

    kept = [pragma for pragma in sqlite._WRITER if "synchronous" not in pragma]
    setattr(sqlite, "_WRITER", (*kept, "PRAGMA synchronous=NORMAL"))  # noqa: B010  # it is final


def unsynced_blobs() -> None:
    """A file is renamed into place, and counts as stored, without being on disk."""
    from gateway.store import blobs

    def rename(path: Path, data: bytes) -> None:
        fresh = path.with_name(f".{path.name}")
        fresh.write_bytes(data)
        fresh.replace(path)

    blobs._write = rename


def no_fencing() -> None:
    """A process that was given up for dead goes on writing for partitions that others took over."""
    from gateway.store import claims, ledger, sharing

    def all_stand(_connection: Any, fences: Collection[Any]) -> set[Any]:
        return set(fences)

    for module in (claims, ledger, sharing):
        setattr(module, "standing_fences", all_stand)  # noqa: B010  # a function of a module


def lease_never_expiring() -> None:
    """A process that is gone is never given up for dead, and keeps what it had."""
    from gateway.store import sharing

    def bury_nobody(*_: Any, **__: Any) -> None:
        pass

    sharing._bury = bury_nobody


def order_by_clock() -> None:
    """Arrivals are worked on in the order of their ids, which clocks have made."""
    from gateway.store import appending, arrivals
    from gateway.store.transactions import XID

    def nothing(*_: Any) -> int:
        return 0

    setattr(arrivals, "number_of", nothing)  # noqa: B010  # a function of another module
    setattr(appending, "_APPEND", appending._APPEND.replace(XID, "0"))  # noqa: B010  # it is final


def reply_sent_again() -> None:
    """A reply that may have been sent is sent again, where the channel says that it must not be."""
    from gateway.core.outbox.sender import Sender

    make = Sender.__init__

    def make_careless(self: Sender, *, target: Any, **named: Any) -> None:
        if target.repeat == "never":
            target.repeat = "idempotent"
        make(self, target=target, **named)

    Sender.__init__ = make_careless  # type: ignore[method-assign]


def merge_across_identities() -> None:
    """Whoever has a token or refers to a mail enters the conversation, whoever it is."""
    from gateway.domain import matching

    def anybody(*_: Any) -> None:
        pass

    matching._may_not_join = anybody  # type: ignore[assignment]


BUILDS: dict[str, Callable[[], None]] = {
    "acknowledge-before-commit": acknowledge_before_commit,
    "send-again-without-key": send_again_without_key,
    "no-redelivery-key": no_redelivery_key,
    "synchronous-normal": synchronous_normal,
    "unsynced-blobs": unsynced_blobs,
    "no-fencing": no_fencing,
    "lease-never-expiring": lease_never_expiring,
    "order-by-clock": order_by_clock,
    "reply-sent-again": reply_sent_again,
    "merge-across-identities": merge_across_identities,
}
