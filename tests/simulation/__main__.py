"""Run simulations: ``python -m tests.simulation --seeds 2000``."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.running import simulate


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many worlds to run")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--hours", type=float, default=80.0, help="virtual hours, at least 80")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once")
    parser.add_argument("--seed", type=int, help="run this seed only")
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    return parser.parse_args()


def one(seed: int, hours: float, trace: bool) -> int:
    """Run one seed and print what became of it; the exit code."""
    ended = simulate(seed, hours, print if trace else None)
    print(ended.broken or f"seed {seed} is well: {ended.said} said, {ended.seconds:.2f} s")
    print(f"trace {ended.digest}")
    return 1 if ended.broken else 0


def many(seeds: range, hours: float, jobs: int) -> int:
    """Run many seeds, print those that break something, and the sum; the exit code."""
    broken = said = 0
    seconds = 0.0
    with ProcessPoolExecutor(jobs) as pool:
        for ended in pool.map(partial(simulate, hours=hours), seeds, chunksize=10):
            said, seconds = said + ended.said, seconds + ended.seconds
            if ended.broken:
                broken += 1
                print(ended.broken, flush=True)
    print(
        f"{len(seeds)} seeds of {hours:g} virtual hours, {said} messages and answers, "
        f"{seconds:.0f} s of processor time: {broken} broken"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    asked = arguments()
    if asked.seed is not None:
        sys.exit(one(asked.seed, asked.hours, asked.trace))
    sys.exit(many(range(asked.first, asked.first + asked.seeds), asked.hours, asked.jobs))
