"""Start a server in a private folder, wait until it answers, and leave nothing of it behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

POLL_SECONDS = 0.02
ORPHANED = 'read -r _; kill -s TERM -- "-$1"; sleep 1; kill -s KILL -- "-$1"'
STOP_SECONDS = 10.0


class ServerError(RuntimeError):
    """A server could not be started, or something on it could not be set up."""


@contextmanager
def private_folder(name: str) -> Iterator[Path]:
    """Make a folder that other users may enter, and remove it afterwards.

    The path is short, since a Unix socket's path may have 107 bytes; mail servers drop to
    users of their own, who could not enter pytest's folders.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"gw-{name}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_until(
    ready: Callable[[], bool], *, seconds: float, alive: Callable[[], bool] = lambda: True
) -> bool:
    """Poll ``ready`` until it holds; give up after ``seconds`` or when ``alive`` no longer holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and alive():
        if ready():
            return True
        time.sleep(POLL_SECONDS)
    return False


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    ready: Callable[[], bool],
    seconds: float = 30,
    environment: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    stop_seconds: float = STOP_SECONDS,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` as the leader of a session of its own until the block ends.

    Args:
        command: program and arguments; it must stay in the foreground.
        log: file that takes its standard output and error.
        ready: whether it answers; asked every 20 ms.
        seconds: how long it may take to become ready.
        environment: variables added to this process's own.
        stop_signal: what asks it to end.
        stop_seconds: how long it is given to end before it is killed.

    Raises:
        ServerError: it ended, or did not answer in time; the message ends with its log.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    lifeline = _tie(process.pid)
    try:
        if not wait_until(ready, seconds=seconds, alive=lambda: process.poll() is None):
            code = process.poll()
            state = f"did not answer within {seconds:g} s" if code is None else f"ended with {code}"
            raise ServerError(f"{command[0]} {state}; its log ends:\n{tail(log)}")
        yield process
    finally:
        stop(process, stop_signal, seconds=stop_seconds)
        _untie(lifeline)


def _tie(group: int) -> subprocess.Popen[bytes]:
    """Let a process group end when this process does, however it ends.

    A shell waits for the end of a pipe that only this process holds. The kernel's parent-death
    signal would not do: it is lost when a server changes its user, as mail servers do.
    """
    return subprocess.Popen(
        ["sh", "-c", ORPHANED, "lifeline", str(group)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _untie(lifeline: subprocess.Popen[bytes]) -> None:
    """End the lifeline of a group that is gone, before its number can belong to another."""
    lifeline.kill()
    lifeline.wait(STOP_SECONDS)
    assert lifeline.stdin is not None
    lifeline.stdin.close()


def stop(
    process: subprocess.Popen[bytes],
    stop_signal: signal.Signals = signal.SIGTERM,
    *,
    seconds: float = STOP_SECONDS,
) -> None:
    """End ``process`` with ``stop_signal``, then whatever is left of its process group by force.

    Args:
        process: the leader of its group.
        stop_signal: what asks it to end.
        seconds: how long it is given.
    """
    if process.poll() is None:
        process.send_signal(stop_signal)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)
    wait_until(lambda: not group_exists(process.pid), seconds=STOP_SECONDS)


def group_exists(leader: int) -> bool:
    """Whether a living process is left in the group that ``leader`` led.

    Zombies do not count: those of a stopped server's children are for init to reap, and in a
    container it may never do so.
    """
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(group) == leader and state not in "ZX":
                return True
    return False


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    seconds: float = 60,
    text: str | None = None,
) -> str:
    """Run a command that ends by itself and return what it printed.

    Raises:
        ServerError: it failed or took too long; the message ends with what it printed.
    """
    try:
        done = subprocess.run(
            list(command),
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired as late:
        raise ServerError(f"{command[0]} took more than {seconds:g} s") from late
    if done.returncode:
        raise ServerError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def tail(log: Path, lines: int = 30) -> str:
    """Return the last lines of a log, or that it is empty."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def shared_template(cache: Path, name: str, build: Callable[[Path], None]) -> Path:
    """Return ``cache/name``, built once however many test workers ask for it at the same time.

    Args:
        cache: folder that all workers of one test run share.
        name: what the template is of.
        build: fills the folder it is given; what it leaves after a failure is thrown away.
    """
    cache.mkdir(parents=True, exist_ok=True)
    finished = cache / name
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            with private_folder(f"{name}-template") as scratch:
                build(scratch)
                unfinished = cache / f"{name}.unfinished"
                shutil.rmtree(unfinished, ignore_errors=True)
                shutil.copytree(scratch, unfinished)
            unfinished.rename(finished)
    return finished
