"""Group commit: one writer thread; what queued during a commit shares the next one."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gateway.domain.changes import Changes
from gateway.errors import StoreBroken, StoreUnavailable
from gateway.store.arrivals import Appended, append
from gateway.store.faults import is_full, store_error
from gateway.store.writing import commit

Outcome = tuple["Job", Any, BaseException | None]


@dataclass(slots=True, eq=False)
class Job:
    """Something to be done in the next transaction.

    Args:
        run: what to do, if it is neither of the others.
        rows: arrivals to append.
        changes: units of work to commit.
        probe: it is tried even while the disk is known to be full.
    """

    future: asyncio.Future[Any]
    run: Callable[[Connection], Any] | None = None
    rows: Appended | None = None
    changes: Sequence[Changes] = ()
    probe: bool = False

    @property
    def weight(self) -> int:
        """How many arrivals and units of work it brings."""
        return len(self.changes) + (len(self.rows.arrivals) if self.rows else 0)


class GroupCommitter:
    """The one writer of a SQLite database.

    A full disk fails the whole batch, and everything after it until a probe comes through. A
    commit that fails with an I/O error is the end: what the file holds is not known any more, an
    fsync that is tried again may lie, so nothing is tried on this handle again.

    Args:
        connect: opens the connection, in the writer's own thread.
        on_broken: called once on the event loop when the store is broken.
        most_rows: arrivals and units of work after which a transaction takes no more.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        on_broken: Callable[[StoreBroken], None] | None = None,
        most_rows: int = 1024,
    ) -> None:
        self._connect, self._on_broken, self._most_rows = connect, on_broken, most_rows
        self._jobs: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self._fresh: list[Job] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._broken: StoreBroken | None = None
        self._full = False

    async def start(self) -> None:
        """Open the connection and begin to work."""
        self._loop = asyncio.get_running_loop()
        started: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(
            target=self._work, args=(started,), name="store-writer", daemon=True
        )
        self._thread.start()
        await started

    async def stop(self) -> None:
        """Finish what is queued and close the connection."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._hand_over()
            self._jobs.put(None)
            await asyncio.to_thread(thread.join)

    def append(self, rows: Appended) -> asyncio.Future[Any]:
        """Queue arrivals."""
        return self._queue(Job(self._future(), rows=rows))

    def commit(self, changes: Sequence[Changes]) -> asyncio.Future[Any]:
        """Queue units of work; a conflict or None for each comes back."""
        return self._queue(Job(self._future(), changes=changes))

    def run(
        self, function: Callable[[Connection], Any], *, probe: bool = False
    ) -> asyncio.Future[Any]:
        """Queue a function; its result or error comes back once it is committed."""
        return self._queue(Job(self._future(), run=function, probe=probe))

    def _future(self) -> asyncio.Future[Any]:
        if self._loop is None or self._thread is None:
            raise StoreUnavailable("the store is closed")
        return self._loop.create_future()

    def _queue(self, job: Job) -> asyncio.Future[Any]:
        if not self._fresh and self._loop is not None:
            self._loop.call_soon(self._hand_over)
        self._fresh.append(job)
        return job.future

    def _hand_over(self) -> None:
        """Give the writer what one turn of the loop brought; to wake it for each costs more."""
        if self._fresh:
            self._jobs.put(self._fresh)
            self._fresh = []

    def _work(self, started: asyncio.Future[None]) -> None:
        try:
            connection = self._connect()
        except BaseException as error:
            self._tell(_settle, started, None, store_error(error) or error)
            return
        self._tell(_settle, started, None, None)
        for batch in self._batches():
            self._tell(self._resolve, self._commit(connection, batch))
        if self._broken is None:
            connection.close()

    def _batches(self) -> Iterator[list[Job]]:
        while (batch := self._jobs.get()) is not None:
            stop, rows = False, sum(job.weight for job in batch)
            with suppress(queue.Empty):
                while rows < self._most_rows:
                    further = self._jobs.get_nowait()
                    if further is None:
                        stop = True
                        break
                    batch += further
                    rows += sum(job.weight for job in further)
            yield batch
            if stop:
                return

    def _commit(self, connection: Connection, batch: Sequence[Job]) -> list[Outcome]:
        if self._broken is not None:
            return [(job, None, self._broken) for job in batch]
        if self._full and not any(job.probe for job in batch):
            full = StoreUnavailable(
                "the disk that holds the database is full; nothing is taken in until there is space"
            )
            return [(job, None, full) for job in batch]
        try:
            with connection.begin():
                outcomes = run_jobs(connection, batch)
        except Exception as error:
            fault = store_error(error) or error
            self._full = self._full or is_full(error)
            if isinstance(fault, StoreBroken):
                self._broken = fault
                connection.invalidate()  # the handle is closed, its transaction forgotten
                if self._on_broken is not None:
                    self._tell(self._on_broken, fault)
            else:
                _give_up(connection)
            return [(job, None, fault) for job in batch]
        self._full = False
        return outcomes

    def _resolve(self, outcomes: Sequence[Outcome]) -> None:
        for job, result, error in outcomes:
            _settle(job.future, result, error)

    def _tell(self, function: Callable[..., Any], *args: Any) -> None:
        if self._loop is None:
            return
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(function, *args)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return  # who asked went away; it is committed all the same
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _give_up(connection: Connection) -> None:
    """Leave no transaction open after a commit that failed."""
    driver: Any = connection.connection.driver_connection
    if driver.in_transaction:
        driver.rollback()


def run_jobs(connection: Connection, batch: Sequence[Job]) -> list[Outcome]:
    """Run jobs in the open transaction; one that fails takes nothing with it.

    One that is alone needs no savepoint: what it raises takes back the transaction.
    """
    if len(batch) == 1 and batch[0].run is not None:
        return [(batch[0], batch[0].run(connection), None)]
    outcomes = _append(connection, [job for job in batch if job.rows is not None])
    outcomes += _write(connection, [job for job in batch if job.changes])
    for job in batch:
        if job.run is not None:
            outcomes.append(_run_one(connection, job, job.run))
    return outcomes


def _append(connection: Connection, jobs: Sequence[Job]) -> list[Outcome]:
    if not jobs:
        return []
    rows = Appended([], [])
    for job in jobs:
        if job.rows is not None:
            rows.arrivals.extend(job.rows.arrivals)
            rows.states.extend(job.rows.states)
    try:
        with connection.begin_nested():
            append(connection, rows)
    except DBAPIError as error:
        if store_error(error) is not None:
            raise
        return [_append_one(connection, job) for job in jobs]
    return [(job, None, None) for job in jobs]


def _append_one(connection: Connection, job: Job) -> Outcome:
    rows = job.rows or Appended([], [])
    return _run_one(connection, job, lambda connection: append(connection, rows))


def _write(connection: Connection, jobs: Sequence[Job]) -> list[Outcome]:
    """Commit everybody's units of work as one batch, which costs few statements."""
    batch = [one for job in jobs for one in job.changes]
    if any(changes.moved for changes in batch):  # these are not taken back as a whole
        return [_run_one(connection, job, partial(commit, batch=job.changes)) for job in jobs]
    try:
        answers = iter(commit(connection, batch) if batch else ())
    except Exception as error:
        if store_error(error) is not None:
            raise
        return [_run_one(connection, job, partial(commit, batch=job.changes)) for job in jobs]
    return [(job, list(islice(answers, len(job.changes))), None) for job in jobs]


def _run_one(connection: Connection, job: Job, run: Callable[[Connection], Any]) -> Outcome:
    try:
        with connection.begin_nested():
            return (job, run(connection), None)
    except DBAPIError as error:
        if store_error(error) is not None:
            raise  # a fault of the disk is everybody's
        return (job, None, error)
    except Exception as error:
        return (job, None, error)
