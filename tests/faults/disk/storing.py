"""A process of the store's own: for each fault it forks a child that works on a new database.

Run below strace with ``inject=CALL:error=…:when=LAST``. strace counts the calls of each thread; so
a thread that shall meet the fault at its N-th call first makes LAST - N calls that are of no
consequence. One strace serves for every N that way.

Reads numbers N from standard input, each the name of a folder with a database; prints a line of JSON for each child when it has ended.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from gateway.errors import StoreBroken, StoreUnavailable
from gateway.store.base import Bounds
from gateway.store.blobs import FileBlobs
from gateway.store.operations import Store
from gateway.store.rows import BIG_BODY
from gateway.store.sqlite import SqliteStore, connect_file
from tests.unit.store.values import NOW, TARGET, FixedClock, Opened, arrival

OPERATIONS, TOGETHER, BIG_EVERY = 500, 10, 25
BURNING: dict[str, Callable[[int], object]] = {
    "pwrite64": lambda file: os.pwrite(file, b"x", 0),
    "write": lambda file: os.write(file, b"x"),
    "fsync": os.fsync,
    "fdatasync": os.fdatasync,
}


class Outcome(msgspec.Struct, kw_only=True):
    """What came of one child.

    Args:
        fault: at which call of its thread the fault came; 0 for never.
        acknowledged: ids of arrivals, messages and settled deliveries that were acknowledged.
        refused: operations that were refused, and tried again after the store took a ping.
        ended: ``done``; ``broken`` if the store said that the process must end; ``refused`` if it
            did not open.
    """

    fault: int
    folder: str
    arrivals: list[int] = []
    messages: list[int] = []
    settled: list[int] = []
    refused: int = 0
    ended: str = "done"
    seconds: float = 0.0

    @property
    def acknowledged(self) -> int:
        """How many operations were acknowledged."""
        return len(self.arrivals) + len(self.messages) + len(self.settled)


class Operations:
    """The operations of a run, and which of them were acknowledged."""

    def __init__(self, store: Store, outcome: Outcome) -> None:
        self._store, self._outcome = store, outcome

    async def run(self, count: int) -> None:
        """Run so many, some at the same time, so that they share commits."""
        for start in range(0, count, TOGETHER):
            together = (self._until_taken(number) for number in range(start, start + TOGETHER))
            await asyncio.gather(*together)

    async def _until_taken(self, number: int) -> None:
        one = self._one(number)
        while True:
            try:
                await one()
                return
            except StoreBroken:
                self._outcome.ended = "broken"
                return
            except StoreUnavailable:
                self._outcome.refused += 1
                with suppress(StoreUnavailable, StoreBroken):
                    await self._store.ping()

    def _one(self, number: int) -> Callable[[], Awaitable[None]]:
        if number % BIG_EVERY == 7:
            return partial(self._accept, bytes([number % 256]) * (BIG_BODY + number))
        return (partial(self._accept, b"hello %d" % number), self._open, self._settle)[number % 3]

    async def _accept(self, body: bytes) -> None:
        new = arrival(body)
        await self._store.accept([new])
        self._outcome.arrivals.append(new.id)

    async def _open(self) -> None:
        opened = Opened(deliveries=1)
        [conflict] = await self._store.commit([opened.changes()])
        assert conflict is None, conflict
        self._outcome.messages.append(opened.message.id)

    async def _settle(self) -> None:
        claimed = await self._store.claim_deliveries(target=TARGET, now=NOW, limit=1, lease=1)
        for delivery in claimed:
            settled = msgspec.structs.replace(delivery, state="delivered", blocks=False)
            changes = msgspec.structs.replace(Opened().changes(), settled=(settled,))
            [conflict] = await self._store.commit([changes])
            assert conflict is None, conflict
            self._outcome.settled.append(delivery.id)


def burn(call: str, count: int) -> None:
    """Make calls that are of no consequence, in the thread that shall meet the fault."""
    file = os.open("/dev/null", os.O_WRONLY)
    for _ in range(count):
        with suppress(OSError):  # it is no file that could be synced; it counts all the same
            BURNING[call](file)
    os.close(file)


async def child(outcome: Outcome, call: str, spare: int, *, blobs: bool) -> None:
    """Run the operations on the database in a folder."""
    folder = Path(outcome.folder)
    threads = ThreadPoolExecutor(1, initializer=burn, initargs=(call, spare if blobs else 0))
    asyncio.get_running_loop().set_default_executor(threads)

    def connect(path: Path) -> sqlite3.Connection:
        burn(call, 0 if blobs else spare)
        return connect_file(path)

    store = SqliteStore(
        folder / "gateway.db", blobs=FileBlobs(folder / "blobs"), clock=FixedClock(),
        bounds=Bounds(), connect=connect,
    )  # fmt: skip
    began = time.monotonic()
    try:
        await store.open()
    except (StoreUnavailable, StoreBroken):
        outcome.ended = "refused"
    else:
        await Operations(store, outcome).run(OPERATIONS)
    outcome.seconds = time.monotonic() - began
    os.writev(1, [msgspec.json.encode(outcome), b"\n"])
    os._exit(0)  # as after a power cut: nothing is closed


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="has a folder for each number")
    parser.add_argument("--call", choices=sorted(BURNING), required=True)
    parser.add_argument("--last", type=int, required=True)
    parser.add_argument("--blobs", action="store_true")
    options = parser.parse_args()
    for line in sys.stdin:
        fault = int(line)
        here = options.folder / str(fault)
        if (number := os.fork()) == 0:
            outcome = Outcome(fault=fault, folder=str(here))
            spare = options.last - fault if fault else 0
            asyncio.run(child(outcome, options.call, spare, blobs=options.blobs))
        _, status = os.waitpid(number, 0)
        if status:
            os.writev(1, [b'{"fault": %d, "folder": "", "ended": "crashed"}\n' % fault])


if __name__ == "__main__":
    main()
