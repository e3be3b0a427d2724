"""Messages as the policy lets people see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from gateway.domain.message import Message

if TYPE_CHECKING:
    from gateway.core.assembly import Parts
    from gateway.web.services import Redact


def redaction(parts: Parts) -> Redact:
    """Make what blacks out a message for people; one that is held back shows no words.

    It raises `HookFailure` if a plugin that has to look at the message fails.
    """

    async def redact(message: Message, audience: Literal["console"]) -> Message:
        piped = await parts.hooks.redact_message(message, audience)
        if piped.ended is None:
            return piped.value
        reason = f"[held back by {piped.ended.plugin}: {piped.ended.value.reason}]"
        return msgspec.structs.replace(
            piped.value, subject="", text=reason, quoted="", html="", attachments=()
        )

    return redact
