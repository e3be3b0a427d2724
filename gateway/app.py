"""The running gateway: starts every part in its order, and stops them in reverse."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from gateway.contracts.services import Intake
from gateway.contracts.web import Route
from gateway.core.alone import held
from gateway.core.assembly import VERSION, Parts, assembled
from gateway.core.feeding import poll_backend, reconcile_channel
from gateway.core.languages import warm_up
from gateway.core.making import make_events, make_outbox, make_pipeline
from gateway.core.neighbours import Neighbours
from gateway.core.ownership import Ownership
from gateway.core.partitions import ALONE, LeasedPartitions, Partitions
from gateway.core.reading import BlobReader
from gateway.core.redacting import redaction
from gateway.core.supervision import Supervisor
from gateway.core.timers import Timers
from gateway.core.watching import Missing, watch_clock, watch_store
from gateway.domain.health import Health
from gateway.domain.partition import PARTITIONS, Fence
from gateway.errors import HookFailure
from gateway.hooks.assembly import Assembly
from gateway.hooks.dispatcher import Answered
from gateway.hooks.lifespans import lifespans
from gateway.hooks.registering import registered
from gateway.web.server import WebServer
from gateway.web.services import ConnectorKind, Services

DRAIN_SECONDS = 9.0
BROKEN_EXIT = 70


class Gateway:
    """A gateway made of its parts.

    Args:
        parts: as `gateway.core.assembly.assembled` makes them.
        broken: done when the store broke, which ends the process.
        serve: makes the HTTP server.
        worker: which of several processes of one `gateway run` it is, from 1.
    """

    def __init__(
        self,
        parts: Parts,
        supervisor: Supervisor,
        broken: asyncio.Future[BaseException],
        *,
        serve: Callable[[Services], WebServer] = WebServer,
        worker: int = 1,
    ) -> None:
        self.parts, self._supervisor, self.broken = parts, supervisor, broken
        self._serve, self._worker = serve, worker
        self.shared = parts.shared
        self.partitions = self._partitions()
        self.outbox = make_outbox(parts, self.partitions)
        self.pipeline = make_pipeline(parts, self.partitions)
        self.timers = Timers(
            store=parts.store, hooks=parts.hooks, clock=parts.clock, new_id=parts.new_id,
            log=parts.log, on_committed=parts.notice, targets=parts.assembly.targets,
            idle=parts.pace.idle, partitions=self.partitions,
        )  # fmt: skip
        self.events = make_events(parts)
        self._missing = Missing(
            parts.store, parts.board, parts.assembly.targets, parts.pace.missing
        )
        self._meet_neighbours()
        self._ownership = Ownership(partitions=self.partitions, board=parts.board, log=parts.log)
        parts.listeners += [
            self.outbox.notice, self.timers.notice, self.events.notice, self._missing.notice,
        ]  # fmt: skip
        parts.on_accepted += [self.pipeline.wake, parts.high_water.notice]
        self.port = 0
        parts.metrics.process.labels(parts.membership.process.name, str(worker)).set(1)
        parts.metrics.partitions.set_function(self._held)

    def _held(self) -> int:
        share = self.partitions.share
        return PARTITIONS if share is None else len(share.partitions)

    def _partitions(self) -> Partitions:
        """Those of an embedded database are all ours; others are divided among the processes."""
        if not self.shared:
            return ALONE
        return LeasedPartitions(asyncio.get_running_loop().time)

    def _meet_neighbours(self) -> None:
        """Divide the work with the other processes, if there may be any."""
        parts, partitions = self.parts, self.partitions
        self.neighbours: Neighbours | None = None
        if not isinstance(partitions, LeasedPartitions):
            return
        self.neighbours = Neighbours(
            store=parts.store, partitions=partitions, log=parts.log, outbox=self.outbox,
            arrivals=self.pipeline.wake, timers=self.timers.wake, events=self.events.wake,
            processes=parts.membership.wake,
            readers=[one.name for one in self.events.followers],
        )  # fmt: skip
        parts.membership.take_part(partitions, self.neighbours.share_changed)
        parts.listeners.append(self.neighbours.notice)
        parts.on_accepted.append(self.neighbours.accepted)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run every part around a block; stop them in reverse, within ten seconds."""
        parts, start = self.parts, self._supervisor.start
        if not self.shared:  # else whoever takes a partition over recovers what is of it
            await parts.store.recover_deliveries(now=parts.clock.now())
        for follower in self.events.followers:
            await follower.begin()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._lifespans())
            # If the start fails, nothing goes on working with what is closed next.
            stack.push_async_callback(self._supervisor.stop)
            for name, sender in self.outbox.senders.items():
                start(f"outbox/{name}", sender.run)
            start("pipeline", self.pipeline.run)
            start("store", _bound(watch_store, parts.store, parts.board, parts.pace.store))
            if parts.wall is not parts.clock:
                start("clock", _bound(watch_clock, parts.clock, parts.wall, parts.board))
            start("timers", self.timers.run)
            start("high_water", parts.high_water.run)
            start("retention", self.parts.retention.run)
            start("membership", parts.membership.run)
            self._start_owned("erasure", lambda _: self.parts.eraser.run())
            if self.neighbours is not None:
                start("signals", self.neighbours.run)
            for follower in self.events.followers:
                self._start_owned(follower.name, follower.run)
            web = self._serve(self._services())
            listen = parts.settings.web.listen
            self.port = await web.start(listen.host, listen.port)
            stack.push_async_callback(self._stop, web)
            self._start_connectors()
            start("targets", self._missing.run)
            parts.board.report("gateway", Health())
            start("warm_up", _bound(asyncio.to_thread, warm_up))
            yield

    async def _stop(self, web: WebServer) -> None:
        """Take in nothing more, then finish what is under way."""
        parts = self.parts
        parts.board.report("gateway", Health(state="stopped", code="stopping", reason="stopping"))
        taking_in = [f"channel/{name}" for name in parts.channels]
        taking_in += [f"backend/{name}" for name in parts.backends]
        taking_in += [f"poll/{name}" for name in parts.backends]
        taking_in += [f"reconcile/{name}" for name in parts.channels]
        await asyncio.gather(web.stop(), self._supervisor.stop(taking_in, 4.0))
        await self._supervisor.stop(seconds=DRAIN_SECONDS)

    def _start_owned(self, part: str, work: Callable[[Fence | None], Awaitable[None]]) -> None:
        """Start what only one process may run."""
        self._supervisor.start(part, _bound(self._ownership.run, part, work))

    def _start_connectors(self) -> None:
        parts, start = self.parts, self._supervisor.start
        for name, channel in parts.channels.items():
            door = partial(parts.intake, "channel", name, parts.assembly.channels[name].tenant)
            if channel.capabilities.exclusive:
                self._start_owned(f"channel/{name}", _with_door(channel.run, door))
            else:
                start(f"channel/{name}", _bound(channel.run, door()))
            reconcile = partial(reconcile_channel, channel)
            self._start_owned(f"reconcile/{name}", _with_door(reconcile, door))
        for name, backend in parts.backends.items():
            door = partial(parts.intake, "backend", name, parts.assembly.backends[name].tenant)
            self._start_owned(f"backend/{name}", _with_door(backend.run, door))
            if backend.capabilities.poll_seconds > 0:
                report = parts.board.reporter(f"poll/{name}")
                poll = partial(poll_backend, backend, report)
                self._start_owned(f"poll/{name}", _with_door(poll, door))

    def _lifespans(self) -> AbstractAsyncContextManager[tuple[str, ...]]:
        parts = self.parts
        return lifespans(
            parts.plugins.implementations["lifespan"],
            lambda name: parts.context("plugin", name, "default", parts.plugins.settings.get(name)),
            on_failure=lambda failure: parts.log.warning("lifespan.failed", error=str(failure)),
        )

    def _services(self) -> Services:
        parts, settings = self.parts, self.parts.settings
        implementations = parts.plugins.implementations

        def failed(failure: HookFailure) -> None:
            parts.log.warning("register.failed", error=str(failure))

        def routes(hook: str) -> list[Answered[Any]]:
            return registered(implementations[hook], failed)

        connector_routes: list[tuple[str, ConnectorKind, Route]] = [
            (name, "channel", route)
            for name, channel in parts.channels.items()
            for route in channel.routes(
                parts.intake("channel", name, parts.assembly.channels[name].tenant)
            )
        ]
        connector_routes += [
            (name, "backend", route)
            for name, backend in parts.backends.items()
            for route in backend.routes(
                parts.intake("backend", name, parts.assembly.backends[name].tenant)
            )
        ]
        return Services(
            operator=parts.operator, eraser=parts.eraser, store=parts.store, blobs=BlobReader(parts.blobs), board=parts.board,
            metrics=parts.metrics, clock=parts.clock, log=parts.log, web=settings.web,
            api=settings.api, public_url=settings.gateway.public_url,
            name=settings.gateway.name, version=VERSION, routes=connector_routes,
            plugin_routes=[(a.plugin, a.value) for a in routes("register_routes")],
            console_pages=[(a.plugin, a.value) for a in routes("register_console_pages")],
            process=parts.membership.process.name, worker=self._worker, shared=self.shared,
            ready=lambda: parts.board.parts.get("gateway", _STARTING).state == "ok",
            redact=redaction(parts.hooks), codes=parts.codes, owners=parts.owners,
        )  # fmt: skip


_STARTING = Health(state="starting")


def _bound(call: Callable[..., Awaitable[None]], *arguments: Any) -> Callable[[], Awaitable[None]]:
    return lambda: call(*arguments)


def _with_door(
    run: Callable[[Intake], Awaitable[None]], door: Callable[..., Intake]
) -> Callable[[Fence | None], Awaitable[None]]:
    return lambda fence: run(door(fence))


@asynccontextmanager
async def opened(assembly: Assembly, folder: Path, worker: int = 1) -> AsyncGenerator[Gateway]:
    """Make a gateway, without running it.

    Args:
        folder: the config file's folder.
        worker: which of several processes of one `gateway run` it is, from 1.

    Raises:
        StoreError: the store cannot be opened.
        Refused: another gateway runs on the same embedded database.
    """
    broken = asyncio.get_running_loop().create_future()

    def on_broken(error: BaseException) -> None:
        if not broken.done():
            broken.set_result(error)

    with held(folder / assembly.settings.gateway.data, assembly.settings.store.url):
        async with assembled(assembly, folder=folder, on_broken=on_broken) as parts:
            supervisor = Supervisor(
                board=parts.board, log=parts.log, random=parts.random, on_broken=on_broken
            )
            yield Gateway(parts, supervisor, broken, worker=worker)


async def run(
    assembly: Assembly,
    folder: Path,
    started: Callable[[Gateway], None],
    *,
    worker: int = 1,
    lifeline: int | None = None,
) -> int:
    """Run a gateway until SIGTERM or SIGINT; the exit code.

    Args:
        started: told once it is ready.
        worker: which of several processes of one `gateway run` it is, from 1.
        lifeline: a pipe that closes when the process that started this one is gone, which ends it.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if lifeline is not None:
        loop.add_reader(lifeline, stop.set)
    async with opened(assembly, folder, worker) as gateway, gateway.running():
        started(gateway)
        stopped = asyncio.ensure_future(stop.wait())
        either: list[asyncio.Future[Any]] = [stopped, gateway.broken]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if lifeline is not None:
            loop.remove_reader(lifeline)
        if gateway.broken.done():
            # A failed commit may have lost what the kernel still held: nothing more is written.
            gateway.parts.log.error("store.broken", error=str(gateway.broken.result()))
            os._exit(BROKEN_EXIT)
    return 0
