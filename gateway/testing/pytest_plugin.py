"""The kit's fixtures, offered to every test suite where the gateway is installed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gateway.contracts.services import Context
    from gateway.testing.clock import FakeClock
    from gateway.testing.running import RunningGateway


@pytest.fixture
def gateway_clock() -> FakeClock:
    """A clock that moves only when it is told to."""
    from gateway.testing.clock import FakeClock

    return FakeClock()


@pytest.fixture
def gateway_context(gateway_clock: FakeClock) -> Callable[..., Context[Any]]:
    """Make contexts from settings, and if wanted a name and a tenant.

    All of one test share their state, clock, log and HTTP client.
    """
    from gateway.testing.context import Surroundings

    return Surroundings(clock=gateway_clock).context


@pytest.fixture
def running_gateway(
    tmp_path: Path,
) -> Callable[[str], AbstractAsyncContextManager[RunningGateway]]:
    """Run a whole gateway in the test's own folder, given the text of its config."""
    from gateway.testing.running import running_gateway as run

    return partial(run, tmp_path)
