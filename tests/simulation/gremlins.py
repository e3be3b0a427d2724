"""A plugin that misbehaves where a message asks for it."""

from __future__ import annotations

from gateway.domain.answers import Hold, Refuse
from gateway.domain.message import Message
from gateway.hooks.specs import Audience, hookimpl


class Gremlins:
    """Raises at every message that says POISON."""

    @hookimpl
    async def redact_message(
        self, message: Message, audience: Audience
    ) -> Message | Hold | Refuse | None:
        """Fail for good at what is poison: a closed hook, so that the message has to wait."""
        if "POISON" in message.text:
            raise ValueError("a plugin cannot bear this message")
        return None

    @hookimpl
    def enrich_message(self, message: Message) -> Message | Hold | Refuse | None:
        """Fail now and then: an open hook, so that the message goes on without it."""
        if "zz" in message.text:
            raise ValueError("a plugin does not like this message")
        return None
