"""Promise 4: a poison arrival is put aside with its reason, can be seen, and run again after a fix."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from tests.promises.configs import BASE, PLUGINS, mailbox, plugins, tickets
from tests.promises.mails import INBOX, mail
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.senders import Lmtp, Refused, send_once
from tests.promises.ticket_system import TicketSystem, ticket_system
from tests.unit.email.hostile import HOSTILE

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("promise-4")]

ANN = "ann@example.net"
LIMITS = """\
[pipeline]
parse_seconds = 3
parse_memory_mib = 256
"""
POISON = {
    "hang": "longer than 3 seconds",
    "eat": "memory",
    "die": "killed its worker",
    "stumble": "it stumbled",
}


async def _say(gateway: GatewayProcess, words: str, lane: str) -> None:
    async with (
        aiohttp.ClientSession(headers={"x-lane": lane}) as session,
        session.post(f"{gateway.url}/in/odd", data=words.encode()) as response,
    ):
        assert 202 == response.status, await response.text()


async def test_poison_is_put_aside_shown_and_run_again_after_the_fix(
    launcher: Launcher, tmp_path: Path
) -> None:
    """A parser that hangs, eats memory, dies or stumbles costs one arrival, which is not lost."""
    odd = tmp_path / "odd.py"
    code = (PLUGINS / "odd.py").read_text()
    odd.write_text(code)
    system = TicketSystem()
    config = BASE + LIMITS + plugins("webhook", files=[odd]) + '[channels.odd]\ntype = "odd"\n'
    async with ticket_system(system):
        config += tickets(system.url) + plugins("email") + mailbox()
        async with gateway_process(launcher, tmp_path, config) as gateway:
            clean = {f"honest {number}" for number in range(len(POISON))}
            for number, word in enumerate(POISON):
                await _say(gateway, word, f"lane-{word}")
                await _say(gateway, f"honest {number}", f"lane-{word}")
            await system.until(lambda: clean <= set(system.tokens), 30, why=gateway.tail)
            assert clean == set(system.tokens)

            shown = await gateway.command("quarantine", "list")
            reasons = {str(one) for one in shown["items"]}
            assert len(POISON) == len(reasons)
            for word, why in POISON.items():
                assert any(why in reason for reason in reasons), f"{word}: {reasons}"
            status, page = await gateway.get("/api/v1/quarantine")
            assert (200, len(POISON)) == (status, len(page["items"]))

            await gateway.stop()
            odd.write_text(code.replace("FIXED = False", "FIXED = True"))
            await gateway.start()
            await gateway.command("quarantine", "replay", "--all")
            await system.until(lambda: set(POISON) <= set(system.tokens), why=gateway.tail)
            assert len(system.entries) == 2 * len(POISON)
            assert [] == (await gateway.command("quarantine", "list"))["items"]


@pytest.mark.timeout(200)
async def test_hostile_mail_is_taken_and_honest_mail_passes_beside_it(
    launcher: Launcher, tmp_path: Path
) -> None:
    """Every hostile mail is answered and accounted for, and Ann's mails are not held up by them."""
    system = TicketSystem()
    config = BASE + plugins("email", "webhook") + mailbox()
    async with ticket_system(system):
        config += tickets(system.url)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            taken = 0
            slowest = 0.0
            names = sorted(HOSTILE)
            for start in range(0, len(names), 30):
                taken += await _attack(gateway, names[start : start + 30])
                token = f"honest-{start}"
                began = time.monotonic()
                raw = mail(ANN, f"{token}\n", message_id=f"{token}@example.net")
                answer = await send_once(gateway.lmtp, raw, sender=ANN)
                assert answer.startswith("250 ")
                await system.until(partial(_has, system, token), 40, why=gateway.tail)
                slowest = max(slowest, time.monotonic() - began)
            print(f"{taken} hostile mails taken; the slowest honest one needed {slowest:.1f} s")
            await _quiet(gateway)
            assert not gateway.ended()
            assert taken > len(HOSTILE) * 0.9


def _has(system: TicketSystem, token: str) -> bool:
    return token in system.tokens


async def _attack(gateway: GatewayProcess, names: list[str]) -> int:
    """Hand over hostile mails; how many were taken. The others were refused in words."""
    taken = 0
    connection = await Lmtp.connect(gateway.lmtp)
    for name in names:
        try:
            raw = HOSTILE[name].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            await connection.send("eve@example.org", INBOX, raw)
            taken += 1
        except Refused as refused:
            print(f"{name} was refused: {refused.answer}")
    await connection.close()
    return taken


async def _quiet(gateway: GatewayProcess) -> None:
    """Wait until no arrival waits: each became a message or rests in quarantine."""
    async with asyncio.timeout(100):
        while True:
            _, metrics = await gateway.get("/metrics")
            if "\ngateway_arrivals_waiting 0.0\n" in str(metrics):
                return
            await asyncio.sleep(0.1)
