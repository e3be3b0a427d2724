"""A backend that answers nothing for a day harms nobody but itself, and catches up civilly."""

from __future__ import annotations

import pytest

from tests.simulation.blackhole import live


@pytest.mark.timeout(600)
def test_a_day_long_black_hole_is_noticed_by_nobody_else() -> None:
    """Acknowledgements and the other backend are as quick as ever; the backlog drains in order."""
    quiet, sick = live(sick=False, every=240.0), live(sick=True, every=240.0)
    assert sick.intake < 1.1 * quiet.intake
    assert sick.well < 1.1 * quiet.well
    assert sick.messages / 2 < sick.backlog
    assert sick.probes < 24 * 3600 / 30
    assert sick.most <= 4
    assert sick.drained < 2 * 3600
