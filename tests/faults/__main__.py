"""``python -m tests.faults NAME``: attack a gateway for as long as it takes, and print the figures.

Ends with 1 if a bar is missed. ``--json`` prints the figures for programs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from importlib import import_module

PROOFS = {
    "stop": "stopped for longer than a lease; its server dies, and comes back or is replaced",
    "clock": "the clock set by an hour or a year, forwards and back, under load",
    "backlog": "started, loaded and stopped with a million messages that wait",
    "sabotage": "broken on purpose, each build caught by tests",
    "disk": "each write and sync of the store fails in turn; a disk is filled",
    "power": "cut off at every moment, in every way that POSIX allows",
    "kill": "killed again and again under load; then the books are compared",
}  # fmt: skip


def main() -> int:
    """Run the proof that the command line names; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    commands = parser.add_subparsers(dest="proof", required=True, metavar="NAME")
    for name, words in PROOFS.items():
        command = commands.add_parser(
            name, help=words, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        command.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
        import_module(f"tests.faults.proofs.{name}").arguments(command)
    options = parser.parse_args()
    run = import_module(f"tests.faults.proofs.{options.proof}").run
    began = time.monotonic()
    report = asyncio.run(run(options))
    report.seconds = round(time.monotonic() - began, 1)
    print(report.json() if options.json else report.text())
    return 0 if report.met else 1


if __name__ == "__main__":
    sys.exit(main())
