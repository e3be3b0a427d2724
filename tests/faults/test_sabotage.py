"""Builds that are broken on purpose fail the tests; the slow ones by ``tests.faults sabotage``."""

from __future__ import annotations

import pytest

from tests.faults.sabotaging import CATCHING, QUICK, UNIT, caught
from tests.promises.sabotage.builds import BUILDS

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("sabotage"), pytest.mark.timeout(240)]


def test_every_build_has_its_tests() -> None:
    """Nothing is broken that no test is named for."""
    assert sorted(BUILDS) == sorted(CATCHING)


@pytest.mark.parametrize("build", QUICK)
def test_a_broken_build_is_caught(build: str) -> None:
    """The unit tests alone fail for it."""
    quick = [test for test in CATCHING[build] if test.startswith(UNIT)]
    assert caught(build, [*quick, "-x", "-k", "not postgresql"])
