"""Group commit on PostgreSQL: who shares a transaction, and who answers for a fault."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway.domain.changes import Changes, Conflict, Move
from gateway.errors import StoreUnavailable
from gateway.store.batching import IN_FLIGHT, MOST, GroupCommits
from tests.unit.store.values import TENANT

FAULTY, LOSER = "faulty", "loser"


class Database:
    """Takes batches when it is let, and notes them by the tenants of their units."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.free = asyncio.Event()
        self.down = False

    async def write(self, batch: Sequence[Changes]) -> list[Conflict | None]:
        """Answer each unit of work, or raise for the whole batch."""
        self.batches.append([changes.tenant for changes in batch])
        await self.free.wait()
        if self.down:
            raise StoreUnavailable("the database does not answer")
        if any(changes.tenant == FAULTY for changes in batch):
            raise ValueError("a mistake in one of them")
        return [Conflict(on="version") if c.tenant == LOSER else None for c in batch]


def unit(name: str = TENANT, *, moves: bool = False) -> list[Changes]:
    """One unit of work."""
    moved = (Move(of="thread", id=1, to=2),) if moves else ()
    return [Changes(tenant=name, moved=moved)]


async def begun(database: Database, *units: list[Changes]) -> list[asyncio.Task[object]]:
    """Hand in units of work while a transaction for each way is under way."""
    commits = GroupCommits(database.write)
    first = []
    for number in range(IN_FLIGHT):
        first.append(asyncio.create_task(commits.commit(unit(f"first {number}"))))
        await asyncio.sleep(0.001)
    rest = [asyncio.create_task(commits.commit(one)) for one in units]
    await asyncio.sleep(0.001)
    assert IN_FLIGHT == len(database.batches)
    database.free.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*first, *rest, return_exceptions=True)
        await commits.stop()
    return [*rest]


async def test_what_comes_during_a_commit_shares_the_next() -> None:
    """Each gets its own answer, in its own order."""
    database = Database()
    done = await begun(database, unit("a"), [*unit(LOSER), *unit("b")], unit("c"))
    assert [["first 0"], ["first 1"], ["a", LOSER, "b", "c"]] == database.batches
    assert [[None], [Conflict(on="version"), None], [None]] == [task.result() for task in done]


async def test_a_mistake_harms_only_whose_it_is() -> None:
    """When a shared transaction fails, each is tried alone."""
    database = Database()
    done = await begun(database, unit("a"), unit(FAULTY), unit("c"))
    assert [["a", FAULTY, "c"], ["a"], [FAULTY], ["c"]] == database.batches[IN_FLIGHT:]
    assert [None, ValueError, None] == [
        type(task.exception()) if task.exception() else None for task in done
    ]


async def test_a_database_that_is_down_is_asked_once() -> None:
    """A fault of the database is everybody's."""
    database = Database()
    database.down = True
    done = await begun(database, unit("a"), unit("b"))
    assert IN_FLIGHT + 1 == len(database.batches)
    for task in done:
        with pytest.raises(StoreUnavailable):
            task.result()


async def test_who_moves_records_has_a_transaction_alone() -> None:
    """A merge is done one statement after another, and nothing else is taken back with it."""
    database = Database()
    await begun(database, unit("a"), unit("merge", moves=True), unit("b"), unit("c"))
    assert [["a"], ["merge"], ["b", "c"]] == database.batches[IN_FLIGHT:]


async def test_a_transaction_does_not_grow_without_bound() -> None:
    """What is more than a transaction's worth waits for the one after."""
    database = Database()
    await begun(database, *(unit(str(n)) for n in range(MOST + 5)))
    assert [MOST, 5] == [len(batch) for batch in database.batches[IN_FLIGHT:]]


async def test_who_went_away_is_committed_all_the_same() -> None:
    """A commit that nobody waits for any more holds nobody up."""
    database = Database()
    commits = GroupCommits(database.write)
    task = asyncio.create_task(commits.commit(unit()))
    await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    database.free.set()
    assert [None] == await commits.commit(unit())


async def test_who_commits_again_at_once_is_not_forgotten() -> None:
    """Both ways end in the same turn of the loop, and one of those who are answered goes on."""
    database = Database()
    commits = GroupCommits(database.write)

    async def commit(times: int) -> None:
        for _ in range(times):
            assert [None] == await commits.commit(unit())

    tasks = []
    for times in (2, *[1] * (IN_FLIGHT - 1)):
        tasks.append(asyncio.create_task(commit(times)))
        await asyncio.sleep(0.001)
    database.free.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)
