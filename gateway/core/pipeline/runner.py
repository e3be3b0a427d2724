"""The pipeline: takes waiting arrivals, works on them lane by lane, and commits what they cause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext

from gateway.contracts.services import Clock, Log
from gateway.core.pace import Pace
from gateway.core.partitions import ALONE, Partitions, Tenure
from gateway.core.pipeline.inbound import Inbound
from gateway.core.pipeline.lanes import Lanes
from gateway.core.pipeline.look_ups import LookUps
from gateway.core.pipeline.openings import Openings, TicketPending
from gateway.core.pipeline.preparing import Prepared, Preparer
from gateway.core.pipeline.receipts import take_receipt
from gateway.core.pipeline.replies import take_change, take_reply
from gateway.core.pipeline.stopping import released, stopped
from gateway.core.pipeline.work import Work
from gateway.core.tracing import span
from gateway.core.turns import Turn, Turns
from gateway.domain.arrival import Arrival, Mark, Quarantined
from gateway.domain.changes import Changes, Conflict
from gateway.domain.draft import AgentReply, Ignored, Receipt, TicketChange
from gateway.domain.flow import flow_of
from gateway.domain.ids import Ids
from gateway.domain.known import Known
from gateway.domain.partition import of_lane
from gateway.domain.tokens import Keyring
from gateway.errors import (
    GatewayError,
    HookFailure,
    StoreBroken,
    StoreError,
    UnreadableArrival,
)
from gateway.store.operations import Store

CONFLICTS, FREE_RACES = 50, 3  # after the free ones, racers take turns
LONGEST_PAUSE, LONGEST_AWAY, STORE_SECONDS = 60.0, 5.0, 0.5


class Pipeline:
    """Works on arrivals until stopped.

    Args:
        attempts: how often an arrival may fail before it is quarantined.
        on_committed: told what was committed, so that the outbox and others wake up.
        turns: shared with intake, whose senders go first.
        partitions: those whose arrivals this process works on.
    """

    def __init__(
        self,
        *,
        store: Store,
        preparer: Preparer,
        inbound: Inbound,
        keyring: Keyring,
        clock: Clock,
        new_id: Ids,
        log: Log,
        on_committed: Callable[[Changes], None],
        repeat_hours: float = 72,
        attempts: int = 3,
        most_items: int = 256,
        most_bytes: int = 64 << 20,
        pace: Pace | None = None,
        turns: Turns | None = None,
        partitions: Partitions = ALONE,
    ) -> None:
        self._store, self._preparer, self._inbound = store, preparer, inbound
        self._clock, self._new_id = clock, new_id
        self._log, self._on_committed = log, on_committed
        self._turns = turns or Turns(clock)
        self._attempts = attempts
        self._look_ups = LookUps(store, inbound, keyring, repeat_hours=repeat_hours)
        self._lanes: Lanes[Arrival] = Lanes(
            self._work, size=lambda arrival: len(arrival.body) + 1024,
            most_items=most_items, most_bytes=most_bytes,
        )  # fmt: skip
        self._pace, self._wake = pace or Pace(), asyncio.Event()
        self._partitions = partitions
        partitions.on_change(self._start_afresh)
        self._afresh = False
        self._held: dict[int, tuple[str, Tenure]] = {}
        self._newest: dict[str, Mark] = {}  # by flow
        self._rescan_at = 0.0
        self._left: set[str] = set()
        self._passed: set[int] = set()
        self._finished: set[int] = set()
        self._race, self._openings = asyncio.Lock(), Openings(store)
        self._ending = asyncio.Event()

    def wake(self, _partitions: Collection[int] = ()) -> None:
        """Say that arrivals wait."""
        self._wake.set()

    def _start_afresh(self) -> None:
        """Look from the oldest on, for there are other partitions now."""
        self._afresh = True
        self._wake.set()

    async def run(self) -> None:
        """Feed the lanes until cancelled; what is in them is given ten seconds to finish."""
        try:
            while True:
                try:
                    await self._feed()
                except StoreBroken:
                    raise
                except StoreError as error:
                    self._log.warning("pipeline.store", error=str(error))
                    await asyncio.sleep(STORE_SECONDS)
        finally:
            self._ending.set()
            await self._lanes.drain(8.0)
            self._held.clear()

    async def _feed(self) -> None:
        """Take what is new; then sleep until more comes, looking now and then at what lies behind.

        Behind the mark up to which was read lie only what is being worked on, what was passed over,
        and what somebody had run again.
        """
        self._wake.clear()
        if self._afresh:
            self._afresh = False
            self._newest.clear()
            self._forget_passed()
        self._newest = await self._take(self._newest, None)
        loop = asyncio.get_running_loop()
        if loop.time() >= self._rescan_at:
            self._forget_passed()
            await self._take({}, self._newest)
            self._rescan_at = loop.time() + self._rest
        try:
            async with asyncio.timeout(self._rest):
                await self._wake.wait()
        except TimeoutError:
            pass

    @property
    def _rest(self) -> float:
        return self._pace.left if self._left else self._pace.idle

    def _forget_passed(self) -> None:
        self._left.clear()
        self._passed.clear()

    async def _take(
        self, after: Mapping[str, Mark], until: Mapping[str, Mark] | None
    ) -> dict[str, Mark]:
        """Put waiting arrivals into their lanes as there is room.

        Args:
            after, until: marks by flow between which to look.

        Returns:
            From where to look on, by flow.
        """
        partitions, seen = self._partitions, dict(after)
        while True:
            await self._lanes.wait_for_room()
            items, size = self._lanes.room
            self._finished.clear()
            limit = min(items, 256) if until is None else 256
            batch = await self._store.waiting_arrivals(
                after=seen,
                limit=limit,
                max_bytes=size,
                share=partitions.share,
                but=self._passed.union(self._held),
            )
            if self._afresh:
                return dict(after)  # older ones may wait in a partition that came meanwhile
            # What a lane held when its partition went has to be out of it before it is filled again.
            self._left.update(
                lane for lane, held in self._held.values() if not partitions.holds(held)
            )
            behind = until is None
            for waiting in batch:
                arrival = waiting.arrival
                flow = flow_of(arrival.tenant, arrival.source_kind)
                behind = behind or waiting.mark < (until or {}).get(flow, Mark())
                seen[flow] = waiting.mark
                # What was finished while the batch was read is in it, but waits no more.
                if arrival.id in self._held or arrival.id in self._finished:
                    continue
                lane = f"{arrival.tenant}\0{arrival.lane}"
                # What follows in a lane that was full waits for the next look, or it would overtake.
                if lane in self._left or self._lanes.full(lane):
                    self._left.add(lane)
                    if not waiting.settled:
                        self._passed.add(arrival.id)  # it is read again
                    continue
                tenure = partitions.tenure(of_lane(arrival.tenant, arrival.lane))
                self._held[arrival.id] = lane, tenure
                self._lanes.put(lane, arrival)
            if not batch or not behind:
                return seen

    async def _work(self, arrival: Arrival) -> None:
        """Work on one arrival until it is done or put aside; the lane behind it waits."""
        failures, pause = 0, 0.5
        partitions, (_, tenure) = self._partitions, self._held[arrival.id]
        place = of_lane(arrival.tenant, arrival.lane)
        partitions.begin((place,))
        try:
            while partitions.holds(tenure):  # else it is another process's to do
                try:
                    async with self._turns.work(arrival.received_at) as turn:
                        with span("pipeline.arrival", source=arrival.source, arrival=arrival.id):
                            await self._process(arrival, turn)
                    return
                except StoreBroken:
                    raise
                except TicketPending:
                    pause = min(pause, LONGEST_AWAY)
                except StoreError as error:
                    self._log.warning("pipeline.store", error=str(error), arrival=arrival.id)
                    pause = min(pause, LONGEST_AWAY)
                except HookFailure as error:
                    failures += 1
                    if failures >= max(self._attempts, 10):
                        await self._put_aside(arrival, error.hook, error, failures, error.plugin)
                        return
                except UnreadableArrival as error:
                    await self._put_aside(arrival, "parse", error, failures + 1, error.plugin)
                    return
                except Exception as error:
                    failures += 1
                    self._log.error(
                        "pipeline.failed", arrival=arrival.id, error=repr(error), exc_info=error
                    )
                    if failures >= self._attempts:
                        await self._put_aside(arrival, "decide", error, failures)
                        return
                if await self._ends_within(pause):
                    return  # it is done after the restart
                pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            self._openings.forget(arrival.id)
            partitions.end((place,))
            lane, _ = self._held.pop(arrival.id)
            if not partitions.holds(tenure):
                self._left.add(lane)  # what follows it may have been read already, without it
            self._finished.add(arrival.id)

    async def _ends_within(self, seconds: float) -> bool:
        """Let time pass, and say whether the pipeline is stopped meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                return await self._ending.wait()
        except TimeoutError:
            return False

    async def _process(self, arrival: Arrival, turn: Turn) -> None:
        prepared = await self._preparer.prepare(arrival)
        if any(part.stopped for part in prepared) and await released(self._store, arrival.id):
            prepared = await self._preparer.prepare(arrival, released=True)
        if not prepared:
            prepared = [Prepared(parsed=Ignored(reason="it holds nothing"))]
        waits = True
        for number, part in enumerate(prepared, 1):
            last = number == len(prepared)
            waits = await self._settle(arrival, part, turn, last=last, waits=waits)

    async def _settle(
        self, arrival: Arrival, part: Prepared, turn: Turn, *, last: bool, waits: bool
    ) -> bool:
        """Decide about one part and commit; whoever loses a race decides again.

        Args:
            turn: rests once nothing is left to do but to wait for the commit.
            waits: no part before this one put the arrival aside.

        Returns:
            Whether the arrival still waits to be finished.
        """
        conflict: Conflict | None = None
        for race in range(CONFLICTS):
            async with self._race if race >= FREE_RACES else nullcontext():
                known = await self._look_ups.known(arrival, part)
                work = self._sheet(arrival)
                await self._decide(work, arrival, part, known)
                if not waits:
                    work.quarantined.clear()
                changes = work.changes(finish=last and waits)
                if last:
                    turn.rests()
                conflict = await self._commit(changes)
            if conflict is None:
                return waits and not work.quarantined
            if conflict.on in ("arrival", "fence"):
                return False  # somebody else has finished it, or will
        raise GatewayError(f"it lost {CONFLICTS} races in a row, the last one on {conflict}")

    def _sheet(self, arrival: Arrival) -> Work:
        _, tenure = self._held[arrival.id]
        return Work(
            tenant=arrival.tenant, now=self._clock.now(), new_id=self._new_id, arrival=arrival,
            fence=tenure.fence,
        )  # fmt: skip

    async def _commit(self, changes: Changes) -> Conflict | None:
        [conflict] = await self._store.commit([changes])
        if conflict is None:
            self._on_committed(changes)
        return conflict

    async def _decide(self, work: Work, arrival: Arrival, part: Prepared, known: Known) -> None:
        if part.stopped is not None:
            work.put_aside(stopped(part.stopped, part.stopped_by, work.now))
            return
        if isinstance(part.parsed, AgentReply | TicketChange):
            await self._openings.check(arrival, known)
        match part.parsed:
            case AgentReply() as reply:
                take_reply(work, arrival, part.part, reply, part.attachments, known)
            case TicketChange() as change:
                take_change(work, arrival, part.part, change, known)
            case Receipt() as receipt:
                take_receipt(work, receipt, known)
            case Ignored() as ignored:
                work.decide("ignore", "nothing to do", ignored.reason)
            case _ if part.candidate is not None:
                await self._inbound.decide(work, arrival, part.candidate, known)

    async def _put_aside(
        self, arrival: Arrival, stage: str, error: BaseException, attempts: int, plugin: str = ""
    ) -> None:
        """Quarantine an arrival; tried again until the store takes it, for it must not be lost."""
        code = error.code if isinstance(error, GatewayError) else "failed"
        words = str(error) if isinstance(error, GatewayError) else repr(error)
        pause = 0.5
        while True:
            work = self._sheet(arrival)
            work.put_aside(
                Quarantined(
                    stage=stage, code=code, error=words[:2000], plugin=plugin,
                    attempts=attempts, at=work.now,
                )
            )  # fmt: skip
            try:
                if await self._commit(work.changes()) is not None:
                    return  # somebody else has finished it, or will
            except StoreBroken:
                raise
            except StoreError:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            self._log.warning(
                "arrival.quarantined", arrival=arrival.id, source=arrival.source, stage=stage,
                code=code, plugin=plugin,
            )  # fmt: skip
            return
