from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.promises.process import Launcher


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """Starts gateways and commands without reading their code each time."""
    launcher = Launcher()
    yield launcher
    launcher.close()
