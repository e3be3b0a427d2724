"""Promise 5: a part that is sick harms itself alone, and the gateway says which one it is."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.promises.configs import BASE, PLUGINS, mailbox, plugins, tickets
from tests.promises.mails import mail
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.senders import send_once
from tests.promises.ticket_system import TicketSystem, ticket_system

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("promise-5")]

ROUTING = """\
[[routing]]
when = { words = ["telephone"] }
backends = ["hanging"]
[[routing]]
backends = ["tickets"]
[outbox]
schedule = [0, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]
breaker_failures = 2
breaker_seconds = 0.5
breaker_cap = 0.5
[pipeline]
hook_seconds = 0.5
"""


async def _send(gateway: GatewayProcess, token: str, words: str = "My printer burns.") -> None:
    sender = f"{token}@example.net"
    raw = mail(sender, f"{token}\n\n{words}\n", message_id=f"{token}@example.net")
    assert (await send_once(gateway.lmtp, raw, sender=sender)).startswith("250 ")


async def test_a_ticket_system_that_never_answers_beside_a_healthy_one(
    launcher: Launcher, tmp_path: Path
) -> None:
    """One accepts connections and says nothing; the other one's tickets go on, in seconds."""
    healthy, hanging = TicketSystem(), TicketSystem(answers=False)
    async with ticket_system(healthy), ticket_system(hanging):
        config = BASE + ROUTING + plugins("email", "webhook") + mailbox() + tickets(healthy.url)
        config += tickets(hanging.url, "hanging", timeout=0.5)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            stuck = [f"stuck-{number}" for number in range(8)]
            for token in stuck:
                await _send(gateway, token, "My telephone is dead.")
            said = await gateway.sick("outbox/backend/hanging")
            assert "did not answer" in said
            began = time.monotonic()
            fine = [f"fine-{number}" for number in range(8)]
            for token in fine:
                await _send(gateway, token)
            await healthy.until(lambda: len(healthy.entries) >= 8)
            assert time.monotonic() - began < 5
            assert fine == sorted(healthy.tokens)
            assert not hanging.entries
            # When it answers again what waited for it arrives, once each.
            hanging.answers = True
            await hanging.until(lambda: len(hanging.entries) >= 8, 40)
            assert stuck == sorted(hanging.tokens)


async def test_a_refused_password_and_a_hanging_plugin_stay_what_they_are(
    launcher: Launcher, tmp_path: Path
) -> None:
    """A channel that cannot log in is named with the words of its provider; mail goes on."""
    system = TicketSystem()
    async with ticket_system(system):
        config = BASE + ROUTING.partition("[outbox]")[1] + ROUTING.partition("[outbox]")[2]
        config += plugins("email", "webhook", files=[PLUGINS / "ailing.py"])
        config += mailbox() + tickets(system.url) + '[channels.chat]\ntype = "ailing"\n'
        async with gateway_process(launcher, tmp_path, config) as gateway:
            said = await gateway.sick("channel/chat")
            assert "authentication_failed: the provider refused the token: renew it" == said
            hung = [f"hung-{number}" for number in range(6)]
            await asyncio.gather(*(_send(gateway, token, "hang, plugin") for token in hung))
            await _send(gateway, "fine")
            await system.until(lambda: len(system.entries) >= 7, why=gateway.tail)
            assert ["fine", *hung] == sorted(system.tokens)
            assert "suspended" in await gateway.sick("plugin/ailing")
        assert "the provider refused the token" in gateway.log.read_text()
