"""Parts that are sick: a channel whose password is refused, and a hook that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from gateway import (
    AuthenticationFailed,
    Channel,
    ChannelType,
    Intake,
    Message,
    hookimpl,
)


class AilingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to set."""


class Ailing(Channel[AilingSettings]):
    async def run(self, intake: Intake) -> None:
        raise AuthenticationFailed("the provider refused the token: renew it")


@hookimpl
def register_channels() -> Iterable[ChannelType]:
    """Declare the channel."""
    yield ChannelType(name="ailing", make=Ailing, settings=AilingSettings)


@hookimpl
async def enrich_message(message: Message) -> Message | None:
    """Hang when a message asks for it."""
    if "hang, plugin" in message.text:
        await asyncio.sleep(3600)
    return None
