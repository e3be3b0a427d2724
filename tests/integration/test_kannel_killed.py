"""The gateway is killed between handing a text to a real Kannel and writing down that it did."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.kannel_world import ANN, OURS, World
from tests.servers.fakesmsc import fake_centre
from tests.servers.kannel import Kannel
from tests.servers.ports import HOST, accepts
from tests.servers.processes import running

TOKEN = "the-token-of-the-tests-0001"
API = f"""
[api.tokens.tests]
token = "{TOKEN}"
scopes = ["read", "reply"]
"""


class Killable:
    """A gateway in a process of its own, asked over its API."""

    def __init__(self, world: World) -> None:
        self.world, self.config = world, world.folder / "gateway.toml"
        self.config.write_text(world.config() + API, encoding="utf-8")
        self._block: AbstractContextManager[Any] | None = None

    async def start(self) -> None:
        """Start it, as often as it was killed."""
        self._block = running(
            [sys.executable, "-m", "gateway", "-c", str(self.config), "run"],
            log=self.world.folder / "gateway.log",
            ready=lambda: accepts(self.world.port),
            seconds=60,
            stop_signal=signal.SIGKILL,
        )
        await asyncio.to_thread(self._block.__enter__)

    async def kill(self) -> None:
        """Kill it, as a power cut would."""
        block, self._block = self._block, None
        if block is not None:
            await asyncio.to_thread(block.__exit__, None, None, None)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask its API."""
        headers = {"authorization": f"Bearer {TOKEN}"}
        url = f"http://{HOST}:{self.world.port}/api/v1/{path}"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, url, json=body) as answer,
        ):
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def until(self, path: str, wanted: Callable[[Any], Any]) -> Any:
        """Ask until the answer holds what is wanted, and return that."""
        async with asyncio.timeout(40):
            while True:
                if found := wanted(await self.ask("GET", path)):
                    return found
                await asyncio.sleep(0.05)


@pytest.mark.server("kannel")
async def test_text_is_not_sent_twice(kannel: Kannel, tmp_path: Path) -> None:
    """The text goes out once; after the restart Kannel's report tells that it did."""
    world = World(kannel, tmp_path)
    gateway = Killable(world)
    async with world.kannel_at_work(), fake_centre(kannel.centre_port) as centre:
        try:
            await gateway.start()
            await centre.say(ANN, OURS, "Hallo?")
            [first] = await gateway.until("conversations", lambda found: found["items"])
            kannel.pause_bearerbox()
            path = f"conversations/{first['id']}/replies"
            await gateway.ask("POST", path, {"text": "Einmal nur"})
            await world.smsbox_took("Einmal nur")
            await gateway.kill()
            kannel.resume_bearerbox()
            assert [b"Einmal nur"] == [one.content for one in await centre.wait(1)]

            await gateway.start()
            reply = await gateway.until("deliveries", _delivered)
            assert "delivered" == reply["receipt"]
            assert "found" in [one["outcome"] for one in reply["history"]]
            await gateway.ask("POST", path, {"text": "Danach"})
            await centre.wait(2)
            assert [b"Einmal nur", b"Danach"] == [one.content for one in centre.received]
        finally:
            await gateway.kill()


def _delivered(found: Any) -> Any:
    """The reply, once it is known to be delivered."""
    replies = [one for one in found["items"] if one["target"] == "channel/phone"]
    return next((one for one in replies if one["receipt"] == "delivered"), None)
