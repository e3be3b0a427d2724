"""Promise 6: whatever comes, memory and time stay bounded, and the sender is told to come back."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.promises.configs import BASE, mailbox, plugins, tickets
from tests.promises.mails import INBOX, mail
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.senders import Lmtp, send_once
from tests.promises.ticket_system import TicketSystem, ticket_system

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("promise-6")]

ANN = "ann@example.net"
MIB = 1 << 20
LARGEST = "body_limit = 2_000_000\n"
ROWS = 4


def _config(system: TicketSystem, *, more: str = "", limits: str = "") -> str:
    web = BASE.replace("[api.", f"{limits}[api.")
    return web + more + plugins("email", "webhook") + mailbox() + tickets(system.url)


async def test_what_is_too_large_is_refused_in_words(launcher: Launcher, tmp_path: Path) -> None:
    """A mail of 31 MB hears 552, a request over the limit 413; smaller ones are taken."""
    async with (
        ticket_system(TicketSystem()) as system,
        gateway_process(launcher, tmp_path, _config(system, limits=LARGEST)) as gateway,
    ):
        large = mail(ANN, "large\n", message_id="1@example.net") + b"x" * 31_000_000
        assert (await send_once(gateway.lmtp, large, sender=ANN)).startswith("552 5.3.4")
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{gateway.url}/in/tickets/replies", data=io.BytesIO(b"x" * 2_000_001)
            ) as response,
        ):
            assert 413 == response.status
        small = mail(ANN, "small\n", message_id="2@example.net")
        assert (await send_once(gateway.lmtp, small, sender=ANN)).startswith("250 ")
        await system.until(lambda: ["small"] == system.tokens)


async def test_long_texts_hold_nobody_up(launcher: Launcher, tmp_path: Path) -> None:
    """Texts that are slow to compare, said again and again by one sender, delay no other mail."""
    texts = ("y" * 250_000, "4 " * 100_000, "ab1 " * 60_000, "a" * 120_000 + " " + "b" * 120_000)
    async with (
        ticket_system(TicketSystem()) as system,
        gateway_process(launcher, tmp_path, _config(system)) as gateway,
    ):
        for number in range(12):
            eve = "eve@evil.example"
            raw = mail(eve, texts[number % 4] + "\n", message_id=f"{number}@evil.example")
            assert (await send_once(gateway.lmtp, raw, sender=eve)).startswith("250 ")
        began = time.monotonic()
        raw = mail(ANN, "honest\n", message_id="honest@example.net")
        assert (await send_once(gateway.lmtp, raw, sender=ANN)).startswith("250 ")
        await system.until(lambda: "honest" in system.tokens, why=gateway.tail)
        assert time.monotonic() - began < 15
        await system.until(lambda: len(system.entries) >= 13, 60, why=gateway.tail)


async def test_a_burst_is_met_by_back_pressure(launcher: Launcher, tmp_path: Path) -> None:
    """With room for four in the queue, the others of forty are told at once to come back later."""
    store = f"[store]\nmax_queue_rows = {ROWS}\n"
    system = TicketSystem()
    async with ticket_system(system):
        config = _config(system, more=store)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            answers, statuses = await _burst(gateway, system)
            assert Counter({"452": 40 - answers["250"]}) == answers - Counter({"250": 40})
            assert 1 <= answers["250"] <= ROWS
            assert {503} == {status for status in statuses if status >= 400}
            await system.until(lambda: len(system.entries) >= answers["250"])


async def _burst(gateway: GatewayProcess, system: TicketSystem) -> tuple[Counter[str], list[int]]:
    """Send forty mails and ten callbacks at once while nothing can be committed for a while."""
    held = sqlite3.connect(gateway.folder / "var/gateway.db", isolation_level=None)
    with closing(held):
        held.execute("BEGIN IMMEDIATE")
        mails = [
            asyncio.create_task(
                send_once(
                    gateway.lmtp,
                    mail(f"{n}@example.net", f"burst-{n}\n", message_id=f"{n}@example.net"),
                    sender=f"{n}@example.net",
                )
            )
            for n in range(40)
        ]
        await _until_done(mails, 40 - ROWS)
        calls = [
            asyncio.create_task(system.reply(gateway.url, "T1", "hello", entry=str(n)))
            for n in range(10)
        ]
        await _until_done(calls, 10)
        held.execute("ROLLBACK")
        answers = Counter([answer[:3] for answer in await asyncio.gather(*mails)])
        answered = await asyncio.gather(*calls)
    for status, headers in answered:
        names = {name.lower() for name in headers}
        assert status < 500 or "retry-after" in names
    return answers, [status for status, _ in answered]


async def _until_done(tasks: Sequence[asyncio.Task[Any]], many: int) -> None:
    """Wait until so many have ended, which has to be before the commits are let go."""
    for task in asyncio.as_completed(tasks, timeout=4):
        await task
        many -= 1
        if not many:
            return


@pytest.mark.timeout(180)
async def test_two_hundred_megabytes_of_mail_leave_memory_as_it_was(
    launcher: Launcher, tmp_path: Path
) -> None:
    """While 200 mails of 1 MB pass, the process never holds more than a fraction of them."""
    system = TicketSystem()
    async with (
        ticket_system(system),
        gateway_process(launcher, tmp_path, _config(system)) as gateway,
    ):
        before = gateway.memory()
        peak = asyncio.create_task(_peak(gateway))
        await asyncio.gather(*(_flood(gateway, lane, 25) for lane in range(8)))
        await system.until(lambda: len(system.entries) >= 200, 120, why=gateway.tail)
        peak.cancel()
        highest = await peak
        print(f"from {before / MIB:.0f} to at most {highest / MIB:.0f} MiB")
        assert highest - before < 200 * MIB


async def _peak(gateway: GatewayProcess) -> int:
    highest = 0
    try:
        while True:
            highest = max(highest, gateway.memory())
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        return highest


async def _flood(gateway: GatewayProcess, lane: int, many: int) -> None:
    """Send mails with a file of nearly 1 MB over one connection, each as soon as it may be."""
    sender = f"lane-{lane}@example.net"
    connection = await Lmtp.connect(gateway.lmtp)
    for number in range(many):
        token = f"flood-{lane}-{number}"
        raw = _with_file(mail(sender, f"{token}\n", message_id=f"{token}@example.net"), token)
        began = time.monotonic()
        await connection.send(sender, INBOX, raw)
        assert time.monotonic() - began < 30
    await connection.close()


def _with_file(raw: bytes, token: str) -> bytes:
    head, _, text = raw.partition(b"\r\n\r\n")
    kept = [
        line for line in head.split(b"\r\n")
        if not line.lower().startswith((b"content-", b"mime-"))
    ]  # fmt: skip
    line = b"QUJD" * 18 + b"\r\n"
    return b"\r\n".join(
        (
            *kept, b"MIME-Version: 1.0", b'Content-Type: multipart/mixed; boundary="b"', b"",
            b"--b", b"Content-Type: text/plain", b"", text,
            b"--b", b"Content-Type: application/octet-stream",
            b'Content-Disposition: attachment; filename="' + token.encode() + b'.bin"',
            b"Content-Transfer-Encoding: base64", b"", line * 13_500, b"--b--", b"",
        )
    )  # fmt: skip
