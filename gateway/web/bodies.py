"""Reading request bodies, bounded for each request and for all of them together."""

from __future__ import annotations

from aiohttp import web

from gateway.web.problems import Problem

_TAKEN = web.RequestKey("taken", int)
_READING = web.RequestKey("reading", bool)


class Bodies:
    """Read bodies without ever holding more in memory than allowed.

    Args:
        limit: bytes of one body.
        most: bytes of all bodies that are in memory at once.
    """

    def __init__(self, limit: int, most: int) -> None:
        self._limit, self._most = limit, max(limit, most)
        self._held = 0

    async def read(self, request: web.Request) -> bytes:
        """Read a body whole.

        Raises:
            Problem: 413 over the limit, 503 while other bodies fill the memory meant for them.
        """
        if (request.content_length or 0) > self._limit:
            raise self._too_large()
        content = request.content
        if content.is_eof():  # it came together with its head, as most do
            whole = content.read_nowait()
            if len(whole) > self._limit:
                raise self._too_large()
            self._hold(request, len(whole))
            return whole
        request[_READING] = True
        read = bytearray()
        async for chunk in content.iter_any():
            read += chunk
            if len(read) > self._limit:
                raise self._too_large()
            self._hold(request, len(chunk))
        request[_READING] = False
        return bytes(read)

    def release(self, request: web.Request) -> None:
        """Give back what a request's body took."""
        self._held -= request.get(_TAKEN, 0)
        request[_TAKEN] = 0

    def _hold(self, request: web.Request, size: int) -> None:
        if self._held + size > self._most:
            raise Problem("overloaded", "Nothing was stored; come back later.", retry_after=2)
        self._held += size
        request[_TAKEN] = request.get(_TAKEN, 0) + size

    def _too_large(self) -> Problem:
        return Problem("too_large", f"A body may have {self._limit} bytes at most.")


def still_reading(request: web.Request) -> bool:
    """Whether the body of a request has not arrived whole."""
    return bool(request.get(_READING, False))
