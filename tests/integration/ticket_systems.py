"""Ticket systems behind the gateway as agents use them: a real Request Tracker, and the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from gateway.testing import RunningGateway
from tests.servers.rt import RequestTracker


class TicketSystem(Protocol):
    """What an agent sees and does."""

    @property
    def config(self) -> str:
        """The backend's config."""
        ...

    async def tickets(self, running: RunningGateway, subject: str) -> list[int]:
        """Find tickets by their subject, oldest first."""
        ...

    async def entries(self, running: RunningGateway, number: int) -> list[str]:
        """Return what customers said in a ticket, and maybe what they were told, oldest first."""
        ...

    async def files(self, running: RunningGateway, number: int) -> list[tuple[str, bytes]]:
        """Return the files of a ticket's first entry."""
        ...

    async def answer(self, running: RunningGateway, number: int, text: str) -> None:
        """Answer the customer."""
        ...

    async def note(self, running: RunningGateway, number: int, text: str) -> None:
        """Write a note for colleagues."""
        ...


@dataclass(kw_only=True)
class RtSystem:
    """A Request Tracker.

    Args:
        port: where the gateway reaches it; 0 for directly.
    """

    rt: RequestTracker
    port: int = 0

    @property
    def config(self) -> str:
        """The backend's config."""
        return f"""
[plugins.rt]
[backends.tickets]
type = "rt"
url = "http://127.0.0.1:{self.port or self.rt.port}"
token = "{self.rt.token}"
queue = "{self.rt.queue}"
poll_seconds = 1.0
timeout = 20
"""

    async def tickets(self, running: RunningGateway, subject: str) -> list[int]:
        del running
        return await self.rt.tickets(f"Subject = '{subject}'")

    async def entries(self, running: RunningGateway, number: int) -> list[str]:
        del running
        first = await self.rt.entries(number, "Create")
        return first + await self.rt.entries(number)

    async def files(self, running: RunningGateway, number: int) -> list[tuple[str, bytes]]:
        del running
        return await self.rt.files(number, "Create")

    async def answer(self, running: RunningGateway, number: int, text: str) -> None:
        del running
        await self.rt.correspond_as_agent(number, text)

    async def note(self, running: RunningGateway, number: int, text: str) -> None:
        del running
        await self.rt.comment_as_agent(number, text)


class DeskSystem:
    """The gateway's own desk."""

    config = """
[plugins.desk]
[backends.tickets]
type = "desk"
"""

    async def tickets(self, running: RunningGateway, subject: str) -> list[int]:
        found = await self._desk(running).all_tickets()
        return sorted(one.number for one in found if one.subject == subject)

    async def entries(self, running: RunningGateway, number: int) -> list[str]:
        found = await self._desk(running).all_entries(number)
        return [one.text for one in found if one.audience == "customer"]

    async def files(self, running: RunningGateway, number: int) -> list[tuple[str, bytes]]:
        desk = self._desk(running)
        first = (await desk.all_entries(number))[0]
        count = len(first.attachments)
        return [await desk.attachment(number, first.number, n + 1) for n in range(count)]

    async def answer(self, running: RunningGateway, number: int, text: str) -> None:
        await self._desk(running).reply(self._door(running), number, text, author="Agnes")

    async def note(self, running: RunningGateway, number: int, text: str) -> None:
        desk = self._desk(running)
        await desk.reply(self._door(running), number, text, author="Agnes", audience="internal")

    def _desk(self, running: RunningGateway) -> Any:
        return running.gateway.parts.backends["tickets"]

    def _door(self, running: RunningGateway) -> Any:
        return running.gateway.parts.intake("backend", "tickets", "default")
