"""LISTEN and NOTIFY: what one process commits wakes the others at once.

What is to be told is gathered and sent after the commits, one notification under way at a time: a
notification within a transaction would have all committing processes wait for one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.signal import EVERYTHING, SILENCE, Signal

CHANNEL = "intake_gateway"
AGAIN_SECONDS, PACE_SECONDS = 1.0, 0.002
_decoder = msgspec.json.Decoder(Signal)


class Signals:
    """One connection that listens and notifies; made anew whenever it is cut."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting, self._wake = SILENCE, asyncio.Event()

    def tell(self, signal: Signal) -> None:
        """Tell the others as soon as may be."""
        self._waiting |= signal
        self._wake.set()

    async def run(self, heard: Callable[[Signal], None]) -> None:
        """Listen and tell until cancelled; an error means that the connection is gone."""
        async with self._engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver: Any = raw.driver_connection

            def hear(_connection: Any, pid: int, _channel: str, payload: str) -> None:
                if pid != driver.get_server_pid():
                    heard(_read(payload))

            def cut(_connection: Any) -> None:
                self._wake.set()

            driver.add_termination_listener(cut)
            try:
                await driver.add_listener(CHANNEL, hear)
                heard(EVERYTHING)  # nobody listened meanwhile
                await self._talk(driver)
            finally:
                driver.remove_termination_listener(cut)
                await connection.invalidate()  # nobody else is to have one that listens

    async def _talk(self, driver: Any) -> None:
        while not driver.is_closed():
            await self._wake.wait()
            self._wake.clear()
            told, self._waiting = self._waiting, SILENCE
            if told:
                text = msgspec.json.encode(told).decode()
                await driver.execute("SELECT pg_notify($1, $2)", CHANNEL, text)
                await asyncio.sleep(PACE_SECONDS)
        raise ConnectionError("the connection that listens was cut")


def _read(payload: str) -> Signal:
    try:
        return _decoder.decode(payload)
    except msgspec.MsgspecError:
        return EVERYTHING  # a newer gateway's: look at everything
