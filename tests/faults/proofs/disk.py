"""Let each write and each sync of a store fail in turn; and fill the disk of a gateway.

A store works on 500 operations in a process of its own, and one system call of it fails. Whatever
was acknowledged has to be there: after a failed write on the disk as it is, after a failed sync on
a disk that lost what no fsync wrote.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from pathlib import Path

from tests.faults.disk.attempts import PLANS, Plan, attempts, count, prepare
from tests.faults.disk.filling import recoveries
from tests.faults.report import Progress, Report

SHOWN = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--runs", type=int, default=150, help="faults of each kind, evenly spread; 0 for every one"
    )
    parser.add_argument("--fillings", type=int, default=10, help="how often the disk is filled")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))


async def run(options: argparse.Namespace) -> Report:
    """Run it."""
    asked = {name: getattr(options, name) for name in ("runs", "fillings", "seed")}
    report = Report(proof="disk", asked=asked)
    progress = Progress()
    dice = random.Random(options.seed)
    for plan in PLANS:
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder))
            attempt_all(report, Path(folder), plan, options.runs, dice, progress)
    if options.fillings:
        seconds = await recoveries(options.fillings, progress)
        report.note("full disk: fillings", len(seconds))
        report.note("full disk: seconds until mail is taken again, median",
                    statistics.median(seconds))  # fmt: skip
        report.note("full disk: seconds until mail is taken again, longest", max(seconds), "<= 5")
    return report


def attempt_all(
    report: Report, folder: Path, plan: Plan, runs: int, dice: random.Random, progress: Progress
) -> None:
    """Make so many attempts of one plan, and report."""
    last = count(folder, plan)
    faults = sorted(dice.sample(range(1, last + 1), min(runs or last, last)))
    lost = noticed = made = 0
    for number, (outcome, wrong) in enumerate(attempts(folder, plan, faults, last), 1):
        lost += bool(wrong)
        noticed += outcome.ended != "done" or outcome.refused > 0
        made += outcome.acknowledged
        report.faults += [f"{plan}: {fault}" for fault in wrong[: SHOWN - len(report.faults)]]
        progress(f"{plan}: {number} of {len(faults)}, {lost} with faults")
    report.note(f"{plan}: calls in a run of 500 operations", last)
    report.note(f"{plan}: runs with one fault", len(faults))
    report.note(f"{plan}: runs in which the store told of it", noticed, ">= 1")
    report.note(f"{plan}: acknowledged in all runs", made, ">= 1")
    report.note(f"{plan}: runs with a false acknowledgement", lost, "= 0")
