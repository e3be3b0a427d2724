"""Worlds of eighty virtual hours keep every promise, and are the same each time.

More of them, and others, by `python -m tests.simulation --seeds 2000`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.running import simulate

ROOT = Path(__file__).parents[2]
CHUNK, SEEDS = 4, 200


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(1, SEEDS + 1, CHUNK))
def test_worlds_keep_every_promise(first: int) -> None:
    """Nothing acknowledged is lost, nothing is doubled, overtakes, spreads or enters elsewhere."""
    broken = [
        ended.broken for seed in range(first, first + CHUNK) if (ended := simulate(seed)).broken
    ]
    assert [] == broken, "\n\n".join(broken)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [4, 11])
def test_seed_is_the_same_everywhere(seed: int) -> None:
    """Another process, with other hashes of strings, sees exactly the same world."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    told = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", str(seed)],
        cwd=ROOT, env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert f"trace {simulate(seed).digest}" == told.splitlines()[-1]
