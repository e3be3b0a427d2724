"""Putting the parts together: store, connectors, operator; nothing runs yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.config.settings import Settings
from gateway.contracts.backend import Backend
from gateway.contracts.channel import Channel
from gateway.contracts.services import Clock, Context, Http, Log
from gateway.core.continuation import OWNER, ContinuationCodes
from gateway.core.erasing import Eraser
from gateway.core.events import places
from gateway.core.forgetting import Forgetter
from gateway.core.health import HealthBoard
from gateway.core.high_water import HighWater
from gateway.core.intake import IntakeDoor
from gateway.core.machine import Machine
from gateway.core.matters import StoredMatters
from gateway.core.membership import Membership
from gateway.core.metrics import Metrics
from gateway.core.operating import Operator
from gateway.core.pace import Pace
from gateway.core.parsing import ParserPool
from gateway.core.pipeline.preparing import Preparer
from gateway.core.policies import CorePolicies
from gateway.core.reading import BlobReader
from gateway.core.retention import Retention
from gateway.core.state import StoredState
from gateway.core.turns import Turns
from gateway.domain.changes import Changes
from gateway.domain.continuation import ContinuationPolicy
from gateway.domain.health import Health
from gateway.domain.ids import IdGenerator
from gateway.domain.partition import Fence
from gateway.domain.tokens import Keyring
from gateway.errors import HookFailure, StoreBroken, StoreError
from gateway.hooks.assembly import Assembly, assemble_file
from gateway.hooks.calls import Hooks
from gateway.hooks.dispatcher import Dispatcher
from gateway.hooks.extras import missing_later
from gateway.hooks.loading import LoadedPlugins
from gateway.hooks.sources import default
from gateway.hooks.suspension import Suspension
from gateway.store.blobs import BlobStore
from gateway.store.operations import Store

VERSION = "0.1.0"
CLOSE_SECONDS = 1.0


def read_assembly(path: Path) -> Assembly:
    """Read a configuration and load its plugins, the gateway's own policies last.

    Raises:
        ConfigError: with every fault.
        PluginRefused: a required plugin cannot be loaded.
    """
    late = _LatePolicies()
    assembly = assemble_file(path, defaults=[default("core", VERSION, late)])
    late.bind(assembly.settings)
    return assembly


class _LatePolicies(CorePolicies):
    """The core's policies, whose settings are known only once the whole file is read."""

    def __init__(self) -> None:
        super().__init__(Settings().redaction, {})

    def bind(self, settings: Settings) -> None:
        self._redaction, self._tenants = settings.redaction, settings.tenants


@dataclass(kw_only=True)
class Parts:
    """The parts of a gateway, made but not started.

    Args:
        log_of: the log of a part by its name.
        listeners: told of every commit, in order.
        on_accepted: told when arrivals wait, of their partitions.
    """

    assembly: Assembly
    data: Path
    store: Store
    blobs: BlobStore
    clock: Clock
    wall: Clock
    random: Callable[[], float]
    new_id: IdGenerator
    hooks: Hooks
    board: HealthBoard
    metrics: Metrics
    keyring: Keyring
    http: Http
    log: Log
    log_of: Callable[[str], Log]
    pace: Pace
    turns: Turns
    high_water: HighWater
    pool: ParserPool
    instance: str
    membership: Membership
    listeners: list[Callable[[Changes], None]] = field(default_factory=list)
    on_accepted: list[Callable[[Sequence[int]], None]] = field(default_factory=list)
    channels: dict[str, Channel[Any]] = field(default_factory=dict)
    backends: dict[str, Backend[Any]] = field(default_factory=dict)
    _codes: dict[str, ContinuationCodes] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The whole configuration."""
        return self.assembly.settings

    @property
    def owners(self) -> dict[str, str]:
        """The tenant of each ``channel/NAME`` and ``backend/NAME`` of the configuration."""
        channels, backends = self.settings.channels, self.settings.backends
        return {
            **{f"channel/{name}": one.tenant for name, one in channels.items()},
            **{f"backend/{name}": one.tenant for name, one in backends.items()},
        }

    @property
    def shared(self) -> bool:
        """Whether other processes may run on the same store."""
        return not self.settings.store.url.startswith("sqlite")

    @property
    def plugins(self) -> LoadedPlugins:
        """What plugins there are."""
        return self.assembly.plugins

    @property
    def preparer(self) -> Preparer:
        """What parses, normalises and enriches arrivals."""
        connectors: dict[tuple[str, str], Channel[Any] | Backend[Any]] = {
            **{("channel", name): channel for name, channel in self.channels.items()},
            **{("backend", name): backend for name, backend in self.backends.items()},
        }
        return Preparer(
            connectors=connectors, pool=self.pool, hooks=self.hooks, blobs=self.blobs,
            clock=self.clock, new_id=self.new_id, plugins=self.assembly.plugins_of,
        )  # fmt: skip

    @property
    def operator(self) -> Operator:
        """What people do."""
        return Operator(
            store=self.store, clock=self.clock, new_id=self.new_id,
            on_committed=self.notice, on_accepted=self.accepted,
        )  # fmt: skip

    def codes(self, tenant: str) -> ContinuationCodes:
        """The continuation codes of a tenant."""
        if tenant not in self._codes:
            settings = self.settings.continuation
            self._codes[tenant] = ContinuationCodes(
                tenant=tenant, state=StoredState(self.store, tenant=tenant, owner=OWNER),
                keyring=self.keyring, clock=self.clock,
                policy=ContinuationPolicy(
                    minutes=settings.minutes, most_live=settings.most_live,
                    wrong_per_caller=settings.wrong_per_caller_hour,
                    wrong_per_tenant=settings.wrong_per_tenant_hour,
                ),
                choose=lambda below: int(self.random() * below), log=self.log,
            )  # fmt: skip
        return self._codes[tenant]

    @property
    def forgetter(self) -> Forgetter:
        """What asks connectors and plugins to forget."""
        return Forgetter(
            store=self.store, channels=self.channels, backends=self.backends, hooks=self.hooks,
            log=self.log,
        )  # fmt: skip

    @property
    def eraser(self) -> Eraser:
        """What erases people who ask for it."""
        return Eraser(
            store=self.store, clock=self.clock, new_id=self.new_id, forgetter=self.forgetter,
            log=self.log, on_committed=self.notice, pace=self.pace,
        )  # fmt: skip

    @property
    def retention(self) -> Retention:
        """What removes records whose time is over."""
        return Retention(
            store=self.store, clock=self.clock, new_id=self.new_id, kept=self.settings.retention,
            tenants=self.settings.tenants, forgetter=self.forgetter, log=self.log,
            owner=self.membership.process.name, followers=places(self.hooks).values(),
            on_committed=self.notice, idle=self.pace.idle,
        )  # fmt: skip

    def notice(self, changes: Changes) -> None:
        """Tell everybody of a commit."""
        for listener in self.listeners:
            listener(changes)

    def accepted(self, partitions: Sequence[int]) -> None:
        """Tell everybody that arrivals wait."""
        for listener in self.on_accepted:
            listener(partitions)

    def intake(self, kind: str, name: str, tenant: str, fence: Fence | None = None) -> IntakeDoor:
        """The way in for a connector.

        Args:
            fence: of one that only one process runs.
        """
        counter = self.metrics.arrivals.labels(name)

        def accepted(partitions: Sequence[int]) -> None:
            counter.inc(len(partitions))
            self.accepted(partitions)

        return IntakeDoor(
            store=self.store, clock=self.clock, new_id=self.new_id, tenant=tenant, source=name,
            kind="backend" if kind == "backend" else "channel", on_accepted=accepted, patience=self.settings.intake.ack_seconds,
            turns=self.turns, fence=fence, admit=self.high_water.admit,
        )  # fmt: skip

    def context(self, kind: str, name: str, tenant: str, settings: Any) -> Context[Any]:
        """The services of a connector or plugin."""
        part = f"{kind}/{name}"
        return Context(
            name=name, tenant=tenant, settings=settings, clock=self.wall,
            state=StoredState(self.store, tenant=tenant, owner=part), tokens=self.keyring,
            codes=self.codes(tenant), matters=StoredMatters(self.store, tenant),
            blobs=BlobReader(self.blobs), http=self.http, log=self.log_of(part),
            report=self.board.reporter(part),
            public_url=self.settings.gateway.public_url.rstrip("/"), instance_id=self.instance,
            own_addresses=self.own_addresses, shared=self.shared,
        )  # fmt: skip

    def own_addresses(self) -> frozenset[str]:
        """Every address that any channel answers to."""
        return frozenset(
            address.lower() for channel in self.channels.values() for address in channel.addresses()
        )

    def make_connectors(self) -> None:
        """Make every configured channel and backend; one whose library is missing is told of."""
        unavailable = dict(self.assembly.unavailable)
        for name, one in self.assembly.channels.items():
            context = self.context("channel", name, one.tenant, one.settings)
            try:
                self.channels[name] = one.kind.make(context)
            except ImportError as error:
                unavailable[f"channel/{name}"] = missing_later(error, one.kind.make.__module__)
        for name, made in self.assembly.backends.items():
            context = self.context("backend", name, made.tenant, made.settings)
            try:
                self.backends[name] = made.kind.make(context)
            except ImportError as error:
                unavailable[f"backend/{name}"] = missing_later(error, made.kind.make.__module__)
        for part, reason in unavailable.items():
            self.board.report(part, Health(state="down", code="plugin_refused", reason=reason))

    async def close_connectors(self) -> None:
        """Let every connector give back what it holds; one that cannot is left behind."""
        connectors: list[tuple[str, Channel[Any] | Backend[Any]]] = [
            *self.channels.items(), *self.backends.items(),
        ]  # fmt: skip
        for name, one in connectors:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await one.close()
            except Exception as error:
                self.log.warning("close.failed", part=name, error=repr(error))


@asynccontextmanager
async def assembled(
    assembly: Assembly,
    *,
    folder: Path,
    on_broken: Callable[[StoreBroken], None] = lambda _: None,
    create: bool = True,
    machine: Callable[[Settings, Path], Machine] = Machine,
) -> AsyncGenerator[Parts]:
    """Open the store and make all parts; close them again at the end.

    Args:
        folder: where a relative data folder starts (the config file's folder).
        on_broken: called once if the store breaks.
        create: an empty or missing database is set up.
        machine: what the gateway runs on, given the settings and the data folder.

    Raises:
        StoreError: the store cannot be opened.
    """
    settings = assembly.settings
    data = folder / settings.gateway.data
    runs_on = machine(settings, data)
    clock, log, blobs = runs_on.clock, runs_on.log("gateway"), runs_on.blobs(on_broken)
    board, metrics = HealthBoard(clock, log), Metrics()
    store = await runs_on.open_store(blobs, create=create, on_broken=on_broken)
    try:
        keyring = Keyring(runs_on.reply_keys())
        membership = await Membership.join(
            store, runs_on.owner(), clock=clock, log=log, pace=runs_on.pace
        )
        dispatcher = _dispatcher(assembly, runs_on, board, metrics, log)
        parts = Parts(
            assembly=assembly, data=data, store=store, blobs=blobs, clock=clock, wall=runs_on.wall,
            random=runs_on.random, new_id=membership.new_id, hooks=Hooks(dispatcher), board=board,
            metrics=metrics, keyring=keyring, http=runs_on.http(), log=log, log_of=runs_on.log,
            pace=runs_on.pace, turns=Turns(clock), pool=runs_on.parsers(), membership=membership,
            instance=runs_on.instance(),
            high_water=HighWater(
                store=store, board=board, log=log, mark=settings.intake.high_water,
                idle=runs_on.pace.idle,
            ),
        )  # fmt: skip
        parts.listeners.append(metrics.notice)
        parts.make_connectors()
        try:
            yield parts
        finally:
            await parts.close_connectors()
            await parts.pool.close()
            with suppress(StoreError):
                await membership.leave()
    finally:
        await store.close()


def _dispatcher(
    assembly: Assembly, machine: Machine, board: HealthBoard, metrics: Metrics, log: Log
) -> Dispatcher:
    def failed(failure: HookFailure) -> None:
        metrics.hook_failures.labels(failure.plugin, failure.hook).inc()
        log.warning("hook.failed", plugin=failure.plugin, hook=failure.hook, error=str(failure))

    def suspended(suspension: Suspension) -> None:
        board.report(
            f"plugin/{suspension.plugin}",
            Health(state="degraded", code="suspended", reason=suspension.reason),
        )

    return Dispatcher(
        assembly.plugins.implementations, clock=machine.clock,
        deadline=assembly.settings.pipeline.hook_seconds,
        deadlines={"transcribe_recording": assembly.settings.pipeline.transcribe_seconds}, on_failure=failed,
        on_suspended=suspended, threads=machine.hook_threads(),
    )  # fmt: skip
