"""Several gateways on one PostgreSQL under load, for whoever attacks them or their server."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.faults.pair import Pair
from tests.faults.report import Report
from tests.integration.cluster.town import Town
from tests.promises.killing import NAMES, Story, settled, while_something_moves
from tests.promises.process import GatewayProcess
from tests.promises.senders import Sender
from tests.servers.postgres import Postgres


@dataclass(frozen=True, kw_only=True)
class Several:
    """The gateways, and the mail servers that write to them."""

    town: Town
    story: Story
    dice: random.Random

    @property
    def names(self) -> list[str]:
        """The gateways' names."""
        return sorted(self.town.gateways)

    def victim(self) -> tuple[str, GatewayProcess]:
        """One of them."""
        name = self.dice.choice(self.names)
        return name, self.town.gateways[name]

    def tail(self) -> str:
        """The end of what each of them said."""
        return "\n".join(f"{name}: {self.town.tail(name)}" for name in self.names)

    def told(self, event: str) -> int:
        """How often any of them told of an event."""
        return sum(len(self.town.said(name, event)) for name in self.names)

    async def goes_on(self, more: int) -> None:
        """Wait until so many more mails were acknowledged."""
        wanted = self.story.acknowledged + more
        await while_something_moves(
            lambda: self.story.acknowledged >= wanted, lambda: self.story.acknowledged, self.tail
        )


@asynccontextmanager
async def under_load(town: Town, *, processes: int, seed: int) -> AsyncIterator[Several]:
    """Run gateways and mail servers around a block; then let everything be done."""
    _without_probes(town)
    dice = random.Random(seed)
    senders = [
        Sender(name=name, port=town.lmtp, dice=random.Random(dice.random())) for name in NAMES
    ]
    story = Story(seed=seed, senders=senders, system=town.tickets)
    several = Several(town=town, story=story, dice=dice)
    for number in range(processes):
        town.start(f"gateway-{number + 1}")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sender.run()) for sender in senders]
        await several.goes_on(1)
        try:
            yield several
        finally:
            for sender in senders:
                sender.finish()
        await while_something_moves(
            lambda: all(task.done() for task in tasks), lambda: story.acknowledged, several.tail
        )
    await settled(town.gateways[several.names[0]], town.tickets)


def _without_probes(town: Town) -> None:
    """Separate processes cannot each have an address for their probes."""
    config = town.folder / "gateway.toml"
    lines = config.read_text().splitlines(keepends=True)
    config.write_text("".join(line for line in lines if not line.startswith("probes")))


async def killed(several: Several, *, kills: int, messages: int, told: Callable[[], None]) -> None:
    """Kill one after the other; each is started again at once."""
    for number in range(kills):
        left = max(0, messages - several.story.acknowledged)
        await several.goes_on(several.dice.randint(0, 2 * left // (kills - number)))
        name, gateway = several.victim()
        assert not gateway.ended(), f"{name} fell by itself: {several.town.tail(name)}"
        gateway.kill()
        several.story.kills += 1
        several.town.start(name)
        told()


async def paused(
    several: Several, *, pauses: int, seconds: float, told: Callable[[], None]
) -> None:
    """Stop one after the other for longer than its lease, and let it wake in the midst of work."""
    for _ in range(pauses):
        await several.goes_on(several.dice.randint(1, 10))
        _, gateway = several.victim()
        os.kill(gateway.pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        os.kill(gateway.pid, signal.SIGCONT)
        told()


async def server_stopped(
    several: Several, server: Postgres, *, stops: int, told: Callable[[], None]
) -> None:
    """Stop their server as a power cut would, and start it again."""
    for number in range(stops):
        await several.goes_on(several.dice.randint(1, 40))
        await asyncio.to_thread(server.crash)
        await asyncio.sleep(several.dice.uniform(0.0, 1.0))
        await asyncio.to_thread(server.start)
        told()
        if number + 1 == stops:
            await several.goes_on(1)


async def failed_over(
    several: Several, pair: Pair, *, times: int, told: Callable[[], None]
) -> None:
    """Let their server die, again and again, and its standby take its place."""
    for _ in range(times):
        await several.goes_on(several.dice.randint(1, 40))
        await pair.fail_over()
        told()
        await several.goes_on(1)


def book(report: Report, story: Story, name: str) -> None:
    """Add what the books of both sides show."""
    faults = story.faults()
    report.faults += faults[:20]
    report.note(f"{name}: mails acknowledged", story.acknowledged, ">= 1")
    report.note(f"{name}: answers lost by the ticket system", story.system.answers_lost)
    for word in ("lost", "doubled", "out of order", "apart", "forged"):
        count = sum(fault.startswith(f"{word}:") for fault in faults)
        report.note(f"{name}: {word}", count, "= 0")
