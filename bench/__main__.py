"""``python -m bench NAME``: answer one question about speed, and print the figures.

A ratio compares within one run, in alternating rounds; an absolute number is worth little elsewhere.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from importlib import import_module
from pathlib import Path

import msgspec

from bench.figures import Options, Result, text_of
from bench.machine import facts

QUESTIONS = {
    "intake": "durable webhook intake over a bare aiohttp handler",
    "pipeline": "webhook messages acknowledged, worked on and delivered, over the bare handler",
    "delivery": "draining the outbox over a plain aiohttp client",
    "latency": "from a webhook to the delivery, with nothing else to do",
    "mail2ticket": "mail by LMTP becomes a ticket in the desk; --peers compares",
    "parse": "reading mail over the standard library's own reading",
    "lag": "how long others wait while large mails come in",
    "growth": "what a message costs with a long history",
    "backlog": "memory, start and stop with many arrivals waiting",
    "memory": "memory of a gateway that does nothing, and of one at work",
    "retention": "what it costs those who send when old arrivals are removed",
    "workers": "1, 2 and 4 processes on PostgreSQL",
}


def main() -> int:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__,
        epilog="\n".join(f"{name:12} {question}" for name, question in QUESTIONS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("name", choices=QUESTIONS, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=0, help="rounds; 0 takes the usual number")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual amount")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--peers", action="store_true", help="install and measure peers as well")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the figures as a PNG")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the result as JSON")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with a kept result")
    given = parser.parse_args()
    before = None
    if given.against:
        before = msgspec.json.decode(given.against.read_bytes(), type=Result)
        if before.benchmark != given.name:
            parser.error(f"{given.against} holds a result of {before.benchmark}, not {given.name}")
    options = Options(
        rounds=given.rounds, scale=given.scale, peers=given.peers, engine=given.engine
    )
    machine = facts()
    figures, series = asyncio.run(import_module(f"bench.{given.name}").run(options))
    result = Result(benchmark=given.name, machine=machine, figures=figures, series=series)
    document = msgspec.json.format(msgspec.json.encode(result), indent=1)
    print(document.decode() if given.json else text_of(result, before))
    if given.save:
        given.save.write_bytes(document)
    if given.plot:
        from bench.plotting import plot

        plot(result, given.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
