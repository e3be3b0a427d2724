from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what lives here as an integration test, whichever servers it uses."""
    if item.path.is_relative_to(HERE):
        item.add_marker("integration")
