"""The kit for plugin authors: a connector's surroundings, contract checks, a running gateway.

Names are imported when they are first used, since pytest loads this package in every run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.testing.captures import CapturingIntake, CapturingLog, MemoryBlobs
    from gateway.testing.clock import FakeClock
    from gateway.testing.conformance import Violation, check_backend, check_channel
    from gateway.testing.context import Surroundings, as_stored, make_context
    from gateway.testing.faults import Faults
    from gateway.testing.loopback import LoopbackHttp
    from gateway.testing.running import RunningGateway, running_gateway
    from gateway.testing.serving import serve_routes
    from gateway.testing.state import MemoryState

_HOMES = {
    "CapturingIntake": "captures",
    "CapturingLog": "captures",
    "FakeClock": "clock",
    "Faults": "faults",
    "LoopbackHttp": "loopback",
    "MemoryBlobs": "captures",
    "MemoryState": "state",
    "RunningGateway": "running",
    "Surroundings": "context",
    "Violation": "conformance",
    "as_stored": "context",
    "check_backend": "conformance",
    "check_channel": "conformance",
    "make_context": "context",
    "running_gateway": "running",
    "serve_routes": "serving",
}

__all__ = [
    "CapturingIntake",
    "CapturingLog",
    "FakeClock",
    "Faults",
    "LoopbackHttp",
    "MemoryBlobs",
    "MemoryState",
    "RunningGateway",
    "Surroundings",
    "Violation",
    "as_stored",
    "check_backend",
    "check_channel",
    "make_context",
    "running_gateway",
    "serve_routes",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
