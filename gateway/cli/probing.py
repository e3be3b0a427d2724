"""Asking every channel, backend and check how it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from gateway.cli.progress import Advance
from gateway.domain.health import Health
from gateway.errors import ConnectorError, GatewayError, HookFailure

if TYPE_CHECKING:
    from gateway.core.assembly import Parts

SECONDS = 15.0


async def probe_all(parts: Parts, advance: Advance) -> dict[str, Health]:
    """Probe everything at once, each under a deadline; the order is that of the config.

    Args:
        advance: told how many have answered.
    """
    from gateway.hooks.registering import registered

    probes: dict[str, Callable[[], Awaitable[Health]]] = {"blobs": parts.blobs.probe}
    failures: list[HookFailure] = []
    for name, channel in parts.channels.items():
        probes[f"channel/{name}"] = channel.probe
    for name, backend in parts.backends.items():
        probes[f"backend/{name}"] = backend.probe
    checks = registered(parts.plugins.implementations["register_checks"], failures.append)
    for check in checks:
        probes[f"check/{check.value.name}"] = check.value.run
    done = 0

    async def probe(part: str, run: Callable[[], Awaitable[Health]]) -> Health:
        nonlocal done
        health = await _probe(part, run)
        done += 1
        advance(done, len(probes))
        return health

    answers = await asyncio.gather(*(probe(*one) for one in probes.items()))
    found = dict(zip(probes, answers, strict=True))
    for failure in failures:
        found[f"plugin/{failure.plugin}"] = Health(
            state="down", code=failure.code, reason=str(failure)
        )
    for part, health in parts.board.parts.items():
        if not health.well:
            found.setdefault(part, health)
    return found


async def _probe(part: str, run: Callable[[], Awaitable[Health]]) -> Health:
    from gateway.core.answered import answered

    try:
        async with asyncio.timeout(SECONDS):
            return answered(part, "probe", await run(), Health)
    except TimeoutError:
        return Health(
            state="down", code="timeout", reason=f"it did not answer within {SECONDS:g} seconds"
        )
    except ConnectorError as error:
        return Health(state="down", code=error.reason_code, reason=str(error))
    except GatewayError as error:
        return Health(state="down", code=error.code, reason=str(error))
    except Exception as error:
        return Health(state="down", code="failed", reason=f"{type(error).__name__}: {error}")
