"""A small world of phones: customers who text, a provider's double, a gateway between."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway import Conversation, Delivery, Message
from gateway.store.operations import ConversationFilter, Cursor, DeliveryFilter
from gateway.testing import RunningGateway, running_gateway
from gateway_sms_voice.testing import TwilioDouble

PUBLIC = "https://gateway.example"
OURS = "+15005550006"
OUTBOX = """
[outbox]
schedule = [0.0, 0.2, 0.3, 0.5, 0.5, 1.0, 1.0, 1.0]
jitter = 0.0
breaker_seconds = 0.2
breaker_cap = 0.3
"""


def phone_config(double: TwilioDouble, more: str = "") -> str:
    """The config of our numbers at a double.

    Args:
        more: further lines of the channel, then further sections.
    """
    return f"""
[gateway]
public_url = "{PUBLIC}"
[plugins.sms_voice]
{OUTBOX}
[channels.phone]
type = "sms_voice"
numbers = ["{OURS}"]
region = "US"
{more}
[channels.phone.twilio]
account_sid = "{double.sid}"
auth_token = "{double.token}"
base_url = "{double.url}"
per_second = 100
"""


def a_number() -> str:
    """A customer's number that no other test uses."""
    return f"+1555{random.randrange(10**6, 10**7)}"


@dataclass(kw_only=True)
class PhoneWorld:
    """What a test sees."""

    running: RunningGateway
    double: TwilioDouble

    async def conversations(self) -> list[Conversation]:
        """All there are, oldest first."""
        found = await self.running.store.conversations(None, ConversationFilter(), Cursor())
        return found[::-1]

    async def messages(self, conversation: int) -> list[Message]:
        """What was said in a conversation."""
        return await self.running.store.messages(None, conversation, after_seq=0, limit=100)

    async def everything(self) -> list[Message]:
        """What was said anywhere."""
        return [one for c in await self.conversations() for one in await self.messages(c.id)]

    async def replies(self) -> list[Delivery]:
        """What is or was to go out by text, oldest first."""
        wanted = DeliveryFilter(target="channel/phone")
        return (await self.running.store.deliveries(None, wanted, Cursor()))[::-1]

    async def until_messages(self, count: int) -> list[Message]:
        """Wait until so many messages were said."""

        async def there() -> list[Message]:
            found = await self.everything()
            return found if len(found) >= count else []

        return await self.running.until(there, 20)

    async def until_sent(self, count: int = 1) -> list[str]:
        """Wait until the provider has so many of our texts."""
        await self.running.until(lambda: len(self.double.sent) >= count, 20)
        return [one.body for one in self.double.sent]

    async def until_reply(self, state: str, receipt: str | None = None) -> Delivery:
        """Wait until the newest reply is in a state."""

        async def there() -> list[Delivery]:
            newest = (await self.replies())[-1:]
            return [one for one in newest if one.state == state and receipt in (None, one.receipt)]

        [reply] = await self.running.until(there, 20)
        return reply


@asynccontextmanager
async def phone_world(
    folder: Path, double: TwilioDouble, system: str, more: str = ""
) -> AsyncIterator[PhoneWorld]:
    """Run a gateway in front of a double.

    Args:
        system: config of the ticket system.
        more: as for `phone_config`.
    """
    double.account.hook(f"{PUBLIC}/in/phone/messages")
    async with running_gateway(folder, phone_config(double, more) + system) as running:
        double.webhooks.behind = (PUBLIC, running.url)
        yield PhoneWorld(running=running, double=double)
