"""The machine a gateway runs on, as a port: the one place where the core reaches outside itself."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from gateway.config.settings import Settings
from gateway.contracts.services import Clock, Http, Log
from gateway.core.clock import SteadyClock
from gateway.core.egress import GuardedHttp
from gateway.core.keys import instance_id, reply_keys
from gateway.core.logs import log_for
from gateway.core.pace import Pace
from gateway.core.parsing import ParserPool
from gateway.errors import StoreBroken
from gateway.hooks.sources import file_modules
from gateway.hooks.threads import HookThreads
from gateway.store.base import Bounds
from gateway.store.blobs import BlobStore
from gateway.store.opening import open_blobs, open_store
from gateway.store.operations import Store


class Machine:
    """Clock, randomness, names, store, network and executors of a real machine.

    A simulation overrides all of it, and the same core runs on virtual time.

    Args:
        data: the folder where the gateway keeps its files.
    """

    def __init__(self, settings: Settings, data: Path) -> None:
        self.settings, self.data = settings, data
        self.clock: Clock = SteadyClock()
        self.random: Callable[[], float] = secrets.SystemRandom().random
        self.pace = Pace(renew=settings.store.lease_seconds / 3)

    @property
    def wall(self) -> Clock:
        """The time of day as others have it: what they signed is compared with it."""
        return self.clock.wall if isinstance(self.clock, SteadyClock) else self.clock

    def log(self, part: str) -> Log:
        """The log of a part."""
        log: Log = log_for(part)
        return log

    def owner(self) -> str:
        """Name this process and no other, not even its own predecessor."""
        return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"

    def instance(self) -> str:
        """What this installation calls itself in loop headers."""
        return instance_id(self.data)

    def reply_keys(self) -> list[bytes]:
        """The keys that sign reply tokens, newest first."""
        return reply_keys(self.settings.secrets.reply_keys, self.data)

    def blobs(self, on_broken: Callable[[StoreBroken], None]) -> BlobStore:
        """Where large bodies and attachments go."""
        return open_blobs(self.settings.store, self.data, on_broken)

    async def open_store(
        self, blobs: BlobStore, *, create: bool, on_broken: Callable[[StoreBroken], None] | None
    ) -> Store:
        """Open the store; arguments and errors as of `gateway.store.opening.open_store`."""
        settings = self.settings.store
        return await open_store(
            settings.url.replace("{data}", str(self.data)), blobs=blobs, clock=self.clock,
            on_broken=on_broken, create=create, lease=settings.lease_seconds,
            api_role=settings.api_role,
            bounds=Bounds(arrivals=settings.max_queue_rows, bytes=settings.max_queue_bytes),
        )  # fmt: skip

    def http(self) -> Http:
        """The way out to the network."""
        return GuardedHttp()

    def parsers(self) -> ParserPool:
        """Where arrivals are parsed that may take long."""
        pipeline = self.settings.pipeline
        return ParserPool(
            workers=pipeline.workers, deadline=pipeline.parse_seconds,
            memory=pipeline.parse_memory_mib << 20, files=file_modules(),
        )  # fmt: skip

    def hook_threads(self) -> HookThreads:
        """Where synchronous hooks run."""
        return HookThreads()
