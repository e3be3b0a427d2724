"""Stop gateways for longer than their lease, and their server without a warning, under load.

Their server is started again after that, or its synchronous standby takes its place.

The database itself notes whatever a process writes for a partition that another one holds.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.faults.pair import pair
from tests.faults.report import Progress, Report
from tests.faults.several import Several, book, failed_over, paused, server_stopped, under_load
from tests.integration.cluster.audit import audited
from tests.integration.cluster.town import town
from tests.promises.process import Launcher
from tests.servers.postgres import Postgres, start_postgres

LOSES = 0.1


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--pauses", type=int, default=200, help="how often a gateway is stopped")
    parser.add_argument("--seconds", type=float, default=3.0, help="for how long")
    parser.add_argument("--lease", type=float, default=1.0, help="seconds a lease lasts")
    parser.add_argument("--stops", type=int, default=50, help="how often PostgreSQL is stopped")
    parser.add_argument("--failovers", type=int, default=20, help="how often a standby takes over")
    parser.add_argument("--processes", type=int, default=3, help="gateways")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))


async def run(options: argparse.Namespace) -> Report:
    """Run it."""
    names = ("pauses", "seconds", "lease", "stops", "failovers", "processes", "seed")
    report = Report(proof="stop", asked={name: getattr(options, name) for name in names})
    launcher = Launcher()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder, cache = Path(name), Path(name, "cache")
            with start_postgres(cache) as server:
                if options.pauses:
                    await _pause(report, launcher, server, folder, options)
                if options.stops:
                    await _stop(report, launcher, server, folder, options)
            if options.failovers:
                await _fail_over(report, launcher, cache, folder, options)
    finally:
        launcher.close()
    return report


async def _pause(
    report: Report, launcher: Launcher, server: Postgres, folder: Path, options: argparse.Namespace
) -> None:
    progress, url = Progress(), server.create_database()
    # Slow enough that something is under way whenever a gateway is stopped.
    async with (
        _several(launcher, folder, "paused", url, options, pause=0.05) as several,
        audited(url) as audit,
    ):
        story = several.story
        await paused(
            several, pauses=options.pauses, seconds=options.seconds,
            told=lambda: progress(f"{several.told('membership.lost')} lost: {story.facts()}"),
        )  # fmt: skip
        stale = await audit.stale()
        report.note("paused: pauses", options.pauses)
        report.note("paused: woke up taken for dead", several.told("membership.lost"), ">= 1")
        report.note("paused: writes noted", await audit.writes(), ">= 1")
        report.note("paused: stale writes", len(stale), "= 0")
        report.faults += [f"stale: {one}" for one in stale[:10]]
    book(report, story, "paused")


async def _stop(
    report: Report, launcher: Launcher, server: Postgres, folder: Path, options: argparse.Namespace
) -> None:
    progress, url = Progress(), server.create_database()
    async with _several(launcher, folder, "stopped", url, options) as several:
        story = several.story
        await server_stopped(
            several, server, stops=options.stops, told=lambda: progress(story.facts())
        )
    report.note("server stopped: stops", options.stops)
    book(report, story, "server stopped")


async def _fail_over(
    report: Report, launcher: Launcher, cache: Path, folder: Path, options: argparse.Namespace
) -> None:
    progress = Progress()
    async with pair(cache) as servers:
        url = servers.create_database()
        async with _several(launcher, folder, "failed over", url, options) as several:
            story = several.story
            await failed_over(
                several, servers, times=options.failovers, told=lambda: progress(story.facts())
            )
    report.note("failed over: times", options.failovers)
    book(report, story, "failed over")


@asynccontextmanager
async def _several(
    launcher: Launcher,
    folder: Path,
    name: str,
    url: str,
    options: argparse.Namespace,
    *,
    pause: float = 0.0,
) -> AsyncGenerator[Several]:
    """Run gateways under load, with a ticket system that loses answers and takes so many seconds."""
    here = folder / name
    here.mkdir()
    async with town(launcher, here, url, lease=options.lease) as made:
        tickets = made.tickets
        tickets.loses, tickets.dice = LOSES, random.Random(options.seed)
        tickets.pause = pause
        async with under_load(made, processes=options.processes, seed=options.seed) as several:
            yield several
