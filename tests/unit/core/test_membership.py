"""One of several processes: divides the work, gives up what it lost, runs what only one may run."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from gateway.core.health import HealthBoard
from gateway.core.membership import Membership
from gateway.core.ownership import STANDING_BY, Ownership
from gateway.core.pace import Pace
from gateway.core.partitions import LeasedPartitions
from gateway.domain.partition import PARTITIONS, Fence, of_part
from gateway.errors import StoreUnavailable
from tests.unit.core.workshop import ListLog, Workshop, until

PACE = Pace(renew=1000 / 3)
EVERYTHING = frozenset(range(PARTITIONS))


class Processes:
    """Several over one store, whose clock and whose own monotonic clock a test moves."""

    def __init__(self, shop: Workshop) -> None:
        self.shop, self.told = shop, 0

    async def one(self, name: str, *, works: bool = True) -> Member:
        """Start a process; it beats when it is told to."""
        membership = await Membership.join(
            self.shop.store, name, clock=self.shop.clock, log=self.shop.log, pace=PACE
        )
        partitions = LeasedPartitions(asyncio.get_running_loop().time)
        if works:
            membership.take_part(partitions, self._tell)
        return Member(membership, partitions)

    def _tell(self) -> None:
        self.told += 1


class Member:
    """One process."""

    def __init__(self, membership: Membership, partitions: LeasedPartitions) -> None:
        self.membership, self.partitions = membership, partitions

    async def beats(self) -> frozenset[int]:
        """Let it beat; what it works on then."""
        await self.membership.beat()
        return self.partitions.share.partitions


@pytest.fixture
def processes(shop: Workshop) -> Processes:
    """A store that several processes share."""
    return Processes(shop)


async def test_two_divide_the_work(processes: Processes) -> None:
    """One that comes gets half of everything, as soon as the other one has given it up."""
    one, two = await processes.one("one"), await processes.one("two")
    assert EVERYTHING == await one.beats()
    assert frozenset() == await two.beats()
    assert 32 == len(await one.beats())
    assert 1 == processes.told
    assert EVERYTHING - await one.beats() == await two.beats()


async def test_what_is_under_way_is_finished_before_it_is_handed_over(
    processes: Processes,
) -> None:
    """A busy partition takes nothing new in, and goes only when nothing of it is under way."""
    one, two = await processes.one("one"), await processes.one("two")
    await one.beats()
    await two.beats()
    tenure = one.partitions.tenure(5)
    one.partitions.begin(EVERYTHING)
    left = await one.beats()
    assert (32, frozenset()) == (len(left), await two.beats())
    leaving = min(EVERYTHING - left)
    gone = one.partitions.tenure(leaving)
    assert (True, False) == (one.partitions.alive(gone.fence), one.partitions.holds(gone))
    assert one.partitions.alive(tenure.fence)
    one.partitions.end(EVERYTHING)
    await one.beats()
    assert 32 == len(await two.beats())


async def test_partitions_come_back_when_a_process_goes(processes: Processes) -> None:
    """What one leaves behind the other takes; what was begun before counts as begun before."""
    one, two = await processes.one("one"), await processes.one("two")
    await one.beats()
    before = {partition: one.partitions.tenure(partition) for partition in EVERYTHING}
    await two.beats()
    kept = await one.beats()
    await two.beats()
    await two.membership.leave()
    assert frozenset() == two.partitions.share.partitions
    assert EVERYTHING == await one.beats()
    assert kept == {n for n, tenure in before.items() if one.partitions.holds(tenure)}


async def test_paused_process_begins_nothing_and_joins_anew(processes: Processes) -> None:
    """Past its lease nothing is its own; taken for dead, it comes back under another number."""
    one, two = await processes.one("one"), await processes.one("two")
    await one.beats()
    tenure, node = one.partitions.tenure(3), one.membership.process.node
    processes.shop.clock.advance(10_000)
    await two.beats()
    assert EVERYTHING == await two.beats()
    assert one.partitions.holds(tenure)  # it cannot know, but for its own clock
    assert frozenset() == await one.beats()
    assert not one.partitions.alive(tenure.fence)
    assert node != one.membership.process.node
    await one.beats()
    await two.beats()
    assert 32 == len(await one.beats())
    assert isinstance(tenure.fence, Fence)
    assert tenure.fence.process < one.membership.process.id


async def test_lease_runs_out_by_the_process_own_clock(shop: Workshop) -> None:
    """When the store does not answer any more, the work is dropped when the lease ends."""
    membership = await Membership.join(
        shop.store, "one", clock=shop.clock, log=shop.log, pace=Pace(renew=0.1)
    )
    partitions = LeasedPartitions(asyncio.get_running_loop().time)
    membership.take_part(partitions, lambda: None)
    changes: list[int] = []
    partitions.on_change(lambda: changes.append(len(partitions.share.partitions)))
    while 64 not in changes:  # a busy machine may take longer for a beat than the lease lasts
        await membership.beat()

    async def ran_out() -> bool:
        return changes[-1] == 0

    await until(ran_out)
    changes.clear()
    while 64 not in changes:  # nobody has taken it for dead
        await membership.beat()


async def test_what_was_begun_before_a_lapse_is_not_gone_on_with() -> None:
    """Some of it may have been dropped meanwhile: the rest must not overtake that."""
    now = 0.0
    partitions = LeasedPartitions(lambda: now)
    told: list[bool] = []
    partitions.renew(1, until=10.0)
    partitions.settle({5})
    partitions.on_change(lambda: told.append(partitions.ours(5)))
    tenure = partitions.tenure(5)
    partitions.renew(1, until=20.0)
    assert partitions.holds(tenure)
    now = 21.0
    assert not partitions.holds(tenure)
    partitions.renew(1, until=30.0)
    assert (True, False, [True]) == (partitions.ours(5), partitions.holds(tenure), told)
    assert partitions.alive(tenure.fence)


async def test_command_keeps_its_node_and_leaves_the_work(processes: Processes) -> None:
    """Who does not take part beats and gets nothing."""
    command, worker = await processes.one("c", works=False), await processes.one("w")
    await command.membership.beat()
    assert EVERYTHING == await worker.beats()


async def test_running_member_survives_a_store_that_is_away(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the store is logged, and the next beat tries again."""
    member = await processes.one("one")
    store, failed = processes.shop.store, 0

    async def fails(*_: object, **__: object) -> None:
        nonlocal failed
        failed += 1
        monkeypatch.undo()
        raise StoreUnavailable("away")

    monkeypatch.setattr(store, "beat", fails)
    task = asyncio.create_task(member.membership.run())

    async def seen() -> bool:
        member.membership.wake()
        return bool(failed) and member.partitions.share.partitions == EVERYTHING

    await until(seen)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "membership.store" in [event for event, _ in processes.shop.log.lines]


async def test_only_the_owner_runs_and_another_takes_over(processes: Processes) -> None:
    """Of two processes one runs a part; when it goes, the other one does."""
    log: list[str] = []
    members = [await processes.one("one"), await processes.one("two")]
    boards = [HealthBoard(processes.shop.clock, ListLog()) for _ in members]

    async def work(name: str, fence: Fence | None) -> None:
        log.append(name)
        assert fence is not None
        assert fence.partition == of_part("channel/x")
        await asyncio.Event().wait()

    tasks = [
        asyncio.ensure_future(
            Ownership(partitions=member.partitions, board=board, log=ListLog()).run(
                "channel/x", partial(work, name)
            )
        )
        for member, board, name in zip(members, boards, ("one", "two"), strict=True)
    ]
    await members[0].beats()

    async def runs() -> bool:
        return log == ["one"]

    await until(runs)
    assert STANDING_BY == boards[1].parts["channel/x"].code
    await members[0].membership.leave()
    await members[1].beats()

    async def took_over() -> bool:
        return log == ["one", "two"]

    await until(took_over)
    assert "" == boards[1].parts["channel/x"].code
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_owner_stops_when_it_is_ours_no_longer(processes: Processes) -> None:
    """The part is stopped with the lease, and runs again once it is back."""
    member = await processes.one("one")
    running: list[str] = []

    async def work(_: Fence | None) -> None:
        running.append("runs")
        try:
            await asyncio.Event().wait()
        finally:
            running.append("stopped")

    owner = Ownership(
        partitions=member.partitions,
        board=HealthBoard(processes.shop.clock, ListLog()), log=ListLog(),
    )  # fmt: skip
    task = asyncio.ensure_future(owner.run("channel/x", work))

    async def seen(count: int) -> None:
        async def there() -> bool:
            return len(running) == count

        await until(there)

    await member.beats()
    await seen(1)
    member.partitions.settle(())
    await seen(2)
    assert 0 == member.partitions.busy(of_part("channel/x"))
    await member.beats()
    await seen(3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ["runs", "stopped", "runs", "stopped"] == running
