"""Supervision: what runs is started again when it falls, with back-off, and says how it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.contracts.services import Log
from gateway.core.health import HealthBoard
from gateway.domain.health import Health
from gateway.errors import AuthenticationFailed, ConnectorError, StoreBroken

FIRST_PAUSE, LONGEST_PAUSE, REFUSED_PAUSE = 1.0, 300.0, 60.0
STEADY_SECONDS = 60.0
WELL_AGAIN_SECONDS = 5.0


class Supervisor:
    """Runs parts until stopped; one that falls does not take the others along.

    Args:
        random: gives numbers from 0 to 1, for jitter.
        on_broken: called once when the store broke, which ends the process.
    """

    def __init__(
        self,
        *,
        board: HealthBoard,
        log: Log,
        random: Callable[[], float],
        on_broken: Callable[[BaseException], None],
    ) -> None:
        self._board, self._log, self._random = board, log, random
        self._on_broken = on_broken
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, part: str, run: Callable[[], Awaitable[None]]) -> None:
        """Start a part; it is started again whenever it raises."""
        self._tasks[part] = asyncio.create_task(self._keep(part, run), name=part)

    async def stop(self, parts: list[str] | None = None, seconds: float = 9.0) -> None:
        """Cancel parts (all of them by default) and wait until they have cleaned up."""
        names = list(self._tasks) if parts is None else parts
        tasks = [self._tasks.pop(name) for name in names if name in self._tasks]
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            self._log.warning("stop.late", part=task.get_name())

    async def _keep(self, part: str, run: Callable[[], Awaitable[None]]) -> None:
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        self._board.report(part, Health())
        failed: Health | None = None
        while True:
            began = loop.time()
            again = loop.call_later(WELL_AGAIN_SECONDS, self._well_again, part, failed)
            try:
                await run()
                self._well_again(part, failed)
                return
            except StoreBroken as error:
                self._on_broken(error)
                return
            except Exception as error:
                if loop.time() - began > STEADY_SECONDS:
                    pause = FIRST_PAUSE
                if isinstance(error, AuthenticationFailed):
                    pause = max(pause, REFUSED_PAUSE)
                failed = _health(error)
                self._board.report(part, failed)
                expected = isinstance(error, ConnectorError)
                self._log.warning(
                    "part.failed", part=part, error=str(error) or repr(error),
                    again_in=round(pause, 1), exc_info=None if expected else error,
                )  # fmt: skip
            finally:
                again.cancel()
            await asyncio.sleep(pause * (0.8 + 0.4 * self._random()))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _well_again(self, part: str, failed: Health | None) -> None:
        """Take back the report of a fall, unless the part has said since how it is."""
        now = self._board.parts.get(part)
        if failed and now and (now.state, now.code) == (failed.state, failed.code):
            self._board.report(part, Health())


def _health(error: Exception) -> Health:
    if isinstance(error, ConnectorError):
        return Health(state="down", code=error.reason_code, reason=str(error))
    return Health(state="down", code="failed", reason=f"{type(error).__name__}: {error}")
