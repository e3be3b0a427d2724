"""Parsing in worker processes that have a deadline and a memory limit.

What arrived is hostile until shown otherwise: a parser that hangs, eats memory or kills its process
costs one worker and puts one arrival into quarantine, nothing else.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import msgspec

from gateway.contracts.channel import Parser
from gateway.core.parse_worker import LENGTH, LENGTHS
from gateway.core.readings import taken, without_parser
from gateway.domain.arrival import Arrival
from gateway.domain.draft import Parsed
from gateway.errors import UnreadableArrival

PIECE = 64 * 1024
Request = tuple[bytes, bytes]
"""A parser with an arrival, pickled, and the arrival's body."""


class ParserPool:
    """A few worker processes, started when first needed.

    Args:
        workers: how many parse at once.
        deadline: seconds a parse may take before its worker is killed.
        memory: bytes of address space a worker may have.
        files: modules that parsers are in and no import would find, with their files.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        deadline: float = 10.0,
        memory: int = 1 << 30,
        files: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        self._deadline = deadline
        arguments = (str(memory), *(f"{name}={path}" for name, path in files.items()))
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        for _ in range(workers):
            self._idle.put_nowait(_Worker(arguments))

    async def parse(self, parser: Parser, arrival: Arrival) -> Sequence[Parsed]:
        """Parse one arrival in a worker.

        Raises:
            UnreadableArrival: the parser said so, ran past its deadline, or its process died.
            WrongReading: it answered what no parser may answer, or cannot be sent to a worker.
        """
        # The body goes beside it: to copy a large one at once would hold up the event loop.
        try:
            request = (
                pickle.dumps((parser, msgspec.structs.replace(arrival, body=b""))), arrival.body,
            )  # fmt: skip
        except Exception as error:
            return taken(without_parser(error))
        worker = await self._idle.get()
        try:
            async with asyncio.timeout(self._deadline):
                answer = await self._ask(worker, request)
        except TimeoutError:
            await worker.stop()
            raise UnreadableArrival(
                f"parsing took longer than {self._deadline:g} seconds and was stopped"
            ) from None
        except (EOFError, OSError):
            await worker.stop()
            raise UnreadableArrival(
                "parsing killed its worker process, most likely by running out of memory"
            ) from None
        except BaseException:
            await worker.stop()  # a cancelled request leaves an answer in the pipe
            raise
        finally:
            self._idle.put_nowait(worker)
        return taken(answer)

    async def _ask(self, worker: _Worker, request: Request) -> bytearray:
        """Ask a worker; what killed one that had done other work before is tried on a new one."""
        used = worker.used
        try:
            return await worker.ask(request)
        except (EOFError, OSError):
            if not used:
                raise
        await worker.stop()
        return await worker.ask(request)

    async def close(self) -> None:
        """Stop the workers."""
        while not self._idle.empty():
            await self._idle.get_nowait().stop()


async def _write(stream: asyncio.StreamWriter, request: Request) -> None:
    stream.write(LENGTHS.pack(*map(len, request)))
    for part in request:
        view = memoryview(part)
        for start in range(0, len(view), PIECE):
            stream.write(view[start : start + PIECE])
            await stream.drain()


async def _read(stream: asyncio.StreamReader) -> bytearray:
    """Read an answer piece by piece, as it comes."""
    (length,) = LENGTH.unpack(await stream.readexactly(LENGTH.size))
    answer = bytearray()
    while len(answer) < length:
        piece = await stream.read(min(PIECE, length - len(answer)))
        if not piece:
            raise EOFError("the worker ended within its answer")
        answer += piece
    return answer


class _Worker:
    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    @property
    def used(self) -> bool:
        """Whether its process has done something before."""
        return self._process is not None

    async def ask(self, request: Request) -> bytearray:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway.core.parse_worker", *self._arguments,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        if process.stdin is None or process.stdout is None:
            raise OSError("the worker has no pipes")
        await _write(process.stdin, request)
        return await _read(process.stdout)

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        # Closing the transport here keeps its pipes from being closed by the garbage collector.
        transport = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()
