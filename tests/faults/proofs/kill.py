"""Kill a gateway again and again under load, and compare the books.

Four fifths of the kills hit a gateway whose ticket system knows keys again, one fifth one whose
ticket system can only be searched. Both lose one answer in five after they stored the entry.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.faults.report import Progress, Report
from tests.promises.killing import Story, idempotent, kill_again_and_again, searchable
from tests.promises.process import Launcher
from tests.promises.ticket_system import SearchableSystem, TicketSystem

LOSES = 0.2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--kills", type=int, default=500, help="how often it is killed")
    parser.add_argument("--messages", type=int, default=50_000, help="mails acknowledged in all")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))


async def run(options: argparse.Namespace) -> Report:
    """Run it."""
    report = Report(
        proof="kill",
        asked={"kills": options.kills, "messages": options.messages, "seed": options.seed},
    )
    launcher = Launcher()
    try:
        for part, system, backend in (
            (0.8, TicketSystem, idempotent), (0.2, SearchableSystem, searchable),
        ):  # fmt: skip
            dice = random.Random(options.seed)
            with tempfile.TemporaryDirectory() as folder:
                story = await kill_again_and_again(
                    launcher, Path(folder), seed=options.seed, rounds=round(options.kills * part),
                    messages=round(options.messages * part),
                    system=system(loses=LOSES, dice=dice), backend=backend,
                    told=_telling(Progress()),
                )  # fmt: skip
            tell(report, story, backend.__name__)
    finally:
        launcher.close()
    return report


def _telling(progress: Progress) -> Callable[[Story], None]:
    return lambda story: progress(story.facts())


def tell(report: Report, story: Story, system: str) -> None:
    """Add what a story shows."""
    faults = story.faults()
    report.faults += faults[:20]
    report.note(f"{system}: kills", story.kills)
    report.note(f"{system}: mails acknowledged", story.acknowledged)
    report.note(f"{system}: answers lost by the ticket system", story.system.answers_lost, ">= 1")
    for word in ("lost", "doubled", "out of order", "apart", "forged"):
        count = sum(fault.startswith(f"{word}:") for fault in faults)
        report.note(f"{system}: {word}", count, "= 0")
