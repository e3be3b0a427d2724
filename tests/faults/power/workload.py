"""The workload of a power cut: a real gateway, mails and files, tickets, agents' replies.

Run below strace, so that the trace holds, in their order, what the gateway wrote to its disk and,
as lines of the file ``markers``, what the world outside had been told by then:

    ACK token      a mail or a reply was acknowledged
    STORED json    the ticket system stored an entry: key, ticket, text
    SENT token     a customer's mail server took an agent's reply
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tests.promises.configs import BASE, QUICK_RETRIES, mailbox, plugins, tickets
from tests.promises.customers import customers
from tests.promises.killing import NAMES, settled
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.senders import Sender
from tests.promises.ticket_system import Stored, TicketSystem, ticket_system
from tests.servers.smtp_sink import ACCEPT, Received

MARKERS, AGENT = "markers", "token-agent-"
BIG, SMALL = 300_000, 9_000


class MarkingSystem(TicketSystem):
    """A ticket system that marks what it stores."""

    mark: Callable[[str], None]

    def _store(self, key: str, event: Any) -> Stored:
        stored = super()._store(key, event)
        entry = msgspec.json.encode((stored.key, stored.ticket, stored.text)).decode()
        self.mark(f"STORED {entry}")
        return stored


def config(system: TicketSystem, relay: int) -> str:
    """The config of a gateway with a mailbox that answers and a ticket system."""
    made = BASE + QUICK_RETRIES + plugins("email", "webhook")
    return made + mailbox(relay=relay) + tickets(system.url)


def some_file(dice: random.Random) -> bytes:
    """Nothing, a small file, or one that makes the mail too large for its row."""
    drawn = dice.random()
    return dice.randbytes(BIG if drawn < 0.03 else SMALL if drawn < 0.2 else 0)


async def run(folder: Path, *, mails: int, seed: int, sabotage: str = "") -> None:
    """Work until so many mails were acknowledged, and everything they caused is done."""
    dice = random.Random(seed)
    marks = os.open(folder / MARKERS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    here = folder / "gateway"
    here.mkdir()

    def mark(words: str) -> None:
        os.write(marks, words.encode() + b"\n")

    system = MarkingSystem(loses=0.1, dice=random.Random(seed))
    system.mark = mark
    launcher = Launcher(sabotage)

    def delivered(received: Received) -> str:
        if found := re.search(AGENT + r"\d+-\w+", received.content.decode()):
            mark(f"SENT {found[0]}")
        return ACCEPT

    async with customers() as world, ticket_system(system):
        world.sink.answer_data = delivered
        async with gateway_process(launcher, here, config(system, world.port)) as gateway:
            senders = [
                Sender(
                    name=name, port=gateway.lmtp, dice=random.Random(dice.random()),
                    told=lambda token: mark(f"ACK {token}"), file=some_file, pause=0.01,
                    most=mails // len(NAMES),
                )
                for name in NAMES
            ]  # fmt: skip
            tasks = [asyncio.create_task(sender.run()) for sender in senders]
            agents = asyncio.create_task(_agents(gateway, system, dice, mark))
            await asyncio.gather(*tasks)
            await settled(gateway, system)
            agents.cancel()
            await asyncio.gather(agents, return_exceptions=True)
            await settled(gateway, system)
            await gateway.stop()
    launcher.close()


async def _agents(
    gateway: GatewayProcess, system: TicketSystem, dice: random.Random, mark: Callable[[str], None]
) -> None:
    """Answer each second entry of a ticket, until the answer is acknowledged.

    By then the gateway knows the ticket: it may not have heard yet that the first one opened it.
    """
    answered = 0
    while True:
        await asyncio.sleep(0.01)
        tickets = Counter(entry.ticket for entry in list(system.entries))
        known = [ticket for ticket, entries in tickets.items() if entries > 1]
        if answered >= len(known):
            continue
        token = f"{AGENT}{answered:05d}-{dice.getrandbits(40):010x}"
        status, _ = await system.reply(
            gateway.url, known[answered], f"{token}\n\nPlease try again.", entry=token
        )
        if 200 <= status < 300:
            mark(f"ACK {token}")
            answered += 1


def main() -> None:
    """Run it in the folder that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mails", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--sabotage", default="")
    asyncio.run(run(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
