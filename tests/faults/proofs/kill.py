"""Kill gateways again and again under load, and compare the books.

On SQLite four fifths of the kills hit a gateway whose ticket system knows keys again, one fifth one
whose ticket system can only be searched. On PostgreSQL they hit one of several gateways at a time.
The ticket systems lose one answer in five after they stored the entry.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

from tests.faults.report import Progress, Report
from tests.faults.several import book, killed, under_load
from tests.integration.cluster.town import town
from tests.promises.killing import idempotent, kill_again_and_again, searchable
from tests.promises.process import Launcher
from tests.promises.ticket_system import SearchableSystem, TicketSystem
from tests.servers.postgres import start_postgres

LOSES = 0.2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--kills", type=int, default=500, help="how often one is killed")
    parser.add_argument("--messages", type=int, default=50_000, help="mails acknowledged in all")
    parser.add_argument("--processes", type=int, default=3, help="gateways on PostgreSQL")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))


async def run(options: argparse.Namespace) -> Report:
    """Run it."""
    names = ("engine", "kills", "messages", "processes", "seed")
    report = Report(proof="kill", asked={name: getattr(options, name) for name in names})
    launcher = Launcher()
    try:
        if options.engine == "sqlite":
            await _alone(report, launcher, options)
        else:
            await _several(report, launcher, options)
    finally:
        launcher.close()
    return report


async def _alone(report: Report, launcher: Launcher, options: argparse.Namespace) -> None:
    progress = Progress()
    for part, system, backend in (
        (0.8, TicketSystem, idempotent), (0.2, SearchableSystem, searchable),
    ):  # fmt: skip
        dice = random.Random(options.seed)
        with tempfile.TemporaryDirectory() as folder:
            story = await kill_again_and_again(
                launcher, Path(folder), seed=options.seed, rounds=round(options.kills * part),
                messages=round(options.messages * part),
                system=system(loses=LOSES, dice=dice), backend=backend,
                told=lambda story: progress(story.facts()),
            )  # fmt: skip
        name = backend.__name__
        report.note(f"{name}: kills", story.kills)
        book(report, story, name)


async def _several(report: Report, launcher: Launcher, options: argparse.Namespace) -> None:
    progress = Progress()
    with tempfile.TemporaryDirectory() as name, start_postgres(Path(name, "cache")) as server:
        async with town(launcher, Path(name), server.create_database(), lease=2.0) as here:
            here.tickets.loses, here.tickets.dice = LOSES, random.Random(options.seed)
            async with under_load(
                here, processes=options.processes, seed=options.seed
            ) as several:  # fmt: skip
                story = several.story
                await killed(
                    several, kills=options.kills, messages=options.messages,
                    told=lambda: progress(story.facts()),
                )  # fmt: skip
    report.note("several: kills", story.kills)
    book(report, story, "several")
