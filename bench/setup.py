"""Gateways with the benchmarks' own channel and backend."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from bench.databases import database
from bench.process import Running, free_port, gateway

MESSAGE = b"/in/hook/message"
DONE = "gateway_messages_total{"
DELIVERED = 'gateway_delivery_seconds_count{target="backend/sink"}'
_CONFIG = """
[gateway]
data = "data"
log_level = "error"
[web]
listen = "127.0.0.1:{web}"
[plugins.bench]
path = "{plugin}"
[channels.hook]
type = "bench"
"""
_SINK = """
[backends.sink]
type = "bench"
url = "http://127.0.0.1:{sink}/"
"""


class Counts(msgspec.Struct):
    """What a sink has taken."""

    taken: int
    doubled: int
    inversions: int
    newest: float


@asynccontextmanager
async def hooked(
    engine: str = "sqlite",
    *arguments: str,
    sink: int | None = None,
    folder: Path | None = None,
    more: str = "",
) -> AsyncGenerator[Running]:
    """Run a gateway that takes webhooks, and posts what they say to a sink if there is one.

    Args:
        arguments: of ``gateway run``.
        more: lines of its configuration.
    """
    with tempfile.TemporaryDirectory() as temporary, database(engine) as lines:
        config = config_of(web := free_port(), sink) + more + lines
        async with gateway(folder or Path(temporary), config, web, *arguments) as running:
            yield running


def config_of(web: int, sink: int | None = None) -> str:
    """A configuration on a SQLite database."""
    config = _CONFIG.format(web=web, plugin=Path(__file__).with_name("plugin.py"))
    return config if sink is None else config + _SINK.format(sink=sink)


async def counts(sink: int) -> Counts:
    """Ask a sink what it has taken."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{sink}/") as response,
    ):
        return msgspec.json.decode(await response.read(), type=Counts)


async def reached(sink: int, least: int, *, pause: float) -> Counts:
    """Wait until a sink has taken so many."""
    async with asyncio.timeout(600):
        while True:
            if (taken := await counts(sink)).taken >= least:
                return taken
            await asyncio.sleep(pause)


async def post(port: int, path: str) -> bytes:
    """Tell a server of this machine to do something; gives its answer."""
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.post(f"http://127.0.0.1:{port}/{path}") as response,
    ):
        return await response.read()


async def switch(sink: int, to: str) -> float:
    """Open or shut a sink; gives the moment by the machine's monotonic clock."""
    return float(msgspec.json.decode(await post(sink, to))["at"])
