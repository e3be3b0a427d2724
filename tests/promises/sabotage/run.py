"""Run a gateway that is broken on purpose.

``python -m tests.promises.sabotage.run NAME -- run`` breaks it as `tests.promises.sabotage.builds`
says under that name, and hands what follows to the command line.
"""

from __future__ import annotations

import sys

from gateway.cli.root import run
from tests.promises.sabotage.builds import BUILDS


def main() -> int:
    """Break the gateway, then run it; the exit code."""
    name, *arguments = sys.argv[1:]
    BUILDS[name]()
    return run(arguments[1:] if arguments[:1] == ["--"] else arguments)


if __name__ == "__main__":
    sys.exit(main())
