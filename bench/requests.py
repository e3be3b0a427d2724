"""Plain, quick HTTP requests over kept connections, so that the sender is not what is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

Bodies = Callable[[int, int], bytes]
"""The body of a connection's n-th request."""

SECONDS = 1.0
_TEXT = "x" * 960


def message(connection: int, number: int) -> bytes:
    """About 1 KiB of JSON, a message of one of a thousand senders that each connection has."""
    name = f"{connection}-{time.perf_counter_ns()}"
    return said(name, connection * 1000 + number % 1000, number)


def said(name: str, sender: int, number: int) -> bytes:
    """A message as `bench.plugin` reads it."""
    return f'{{"id":"{name}","from":"+1555{sender:07}","text":"{number} {_TEXT}"}}'.encode()


async def burst(port: int, path: bytes, connections: int, bodies: Bodies = message) -> float:
    """Requests a second over a second; only answers with status 200 count."""
    end = time.perf_counter() + SECONDS

    def until(number: int) -> Iterator[bytes]:
        count = 0
        while time.perf_counter() < end:
            yield bodies(number, count)
            count += 1

    counts = await asyncio.gather(
        *(_connection(port, path, until(number)) for number in range(connections))
    )
    return sum(counts) / SECONDS


async def send_all(port: int, path: bytes, bodies: Iterator[bytes], connections: int) -> int:
    """Send all bodies; gives how many were answered with status 200."""
    return sum(await asyncio.gather(*(_connection(port, path, bodies) for _ in range(connections))))


async def _connection(port: int, path: bytes, bodies: Iterator[bytes]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    done = 0
    try:
        for body in bodies:
            writer.write(
                b"POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (path, len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if length:
                await reader.readexactly(length)
            done += head.startswith(b"HTTP/1.1 200")
    finally:
        writer.close()
    return done
