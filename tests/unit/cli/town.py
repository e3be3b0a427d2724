"""A gateway's folder with everything in it that the commands can show, and how to call them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.app import opened
from gateway.core.assembly import Parts, read_assembly
from gateway.domain.arrival import NewArrival
from gateway.domain.ids import show
from gateway.store.operations import ConversationFilter, Cursor, DeliveryFilter
from tests.unit.cli.processes import Told, call

CONFIG = """\
[web]
listen = "127.0.0.1:0"
[tenants.default]
[tenants.acme]
[plugins.desk]
[plugins.shop]
path = "shop.py"
[channels.market]
type = "shop"
[channels.elsewhere]
type = "shop"
tenant = "acme"
[backends.desk]
type = "desk"
[backends.sick]
type = "sick"
[[routing]]
when = { words = ["refund"] }
backends = ["sick"]
"""
SAID = {
    "tap": "ann@example.com|Broken \x1b[31mtap|It drips. My number is 4711.",
    "invoice": "bob@example.com|Invoice|Where is it?",
    "refund": "cee@example.com|Money|I want a refund.",
    "broken": "no parts at all",
    "scam": "dan@example.com|Luck|You are a winner",
}


@dataclass
class Town:
    """A folder with a config and a populated store.

    Args:
        ids: shown ids of what is in it, by a word.
    """

    folder: Path
    ids: dict[str, str]

    def call(self, *args: str, given: bytes = b"", **variables: str) -> Told:
        """Call the command line in this folder, in a process of its own."""
        return call(args, folder=self.folder, given=given, variables=variables)

    def work(self) -> None:
        """Run a gateway here until nothing waits."""
        asyncio.run(_work(self.folder))

    def configure(self, text: str) -> None:
        (self.folder / "gateway.toml").write_text(text)


def populate(folder: Path, plugin: Path) -> Town:
    """Run a gateway in a folder until it has processed what is said to it."""
    (folder / "gateway.toml").write_text(CONFIG)
    (folder / "shop.py").write_bytes(plugin.read_bytes())
    return Town(folder, asyncio.run(_run(folder)))


async def _run(folder: Path) -> dict[str, str]:
    assembly = read_assembly(folder / "gateway.toml")
    async with opened(assembly, folder) as gateway, gateway.running():
        parts = gateway.parts
        arrivals: dict[str, int] = {}
        for name, said in SAID.items():
            [arrivals[name]] = await parts.intake("channel", "market", "default").accept(
                [NewArrival(key=name, body=said.encode(), kind="order")]
            )
            await _settled(parts)  # different senders do not wait for one another
        [arrivals["acme"]] = await parts.intake("channel", "elsewhere", "acme").accept(
            [NewArrival(key="acme", body=b"zoe@example.com|Acme|Only for Acme.")]
        )
        await _settled(parts)
        return await _ids(parts, arrivals)


async def _work(folder: Path) -> None:
    assembly = read_assembly(folder / "gateway.toml")
    async with opened(assembly, folder) as gateway, gateway.running():
        await _settled(gateway.parts)


async def _settled(parts: Parts) -> None:
    deadline = time.monotonic() + 30
    while True:
        counts = await parts.store.counts()
        if not counts.arrivals_waiting and not any(counts.deliveries_waiting.values()):
            return
        assert time.monotonic() < deadline, counts
        await asyncio.sleep(0.02)


async def _ids(parts: Parts, arrivals: Mapping[str, int]) -> dict[str, str]:
    ids = {f"arrival:{name}": show("arr", number) for name, number in arrivals.items()}
    for name, number in arrivals.items():
        for message in (await parts.store.arrival(None, number)).messages:
            found = await parts.store.message(None, message)
            ids[f"message:{name}"] = show("msg", message)
            ids[f"conversation:{name}"] = show("conv", found.conversation)
    [dead] = await parts.store.deliveries(None, DeliveryFilter(states=("dead",)), Cursor())
    ids["dead"] = show("dlv", dead.id)
    everything = await parts.store.conversations(None, ConversationFilter(), Cursor())
    assert 4 == len(everything)
    return ids
