"""Real gateway processes for the tests: started, killed, started again, asked, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
PAUSE = 0.01
API_TOKEN = "the-token-of-the-tests-0001"  # of a gateway on loopback


@contextmanager
def reserved_port() -> Iterator[int]:
    """Reserve a loopback port on which a process may listen, stop and listen again.

    The socket that is bound here never listens, so that the process may; it keeps the kernel from
    giving the port to anybody else while the process is down.
    """
    with closing(socket.socket()) as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind((HOST, 0))
        yield keeper.getsockname()[1]


class Launcher:
    """Starts processes: forked from one that has read the code already, or from nothing.

    Args:
        sabotage: name of a build that is broken on purpose; else the environment may name one.
        environment: variables of everything that it starts, besides the usual.
    """

    def __init__(self, sabotage: str = "", environment: Mapping[str, str] | None = None) -> None:
        sabotage = sabotage or os.environ.get("SABOTAGE", "")
        self.module = ["tests.promises.sabotage.run", sabotage, "--"] if sabotage else ["gateway"]
        command = [sys.executable, "-m", "tests.promises.launcher", sabotage]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=_environment() | dict(environment or {}),
        )  # fmt: skip
        self._answer()

    def launch(self, **order: Any) -> int:
        """Fork a process; its number."""
        return int(self._ask(order)["pid"])

    def code(self, pid: int) -> int:
        """The exit code of a process that has ended, negative if a signal ended it."""
        return int(self._ask({"wait": pid})["code"])

    def close(self) -> None:
        """Stop it, and with it everything that it started."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()

    def _ask(self, order: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the launcher ended with {self._process.wait()}")
        return json.loads(line)


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GATEWAY", "COLUMNS"))}
    return {
        **kept, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200", "PYTHONPATH": str(ROOT),
    }  # fmt: skip


@dataclass(kw_only=True)
class GatewayProcess:
    """One gateway: a folder with its config and data, and the process that runs on it.

    Args:
        port: where it answers HTTP.
        lmtp: where it takes mail; further inboxes are in `ports` by name.
        log: everything it ever printed.
    """

    launcher: Launcher
    folder: Path
    port: int
    lmtp: int
    ports: dict[str, int] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    pid: int = 0
    _alone: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """What it prints, over all its lives."""
        return self.folder / "gateway.log"

    def spawn(self, *, cold: bool = False) -> None:
        """Start a process, without waiting for anything.

        Args:
            cold: by the command line, from nothing, as an operator does.
        """
        assert not self.pid, "it runs"
        if cold:
            command = [sys.executable, "-m", *self.launcher.module, "run"]
            with self.log.open("ab") as log:
                self._alone = subprocess.Popen(
                    command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env=_environment(), start_new_session=True,
                )  # fmt: skip
            self.pid = self._alone.pid
            return
        self.pid = self.launcher.launch(
            argv=["run"], cwd=str(self.folder), log=str(self.log), limits=self.limits
        )

    async def start(self, *, cold: bool = False, seconds: float = 60) -> None:
        """Start a process and wait until it is ready for mail and requests."""
        self.spawn(cold=cold)
        await self.ready(seconds)

    async def ready(self, seconds: float = 60) -> None:
        """Wait until it takes in, by mail and by HTTP."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.ended():
                break
            if await self.readiness() is not None and await _accepts(self.lmtp):
                return
            await asyncio.sleep(0.03)
        raise AssertionError(f"the gateway is not ready; its log ends:\n{self.tail()}")

    async def readiness(self) -> Any:
        """What /readyz says; None unless it answers 200."""
        status, answer = await self.get("/readyz")
        return answer if status == 200 else None

    async def sick(self, part: str, seconds: float = 20) -> str:
        """Wait until /readyz, which goes on answering 200, names a part; what it says of it."""
        async with asyncio.timeout(seconds):
            while True:
                readiness = await self.readiness()
                assert readiness is not None, "the gateway went unready for one sick part"
                for one in readiness["sick"]:
                    if one["part"] == part:
                        return f"{one['code']}: {one['reason']}"
                await asyncio.sleep(0.05)

    async def get(self, path: str) -> tuple[int, Any]:
        """Ask the gateway over HTTP as an operator; status 0 if nobody answers."""
        timeout = aiohttp.ClientTimeout(total=10)
        headers = {"authorization": f"Bearer {API_TOKEN}"}
        with suppress(OSError, aiohttp.ClientError, TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.get(self.url + path) as response,
            ):
                text = await response.text()
                told = json.loads(text) if "json" in response.content_type else text
                return response.status, told
        return 0, None

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Post JSON to the gateway as an operator."""
        headers = {"authorization": f"Bearer {API_TOKEN}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(self.url + path, json=body) as response,
        ):
            return response.status, await response.json(content_type=None)

    def ended(self) -> bool:
        """Whether the process is gone."""
        if not self.pid:
            return True
        with suppress(OSError):
            descriptor = os.pidfd_open(self.pid)
            try:
                return bool(select.select([descriptor], [], [], 0)[0])
            finally:
                os.close(descriptor)
        return True

    def kill(self) -> None:
        """Kill the process as a power cut would: nothing more of it runs after this returns."""
        os.kill(self.pid, signal.SIGKILL)
        self._reap()

    async def stop(self, seconds: float = 15) -> int:
        """Ask the process to end as an operator does; its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return await self.wait(seconds)

    async def wait(self, seconds: float = 15) -> int:
        """Wait until the process ends; its exit code."""
        deadline = time.monotonic() + seconds
        while not self.ended():
            if time.monotonic() > deadline:
                raise AssertionError(f"it did not stop in {seconds} s; its log:\n{self.tail()}")
            await asyncio.sleep(PAUSE)
        return self._reap()

    def _reap(self) -> int:
        pid, self.pid = self.pid, 0
        alone, self._alone = self._alone, None
        code = self.launcher.code(pid) if alone is None else alone.wait()
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # its parsers
        return code

    async def command(self, *argv: str, code: int = 0) -> Any:
        """Run a command of the command line on this gateway's folder; what it printed as JSON.

        Args:
            code: the exit code it must have.
        """
        return json.loads(await self.words("--json", *argv, code=code))

    async def words(self, *argv: str, code: int = 0) -> str:
        """Run a command and return what it printed for people."""
        text, errors, ended = await self.told(*argv)
        assert code == ended, f"{argv} ended with {ended}:\n{text}\n{errors}"
        return text

    async def told(self, *argv: str) -> tuple[str, str, int]:
        """Run a command: what it printed, what it complained of, and its exit code."""
        name = f"command-{time.monotonic_ns()}"
        out, errors = self.folder / f"{name}.out", self.folder / f"{name}.err"
        pid = self.launcher.launch(
            argv=argv, cwd=str(self.folder), log=str(out), errors=str(errors)
        )
        other = GatewayProcess(launcher=self.launcher, folder=self.folder, port=0, lmtp=0, pid=pid)
        code = await other.wait(60)
        return out.read_text(), errors.read_text(), code

    async def cold_command(self, *argv: str) -> Any:
        """Run a command from nothing, under another seed of Python's hashes; what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", *argv, "--json", cwd=self.folder,
            env={**_environment(), "PYTHONHASHSEED": "42"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        return json.loads(out)

    def tail(self, lines: int = 40) -> str:
        """The end of what it printed."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def memory(self) -> int:
        """Bytes of the process that are in memory."""
        status = Path(f"/proc/{self.pid}/statm").read_text()
        return int(status.split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


@asynccontextmanager
async def gateway_process(
    launcher: Launcher, folder: Path, config: str, *, inboxes: tuple[str, ...] = ("lmtp",),
    limits: Mapping[str, int] | None = None, start: bool = True,
) -> AsyncIterator[GatewayProcess]:  # fmt: skip
    """Run a gateway around a block.

    Args:
        config: text of the config file; ``{http}`` and the names of the inboxes in braces stand
            for ports that are its own.
        inboxes: names of the ports it takes mail on, the first one being the usual.
        limits: of the process, by the names of the `resource` module.
        start: whether to start it at once.
    """
    with reserved_port() as port, _reserved(inboxes) as ports:
        text = config
        for name, number in {"http": port, **ports}.items():
            text = text.replace(f"{{{name}}}", str(number))
        (folder / "gateway.toml").write_text(text)
        process = GatewayProcess(
            launcher=launcher, folder=folder, port=port, lmtp=ports[inboxes[0]], ports=ports,
            limits=dict(limits or {}),
        )  # fmt: skip
        try:
            if start:
                await process.start()
            yield process
        finally:
            if process.pid:
                process.kill()


@contextmanager
def _reserved(names: tuple[str, ...]) -> Iterator[dict[str, int]]:
    if not names:
        yield {}
        return
    with reserved_port() as port, _reserved(names[1:]) as others:
        yield {names[0]: port, **others}
