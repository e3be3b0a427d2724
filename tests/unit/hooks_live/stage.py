"""A running gateway with one plugin more: the very example that docs/hooks.md gives for a hook."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway import Conversation, Forward, Message, NewArrival, Reply
from gateway.domain.ids import read as read_id
from gateway.store.operations import ConversationFilter, Cursor
from gateway.testing import RunningGateway, running_gateway

DOCS = Path(__file__).parents[3] / "docs" / "hooks.md"
LETTERS = Path(__file__).with_name("letters.py")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def example(hook: str, language: str = "python") -> str:
    """The example that the documentation gives for a hook."""
    [section] = [
        part
        for part in DOCS.read_text().split("\n## ")
        if part.startswith((f"{hook}(", f"`{hook}("))
    ]
    [block] = [text for kind, text in _BLOCK.findall(section) if kind == language]
    return str(block)


@dataclass
class Stage:
    """What a test sees of the gateway."""

    running: RunningGateway
    numbers: Any = field(default_factory=itertools.count)

    async def say(self, text: str, *, by: str = "ann", **more: Any) -> int:
        """Hand a letter in; the arrival's id."""
        door = self.running.gateway.parts.intake("channel", "letters", "default")
        body = json.dumps({"from": by, "text": text, **more}).encode()
        new = NewArrival(key=f"letter-{next(self.numbers)}", lane=by, body=body)
        return (await door.accept([new]))[0]

    @property
    def forwards(self) -> list[Forward]:
        """What the shelf was given."""
        return self.running.gateway.parts.backends["shelf"].forwards  # type: ignore[attr-defined, no-any-return]

    @property
    def sent(self) -> list[Reply]:
        """What went out by letter."""
        return self.running.gateway.parts.channels["letters"].sent  # type: ignore[attr-defined, no-any-return]

    async def forwarded(self, count: int = 1) -> list[Forward]:
        """Wait until so many messages lie on the shelf."""
        return await self.running.until(lambda: len(self.forwards) >= count and self.forwards)

    async def answered(self, count: int = 1) -> list[Reply]:
        """Wait until so many letters have gone out."""
        return await self.running.until(lambda: len(self.sent) >= count and self.sent)

    async def conversations(self) -> list[Conversation]:
        """All there are, newest first."""
        return await self.running.store.conversations(None, ConversationFilter(), Cursor())

    async def messages(self, conversation: int) -> list[Message]:
        """What was said in a conversation."""
        return await self.running.store.messages(None, conversation, after_seq=0, limit=100)

    async def conversation_of(self, forward: Forward) -> Conversation:
        """The conversation of what lies on the shelf."""
        found = await self.running.store.conversation(None, read_id("conv", forward.conversation))
        return found.conversation


@asynccontextmanager
async def staged(
    folder: Path, plugin: str, settings: str = "", more: str = ""
) -> AsyncIterator[Stage]:
    """Run a gateway with a plugin.

    Args:
        plugin: its source.
        settings: lines for ``[plugins.mine]``.
        more: further sections of the config.
    """
    (folder / "mine.py").write_text(plugin)
    config = f"""
[plugins.letters]
path = "{LETTERS}"
required = true
[plugins.mine]
path = "mine.py"
required = true
{settings}
[channels.letters]
type = "letters"
[backends.shelf]
type = "shelf"
{more}
"""
    async with running_gateway(folder, config) as running:
        yield Stage(running)
