"""What may be told a customer of their own matters: that they are open, and under which number."""

from __future__ import annotations

from gateway.contracts.continuation import Matter
from gateway.domain.contact import Proof, at_least
from gateway.domain.message import Address
from gateway.errors import NotFound
from gateway.store.operations import ConversationFilter, ConversationView, Cursor, Store

OPEN = ("open", "waiting", "held", "snoozed")
LOOKED_AT, MOST = 50, 5


class StoredMatters:
    """The matters of one tenant's customers."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store, self._tenants = store, frozenset({tenant})

    async def open_for(self, address: Address, *, least: Proof = "proven") -> tuple[Matter, ...]:
        """The open matters somebody takes part in, newest first, at most five."""
        wanted = ConversationFilter(identity=address.value)
        found: list[Matter] = []
        for one in await self._store.conversations(self._tenants, wanted, Cursor(limit=LOOKED_AT)):
            if one.state not in OPEN or one.merged_into is not None or len(found) == MOST:
                continue
            view = await self._store.conversation(self._tenants, one.id)
            if _takes_part(view, address, least):
                found.append(_matter(view))
        return tuple(found)

    async def get(self, conversation: int) -> Matter | None:
        """One matter, the one that stands where it was merged."""
        try:
            view = await self._store.conversation(self._tenants, conversation)
            while (into := view.conversation.merged_into) is not None:
                view = await self._store.conversation(self._tenants, into)
        except NotFound:
            return None
        return _matter(view)


def _takes_part(view: ConversationView, address: Address, least: Proof) -> bool:
    return any(
        (one.scheme, one.scope, one.value) == (address.scheme, address.scope, address.value)
        and at_least(one.proof, least)
        for one in view.identities
    )


def _matter(view: ConversationView) -> Matter:
    return Matter(
        conversation=view.conversation.id,
        references=tuple(ticket.external_id for ticket in view.tickets if ticket.state == "open"),
    )
