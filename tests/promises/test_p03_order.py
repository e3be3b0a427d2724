"""Promise 3: what belongs to one conversation arrives in its order; conversations do not wait."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from tests.promises.configs import BASE, QUICK_RETRIES, mailbox, plugins, tickets
from tests.promises.mails import INBOX, mail, words
from tests.promises.process import Launcher, gateway_process
from tests.promises.senders import Lmtp
from tests.promises.ticket_system import Request, TicketSystem, ticket_system

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("promise-3")]

NAMES = ("ann", "bob", "cee")


class Choosy(TicketSystem):
    """Answers 503 to whatever one customer wrote, as long as it is told to."""

    refuses = ""

    async def answer(self, request: Request) -> tuple[int, Any] | None:
        """Take one request, unless it is from whom it refuses."""
        if self.refuses and f"token-{self.refuses}".encode() in request.body:
            return 503, {}
        return await super().answer(request)


async def _write(port: int, name: str, many: int) -> list[str]:
    """Send one mail and answers to it, one right after the other; their tokens."""
    dice = random.Random(name)
    tokens = [f"token-{name}-{number:02d}" for number in range(many)]
    connection = await Lmtp.connect(port)
    lead = f"<{tokens[0]}@example.net>"
    for token in tokens:
        headers = {} if token == tokens[0] else {"References": lead, "In_Reply_To": lead}
        raw = mail(
            f"{name}@example.net", f"{token}\n\n{words(dice)}\n",
            message_id=f"{token}@example.net", subject=words(dice, 3), **headers,
        )  # fmt: skip
        await connection.send(f"{name}@example.net", INBOX, raw)
    await connection.close()
    return tokens


async def test_three_hot_conversations_keep_their_order_at_a_slow_ticket_system(
    launcher: Launcher, tmp_path: Path
) -> None:
    """Answers are lost, requests repeated, and still each ticket holds its mails in order."""
    system = TicketSystem(loses=0.25, pause=0.02, dice=random.Random(3))
    config = BASE + QUICK_RETRIES + plugins("email", "webhook") + mailbox()
    async with (
        ticket_system(system),
        gateway_process(launcher, tmp_path, config + tickets(system.url)) as gateway,
    ):
        sent = await asyncio.gather(*(_write(gateway.lmtp, name, 15) for name in NAMES))
        await system.until(lambda: len(system.entries) >= 45, 40)
    assert system.answers_lost > 0
    for tokens in sent:
        assert tokens == [token for token in system.tokens if token in tokens]
        assert 1 == len(
            {
                entry.ticket
                for token, entry in zip(system.tokens, system.entries, strict=True)
                if token in tokens
            }
        )
    # They took turns: nobody's first mail waited for somebody's last.
    firsts = [system.tokens.index(tokens[0]) for tokens in sent]
    lasts = [system.tokens.index(tokens[-1]) for tokens in sent]
    assert max(firsts) < min(lasts)


async def test_a_conversation_that_is_stuck_holds_up_no_other(
    launcher: Launcher, tmp_path: Path
) -> None:
    """While Ann's first mail is refused hers wait behind it; Bob's pass; then hers come in order."""
    system = Choosy()
    system.refuses = "ann"
    config = BASE + QUICK_RETRIES.replace("0.5, 0.5, 0.5, 0.5, 0.5", "0.3, 0.3, 0.3, 0.3, 0.3")
    config += plugins("email", "webhook") + mailbox()
    async with (
        ticket_system(system),
        gateway_process(launcher, tmp_path, config + tickets(system.url)) as gateway,
    ):
        ann = await _write(gateway.lmtp, "ann", 5)
        bob = await _write(gateway.lmtp, "bob", 5)
        await system.until(lambda: len(system.entries) >= 5)
        assert bob == system.tokens
        system.refuses = ""
        await system.until(lambda: len(system.entries) >= 10)
    assert bob + ann == system.tokens
