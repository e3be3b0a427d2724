from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.cli.town import Town, populate


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A populated folder that a test may only look at."""
    plugin = Path(__file__).with_name("shop.py")
    return populate(tmp_path_factory.mktemp("town"), plugin)


@pytest.fixture
def own_town(town: Town, tmp_path: Path) -> Town:
    """A populated folder that a test may change."""
    folder = tmp_path / "town"
    shutil.copytree(town.folder, folder)
    return Town(folder, town.ids)
