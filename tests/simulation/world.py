"""A world made from a seed: processes, systems outside, people, troubles, and whoever judges it all."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Callable, Coroutine
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec

from gateway.config.connectors import RoutingRule, RuleCondition
from gateway.config.loading import Reading
from gateway.config.retention import RetentionSettings
from gateway.config.server import StoreSettings
from gateway.config.settings import Settings
from gateway.contracts.backend import BackendType
from gateway.contracts.channel import ChannelCapabilities, ChannelType
from gateway.core.assembly import VERSION
from gateway.core.policies import CorePolicies
from gateway.hooks.assembly import Assembly, Configured, assemble
from gateway.hooks.sources import default
from gateway.store.blobs import MemoryBlobs
from tests.simulation.connectors import Nothing, SimBackend, SimChannel, SimMailbox
from tests.simulation.disk import Disk
from tests.simulation.gremlins import Gremlins
from tests.simulation.loop import SimLoop
from tests.simulation.network import Network
from tests.simulation.operators import Operators
from tests.simulation.oracle import SETTLED, Broken, Oracle
from tests.simulation.outside import Desk, Provider
from tests.simulation.people import ROUTES, Crowd
from tests.simulation.plan import HOUR, TARGETS, Plan
from tests.simulation.process import Load, Process, adopt
from tests.simulation.trace import Trace
from tests.simulation.weather import STORE, Weather

NAMES = ("one", "two", "three")
DESKS = {"ideal": "idempotent", "search": "lookup", "blunt": "never"}
LINES = {
    "mail": ChannelCapabilities(repeat="tolerable", exclusive=True),
    "chat": ChannelCapabilities(repeat="idempotent"),
    "sms": ChannelCapabilities(repeat="never"),
}


class World:
    """Everything that there is; `run` lets it go on until its end or until a promise is broken.

    Args:
        plan: what the world is like.
        seed: decides everything else.
        show: is given every line of the trace.
    """

    def __init__(self, plan: Plan, *, seed: int, show: Callable[[str], None] | None = None) -> None:
        self.seed, self.plan = seed, plan
        self.dice = random.Random(f"{seed}/world")
        self.loop = SimLoop(seed, adopt)
        self.trace = Trace(self.loop.time, show)
        self.weather = Weather(self.loop.time, {k: list(v) for k, v in self.plan.spells.items()})
        self.disk, self.blobs = Disk(self.trace, self.loop.time), MemoryBlobs()
        self.network = Network(self.weather, self.dice, self.lossy, self._passes)
        repeats = {f"backend/{name}": repeat for name, repeat in DESKS.items()}
        repeats |= {f"channel/{name}": line.repeat for name, line in LINES.items()}
        self.oracle = Oracle(
            now=self.loop.time, arrived=self.disk.arrived, late=self.disk.aside, repeats=repeats,
            calm=self._calm, fail=self.broken, trace=self.trace,
        )  # fmt: skip
        self.crowd = Crowd(self)
        self.desks = {
            name: Desk(name, repeat, self.oracle, self.crowd.on_entry)  # type: ignore[arg-type]
            for name, repeat in DESKS.items()
        }
        self.providers = {
            name: Provider(name, self.oracle, knows_again=name == "chat") for name in LINES
        }
        self.operators = Operators(self)
        self.processes: list[Process] = []
        self.loads = {target: Load() for target in TARGETS}
        self.also: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._downs: list[tuple[float, float]] = []
        self._outside: set[asyncio.Task[Any]] = set()
        self._broken: list[str] = []

    def run(self) -> str:
        """Let the world go on to its end; gives the trace's hash.

        Raises:
            Broken: with what broke and how to see it again.
        """
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._live())
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()
        self._broken += [f"asyncio: {fault}" for fault in self.loop.faults]
        if self._broken:
            raise Broken("\n".join((self._broken[0], *self.trace.last)))
        return self.trace.digest

    def broken(self, promise: str, what: str) -> None:
        """Note that a promise is broken, which ends the world."""
        self.trace("ORACLE", f"{promise}: {what}")
        self._broken.append(f"{promise}: {what}")
        self.end.set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let something happen outside of every process."""
        task = self.loop.create_task(work)
        self._outside.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._outside.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken("simulation", repr(error))

    def lossy(self) -> float:
        """Probability that a request meets with trouble though its target is well."""
        return self.plan.lossy if self.loop.time() < self.plan.busy else 0.0

    def amnesia(self) -> float:
        """Probability that a commit is done, but its answer lost."""
        return self.plan.amnesia if self.loop.time() < self.plan.busy else 0.0

    def ready(self) -> Process | None:
        """A process that takes requests, as a load balancer chooses one."""
        found = [one for one in self.processes if one.ready_at is not None]
        return self.dice.choice(found) if found else None

    async def _live(self) -> None:
        self.end, self.mail_waits = asyncio.Event(), asyncio.Event()
        for number in range(self.plan.processes):
            self.spawn(self._keep(NAMES[number]))
        for work in self.also:
            self.spawn(work())
        for name in self.crowd.names:
            self.spawn(self.crowd.write(name))
        for moment, seconds in self.plan.steps:
            self.loop.call_later(moment, self._step, seconds)
        for moment in self.plan.restarts:
            self.spawn(self._restart(moment))
        for moment, seconds in self.plan.pauses:
            self.spawn(self._pause(moment, seconds))
        for moment in self.plan.merges:
            self.spawn(self.operators.merge(moment))
        try:
            async with asyncio.timeout(self.plan.hours * HOUR):
                self.spawn(self.operators.close())
                await self.end.wait()
        except TimeoutError:
            await self.operators.look()
        for task in list(self._outside):
            task.cancel()
        for process in self.processes:
            process.kill()
            await process.buried()

    async def _keep(self, name: str) -> None:
        """Keep a process running, as an init system does."""
        for number in range(1, 1000):
            began = self.loop.time()
            process = Process(self, f"{name}.{number}")
            self.processes.append(process)
            self.spawn(self._began(process, began))
            await asyncio.wait([process.main])
            ended = self.loop.time()
            process.kill()
            await process.buried()
            self.processes.remove(process)
            pause = self.dice.choice((0.5, 2.0, 2.0, 30.0, 600.0))
            self._downs.append((ended, ended + pause))
            await asyncio.sleep(pause)

    async def _began(self, process: Process, began: float) -> None:
        await asyncio.wait([process.main, process.ready], return_when=asyncio.FIRST_COMPLETED)
        self._downs.append((began, self.loop.time()))

    def _step(self, seconds: float) -> None:
        self.trace("world", f"the clock is set off by {seconds}")
        for process in self.processes:
            process.clock.offset += seconds

    async def _restart(self, moment: float) -> None:
        await asyncio.sleep(moment)
        for process in list(self.processes):
            await process.stop()

    async def _pause(self, moment: float, seconds: float) -> None:
        await asyncio.sleep(moment)
        if process := self.ready():
            self._downs.append((moment, moment + seconds))
            await process.pause(seconds)

    def _passes(self, process: Process) -> None:
        if self.loop.time() < self.plan.busy and self.dice.random() < self.plan.kill:
            self.loop.call_later(self.dice.uniform(0, 0.5), process.kill)

    def _calm(self, target: str, stored: float, until: float) -> bool:
        since = stored - SETTLED
        return (
            self.plan.processes == 1  # else some wait for the next look of whoever is to do them
            and all(self.weather.was_well(one, since, until) for one in (target, STORE))
            and all(self.weather.undisturbed(one, stored, until) for one in (target, STORE))
            and all(end <= since or start >= until for start, end in self._downs)
            and not any(since < moment < until for moment, _ in self.plan.steps)
            and any(one.ready_at is not None and one.ready_at < since for one in self.processes)
        )

    def assembly(self, process: Process) -> Assembly:
        """The configuration of a process, with connectors that reach into this world."""
        channels = {
            name: Configured(
                name=name, tenant="default", settings=Nothing(),
                kind=ChannelType(
                    name="sim", settings=Nothing,
                    make=partial(
                        SimMailbox if name == "mail" else SimChannel,
                        provider=self.providers[name], process=process, capabilities=line,
                    ),
                ),
            )
            for name, line in LINES.items()
        }  # fmt: skip
        backends = {
            name: Configured(
                name=name, tenant="default", settings=Nothing(),
                kind=BackendType(
                    name="sim", settings=Nothing,
                    make=partial(SimBackend, desk=desk, process=process),
                ),
            )
            for name, desk in self.desks.items()
        }  # fmt: skip
        base = _assembly(self.plan.processes > 1)
        return dataclasses.replace(base, channels=channels, backends=backends)


@cache
def _assembly(shared: bool) -> Assembly:
    rules = tuple(
        RoutingRule(name=channel, when=RuleCondition(channel=(channel,)), backends=backends)
        for channel, backends in ROUTES.items()
    )
    store = StoreSettings(url="postgresql://simulated/gateway") if shared else StoreSettings()
    retention = RetentionSettings(every_hours=6.0)
    settings = msgspec.structs.replace(Settings(), routing=rules, store=store, retention=retention)
    policies = CorePolicies(settings.redaction, settings.tenants)
    reading = Reading(settings=settings, faults=[], tree={}, folder=Path(), source="a simulation")
    sources = [default("gremlins", "1", Gremlins()), default("core", VERSION, policies)]
    return assemble(reading, defaults=sources, available={})
