"""The sender of one target: leases due deliveries, sends them, and settles each at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from functools import partial

import msgspec

from gateway.contracts.services import Clock, Log
from gateway.core.deadlines import Deadlines
from gateway.core.outbox.places import PATIENCE, NoPlace, Places
from gateway.core.outbox.settling import Rules, settle_done, settle_failed
from gateway.core.outbox.targets import Done, Letters, Target
from gateway.core.outbox.telling import tell_of_given_up
from gateway.core.pace import Pace
from gateway.core.partitions import ALONE, Partitions
from gateway.core.pipeline.work import Work
from gateway.core.tracing import span
from gateway.domain.changes import Changes
from gateway.domain.delivery import PARKED, Delivery
from gateway.domain.health import Health
from gateway.domain.ids import Ids
from gateway.domain.partition import Fence, Share, of_conversation
from gateway.domain.retrying import BreakerPolicy, BreakerState, RetryPolicy
from gateway.errors import (
    AuthenticationFailed,
    ConnectorError,
    HookFailure,
    OutcomeUnknown,
    StoreBroken,
    StoreError,
    Suspended,
    TargetBroken,
    Throttled,
    Unreachable,
)
from gateway.store.operations import Store

DEADLINE = 120.0
RECOVER_SECONDS = 60.0
RACES = 20
TARGETS_FAULT = (
    Unreachable, Throttled, TargetBroken, AuthenticationFailed, Suspended, OutcomeUnknown,
)  # fmt: skip


class Sender:
    """Sends the deliveries of one target; targets do not know one another.

    Args:
        deadline: seconds a send may take before its outcome counts as unknown.
        on_settled: told what was committed.
        idle: seconds after which to look though nothing happened.
        partitions: those whose deliveries this process sends.
        recover: seconds between looks for what is leased and nobody works on.
        patience: seconds that what is claimed waits until it is sent.
    """

    def __init__(
        self,
        *,
        target: Target,
        store: Store,
        clock: Clock,
        new_id: Ids,
        random: Callable[[], float],
        log: Log,
        report: Callable[[Health], None],
        retry: RetryPolicy,
        breaker: BreakerPolicy,
        on_settled: Callable[[Changes], None],
        deadline: float = DEADLINE,
        idle: float = Pace().idle,
        partitions: Partitions = ALONE,
        recover: float = RECOVER_SECONDS,
        patience: float = PATIENCE,
    ) -> None:
        self.target = target
        self._store, self._clock, self._new_id, self._random = store, clock, new_id, random
        self._log, self._report, self._deadlines = log, report, Deadlines(deadline)
        self._rules = Rules(repeat=target.repeat, stuck_head=target.stuck_head, retry=retry)
        self._policy, self._breaker = breaker, BreakerState()
        self._on_settled = on_settled
        self._idle, self._wake = idle, asyncio.Event()
        self._letters = Letters(store)
        self._places = Places(
            target.concurrency, ahead=target.repeat != "never", left=self.wake, patience=patience
        )
        self._tasks: set[asyncio.Task[bool]] = set()
        self._sending: set[int] = set()
        self._partitions, self._recover_seconds, self._recover_at = partitions, recover, 0.0
        partitions.on_change(self._recover_soon)

    def wake(self) -> None:
        """Say that deliveries may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled; what is under way is given time to finish."""
        try:
            while True:
                await asyncio.sleep(0)  # one claim for all that ended in the same moment
                self._wake.clear()
                try:
                    claimed = await self._claim()
                except StoreBroken:
                    raise
                except StoreError as error:
                    self._log.warning("outbox.store", target=self.target.name, error=str(error))
                    claimed = 0
                    self._recover_at = 0.0  # what was claimed may be so although we were not told
                if not claimed:
                    await self._rest()
        finally:
            await self._drain(8.0)

    async def _claim(self) -> int:
        now = self._clock.now()
        share = self._partitions.share
        if share is not None and not share.partitions:
            return 0
        await self._recover(now, share)
        allowed = self._policy.allows(self._breaker, now)
        free = self._places.claimable if allowed is None else allowed
        free -= len(self._tasks)
        if free <= 0:
            return 0
        with self._partitions.under_way(*(share.partitions if share else ())):
            with self._places.claiming():
                claimed = await self._store.claim_deliveries(
                    target=self.target.name, now=now, limit=free, lease=self._new_id(), share=share
                )
            for delivery in claimed:
                place = of_conversation(delivery.conversation)
                self._partitions.begin((place,))
                self._sending.add(delivery.id)
                sending = self._send(delivery, share.fence(place) if share else None)
                task = asyncio.create_task(sending, name=f"send {self.target.name}")
                self._tasks.add(task)
                task.add_done_callback(partial(self._done, delivery.id, place))
        return len(claimed)

    async def _recover(self, now: int, share: Share | None) -> None:
        """Take back what is leased and nobody works on; first what this one left behind."""
        moment = asyncio.get_running_loop().time()
        if moment >= self._recover_at:
            await self._store.recover_deliveries(
                now=now, target=self.target.name, share=share, but=self._sending
            )
            self._recover_at = moment + self._recover_seconds

    def _recover_soon(self) -> None:
        self._recover_at = 0.0
        self._wake.set()

    def _done(self, delivery: int, place: int, task: asyncio.Task[bool]) -> None:
        self._tasks.discard(task)
        self._sending.discard(delivery)
        self._partitions.end((place,))
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.error(
                "outbox.failed", target=self.target.name, delivery=delivery, error=repr(error),
                exc_info=error,
            )  # fmt: skip
        if error is not None or not (task.cancelled() or task.result()):
            self._recover_at = 0.0
        self._wake.set()

    async def _rest(self) -> None:
        """Sleep until something changes or comes due, looking now and then all the same."""
        pause = self._idle
        now = self._clock.now()
        if now < self._breaker.open_until:
            pause = min(pause, (self._breaker.open_until - now) / 1000 + 0.001)
        elif not self._tasks:  # else the end of the first of them wakes it
            moment = await self._next_moment()
            if moment is not None and moment > now:
                pause = min(pause, (moment - now) / 1000 + 0.001)
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _next_moment(self) -> int | None:
        try:
            share = self._partitions.share
            return await self._store.next_moment(targets=[self.target.name], share=share)
        except StoreBroken:
            raise
        except StoreError:
            return None

    def _sheet(self, delivery: Delivery, fence: Fence | None) -> Work:
        return Work(tenant=delivery.tenant, now=self._clock.now(), new_id=self._new_id, fence=fence)

    async def _send(self, delivery: Delivery, fence: Fence | None) -> bool:
        """Send a delivery and settle it; False if it was left alone."""
        began = asyncio.get_running_loop().time()
        if delivery.state == "unknown" and self._rules.repeat == "never":
            await self._park(self._sheet(delivery, fence), delivery)
            return True
        found: Done | None = None
        error: ConnectorError | HookFailure | None = None
        looking = False
        try:
            letter = await self._letters.of(delivery)
            async with self._places.one():
                self._check_still_due(fence)
                began = asyncio.get_running_loop().time()
                with self._deadlines.limit():
                    if delivery.state == "unknown" and self._rules.repeat == "lookup":
                        looking = True
                        found = await self.target.find(delivery, letter)
                        looking = False
                    if found is None:
                        with span("outbox.send", target=self.target.name, delivery=delivery.id):
                            found = await self.target.deliver(delivery, letter)
        except NoPlace:
            return await self._give_back(self._sheet(delivery, fence), delivery)
        except TimeoutError:
            error = OutcomeUnknown(
                f"{self.target.name} did not answer within {self._deadlines.seconds:g} seconds",
                code="timeout",
            )
        except (ConnectorError, HookFailure) as failure:
            error = failure
        except StoreBroken:
            raise
        except StoreError as failure:
            # Reading the message failed before anything was sent.
            error = Unreachable(f"the store did not answer: {failure}", code="store")
        except Exception as failure:
            self._log.error(
                "outbox.failed", target=self.target.name, delivery=delivery.id,
                error=repr(failure), exc_info=failure,
            )  # fmt: skip
            error = OutcomeUnknown(f"{type(failure).__name__}: {failure}", code="failed")
        took = int((asyncio.get_running_loop().time() - began) * 1000)
        await self._settle(delivery, fence, found, error, took, still_unknown=looking)
        return True

    def _check_still_due(self, fence: Fence | None) -> None:
        """Raise `NoPlace` if the target fell ill since the claim, or the partition may be another's."""
        ill = self._policy.allows(self._breaker, self._clock.now()) == 0
        if ill or not self._partitions.alive(fence):
            raise NoPlace

    async def _give_back(self, work: Work, delivery: Delivery) -> bool:
        """Leave what gets no place as it was before; False if it has to be recovered."""
        work.settled.append(delivery)
        try:
            [conflict] = await self._store.commit([work.changes()])
        except StoreBroken:
            raise
        except StoreError:
            return False
        return conflict is None

    async def _park(self, work: Work, delivery: Delivery) -> None:
        """Show to a person what may have been sent and must not be sent twice."""
        unknown = OutcomeUnknown(
            "it may have been sent: the gateway stopped while sending it; "
            "look at the provider, then replay or discard it",
            code="interrupted",
        )
        settle_failed(work, delivery, unknown, self._rules, random=self._random, took_ms=0)
        await self._commit(work.changes())

    async def _settle(
        self, delivery: Delivery, fence: Fence | None, done: Done | None,
        error: ConnectorError | HookFailure | None, took: int, *, still_unknown: bool,
    ) -> None:  # fmt: skip
        self._judge(error)
        for race in itertools.count():
            if done is not None and race == RACES:
                # Sent is sent: what somebody else holds for good must not have it sent again.
                self._log.error("delivery.unlinked", target=self.target.name, delivery=delivery.id)
                done = msgspec.structs.replace(done, ticket=None, closed=None, sent=None)
            work = self._sheet(delivery, fence)
            if done is not None:
                settle_done(work, delivery, done, took_ms=took)
            elif error is not None:
                if isinstance(error, HookFailure):
                    error = TargetBroken(str(error), code="hook_failed")
                settled = settle_failed(
                    work, delivery, error, self._rules, random=self._random, took_ms=took,
                    still_unknown=still_unknown,
                )  # fmt: skip
                self._log.warning(
                    "delivery.failed", target=self.target.name, delivery=delivery.id,
                    state=settled.state, code=settled.last_code, attempts=settled.attempts,
                    parked=settled.next_at == PARKED,
                )  # fmt: skip
                if settled.state == "dead" and settled.operation == "reply":
                    await tell_of_given_up(self._store, work, settled)
            if await self._commit(work.changes()):
                return

    async def _commit(self, changes: Changes) -> bool:
        """Write a settlement, again and again while the store is down: the outcome is known."""
        pause = 0.2
        while True:
            try:
                [conflict] = await self._store.commit([changes])
            except StoreBroken:
                raise
            except StoreError:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)
                continue
            if conflict is None:
                self._on_settled(changes)
            elif conflict.on not in ("lease", "fence"):
                return False
            else:
                self._log.warning("delivery.lease_lost", target=self.target.name)
            return True

    def _judge(self, error: ConnectorError | HookFailure | None) -> None:
        """Learn from an outcome how the target is."""
        if isinstance(error, TARGETS_FAULT):
            pause = error.retry_after
            if isinstance(error, AuthenticationFailed | Suspended):
                pause = max(pause or 0.0, 60.0)
            self._breaker = self._policy.failed(self._breaker, self._clock.now(), pause)
            down = self._breaker.failures >= self._policy.threshold or isinstance(
                error, AuthenticationFailed | Suspended
            )
            if down:
                self._report(
                    Health(
                        state="down", code=error.reason_code, reason=str(error),
                        since=self._clock.now(),
                    )
                )  # fmt: skip
            return
        if isinstance(error, HookFailure):
            return
        if self._breaker.failures:
            self._report(Health())
        self._breaker = BreakerState()

    async def _drain(self, seconds: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
