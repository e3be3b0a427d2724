"""Request Tracker 5 as a ticket system behind the gateway."""

from __future__ import annotations

from collections.abc import Iterable

from gateway import BackendType, hookimpl

__all__ = ["register_backends"]


@hookimpl
def register_backends() -> Iterable[BackendType]:
    """Offer the backend type ``rt``."""
    from gateway_rt.backend import RtBackend
    from gateway_rt.settings import RtSettings

    yield BackendType(
        name="rt",
        make=RtBackend,
        settings=RtSettings,
        summary="Request Tracker 5 by its REST 2.0 interface.",
    )
