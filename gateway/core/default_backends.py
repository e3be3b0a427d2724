"""Default backends, out of the configuration."""

from __future__ import annotations

from gateway.hooks.assembly import Assembly


def default_backends(assembly: Assembly) -> dict[str, tuple[str, ...]]:
    """Where a tenant's messages go that no rule sends anywhere: its first backend."""
    found: dict[str, tuple[str, ...]] = {}
    for name, backend in assembly.backends.items():
        found.setdefault(backend.tenant, (name,))
    return found
