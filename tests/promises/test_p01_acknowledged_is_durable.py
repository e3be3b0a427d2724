"""Promise 1: what was acknowledged is on disk; what cannot be stored is not acknowledged."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.disk import filling
from tests.faults.disk.filling import fill, send, taken_again
from tests.promises.configs import BASE, PLUGINS, mailbox, plugins, tickets
from tests.promises.mails import mail
from tests.promises.process import Launcher, gateway_process
from tests.promises.senders import send_once
from tests.promises.ticket_system import TicketSystem, ticket_system

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("promise-1")]


def _config(system: TicketSystem) -> str:
    return BASE + plugins("email", "webhook") + mailbox() + tickets(system.url)


async def test_a_mail_survives_a_kill_right_after_its_acknowledgement(
    launcher: Launcher, tmp_path: Path
) -> None:
    """The gateway is killed the moment the 250 is read; the mail is in the ticket system later."""
    async with (
        ticket_system(TicketSystem()) as system,
        gateway_process(launcher, tmp_path, _config(system)) as gateway,
    ):
        for number in range(3):
            answer = await send(gateway, f"token-{number}")
            gateway.kill()
            assert answer.startswith("250 ")
            await gateway.start()
        await system.until(lambda: len(system.entries) >= 3)
        assert ["token-0", "token-1", "token-2"] == sorted(system.tokens)


async def test_a_store_that_does_not_answer_acknowledges_nothing(
    launcher: Launcher, tmp_path: Path
) -> None:
    """Mail hears 451 or 452 and a webhook 503 while the database is locked; both are taken afterwards."""
    async with (
        ticket_system(TicketSystem()) as system,
        gateway_process(launcher, tmp_path, _config(system)) as gateway,
    ):
        await send(gateway, "before")
        await system.until(lambda: system.entries)
        [entry] = system.entries
        with closing(sqlite3.connect(tmp_path / "var/gateway.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            mailed, (status, headers) = await asyncio.gather(
                send(gateway, "during"),
                system.reply(gateway.url, entry.ticket, "Try again.", entry="1"),
            )
            other.execute("ROLLBACK")
        assert mailed.startswith(("451 4.3.0", "452 4.3.1"))
        assert 503 == status
        assert int({key.lower(): value for key, value in headers.items()}["retry-after"]) > 0
        assert (await send(gateway, "during")).startswith("250 ")
        status, _ = await system.reply(gateway.url, entry.ticket, "Try again.", entry="1")
        assert 200 <= status < 300
        await system.until(lambda: "during" in system.tokens)


async def test_a_disk_that_fails_acknowledges_nothing(launcher: Launcher, tmp_path: Path) -> None:
    """Writes fail for good in the midst of the mail; what had a 250 is there after a restart."""
    async with (
        ticket_system(TicketSystem()) as system,
        gateway_process(launcher, tmp_path, _config(system), start=False) as gateway,
    ):
        await gateway.start()
        await gateway.stop()
        gateway.limits["RLIMIT_FSIZE"] = 1_500_000
        await gateway.start()
        acknowledged, answers = await fill(gateway)
        gateway.limits.clear()
        if gateway.pid:
            assert 0 != await gateway.wait()
        await gateway.start()
        await system.until(lambda: set(acknowledged) <= set(system.tokens), why=gateway.tail)
        assert acknowledged, answers
        assert len(system.entries) == len(set(system.tokens))


async def test_a_disk_that_fails_under_the_attachments_ends_the_gateway(
    launcher: Launcher, tmp_path: Path
) -> None:
    """A body too large for the database has no 250; the process ends with 70 and says why."""
    large = "token-large\n" + f"{'y' * 70}\n" * 5000
    raw = mail("ann@example.net", large, message_id="large@example.net")
    async with ticket_system(TicketSystem()) as system:
        config = _config(system) + f'[plugins.disk]\npath = "{PLUGINS / "broken_disk.py"}"\n'
        async with gateway_process(launcher, tmp_path, config) as gateway:
            broken = tmp_path / "broken"
            broken.touch()
            with pytest.raises((OSError, EOFError)):
                await send_once(gateway.lmtp, raw, sender="ann@example.net")
            assert 70 == await gateway.wait()
            assert "the disk that holds the blobs failed" in gateway.tail()
            broken.unlink()
            await gateway.start()
            answer = await send_once(gateway.lmtp, raw, sender="ann@example.net")
            assert answer.startswith("250 ")
            await system.until(lambda: ["token-large"] == system.tokens, why=gateway.tail)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 10 MiB."""
    try:
        with filling.small_disk(tmp_path) as disk:
            yield disk
    except OSError as error:
        pytest.skip(str(error))


async def test_a_full_disk_acknowledges_nothing_until_there_is_space(
    launcher: Launcher, small_disk: Path
) -> None:
    """Mail hears 451 while the disk is full and 250 when there is space again; nothing is lost."""
    async with (
        ticket_system(TicketSystem()) as system,
        gateway_process(launcher, small_disk, _config(system)) as gateway,
    ):
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * 7_000_000)
        acknowledged, [answer] = await fill(gateway)
        assert answer.startswith("451 4.3.0")
        assert not gateway.ended(), gateway.tail()
        ballast.unlink()
        await taken_again(gateway, "afterwards")
        wanted = {*acknowledged, "afterwards"}
        await system.until(lambda: wanted <= set(system.tokens), why=gateway.tail)
        assert len(system.entries) == len(set(system.tokens))
