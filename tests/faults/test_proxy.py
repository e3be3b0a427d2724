"""The fault proxy breaks connections in just the ways that it names."""

from __future__ import annotations

import asyncio
import socket
import struct
import time

import pytest

from tests.faults.proxy import Fault
from tests.servers.fixtures import ProxyMaker
from tests.servers.ports import HOST


async def echo_server() -> asyncio.Server:
    """Start a server that answers each line with the same line in capitals."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
                heard.append(line)
        except OSError:
            pass
        finally:
            writer.close()

    heard: list[bytes] = []
    server = await asyncio.start_server(serve, HOST, 0)
    server.heard = heard  # type: ignore[attr-defined]  # what the test looks at
    return server


@pytest.mark.parametrize(
    ("fault", "cut_after", "answer", "heard"),
    [
        (Fault.NONE, 0, b"HELLO\n", [b"hello\n"]),
        (Fault.RESET, 0, ConnectionResetError, []),
        (Fault.REFUSE, 0, ConnectionRefusedError, []),
        (Fault.BLACKHOLE, 0, TimeoutError, []),
        (Fault.CUT_REPLY, 0, ConnectionResetError, [b"hello\n"]),
        (Fault.CUT_REPLY, 3, b"HEL", [b"hello\n"]),
        (Fault.CUT_REQUEST, 3, ConnectionResetError, []),
    ],
)
async def test_fault_proxy(
    fault_proxy: ProxyMaker,
    fault: Fault,
    cut_after: int,
    answer: bytes | type[Exception],
    heard: list[bytes],
) -> None:
    """Each fault shows the client, and the server behind, just what its name says."""
    server = await echo_server()
    proxy = await fault_proxy(server.sockets[0].getsockname()[1])
    await proxy.set_fault(fault, cut_after=cut_after)

    async def talk() -> bytes:
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        try:
            writer.write(b"hello\n")
            return await reader.readexactly(3) + (b"" if cut_after else await reader.readline())
        finally:
            writer.close()

    try:
        async with asyncio.timeout(0.5):
            got: bytes | type[Exception] = await talk()
    except (OSError, TimeoutError) as error:
        got = type(error)
    assert answer == got
    assert heard == server.heard  # type: ignore[attr-defined]  # see echo_server
    server.close()


async def test_fault_proxy_delays(fault_proxy: ProxyMaker) -> None:
    """A delay and a rate make an answer come later, and whole."""
    server = await echo_server()
    proxy = await fault_proxy(server.sockets[0].getsockname()[1])
    proxy.delay, proxy.rate = 0.05, 100
    started = time.monotonic()
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    writer.write(b"hello there\n")
    assert await reader.readline() == b"HELLO THERE\n"
    assert time.monotonic() - started >= 0.1
    writer.close()
    server.close()


async def test_fault_proxy_passes_a_reset_on(fault_proxy: ProxyMaker) -> None:
    """A server that dies without reading is not hidden from a client that waits for its answer."""

    async def die(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server = await asyncio.start_server(die, HOST, 0)
    proxy = await fault_proxy(server.sockets[0].getsockname()[1])
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    writer.write(b"hello\n")
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionResetError):
            await reader.readline()
    writer.close()
    server.close()
