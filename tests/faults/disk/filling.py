"""A gateway whose disk is full for a while."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.report import Progress
from tests.promises.configs import BASE, mailbox, plugins, tickets
from tests.promises.mails import mail
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.senders import send_once
from tests.promises.ticket_system import TicketSystem, ticket_system

ANN = "ann@example.net"
BALLAST, MAIL = 7_000_000, 60_000
PATIENCE = 30.0


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 10 MiB around a block.

    Raises:
        OSError: none can be mounted here.
    """
    disk = folder / "disk"
    disk.mkdir()
    if shutil.which("mount") is None:
        raise OSError("a small file system can be mounted by root only")
    command = ["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        raise OSError("file systems cannot be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


async def send(gateway: GatewayProcess, token: str, size: int = 0) -> str:
    """Send a mail of Ann's; the answer, or what broke the connection."""
    raw = mail(ANN, f"{token}\n{'x' * 70}\n" + "y" * size, message_id=f"{token}@example.net")
    try:
        return await send_once(gateway.lmtp, raw, sender=ANN)
    except (OSError, EOFError, TimeoutError) as error:
        return f"no answer: {error!r}"


async def fill(gateway: GatewayProcess, prefix: str = "fill") -> tuple[list[str], list[str]]:
    """Send mails of 60 kB until one is not taken; the tokens that were, and the other answers."""
    acknowledged: list[str] = []
    for number in range(200):
        answer = await send(gateway, f"{prefix}-{number}", MAIL)
        if not answer.startswith("250 "):
            assert answer.startswith(("451 ", "421 ", "no answer")), answer
            return acknowledged, [answer]
        acknowledged.append(f"{prefix}-{number}")
    raise AssertionError("the disk never failed")


async def taken_again(gateway: GatewayProcess, token: str) -> float:
    """Send a mail again and again until it is taken; how many seconds that took."""
    began = time.monotonic()
    while not (await send(gateway, token)).startswith("250 "):
        assert time.monotonic() < began + PATIENCE, gateway.tail()
    return time.monotonic() - began


async def recoveries(rounds: int, progress: Progress) -> list[float]:
    """Fill the disk of a new gateway and empty it again; seconds until it takes mail, each time.

    Raises:
        AssertionError: mail that was acknowledged did not become a ticket.
    """
    launcher, seconds = Launcher(), []
    try:
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder)) as disk:
                seconds.append(await _recovery(launcher, disk))
            progress(f"disk filled {number + 1} times, taken again after {seconds[-1]:.1f} s")
    finally:
        launcher.close()
    return seconds


async def _recovery(launcher: Launcher, disk: Path) -> float:
    async with ticket_system(TicketSystem()) as system:
        config = BASE + plugins("email", "webhook") + mailbox() + tickets(system.url)
        async with gateway_process(launcher, disk, config) as gateway:
            ballast = disk / "ballast"
            ballast.write_bytes(b"x" * BALLAST)
            acknowledged, _ = await fill(gateway)
            assert not gateway.ended(), gateway.tail()
            ballast.unlink()
            seconds = await taken_again(gateway, "afterwards")
            wanted = {*acknowledged, "afterwards"}
            await system.until(lambda: wanted <= set(system.tokens), 60, why=gateway.tail)
            assert len(system.entries) == len(set(system.tokens)), "something was doubled"
            return seconds
