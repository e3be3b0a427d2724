"""The database of a simulation: the real schema and operations, on memory, at one instant each."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from gateway.domain.arrival import Arrival
from gateway.domain.changes import Changes
from gateway.domain.ids import show
from gateway.store.arrivals import Appended
from gateway.store.committing import Job, Outcome, run_jobs
from gateway.store.migrating import migrate
from gateway.store.rows import decode
from tests.simulation.trace import Trace


@cache
def _empty() -> bytes:
    """A database with the schema and nothing in it, as the migrations make it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.db"
        migrate(f"sqlite:///{path}")
        made = sqlite3.connect(path)
        try:
            return made.serialize()
        finally:
            made.close()


@cache
def _handle() -> tuple[sqlite3.Connection, Connection]:
    """The one connection of this process; statements are compiled once for all worlds."""
    raw = sqlite3.connect(
        ":memory:", isolation_level=None, check_same_thread=False, cached_statements=512
    )
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    return raw, engine.connect()


@dataclass(frozen=True, slots=True)
class Operation:
    """One of the store's functions with its arguments, to be run over a connection."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    named: dict[str, Any]

    def __call__(self, connection: Connection, /) -> Any:
        """Run it."""
        return self.function(connection, *self.args, **self.named)


class Disk:
    """What outlives every process.

    Args:
        arrived: when each arrival was committed, by its source and key.
        aside: keys of those that were put aside as their ticket was not known yet; they are worked on
            late, once a person has them replayed or they come again.
    """

    def __init__(self, trace: Trace, now: Callable[[], float]) -> None:
        self._raw, self._connection = _handle()
        self._raw.deserialize(_empty())
        self._raw.execute("PRAGMA foreign_keys=ON")
        self._trace, self._now = trace, now
        self.arrived: dict[str, float] = {}
        self.aside: set[str] = set()
        self._keys: dict[int, str] = {}

    def read(self, function: Callable[[Connection], Any]) -> Any:
        """Run a function that only reads."""
        with self._transaction() as connection:
            return function(connection)

    def commit(self, who: str, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs in one transaction, as the one writer of a SQLite database does."""
        try:
            with self._transaction() as connection:
                outcomes = run_jobs(connection, jobs)
        except Exception as error:
            outcomes = [(job, None, error) for job in jobs]
        failed = {id(job) for job, _, error in outcomes if error is not None}
        for job in jobs:
            if id(job) not in failed:
                self._note(job)
        self._trace(who, f"commit {', '.join(_named(job, answer) for job, answer, _ in outcomes)}")
        return outcomes

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._connection.begin():
            self._raw.execute("BEGIN")
            yield self._connection

    def _note(self, job: Job) -> None:
        for arrival in _arrivals(job):
            self.arrived.setdefault(f"{arrival.source}/{arrival.key}", self._now())
            self._keys[arrival.id] = arrival.key
        for changes in job.changes:
            self.aside |= {
                self._keys[arrival]
                for arrival, reason in changes.quarantine
                if reason.code == "unknown_ticket"
            }


def _named(job: Job, answer: Any) -> str:
    """What a job did, for the trace."""
    if job.rows is not None:
        return f"accept {len(job.rows.arrivals)}"
    if isinstance(job.run, Operation):
        return str(job.run.function.__name__)
    about = [f"{', '.join(_said(one))}" for one in job.changes]
    return f"changes ({'; '.join(about)}){' conflict' if answer and any(answer) else ''}"


def _said(changes: Changes) -> Iterator[str]:
    for decision in changes.decisions:
        yield f"{decision.kind} {decision.outcome}"
    for message in changes.messages:
        yield f"{show('msg', message.id)} in {show('conv', message.conversation)} {message.text[-6:]}"
    for delivery in (*changes.deliveries, *changes.settled):
        yield f"{show('dlv', delivery.id)} to {delivery.target} {delivery.state}"


def _arrivals(job: Job) -> list[Arrival]:
    """Give the arrivals that a job appends."""
    rows = job.rows
    if rows is None and isinstance(job.run, Operation):
        rows = next((one for one in job.run.args if isinstance(one, Appended)), None)
    return [decode(row[5], Arrival) for row in rows.arrivals] if rows else []
