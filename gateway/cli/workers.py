"""Several processes of one gateway: started, started again when one ends, and stopped together."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from gateway.contracts.services import Log

FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS = 0.5, 60.0, 60.0
STOP_SECONDS = 9.5
ENDING = (signal.SIGTERM, signal.SIGINT)


@dataclass
class Worker:
    """One of them.

    Args:
        number: from 1.
        pid: 0 while it does not run.
        due: when it is to be started, on the monotonic clock.
        pause: seconds until it is started again if it ends soon.
    """

    number: int
    pid: int = 0
    began: float = 0.0
    due: float = 0.0
    pause: float = FIRST_PAUSE


class Workers:
    """Keeps a number of processes running.

    They are forked from this one, which has read the code and the configuration already and runs
    nothing itself. Each is given the end of a pipe that closes when this process is gone, however it
    went, so that none is left behind.

    Args:
        many: how many.
        work: what each of them does, given its number and the pipe; its exit code.
    """

    def __init__(self, many: int, work: Callable[[int, int], int], log: Log) -> None:
        self._workers = [Worker(number) for number in range(1, many + 1)]
        self._work, self._log = work, log
        self._stopping = False

    def run(self) -> int:
        """Run them until SIGTERM or SIGINT, then stop them; the exit code."""
        lifeline, self._life = os.pipe()
        with self._signals() as woken:
            while not self._stopping:
                for worker in self._workers:
                    if not worker.pid and worker.due <= time.monotonic():
                        self._start(worker, lifeline)
                _wait(woken, self._until_due())
                self._reap()
            return self._stop(woken)

    @contextmanager
    def _signals(self) -> Generator[int]:
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(woken, False)

        def stop(_number: int, _frame: FrameType | None) -> None:
            self._stopping = True

        before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in ENDING:
            signal.signal(number, stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        try:
            yield woken
        finally:
            signal.set_wakeup_fd(before)

    def _until_due(self) -> float | None:
        now = time.monotonic()
        return min((max(0.0, one.due - now) for one in self._workers if not one.pid), default=None)

    def _start(self, worker: Worker, lifeline: int) -> None:
        worker.began = time.monotonic()
        worker.pid = os.fork()
        if worker.pid:
            self._log.info("worker.started", worker=worker.number, pid=worker.pid)
            return
        code = 70
        try:
            signal.set_wakeup_fd(-1)
            for number in (*ENDING, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.close(self._life)
            code = self._work(worker.number, lifeline)
        finally:
            os._exit(code)

    def _reap(self) -> None:
        for worker in self._workers:
            if not worker.pid:
                continue
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._ended(worker, os.waitstatus_to_exitcode(status))

    def _ended(self, worker: Worker, code: int) -> None:
        now = time.monotonic()
        if now - worker.began > STEADY_SECONDS:
            worker.pause = FIRST_PAUSE
        worker.due = now + worker.pause
        if not self._stopping:
            self._log.error(
                "worker.ended", worker=worker.number, pid=worker.pid, code=code,
                again_in=worker.pause,
            )  # fmt: skip
        worker.pid, worker.pause = 0, min(worker.pause * 2, LONGEST_PAUSE)

    def _stop(self, woken: int) -> int:
        """Have all of them finish what is under way; who takes too long is killed."""
        self._tell(signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        while any(worker.pid for worker in self._workers):
            left = end - time.monotonic()
            if left <= 0:
                self._log.error("worker.killed", workers=self._tell(signal.SIGKILL))
                end = float("inf")
            _wait(woken, max(0.0, min(left, 1.0)) if left > 0 else 1.0)
            self._reap()
        return 0

    def _tell(self, number: signal.Signals) -> Sequence[int]:
        running = [worker for worker in self._workers if worker.pid]
        for worker in running:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, number)
        return [worker.number for worker in running]


def _wait(woken: int, seconds: float | None) -> None:
    """Wait for a signal, or until it is time."""
    select.select([woken], [], [], seconds)
    with suppress(BlockingIOError):
        while os.read(woken, 512):
            pass
