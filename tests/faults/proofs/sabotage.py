"""Break the gateway on purpose, in each way that matters, and see whether the tests notice."""

from __future__ import annotations

import argparse

from tests.faults.report import Progress, Report
from tests.faults.sabotaging import CATCHING, caught
from tests.promises.sabotage.builds import BUILDS


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--builds", nargs="+", default=sorted(CATCHING), choices=sorted(CATCHING), metavar="NAME",
        help="which of them",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=2, help="tests at the same time")


async def run(options: argparse.Namespace) -> Report:
    """Run it."""
    report = Report(proof="sabotage", asked={"builds": ",".join(options.builds)})
    progress = Progress(every=0)
    for build in options.builds:
        catches = caught(build, CATCHING[build], workers=options.workers)
        report.note(f"{build}: tests that caught it", len(catches), ">= 1")
        report.remarks += [f"{build}: {BUILDS[build].__doc__}"]
        report.remarks += [f"    {catch.test}: {catch.words}" for catch in catches]
        progress(f"{build}: caught by {len(catches)} tests")
    return report
