"""Ticket numbers: without gaps for one process, without quarrels for several."""

from __future__ import annotations

import asyncio

import msgspec

from gateway import Overloaded, State
from gateway_desk.ticket import NUMBERS, TICKETS, DeskTicket

BLOCK = 64
_RESERVED = "numbers"
_ATTEMPTS = 20


class Numbering:
    """Give each new ticket the next number.

    A number counts only once a ticket is stored under it, and a ticket is stored only where none
    is, so a number is never given twice. One process simply counts on from the newest ticket. When
    it finds a number taken, another process serves the same desk: from then on it reserves blocks,
    so that the two seldom meet.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._next = self._end = 0
        self._shared = False
        self._lock = asyncio.Lock()

    async def take(self) -> int:
        """Take the next number."""
        while self._next >= self._end:
            async with self._lock:
                if self._next >= self._end:
                    await self._refill()
        self._next += 1
        return self._next - 1

    def give_back(self, number: int) -> None:
        """Give back a number under which nothing was stored."""
        if self._end and number == self._next - 1:
            self._next = number

    def taken(self) -> None:
        """Note that another process had stored a ticket under a number taken here."""
        if not self._shared:
            self._shared = True
            self._next = self._end = 0

    async def _refill(self) -> None:
        if not self._shared:
            self._next, self._end = await self._newest() + 1, NUMBERS
            return
        for _ in range(_ATTEMPTS):
            reserved = await self._state.get(_RESERVED)
            first = max(reserved.value or 0, await self._newest()) + 1
            last = first + BLOCK - 1
            if await self._state.put(_RESERVED, last, expected=reserved.version):
                self._next, self._end = first, last + 1
                return
        raise Overloaded("too many processes number tickets at once; try again")

    async def _newest(self) -> int:
        rows = await self._state.list(TICKETS, limit=1)
        return msgspec.convert(rows[0][1].value, DeskTicket).number if rows else 0
