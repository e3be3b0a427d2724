"""A backend for a ticket system that cannot tell a repetition, but can be searched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import aiohttp
import msgspec

from gateway import (
    Backend,
    BackendCapabilities,
    BackendType,
    EntryRef,
    Forward,
    OutcomeUnknown,
    TargetBroken,
    TicketRef,
    Unreachable,
    hookimpl,
)


class SearchableSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is."""

    url: str


class Searchable(Backend[SearchableSettings]):
    capabilities: ClassVar[BackendCapabilities] = BackendCapabilities(repeat="lookup")

    async def open_ticket(self, forward: Forward) -> TicketRef:
        told = await self._ask("POST", "", key=forward.key, ticket="", text=forward.text)
        return TicketRef(external_id=told["ticket"])

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        await self._ask("POST", "", key=forward.key, ticket=ticket.external_id, text=forward.text)
        return EntryRef(external_id=forward.key)

    async def find(self, forward: Forward) -> TicketRef | None:
        told = await self._ask("GET", f"/{forward.key}")
        return TicketRef(external_id=told["ticket"]) if told else None

    async def find_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef | None:
        told = await self._ask("GET", f"/{forward.key}")
        return EntryRef(external_id=forward.key) if told else None

    async def _ask(self, method: str, path: str, **body: Any) -> Any:
        url = self.context.settings.url + path
        try:
            async with (
                self.context.http.session(trusted=True) as session,
                session.request(method, url, json=body or None) as response,
            ):
                if response.status == 503:
                    raise TargetBroken(f"{url} failed")
                return await response.json() if response.status == 200 else {}
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"{url} cannot be connected to") from error
        except (aiohttp.ClientError, OSError) as error:
            raise OutcomeUnknown(f"{url} did not answer", code="connection_lost") from error


@hookimpl
def register_backends() -> Iterable[BackendType]:
    """Declare the backend."""
    yield BackendType(name="searchable", make=Searchable, settings=SearchableSettings)
