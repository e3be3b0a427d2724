"""What a command has at hand: the config, the store, the parts of a gateway, and how to print."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from gateway.errors import ConfigError, NotFound, StoreError

if TYPE_CHECKING:
    from gateway.config.loading import Reading
    from gateway.config.settings import Settings
    from gateway.core.assembly import Parts
    from gateway.core.machine import Machine
    from gateway.core.operating import Operator
    from gateway.hooks.assembly import Assembly
    from gateway.store.operations import Store, Tenants

R = TypeVar("R")
DEFAULT_CONFIG = "gateway.toml"


class Session:
    """One call of the command line; everything is read when it is first needed.

    It works on the configured store itself, whether a gateway runs on it or not; one that runs
    notices within two seconds.
    """

    def __init__(self) -> None:
        self.config: Path | None = None
        self.as_json = False
        self.tenant = ""

    @property
    def path(self) -> Path:
        """The config file: what ``--config`` says, else $GATEWAY_CONFIG, else ./gateway.toml."""
        return self.config or Path(os.environ.get("GATEWAY_CONFIG") or DEFAULT_CONFIG)

    @property
    def who(self) -> str:
        """Who does it, for the record."""
        try:
            return f"{getpass.getuser()} (command line)"
        except (KeyError, OSError):
            return "somebody (command line)"

    @cached_property
    def reading(self) -> Reading:
        """What the config file says, with the faults of the gateway's own settings.

        Raises:
            ConfigError: there is none, or it is no TOML.
        """
        from gateway.config.loading import read_file

        return read_file(self.path)

    @property
    def settings(self) -> Settings:
        """The gateway's own settings; no plugin is loaded.

        Raises:
            ConfigError: with every fault.
        """
        if self.reading.faults:
            raise ConfigError(self.reading.faults, self.reading.source)
        return self.reading.settings

    @cached_property
    def assembly(self) -> Assembly:
        """The config with its plugins.

        Raises:
            ConfigError: with every fault.
            PluginRefused: a required plugin cannot be loaded.
        """
        from gateway.core.assembly import read_assembly

        return read_assembly(self.path)

    @property
    def tenants(self) -> Tenants:
        """The tenants whose records may be seen; None for all.

        Raises:
            click.UsageError: no tenant is called so.
        """
        if not self.tenant:
            return None
        known = sorted(self.settings.tenants) or ["default"]
        if self.tenant not in known:
            raise click.UsageError(
                f"no tenant is called {self.tenant!r} in {self.path}; there is {', '.join(known)}"
            )
        return frozenset({self.tenant})

    def with_store(self, work: Callable[[Store], Awaitable[R]]) -> R:
        """Open the store, let something work with it, and close it; no plugin is needed."""
        settings = self.settings

        async def do() -> R:
            from gateway.core.clock import SystemClock
            from gateway.store.opening import open_blobs, open_store

            blobs = open_blobs(settings.store, Path(settings.gateway.data))
            store = await open_store(
                settings.store.url, blobs=blobs, clock=SystemClock(), create=False
            )
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(do())

    def with_parts(
        self,
        work: Callable[[Parts], Awaitable[R]],
        *,
        create: bool = False,
        machine: Callable[[Settings, Path], Machine] | None = None,
    ) -> R:
        """Make all parts of a gateway, let something work with them, and close them again.

        Args:
            create: a database that is not there is set up; else a wrong folder would look like an
                empty one.
            machine: what they stand on; the real one by default.
        """
        from gateway.cli.keeping import keeping
        from gateway.core.assembly import assembled
        from gateway.core.logs import set_up_logs
        from gateway.core.machine import Machine

        set_up_logs("error")
        assembly, stands_on = self.assembly, machine or Machine

        async def do() -> R:
            folder = self.path.absolute().parent
            async with (
                assembled(assembly, folder=folder, create=create, machine=stands_on) as parts,
                keeping(parts.membership),
            ):
                return await work(parts)

        return asyncio.run(do())

    def with_operator(self, work: Callable[[Operator], Awaitable[R]]) -> R:
        """Let something change what is stored; no plugin is needed."""

        async def do(store: Store) -> R:
            import secrets
            import socket

            from gateway.cli.keeping import keeping
            from gateway.core.clock import SystemClock
            from gateway.core.logs import log_for
            from gateway.core.membership import Membership
            from gateway.core.operating import Operator

            clock = SystemClock()
            owner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
            member = await Membership.join(store, owner, clock=clock, log=log_for("gateway"))
            try:
                async with keeping(member):
                    return await work(Operator(store=store, clock=clock, new_id=member.new_id))
            finally:
                with suppress(StoreError):
                    await member.leave()

        return self.with_store(do)

    def run(self, work: Callable[[Any, Any], Awaitable[R]], name: str, kind: str = "") -> R:
        """Let a plugin's command work with a backend and that backend's intake.

        Args:
            work: takes (backend, intake).
            name: what the backend is called in the config; empty for the only one of a type.
            kind: that type.

        Raises:
            NotFound: no backend is called so, or the tenant's is not the only one.
        """

        async def do(parts: Parts) -> R:
            mine = [
                one
                for one, backend in sorted(parts.backends.items())
                if self.tenants is None or backend.context.tenant in self.tenants
            ]
            chosen = name or self._only(
                kind, [one for one in mine if parts.assembly.backends[one].kind.name == kind]
            )
            if chosen not in mine:
                there = ", ".join(mine) or "none"
                whose = f" of tenant {self.tenant!r}" if self.tenant else ""
                raise NotFound(
                    f"no backend{whose} is called {chosen!r} in {self.path}; there is {there}"
                )
            backend = parts.backends[chosen]
            return await work(backend, parts.intake("backend", chosen, backend.context.tenant))

        return self.with_parts(do)

    def _only(self, kind: str, names: list[str]) -> str:
        """Choose the only backend of a type; raises `NotFound`."""
        if len(names) == 1:
            return names[0]
        whose = f" of tenant {self.tenant!r}" if self.tenant else ""
        there = f"; name one of {', '.join(names)}" if names else ""
        raise NotFound(
            f"{len(names) or 'no'} backends{whose} in {self.path} are of type {kind!r}{there}"
        )

    def print(self, value: Any, text: str) -> None:
        """Print a value as JSON if ``--json`` was given, else the text."""
        if self.as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
        elif text:
            click.echo(text)
