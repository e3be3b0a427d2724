"""Every invariant can fail: a core that is broken on purpose is caught, for the right reason."""

from __future__ import annotations

import pytest

from tests.simulation.running import simulate
from tests.simulation.sabotage import SABOTAGES, sabotaged

SEEDS = 40


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotage_is_caught(name: str) -> None:
    """Some of the first worlds finds the promise broken that the sabotage breaks."""
    with sabotaged(name) as promise:
        found = (simulate(seed).broken for seed in range(1, SEEDS + 1))
        assert any(f": {promise}: " in broken.partition("\n")[0] for broken in found)


def test_broken_world_says_how_to_see_it_again() -> None:
    """What broke, the last things that happened, and the command that replays it."""
    with sabotaged("ack before commit"):
        broken = simulate(1).broken
    assert broken.startswith("seed 1: durable: ")
    assert "acknowledged before it was committed" in broken
    assert "--seed 1 --hours 80 --trace" in broken.splitlines()[-1]
