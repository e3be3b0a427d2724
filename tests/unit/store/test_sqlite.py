"""What SQLite alone has to show: group commit, full disks, failing disks, restarts."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from sqlalchemy import Connection

from gateway.domain.changes import Changes
from gateway.domain.flow import flow_of
from gateway.domain.known import Question
from gateway.errors import Overloaded, StoreBroken, StoreUnavailable
from gateway.store import state
from gateway.store.base import Bounds
from gateway.store.blobs import FileBlobs, MemoryBlobs
from gateway.store.operations import Cursor
from gateway.store.sqlite import SqliteStore, connect_file
from tests.unit.store.values import NOW, TENANT, FixedClock, Opened, arrival


def make(path: Path, **options: Any) -> SqliteStore:
    """Make a store that is not open yet."""
    bounds = options.pop("bounds", Bounds())
    return SqliteStore(path, blobs=MemoryBlobs(), clock=FixedClock(), bounds=bounds, **options)


class Gate(sqlite3.Connection):
    """A connection whose commits wait until they are let through, and are counted."""

    open = threading.Event()
    held = threading.Event()
    commits = 0

    def commit(self) -> None:
        Gate.commits += 1
        Gate.held.set()
        assert Gate.open.wait(10)
        super().commit()


class Failing(sqlite3.Connection):
    """A connection whose commits fail as they do when fsync fails, once that is switched on."""

    failing = False
    code = sqlite3.SQLITE_IOERR_FSYNC

    def commit(self) -> None:
        if Failing.failing:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = Failing.code
            raise error
        super().commit()


def connect_with(kind: type[sqlite3.Connection]) -> Any:
    """Make what opens connections of a kind."""

    def connect(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=kind)

    return connect


async def test_what_queues_during_a_commit_shares_the_next(tmp_path: Path) -> None:
    """Fifty arrivals that come while a commit runs are one further commit."""
    Gate.open.set()
    store = make(tmp_path / "g.db", connect=connect_with(Gate))
    await store.open()
    Gate.open.clear()
    Gate.held.clear()
    Gate.commits = 0
    first = asyncio.create_task(store.accept([arrival()]))
    assert await asyncio.to_thread(Gate.held.wait, 10)
    others = [asyncio.create_task(store.accept([arrival()])) for _ in range(50)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in (first, *others))
    Gate.open.set()
    await asyncio.gather(first, *others)
    assert 2 == Gate.commits
    await store.close()


async def test_a_full_queue_asks_senders_to_come_back(tmp_path: Path) -> None:
    """Rows and bytes that wait are bounded; what is over is refused at once, and later taken."""
    for bounds, body in ((Bounds(arrivals=3), b""), (Bounds(bytes=3000), b"x" * 1000)):
        Gate.open.set()
        store = make(tmp_path / f"{len(body)}.db", connect=connect_with(Gate), bounds=bounds)
        await store.open()
        Gate.open.clear()
        taken = [asyncio.create_task(store.accept([arrival(body)])) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="come back"):
            await store.accept([arrival(body)])
        Gate.open.set()
        await asyncio.gather(*taken)
        await store.accept([arrival(body)])
        found = await store.waiting_arrivals(after={}, limit=9, max_bytes=9999)
        assert 4 == len(found)
        await store.close()


async def test_who_goes_away_does_not_stop_the_commit(tmp_path: Path) -> None:
    """An arrival whose sender hung up is stored all the same, and the others are answered."""
    Gate.open.set()
    store = make(tmp_path / "g.db", connect=connect_with(Gate))
    await store.open()
    Gate.open.clear()
    gone = asyncio.create_task(store.accept([arrival()]))
    stays = asyncio.create_task(store.accept([arrival()]))
    await asyncio.sleep(0)
    gone.cancel()
    Gate.open.set()
    await stays
    assert 2 == (await store.counts()).arrivals_waiting
    await store.close()


async def test_a_full_disk_refuses_until_there_is_space(tmp_path: Path) -> None:
    """Nothing is acknowledged on a full disk, reading goes on, and a ping finds the space again."""
    limited: list[sqlite3.Connection] = []

    def connect(path: Path) -> sqlite3.Connection:
        limited.append(connect_file(path))
        return limited[-1]

    store = make(tmp_path / "g.db", connect=connect)
    await store.open()
    await store.accept([arrival(b"before")])
    [pages] = limited[0].execute("PRAGMA page_count").fetchone()
    limited[0].execute(f"PRAGMA max_page_count = {pages}")
    big = [arrival(b"x" * 100_000) for _ in range(3)]
    answers = await asyncio.gather(*(store.accept([one]) for one in big), return_exceptions=True)
    assert [StoreUnavailable] * 3 == [type(answer) for answer in answers], answers
    with pytest.raises(StoreUnavailable, match="full"):
        await store.accept([arrival(b"small")])
    with pytest.raises(StoreUnavailable, match="full"):
        await store.commit([Opened().changes()])
    assert 1 == (await store.counts()).arrivals_waiting
    limited[0].execute("PRAGMA max_page_count = 1000000")
    await store.ping()
    await store.accept([arrival(b"after")])
    assert 2 == (await store.counts()).arrivals_waiting
    await store.close()


async def test_a_failing_fsync_is_the_end(tmp_path: Path) -> None:
    """After an I/O error at commit nothing is tried again, and the owner is told once."""
    told: list[StoreBroken] = []
    Failing.failing = False
    Failing.code = sqlite3.SQLITE_IOERR_FSYNC
    store = make(tmp_path / "g.db", connect=connect_with(Failing), on_broken=told.append)
    await store.open()
    await store.accept([arrival()])
    Failing.failing = True
    answers = await asyncio.gather(
        *(store.accept([arrival()]) for _ in range(3)), return_exceptions=True
    )
    assert [StoreBroken] * 3 == [type(answer) for answer in answers]
    Failing.failing = False
    for ask in (store.accept([arrival()]), store.ping(), store.commit([Opened().changes()])):
        with pytest.raises(StoreBroken, match="has to stop"):
            await ask
    assert 1 == len(told)
    await store.close()
    again = make(tmp_path / "g.db")
    await again.open()
    assert 1 == (await again.counts()).arrivals_waiting
    await again.close()


async def test_a_commit_that_failed_leaves_nothing_open(tmp_path: Path) -> None:
    """A commit that fails for the moment only is followed by one that works."""
    Failing.failing = True
    Failing.code = sqlite3.SQLITE_BUSY
    store = make(tmp_path / "g.db", connect=connect_with(Failing))
    await store.open()
    with pytest.raises(StoreUnavailable):
        await store.accept([arrival()])
    Failing.failing = False
    await store.accept([arrival()])
    assert 1 == (await store.counts()).arrivals_waiting
    await store.close()


async def test_what_was_acknowledged_outlives_the_process(tmp_path: Path) -> None:
    """A store opened anew holds arrivals, outcomes and leases; big bodies too."""
    path, blobs = tmp_path / "deep" / "g.db", FileBlobs(tmp_path / "blobs")
    one, big = arrival(), arrival(b"b" * 300_000)
    opened = Opened(deliveries=1)
    for _ in range(2):
        store = SqliteStore(path, blobs=blobs, clock=FixedClock(), bounds=Bounds())
        await store.open()
        if not (await store.counts()).arrivals_waiting:
            await store.accept([one, big])
            await store.commit([opened.changes()])
        found = await store.waiting_arrivals(after={}, limit=9, max_bytes=1 << 20)
        assert [one, big] == [waiting.arrival for waiting in found]
        assert opened.message == await store.message(None, opened.message.id)
        await store.close()


async def test_the_file_is_for_nobody_else(tmp_path: Path) -> None:
    """The database and its folder are made for their owner only."""
    store = make(tmp_path / "new" / "g.db")
    await store.open()
    assert 0o600 == (tmp_path / "new" / "g.db").stat().st_mode & 0o777
    assert 0o700 == (tmp_path / "new").stat().st_mode & 0o777
    await store.close()


async def test_commits_are_synced(tmp_path: Path) -> None:
    """The writer runs with the settings under which no acknowledged row is lost."""
    seen: list[sqlite3.Connection] = []

    def connect(path: Path) -> sqlite3.Connection:
        seen.append(connect_file(path))
        return seen[-1]

    store = make(tmp_path / "g.db", connect=connect)
    await store.open()
    settings = {
        name: seen[0].execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1} == settings
    await store.close()


async def test_a_store_without_its_write_ahead_log_does_not_open(tmp_path: Path) -> None:
    """SQLite keeps another journal without a word where it cannot have one; nothing is taken in."""

    def connect(_path: Path) -> sqlite3.Connection:
        return connect_file(Path(":memory:"))

    store = make(tmp_path / "g.db", connect=connect)
    with pytest.raises(StoreUnavailable, match="a journal of mode 'memory' instead"):
        await store.open()
    await store.close()


async def test_nothing_blocks_the_event_loop(tmp_path: Path) -> None:
    """Opening, accepting, committing, reading and closing leave the loop free."""
    blobs = FileBlobs(tmp_path / "blobs")
    with blockbuster_ctx():
        store = SqliteStore(tmp_path / "g.db", blobs=blobs, clock=FixedClock(), bounds=Bounds())
        await store.open()
        await store.accept([arrival(), arrival(b"b" * 300_000)])
        assert 2 == len(await store.waiting_arrivals(after={}, limit=9, max_bytes=1 << 20))
        assert [None] == await store.commit([Opened(deliveries=1).changes()])
        await store.look_up([Question(tenant=TENANT)])
        await store.claim_deliveries(target="backend/desk", now=NOW, limit=9, lease=1)
        await store.quarantine(None, Cursor())
        await store.close()


async def test_a_locked_database_is_waited_for_or_said(tmp_path: Path) -> None:
    """While another program holds the file nothing is acknowledged; afterwards all goes on."""

    def connect(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=0.05, isolation_level=None, check_same_thread=False)

    path = tmp_path / "g.db"
    store = make(path, connect=connect)
    await store.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        await store.accept([arrival()])
    other.execute("ROLLBACK")
    other.close()
    await store.accept([arrival()])
    assert 1 == (await store.counts()).arrivals_waiting
    await store.close()


async def test_a_mistake_of_the_program_is_not_hidden(tmp_path: Path) -> None:
    """An operation that raises is told so, leaves nothing behind, and the store goes on."""
    store = make(tmp_path / "g.db")
    await store.open()

    def wrong(connection: Connection) -> None:
        state.note(connection, "half", "done")
        raise LookupError("a mistake")

    alone = [store._write(wrong)]
    for together in (alone, [store._write(wrong), store._write(state.note, "other", "done")]):
        failed, *rest = await asyncio.gather(*together, return_exceptions=True)
        assert "a mistake" == str(failed)
        assert all(one is None for one in rest)
    noted = await store._read(
        lambda c: c.exec_driver_sql("SELECT name FROM meta WHERE value = 'done'").all()
    )
    assert ["other"] == [row.name for row in noted]
    assert [None] == await store.commit([Changes(tenant=TENANT)])
    await store.close()


async def test_what_is_stored_after_a_restart_is_numbered_after_what_was_done_before_it(
    tmp_path: Path,
) -> None:
    """A reader that passed the last one of before the restart sees the first one after it."""
    store = make(tmp_path / "g.db")
    await store.open()
    for _ in range(3):
        await store.accept([arrival()])
    await store.close()
    store = make(tmp_path / "g.db")
    await store.open()
    passed = await store.waiting_arrivals(after={}, limit=9, max_bytes=1 << 20)
    for one in passed:
        await store.set_arrival_state(None, one.arrival.id, "done", when="waiting")
    await store.accept([after := arrival()])
    [flow] = {flow_of(one.arrival.tenant, one.arrival.source_kind) for one in passed}
    found = await store.waiting_arrivals(after={flow: passed[-1].mark}, limit=9, max_bytes=1 << 20)
    assert [after.id] == [one.arrival.id for one in found]
    await store.close()


async def test_what_a_command_stores_beside_a_gateway_is_numbered_with_the_rest(
    tmp_path: Path,
) -> None:
    """Two writers of one file count together: a reader that passed the one's sees the other's next."""
    gateway, command = make(tmp_path / "g.db"), make(tmp_path / "g.db")
    await gateway.open()
    await command.open()
    for store in (gateway, command, command, command):
        await store.accept([arrival()])
    passed = await gateway.waiting_arrivals(after={}, limit=9, max_bytes=1 << 20)
    await gateway.accept([after := arrival()])
    [flow] = {flow_of(one.arrival.tenant, one.arrival.source_kind) for one in passed}
    found = await gateway.waiting_arrivals(
        after={flow: passed[-1].mark}, limit=9, max_bytes=1 << 20
    )
    assert [after.id] == [one.arrival.id for one in found]
    await gateway.close()
    await command.close()
