"""A whole gateway inside a test, on a port that the system chooses."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

import msgspec

from gateway.app import Gateway, opened
from gateway.config.addresses import Listen
from gateway.core.assembly import read_assembly
from gateway.core.operating import Operator
from gateway.hooks.assembly import Assembly
from gateway.store.operations import Store

T = TypeVar("T")
CONFIG = "gateway.toml"
PAUSE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningGateway:
    """A gateway that runs.

    Args:
        gateway: it itself, with all its parts.
        port: where it answers HTTP.
        folder: where its config and data are.
    """

    gateway: Gateway
    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> Store:
        """Its database."""
        return self.gateway.parts.store

    @property
    def operator(self) -> Operator:
        """What people can do with it."""
        return self.gateway.parts.operator

    @overload
    async def until(self, condition: Callable[[], Awaitable[T]], seconds: float = 5) -> T: ...

    @overload
    async def until(self, condition: Callable[[], T | Literal[False]], seconds: float = 5) -> T: ...

    async def until(self, condition: Callable[[], Any], seconds: float = 5) -> Any:
        """Ask again and again until the answer is true; give that answer.

        Args:
            condition: a function, plain or async.
            seconds: how long to go on.

        Raises:
            AssertionError: it never was, with the last answer and whatever part is sick.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            answer = condition()
            found = await answer if inspect.isawaitable(answer) else answer
            if found:
                return found
            if loop.time() > end:
                sick = {
                    part: health.reason for part, health in self.gateway.parts.board.sick.items()
                }
                raise AssertionError(
                    f"not so within {seconds} s: the last answer was {found!r}; sick: {sick}"
                )
            await asyncio.sleep(PAUSE)


@asynccontextmanager
async def running_gateway(folder: Path, config: str) -> AsyncGenerator[RunningGateway]:
    """Run a gateway around a block.

    It listens on a loopback port that the system chooses unless the config names one.

    Args:
        folder: an empty one, such as pytest's ``tmp_path``; what the config names relative to the
            config file may be in it.
        config: the text of the config file.

    Raises:
        ConfigError: with every fault of the config.
        PluginRefused: a required plugin cannot be loaded.
    """
    assembly = await asyncio.to_thread(_assembled, folder / CONFIG, config)
    async with opened(assembly, folder) as gateway, gateway.running():
        yield RunningGateway(gateway=gateway, port=gateway.port, folder=folder)


def _assembled(path: Path, config: str) -> Assembly:
    path.write_text(config, encoding="utf-8")
    assembly = read_assembly(path)
    settings = assembly.settings
    if settings.web.listen != type(settings.web)().listen:
        return assembly
    web = msgspec.structs.replace(settings.web, listen=Listen("127.0.0.1", 0))
    return dataclasses.replace(assembly, settings=msgspec.structs.replace(settings, web=web))
