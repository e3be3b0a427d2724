"""Messages as people may see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from gateway.domain.message import Message
from gateway.hooks.calls import Hooks


def redaction(hooks: Hooks) -> Callable[[Message, Literal["console"]], Awaitable[Message]]:
    """Make what blacks out a message for people; one that is held back shows no words.

    It raises `HookFailure` if a plugin that has to look at the message fails.
    """

    async def redact(message: Message, audience: Literal["console"]) -> Message:
        piped = await hooks.redact_message(message, audience)
        if piped.ended is None:
            return piped.value
        reason = f"[held back by {piped.ended.plugin}: {piped.ended.value.reason}]"
        return msgspec.structs.replace(
            piped.value, subject="", text=reason, quoted="", html="", attachments=()
        )

    return redact
