"""``python -m bench``: run one benchmark and print its figures.

python -m bench mail2ticket      mail by LMTP becomes a ticket in the desk
python -m bench intake           durable webhook intake over a bare aiohttp handler
python -m bench parse            reading mail over the standard library's own reading
python -m bench lag              how long others wait while large mails come in
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from importlib import import_module

from bench.machine import facts

NAMES = ("mail2ticket", "intake", "parse", "lag")


def main() -> int:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=0, help="rounds; 0 takes the default")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual amount")
    parser.add_argument("--peers", action="store_true", help="install and measure peers as well")
    arguments = parser.parse_args()
    module = import_module(f"bench.{arguments.name}")
    figures = asyncio.run(
        module.run(rounds=arguments.rounds, scale=arguments.scale, peers=arguments.peers)
    )
    result = {"benchmark": arguments.name, "machine": facts(), "figures": figures}
    if arguments.json:
        json.dump(result, sys.stdout, indent=1)
        sys.stdout.write("\n")
        return 0
    print(f"{arguments.name} on {result['machine']}")
    for name, value in figures.items():
        print(f"  {name:58} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
