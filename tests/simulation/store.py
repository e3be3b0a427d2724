"""One process's way to the database, with everything that can happen on it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from gateway.contracts.services import Clock
from gateway.domain.changes import Changes, Conflict
from gateway.errors import StoreBroken, StoreUnavailable
from gateway.store.arrivals import Appended
from gateway.store.base import BaseStore, Bounds
from gateway.store.blobs import BlobStore
from gateway.store.committing import Job, Outcome
from tests.simulation.disk import Disk, Operation
from tests.simulation.network import OUTSIDE
from tests.simulation.weather import STORE, Weather

R = TypeVar("R")
QUICK, SLOW = (0.0005, 0.02), (0.5, 20.0)


class SimStore(BaseStore):
    """The operations of the real store, each at one instant after a while.

    What queues during a commit shares the next one. Once cut off, as a killed process is, it
    answers nothing any more, and what was under way is committed or not, as the dice have it.

    Args:
        amnesia: probability that a commit is done, but its answer lost.
        after_effect: seconds for which that may hold something up.
        who: the process, for the trace.
    """

    def __init__(
        self,
        disk: Disk,
        weather: Weather,
        dice: random.Random,
        *,
        amnesia: Callable[[], float],
        after_effect: float,
        who: str,
        blobs: BlobStore,
        clock: Clock,
        on_broken: Callable[[StoreBroken], None] | None,
    ) -> None:
        super().__init__(blobs=blobs, clock=clock, bounds=Bounds())
        self._disk, self._weather, self._dice = disk, weather, dice
        self._who, self._on_broken, self._amnesia = who, on_broken, amnesia
        self._after_effect = after_effect
        self._jobs: list[Job] = []
        self._under_way: list[Job] = []
        self._cut = False

    async def open(self) -> None:
        """Nothing is to be opened."""

    async def close(self) -> None:
        """Nothing is to be closed."""

    def cut_off(self) -> None:
        """Answer nothing any more."""
        if self._under_way and not self._cut and self._dice.random() < 0.5:
            self._disk.commit(self._who, self._under_way)
        self._cut = True

    async def _read(self, function: Callable[..., R], *args: Any, **named: Any) -> R:
        future: asyncio.Future[R] = self._future()

        def answer() -> None:
            if future.done() or self._cut:
                return
            if self._weather.at(STORE) == "down":
                future.set_exception(StoreUnavailable("the database does not answer"))
                return
            try:
                future.set_result(self._disk.read(Operation(function, args, named)))
            except Exception as error:
                future.set_exception(error)

        future.get_loop().call_later(self._dice.uniform(*QUICK), answer, context=OUTSIDE)
        return await future

    async def _write(self, function: Callable[..., R], *args: Any, **named: Any) -> R:
        result: R = await self._queue(Job(self._future(), run=Operation(function, args, named)))
        return result

    async def _append(self, rows: Appended) -> None:
        await self._queue(Job(self._future(), rows=rows))

    async def commit(self, changes: Sequence[Changes]) -> list[Conflict | None]:
        """Commit units of work, together with those of whoever commits at the same time."""
        if not changes:
            return []
        answers: list[Conflict | None] = await self._queue(Job(self._future(), changes=changes))
        return answers

    def _future(self) -> asyncio.Future[Any]:
        if self._cut:
            raise asyncio.CancelledError  # a killed process does nothing any more
        return asyncio.get_running_loop().create_future()

    def _queue(self, job: Job) -> asyncio.Future[Any]:
        self._jobs.append(job)
        if not self._under_way:
            self._begin()
        return job.future

    def _begin(self) -> None:
        self._under_way, self._jobs = self._jobs, []
        pause = self._dice.uniform(*(SLOW if self._weather.at(STORE) == "slow" else QUICK))
        asyncio.get_running_loop().call_later(pause, self._end, context=OUTSIDE)

    def _end(self) -> None:
        if self._cut:
            return
        jobs, mode = self._under_way, self._weather.at(STORE)
        outcomes: list[Outcome] = []
        if mode in ("well", "slow", "forgetful") or (
            mode == "broken" and self._dice.random() < 0.5
        ):
            outcomes = self._disk.commit(self._who, jobs)
        error = self._fault(mode)
        if error is not None:
            outcomes = [(job, None, error) for job in jobs]
        self._under_way = []
        if self._jobs:
            self._begin()
        for job, result, failure in outcomes:
            if job.future.done():
                continue
            if failure is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(failure)

    def _fault(self, mode: str) -> Exception | None:
        """What a commit ends with in such weather; a forgetful one is done all the same."""
        if mode == "well" and self._dice.random() < self._amnesia():
            # Whoever asked may look again only after its idle time, or once a lease has run out.
            self._weather.disturb(STORE, self._after_effect)
            return StoreUnavailable("the connection broke before the answer came")
        if mode in ("well", "slow") or (mode == "forgetful" and self._dice.random() < 0.7):
            return None
        if mode != "broken":
            return StoreUnavailable(f"the database is {mode}")
        broken = StoreBroken("a commit failed with an input/output error")
        if self._on_broken is not None:
            self._on_broken(broken)
        return broken
