"""Health and metrics, for the machines that watch the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.domain.counts import Counts
from gateway.domain.health import Health, HealthState
from gateway.errors import StoreError
from gateway.store.operations import Tenants
from gateway.web.services import Services
from gateway.web.shapes.moment import Moment, moment
from gateway.web.visible_parts import visible_parts

Status = Literal["ready", "degraded", "unavailable"]
COUNTS_SECONDS = 2.0
STORE, GATEWAY = "store", "gateway"
STARTING = Health(state="starting", code="starting", reason="the gateway is starting or stopping")


class PartDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How one part of the gateway is."""

    part: Annotated[str, msgspec.Meta(description="`channel/NAME`, `backend/NAME`, `store` …")]
    state: HealthState
    code: Annotated[str, msgspec.Meta(description="Stable short name of what is wrong.")]
    reason: Annotated[str, msgspec.Meta(description="What is wrong and what to do.")]
    since: Moment | None


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the gateway takes in, and every part that needs an operator."""

    process: Annotated[
        str, msgspec.Meta(description="Which of several processes answers: machine, number, name.")
    ]
    worker: Annotated[
        int, msgspec.Meta(description="Which one of its `gateway run` it is, from 1.")
    ]
    status: Annotated[
        Status,
        msgspec.Meta(
            description="`ready`; `degraded`: it takes in, but a part is sick; "
            "`unavailable`: it cannot take in."
        ),
    ]
    sick: tuple[PartDocument, ...]


class CountsReader:
    """What waits in the store, asked at most every two seconds."""

    def __init__(self, read: Callable[[], Awaitable[Counts]]) -> None:
        self._read = read
        self._asking = asyncio.Lock()
        self._until = 0.0
        self._counts = Counts()

    async def read(self) -> Counts:
        """Read the counts.

        Raises:
            StoreError: the store does not answer.
        """
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if now >= self._until:
                self._counts = await self._read()
                self._until = now + COUNTS_SECONDS
            return self._counts


def part_document(part: str, health: Health) -> PartDocument:
    """Show how a part is."""
    return PartDocument(
        part=part, state=health.state, code=health.code, reason=health.reason,
        since=moment(health.since or None),
    )  # fmt: skip


def readiness(services: Services, tenants: Tenants = None) -> Readiness:
    """Judge whether the gateway takes in; a sick channel or backend harms only itself.

    Args:
        tenants: whose parts count; None for all.
    """
    seen = visible_parts(services.board.sick, services.owners, tenants)
    sick = [part_document(part, health) for part, health in sorted(seen.items())]
    store = services.board.parts.get(STORE)
    if not services.ready():
        if GATEWAY not in services.board.sick:
            sick.insert(0, part_document(GATEWAY, STARTING))
        status: Status = "unavailable"
    elif store is not None and store.state in ("down", "stopped"):
        status = "unavailable"
    else:
        status = "degraded" if sick else "ready"
    return Readiness(
        process=services.process, worker=services.worker, status=status, sick=tuple(sick)
    )


def add_probes(app: web.Application, services: Services, counts: CountsReader) -> None:
    """Add ``/livez``, ``/readyz`` and ``/metrics``."""

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def readyz(_: web.Request) -> web.Response:
        found = readiness(services)
        return web.Response(
            status=503 if found.status == "unavailable" else 200,
            body=msgspec.json.encode(found),
            content_type="application/json",
        )

    async def metrics(_: web.Request) -> web.Response:
        try:
            waiting = await counts.read()
        except StoreError:
            waiting = None
        if waiting is not None:
            services.metrics.read(waiting, dict(services.board.parts), services.clock.now())
        return web.Response(
            body=generate_latest(services.metrics.registry),
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )

    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
