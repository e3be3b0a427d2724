"""A small world with a real Kannel: its configuration, and the gateway's, know one another's ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from gateway import Delivery
from gateway.store.operations import Cursor, DeliveryFilter
from gateway.testing import RunningGateway, running_gateway
from tests.integration.mail_world import conversations, delivered, messages
from tests.integration.ticket_systems import DeskSystem
from tests.servers.kannel import Kannel, running_kannel
from tests.servers.ports import HOST, free_port
from tests.servers.processes import wait_until

OURS, ANN, BEN = "+4930900900", "+491701234567", "+491707654321"
SECRET = "a-long-secret-for-the-webhook"
LONG = "Мой принтер горит, что мне делать? Он пахнет дымом. " * 8


class World:
    """A Kannel and a gateway that know one another's ports."""

    def __init__(self, kannel: Kannel, folder: Path) -> None:
        self.kannel, self.folder, self.port = kannel, folder, free_port()
        self.desk = DeskSystem()

    @property
    def webhook(self) -> str:
        """Where Kannel posts what comes in."""
        return f"http://{HOST}:{self.port}/in/phone/kannel/{SECRET}"

    def config(self, *, password: str = "") -> str:
        """The gateway's config."""
        return f"""
[gateway]
public_url = "http://{HOST}:{self.port}"
[web]
listen = "{HOST}:{self.port}"
[plugins.sms_voice]
[outbox]
schedule = [0.0, 0.3, 0.3, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0]
jitter = 0.0
breaker_seconds = 0.3
breaker_cap = 0.5
[channels.phone]
type = "sms_voice"
numbers = ["{OURS}"]
region = "DE"
[channels.phone.kannel]
url = "{self.kannel.url}"
username = "{self.kannel.user}"
password = "{password or self.kannel.password}"
webhook_secret = "{SECRET}"
status_url = "{self.kannel.status_url}"
status_password = "{self.kannel.status_password}"
status_seconds = 1
timeout = 5
{self.desk.config}"""

    def gateway(self, **settings: str) -> AbstractAsyncContextManager[RunningGateway]:
        """Run the gateway."""
        return running_gateway(self.folder, self.config(**settings))

    @asynccontextmanager
    async def kannel_at_work(self, *, by_smpp: bool = False) -> AsyncIterator[None]:
        """Run the Kannel without blocking the loop."""
        # Level 1 tells of each message that smsbox takes.
        talking = {"smsbox.log-level": "1"}
        block = running_kannel(self.kannel, self.webhook, smpp=by_smpp, more=talking)
        await asyncio.to_thread(block.__enter__)
        try:
            yield
        finally:
            await asyncio.to_thread(block.__exit__, None, None, None)

    async def ticket(self, running: RunningGateway, text: str) -> int:
        """Wait until a text is in a ticket, and return its number."""
        await running.until(lambda: delivered(running, text), 20)
        for conversation in await conversations(running):
            if any(text in one.text for one in await messages(running, conversation.id)):
                view = await running.store.conversation(None, conversation.id)
                return int(view.tickets[0].external_id)
        raise AssertionError(f"nobody said {text!r}")

    async def answers(self, running: RunningGateway) -> list[Delivery]:
        """What was sent to phones, oldest first."""
        chosen = DeliveryFilter(target="channel/phone")
        return (await running.store.deliveries(None, chosen, Cursor()))[::-1]

    async def answer_with(self, running: RunningGateway, count: int = 1, **wanted: Any) -> Delivery:
        """Wait until the newest of so many answers is as wanted."""

        async def there() -> Delivery | None:
            found = await self.answers(running)
            if len(found) < count:
                return None
            newest = found[-1]
            fits = all(getattr(newest, name) == value for name, value in wanted.items())
            return newest if fits else None

        found = await running.until(there, 20)
        assert found is not None
        return found

    async def smsbox_took(self, text: str) -> None:
        """Wait until smsbox has been handed a text, whatever it does with it then."""
        log = self.kannel.folder / "smsbox.log"
        assert await asyncio.to_thread(
            wait_until, lambda: text in log.read_text("utf-8", "replace"), seconds=15
        )
