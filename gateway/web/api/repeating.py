"""Idempotency keys: a repeated reply is answered like the first, and another one is refused."""

from __future__ import annotations

import msgspec

from gateway.core.api_reply import ApiReply
from gateway.core.pipeline.keys import loose_key
from gateway.domain.arrival import Arrival
from gateway.domain.draft import DraftAttachment
from gateway.domain.known import Question
from gateway.errors import NotFound
from gateway.store.operations import Store
from gateway.web.api.callers import Caller
from gateway.web.problems import FaultDocument, Problem

SOURCE = "api"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to say in a conversation."""

    text: str
    html: str = ""
    subject: str = ""
    internal: bool
    author: str
    attachments: tuple[DraftAttachment, ...] = ()


class Repeats:
    """Finds what was said under the same key before.

    A key is a token's own, in one conversation: nobody meets the keys of others. While the first
    one still waits to be worked on, the pipeline is who recognises the second.
    """

    def __init__(self, store: Store, caller: Caller, conversation: int, key: str) -> None:
        self._store, self._caller, self._conversation = store, caller, conversation
        self.key = f"{caller.name}/{conversation}/{key}" if key else ""

    async def earlier(self, said: Said) -> int | None:
        """The arrival in which just this was said under the key before.

        Raises:
            NotFound: no such conversation for the caller.
            Problem: 422 if something else was said under it.
        """
        if not self.key:
            return None
        tenants = self._caller.tenants
        tenant = (await self._store.conversation(tenants, self._conversation)).conversation.tenant
        claim = loose_key(_arrival(tenant, self.key), 0)
        [known] = await self._store.look_up([Question(tenant=tenant, claims=(claim,))])
        if claim not in known.claimed:
            return None
        message = await self._store.message(tenants, known.claimed[claim])
        for identifier in message.arrivals:
            try:
                arrival = (await self._store.arrival(tenants, identifier)).arrival
            except NotFound:
                continue
            if arrival.source_kind == "api" and arrival.body:
                return self._same(arrival, said)
        return None

    def _same(self, arrival: Arrival, said: Said) -> int:
        before = msgspec.json.decode(arrival.body, type=ApiReply)
        now = ApiReply(conversation=self._conversation, **msgspec.structs.asdict(said))
        if before != now:
            fault = FaultDocument(
                path="header.idempotency-key", reason="it came before with other content"
            )
            raise Problem(
                "key_reused", "Use a new key for a new message; nothing was taken in.",
                faults=[fault],
            )  # fmt: skip
        return arrival.id


def _arrival(tenant: str, key: str) -> Arrival:
    return Arrival(
        id=0, tenant=tenant, source=SOURCE, source_kind="api", key=key, lane="", received_at=0
    )
