"""The short form of ``python -m tests.faults power``, and what it would notice."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.faults.proofs.power import record, replay
from tests.faults.report import Progress, Report
from tests.servers.skipping import require

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("power"), pytest.mark.timeout(300)]


@pytest.fixture
def seed() -> int:
    """A fresh seed, unless one is to be tried again."""
    require("strace")
    chosen = int(os.environ.get("PROMISE_SEED", "") or random.SystemRandom().randrange(1 << 32))
    print(f"PROMISE_SEED={chosen}")
    return chosen


async def test_a_power_cut_takes_nothing_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    """Of what a cut leaves at any moment a gateway starts and delivers all that was acknowledged."""
    report = Report(proof="power", asked={"seed": seed})
    await record(tmp_path, mails=24, seed=seed)
    await replay(report, tmp_path, images=250, restarts=2, seed=seed, progress=Progress())
    assert report.met, report.text()


async def test_a_store_that_does_not_wait_for_the_disk_is_noticed(
    tmp_path: Path, seed: int
) -> None:
    """The images of a build with ``synchronous=NORMAL`` lack mails that were acknowledged."""
    report = Report(proof="power", asked={"seed": seed})
    await record(tmp_path, mails=8, seed=seed, sabotage="synchronous-normal")
    await replay(report, tmp_path, images=40, restarts=0, seed=seed, progress=Progress())
    assert [fault for fault in report.faults if ": lost: token-" in fault], report.text()
