"""A gateway started again on what a power cut left; whatever was acknowledged has to arrive still."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.faults.power.judging import TOKEN
from tests.faults.power.replaying import Image
from tests.faults.power.workload import AGENT, config
from tests.promises.customers import customers
from tests.promises.killing import settled
from tests.promises.process import Launcher, gateway_process
from tests.promises.ticket_system import Stored, TicketSystem, ticket_system


async def faults_after_restart(
    launcher: Launcher, image: Image, data: Path, folder: Path
) -> list[str]:
    """Start a gateway on an image, with a ticket system that holds what it held at that moment."""
    image.lay_out(folder / "var", data, everything=True)
    system = TicketSystem()
    for key, ticket, text in image.world.stored:
        system.remember(Stored(key=key, ticket=ticket, data={"text": text}))
    async with customers() as world, ticket_system(system):
        async with gateway_process(launcher, folder, config(system, world.port)) as gateway:
            await settled(gateway, system)
        sent = set(image.world.sent)
        for one in world.sink.received:  # its headers name the mail that it answers, too
            sent |= {found.decode() for found in TOKEN.findall(one.content)}
    entries = Counter(system.tokens)
    faults = [f"doubled: {token} after the restart" for token, n in entries.items() if n > 1]
    return faults + [
        f"lost: {token} did not arrive after the restart"
        for token in image.world.acknowledged
        if token not in (sent if token.startswith(AGENT) else entries)
    ]
