"""The short form of ``python -m tests.faults disk``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.disk.attempts import PLANS, Plan, attempts, count, prepare
from tests.faults.disk.storing import OPERATIONS
from tests.servers.skipping import require

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("disk"), pytest.mark.timeout(240)]


@pytest.mark.parametrize("plan", PLANS[::2], ids=str)
def test_a_call_that_fails_makes_no_false_acknowledgement(tmp_path: Path, plan: Plan) -> None:
    """One call fails in the middle of a run; what was acknowledged is there, and the rest refused."""
    require("strace")
    prepare(tmp_path)
    last = count(tmp_path, plan)
    [(outcome, faults)] = attempts(tmp_path, plan, [last // 2], last)
    assert [] == faults
    assert 0 < outcome.acknowledged < OPERATIONS
    assert "broken" == outcome.ended


def test_a_journal_that_cannot_be_changed_is_noticed(tmp_path: Path) -> None:
    """The first sync fails, and with it the write-ahead log: such a store takes nothing in."""
    require("strace")
    prepare(tmp_path)
    [(outcome, faults)] = attempts(tmp_path, Plan("fdatasync", False, "ENOSPC"), [1], 1)
    assert ("refused", 0, []) == (outcome.ended, outcome.acknowledged, faults)
