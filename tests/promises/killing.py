"""The kill test: a gateway under load is killed again and again; then the books are compared."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.promises.configs import BASE, PLUGINS, QUICK_RETRIES, mailbox, plugins, tickets
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.senders import Sender
from tests.promises.ticket_system import TicketSystem, ticket_system

NAMES = ("ann", "bob", "cee", "dan")
STILL_SECONDS = 90.0


def idempotent(system: TicketSystem) -> str:
    """The config of a backend whose ticket system knows a key again."""
    return plugins("webhook") + tickets(system.url)


def searchable(system: TicketSystem) -> str:
    """The config of a backend whose ticket system can only be searched."""
    return (
        plugins(files=[PLUGINS / "searchable.py"])
        + f'[backends.tickets]\ntype = "searchable"\nurl = "{system.url}"\n'
    )


class BooksDiffer(AssertionError):
    """What was acknowledged and what the ticket system holds do not agree."""


@dataclass(kw_only=True)
class Story:
    """What happened."""

    seed: int
    senders: list[Sender]
    system: TicketSystem
    kills: int = 0

    @property
    def acknowledged(self) -> int:
        """How many mails were acknowledged."""
        return sum(len(sender.acknowledged) for sender in self.senders)

    def facts(self) -> str:
        """What to know of it when it fails, or to believe it when it does not."""
        again = sum(count - 1 for count in self.system.requests.values())
        return (
            f"seed {self.seed}: {self.kills} kills, {self.acknowledged} mails acknowledged, "
            f"{sum(sender.lost_answers for sender in self.senders)} acknowledgements lost, "
            f"{self.system.answers_lost} answers of the ticket system lost, "
            f"{again} requests repeated, {len(self.system.entries)} entries"
        )

    def check(self) -> None:
        """Compare the books.

        Raises:
            BooksDiffer: something was lost, doubled, forged or out of order.
        """
        faults = self.faults()
        if faults:
            shown = "\n  ".join(faults[:20])
            raise BooksDiffer(f"{len(faults)} faults ({self.facts()}):\n  {shown}")

    def faults(self) -> list[str]:
        """What was lost, doubled, forged or out of order."""
        forged = [f"forged: {reason}" for reason in self.system.forged]
        return [*self._lost(), *self._doubled(), *self._out_of_order(), *forged]

    def _lost(self) -> list[str]:
        there = set(self.system.tokens)
        return [
            f"lost: {token} was acknowledged"
            for sender in self.senders
            for token in sender.acknowledged
            if token not in there
        ]

    def _doubled(self) -> list[str]:
        by_key = Counter(entry.key for entry in self.system.entries)
        faults = [f"doubled: {key} was stored {n} times" for key, n in by_key.items() if n > 1]
        by_token = Counter(self.system.tokens)
        return faults + [
            f"doubled: {token} is in {n} entries" for token, n in by_token.items() if n > 1
        ]

    def _out_of_order(self) -> list[str]:
        faults = []
        at = {token: place for place, token in enumerate(self.system.tokens)}
        ticket = {
            token: entry.ticket
            for token, entry in zip(self.system.tokens, self.system.entries, strict=True)
        }
        for sender in self.senders:
            before: dict[str, str] = {}
            for token in sender.offered:
                matter = sender.matter[token]
                earlier = before.get(matter)
                before[matter] = token
                if earlier is None or earlier not in at or token not in at:
                    continue
                if at[earlier] > at[token]:
                    faults.append(f"out of order: {token} was stored before {earlier}")
                if ticket[earlier] != ticket[token]:
                    faults.append(f"apart: {token} is not in the ticket of {earlier}")
        return faults


async def kill_again_and_again(
    launcher: Launcher,
    folder: Path,
    *,
    seed: int,
    rounds: int,
    system: TicketSystem,
    backend: Callable[[TicketSystem], str] = idempotent,
    after_an_answer: bool = False,
    messages: int = 0,
    told: Callable[[Story], None] = lambda story: None,
) -> Story:
    """Kill a gateway under load from four senders, round by round, then let it finish.

    Args:
        rounds: how often it is killed; every tenth time it was started by the command line.
        backend: the part of the config that names the ticket system.
        after_an_answer: the moment of the kill is not a random one but right after a sender heard
            an acknowledgement.
        messages: how many mails are to be acknowledged in all before the last kill; the kills come
            as often as that takes. Without it they come in the first half second of work.
        told: called after each kill.
    """
    dice = random.Random(seed)
    async with ticket_system(system):
        config = BASE + QUICK_RETRIES + plugins("email") + mailbox() + backend(system)
        async with gateway_process(launcher, folder, config, start=False) as gateway:
            senders = [
                Sender(name=name, port=gateway.lmtp, dice=random.Random(dice.random()))
                for name in NAMES
            ]
            story = Story(seed=seed, senders=senders, system=system)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(sender.run()) for sender in senders]
                for number in range(rounds):
                    left = max(0, messages - story.acknowledged)
                    more = dice.randint(0, 2 * left // (rounds - number))
                    await _round(gateway, story, dice, number, after_an_answer, more)
                    told(story)
                for sender in senders:
                    sender.finish()
                await gateway.start()
                await asyncio.gather(*tasks)
            await settled(gateway, system)
    return story


async def _round(
    gateway: GatewayProcess, story: Story, dice: random.Random, number: int, after_an_answer: bool,
    more: int,
) -> None:  # fmt: skip
    gateway.spawn(cold=number % 10 == 5)
    moment = dice.uniform(0.0, 0.6)
    for sender in story.senders:
        sender.heard.clear()
    # One in ten is killed while it starts; the others at a random moment of their work.
    if number % 10 != 4:
        await _heard(gateway, story, more)
    if not after_an_answer or number % 10 == 4:
        await asyncio.sleep(moment)
    assert not gateway.ended(), f"it fell by itself; its log ends:\n{gateway.tail()}"
    gateway.kill()
    story.kills += 1


async def _heard(gateway: GatewayProcess, story: Story, more: int) -> None:
    """Wait until a sender heard an acknowledgement, and then for some more."""
    heard = [asyncio.create_task(sender.heard.wait()) for sender in story.senders]
    _, rest = await asyncio.wait(heard, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    assert len(rest) < len(heard), f"it takes no mail; its log ends:\n{gateway.tail()}"
    wanted = story.acknowledged + more
    await while_something_moves(
        lambda: story.acknowledged >= wanted, lambda: story.acknowledged, gateway.tail
    )


async def settled(gateway: GatewayProcess, system: TicketSystem) -> None:
    """Wait until nothing waits any more; nothing more may come from outside meanwhile."""

    async def idle() -> bool:
        return await _idle(gateway)

    await while_something_moves(idle, lambda: len(system.entries), gateway.tail)


async def while_something_moves(
    done: Callable[[], bool | Awaitable[bool]],
    progress: Callable[[], int],
    tail: Callable[[], str],
) -> None:
    """Wait for something as long as there is progress.

    Args:
        tail: what to show when there is none for a long time.

    Raises:
        AssertionError: it stands still.
    """
    loop = asyncio.get_running_loop()
    seen, end = -1, 0.0
    while not (result if isinstance(result := done(), bool) else await result):
        if progress() != seen:
            seen, end = progress(), loop.time() + STILL_SECONDS
        if loop.time() > end:
            raise AssertionError(f"it stands still; its log ends:\n{tail()}")
        await asyncio.sleep(0.01)


async def _idle(gateway: GatewayProcess) -> bool:
    _, metrics = await gateway.get("/metrics")
    waiting = [
        float(line.rpartition(" ")[2])
        for line in str(metrics).splitlines()
        if line.startswith(("gateway_arrivals_waiting ", "gateway_deliveries{"))
    ]
    return bool(waiting) and not any(waiting)
