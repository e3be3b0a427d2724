"""Start, load and stop a gateway that has a backlog of a million messages.

Once the backlog waits for the pipeline, once for a ticket system that takes connections and never
answers. New mail comes in all the while.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path

from tests.faults.backlog import arrivals_waiting, deliveries_waiting
from tests.faults.report import Progress, Report
from tests.promises.configs import BASE, QUICK_RETRIES, mailbox, plugins, tickets
from tests.promises.killing import NAMES
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.senders import Sender
from tests.promises.ticket_system import TicketSystem, ticket_system

MIB = 1 << 20
PAUSE = 0.02  # between two mails of one sender: some 100 a second come in
KINDS = {"arrivals": arrivals_waiting, "deliveries": deliveries_waiting}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--messages", type=int, default=1_000_000, help="how many wait")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long it is under load")
    parser.add_argument("--starts", type=int, default=3, help="how often it is started and stopped")
    parser.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=sorted(KINDS))


async def run(options: argparse.Namespace) -> Report:
    """Run it."""
    names = ("messages", "minutes", "starts", "kinds")
    report = Report(proof="backlog", asked={name: getattr(options, name) for name in names})
    launcher = Launcher()
    try:
        for kind in options.kinds:
            with tempfile.TemporaryDirectory() as folder:
                await _attack(report, launcher, Path(folder), kind, options)
    finally:
        launcher.close()
    return report


async def _attack(
    report: Report, launcher: Launcher, folder: Path, kind: str, options: argparse.Namespace
) -> None:
    progress = Progress()
    (folder / "var").mkdir()
    database = folder / "var/gateway.db"
    await KINDS[kind](database, options.messages, lambda n: progress(f"{n} {kind} made"))
    ready: list[float] = []
    stopped: list[float] = []
    memory, group, taken = [0.0], [0.0], 0
    system = TicketSystem(answers=kind != "deliveries")
    async with ticket_system(system):
        config = BASE + QUICK_RETRIES + plugins("email", "webhook") + mailbox()
        config += tickets(system.url)
        async with gateway_process(launcher, folder, config, start=False) as gateway:
            for _ in range(options.starts):
                began = time.monotonic()
                await gateway.start(cold=True)
                ready.append(time.monotonic() - began)
                async with _load(gateway) as senders:
                    end = time.monotonic() + options.minutes * 60
                    while time.monotonic() < end:
                        await asyncio.sleep(0.5)
                        memory.append(gateway.memory() / MIB)
                        group.append(_group(gateway.pid) / MIB)
                        taken = sum(len(sender.acknowledged) for sender in senders)
                        progress(f"{taken} mails taken, {memory[-1]:.0f} MiB")
                    began = time.monotonic()
                    assert 0 == await gateway.stop(30), gateway.tail()
                    stopped.append(time.monotonic() - began)
    report.note(f"{kind}: waiting at the start", options.messages)
    report.note(f"{kind}: size of the database in MiB", database.stat().st_size / MIB)
    report.note(f"{kind}: seconds from start to ready, median", statistics.median(ready), "<= 3")
    report.note(f"{kind}: most memory of the gateway in MiB", max(memory), "<= 300")
    report.note(f"{kind}: most memory with its parsers in MiB", max(group))
    report.note(f"{kind}: new mails taken meanwhile", taken, ">= 1")
    report.note(f"{kind}: seconds from SIGTERM to the end, longest", max(stopped), "<= 10")


@contextlib.asynccontextmanager
async def _load(gateway: GatewayProcess) -> AsyncGenerator[list[Sender]]:
    """Send mail around a block."""
    senders = [
        Sender(name=name, port=gateway.lmtp, dice=random.Random(time.time_ns()), pause=PAUSE)
        for name in NAMES
    ]
    tasks = [asyncio.create_task(sender.run()) for sender in senders]
    try:
        yield senders
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _group(leader: int) -> int:
    """Bytes in memory of a process and those it started; what they share counts for each."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == leader:
                total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return total
