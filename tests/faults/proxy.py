"""A TCP proxy on the loopback interface that breaks connections in chosen ways.

It stands between a client and a server and changes nothing but when, and whether, bytes arrive.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

from tests.servers.ports import HOST

CHUNK = 65536
RATE_STEPS = 20


class Fault(Enum):
    """What is wrong with the network."""

    NONE = "none"
    REFUSE = "refuse"
    """Nothing listens: a connection is refused."""
    RESET = "reset"
    """A connection is accepted and reset at once; the server sees none of it."""
    BLACKHOLE = "blackhole"
    """A connection is accepted; what is sent is swallowed, and nothing ever comes back."""
    CUT_REQUEST = "cut_request"
    """The server gets the first ``cut_after`` bytes of the request; then both ends are reset."""
    CUT_REPLY = "cut_reply"
    """The server gets the request and acts on it; the client gets the first ``cut_after`` bytes
    of the reply, and then a reset: the lost acknowledgement."""


@dataclass(kw_only=True)
class FaultProxy:
    """A running proxy. Its attributes may be changed at any time; they hold for new connections.

    ``delay`` is in seconds for each piece and direction, ``rate`` in bytes a second of reply
    (0: as fast as it comes); both combine with every fault.
    """

    host: str
    target: int
    port: int = 0
    fault: Fault = Fault.NONE
    cut_after: int = 0
    delay: float = 0.0
    rate: int = 0
    connections: int = 0
    _server: asyncio.Server | None = field(default=None, repr=False)
    _open: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = field(
        default_factory=dict, repr=False
    )

    async def set_fault(self, fault: Fault, *, cut_after: int = 0, close: bool = True) -> None:
        """Change what is wrong from now on.

        Args:
            fault: what new connections meet.
            cut_after: bytes that pass before a cut.
            close: reset the connections that are open, as idle ones would escape the fault.
        """
        self.fault, self.cut_after = fault, cut_after
        if close:
            self.reset_all()
        if fault is Fault.REFUSE:
            await self._stop_listening()
        elif self._server is None:
            await self._listen()

    def reset_all(self) -> None:
        """Reset every open connection at both ends."""
        for writers in self._open.values():
            for writer in writers:
                _reset(writer)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Stop listening, and end every connection."""
        await self._stop_listening()
        self.reset_all()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = [writer]
        try:
            await self._carry(reader, writer, self._open[task])
        except (OSError, asyncio.CancelledError):
            _reset(writer)
        finally:
            for each in self._open.pop(task):
                each.close()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        writers: list[asyncio.StreamWriter],
    ) -> None:
        if self.fault is Fault.RESET:
            _reset(writer)
            return
        if self.fault is Fault.BLACKHOLE:
            while await reader.read(CHUNK):
                pass
            return
        server_reader, server_writer = await asyncio.open_connection(self.host, self.target)
        writers.append(server_writer)
        up = self.cut_after if self.fault is Fault.CUT_REQUEST else None
        down = self.cut_after if self.fault is Fault.CUT_REPLY else None
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pump(reader, server_writer, writers, budget=up))
            both.create_task(
                self._pump(server_reader, writer, writers, budget=down, rate=self.rate)
            )

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        writers: list[asyncio.StreamWriter],
        *,
        budget: int | None,
        rate: int = 0,
    ) -> None:
        """Carry bytes one way, until the end or until ``budget`` bytes have passed."""
        try:
            while piece := await reader.read(CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await _send(writer, piece if budget is None else piece[:budget], rate)
                if budget is not None:
                    budget -= len(piece)
                    if budget <= 0:
                        for each in writers:
                            _reset(each)
                        return
            if writer.can_write_eof():
                writer.write_eof()
        except OSError:  # one end was reset, of which the other has to know
            for each in writers:
                _reset(each)


async def _send(writer: asyncio.StreamWriter, piece: bytes, rate: int) -> None:
    step = max(1, rate // RATE_STEPS) if rate else max(1, len(piece))
    for start in range(0, len(piece), step):
        writer.write(piece[start : start + step])
        await writer.drain()
        if rate:
            await asyncio.sleep(step / rate)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN: lingering for zero seconds throws unsent bytes away."""
    raw = writer.get_extra_info("socket")
    if raw is not None and not writer.transport.is_closing():
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def start_fault_proxy(target: int, *, host: str = HOST) -> AsyncIterator[FaultProxy]:
    """Run a proxy in front of ``host``'s port ``target`` until the block ends."""
    proxy = FaultProxy(host=host, target=target)
    await proxy._listen()
    try:
        yield proxy
    finally:
        await proxy.close()
