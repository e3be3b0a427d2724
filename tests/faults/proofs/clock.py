"""Set the clock of a machine by an hour or a year, forwards and back, while a gateway is under load.

Two ticket systems take what the mails become. One loses answers, so that attempts are repeated
within a second; whatever was accepted before a step has to be there soon after it. The other one
is down; its attempts are ten minutes apart, and no step may bring them on.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.faults.clocks import STEPS, FakeClock
from tests.faults.report import Progress, Report
from tests.faults.several import book
from tests.promises.configs import BASE, mailbox, plugins, tickets
from tests.promises.killing import NAMES, Story, while_something_moves
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.senders import Sender
from tests.promises.ticket_system import Request, TicketSystem, ticket_system

LOSES = 0.05  # four in a row would cost one of them ten minutes that no clock is to blame for
SCHEDULE = """\
[outbox]
schedule = [0, 0.2, 0.5, 1, 600, 600, 600, 600, 600, 600, 600, 600, 600, 600]
breaker_failures = 100000
jitter = 0.1
"""
BOTH = """\
[[routing]]
backends = ["tickets", "down"]
"""
QUICK = 4  # attempts before they are ten minutes apart
SETTLE = 3.0


class Down(TicketSystem):
    """A ticket system that takes nothing."""

    async def answer(self, request: Request) -> tuple[int, Any] | None:
        """Count a request, and refuse it for now."""
        if request.method == "HEAD":
            return 200, {}
        self.requests[request.headers["webhook-id"]] += 1
        return 503, {}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--steps", type=int, default=40, help="how often the clock is set")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))


async def run(options: argparse.Namespace) -> Report:
    """Run it."""
    report = Report(proof="clock", asked={"steps": options.steps, "seed": options.seed})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clock = FakeClock(folder / "clock")
        launcher = Launcher(environment=clock.environment)
        try:
            await _attack(report, launcher, folder, clock, options)
        finally:
            launcher.close()
    return report


async def _attack(
    report: Report, launcher: Launcher, folder: Path, clock: FakeClock, options: argparse.Namespace
) -> None:
    dice, progress = random.Random(options.seed), Progress()
    system, down = (
        TicketSystem(loses=LOSES, dice=random.Random(options.seed), verifies=False),
        Down(),
    )
    async with ticket_system(system), ticket_system(down):
        config = BASE + SCHEDULE + plugins("email", "webhook") + mailbox() + BOTH
        config += tickets(system.url) + tickets(down.url, "down")
        async with gateway_process(launcher, folder, config) as gateway:
            senders = [
                Sender(name=name, port=gateway.lmtp, dice=random.Random(dice.random()), pause=0.1)
                for name in NAMES
            ]
            story = Story(seed=options.seed, senders=senders, system=system)
            tasks = [asyncio.create_task(sender.run()) for sender in senders]
            calm = [await _arrived(gateway, story) for _ in range(5)]
            late, early = [], 0
            for _ in range(options.steps):
                waiting = {key for key, count in down.requests.items() if count >= QUICK}
                before = sum(down.requests[key] for key in waiting)
                clock.set(dice.choice((*STEPS, "+0")))
                late.append(await _arrived(gateway, story))
                early += sum(down.requests[key] for key in waiting) - before
                progress(f"{late[-1]:.1f} s after a step, {early} early: {story.facts()}")
            for sender in senders:
                sender.finish()
            await asyncio.gather(*tasks)
            await _arrived(gateway, story)
    report.note("steps of the clock", options.steps)
    report.note("seconds until all accepted had arrived, without a step, longest", max(calm))
    report.note("seconds until all accepted had arrived, after a step, median",
                statistics.median(late))  # fmt: skip
    report.note("seconds until all accepted had arrived, after a step, longest", max(late))
    report.note("that is beyond the longest without a step, in seconds", max(late) - max(calm),
                "<= 10")  # fmt: skip
    report.note("attempts ten minutes apart that came early", early, "= 0")
    report.note("conversations whose attempts are ten minutes apart",
                sum(count >= QUICK for count in down.requests.values()), ">= 1")  # fmt: skip
    book(report, story, "ticket system")


async def _arrived(gateway: GatewayProcess, story: Story) -> float:
    """Wait until whatever is accepted by now has arrived, and a little more; how long it took."""
    began = time.monotonic()
    wanted = {token for sender in story.senders for token in sender.acknowledged}
    await while_something_moves(
        lambda: wanted <= set(story.system.tokens), lambda: len(story.system.entries), gateway.tail
    )
    took = time.monotonic() - began
    await asyncio.sleep(max(0.0, SETTLE - took))
    return took
