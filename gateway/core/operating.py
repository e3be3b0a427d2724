"""What people do: read, reply, merge, release, replay, discard. The API and the CLI share it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from gateway.contracts.services import Clock
from gateway.core.api_reply import ApiReply
from gateway.core.intake import IntakeDoor
from gateway.core.pipeline.mending import (
    Action,
    check_mendable,
    discard,
    send_again,
    send_elsewhere,
    wayless,
)
from gateway.core.pipeline.merging import merge, said_since, unmerge
from gateway.core.pipeline.work import Work
from gateway.core.repeating import SOURCE, said_before
from gateway.domain.arrival import NewArrival
from gateway.domain.changes import Changes
from gateway.domain.conversation import ConversationState, Link
from gateway.domain.decision import Decision
from gateway.domain.delivery import Delivery
from gateway.domain.draft import DraftAttachment
from gateway.domain.ids import Ids, show
from gateway.domain.message import Message
from gateway.domain.partition import of_lane
from gateway.errors import NotFound, Refused
from gateway.store.operations import (
    ConversationView,
    Cursor,
    DeliveryFilter,
    Store,
    StoredArrival,
    Tenants,
)

RACES = 20


def _nobody(_: object) -> None:
    """Tell nobody."""


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """The chain of decisions about a message, with what it rests on."""

    message: Message | None
    arrivals: tuple[StoredArrival, ...]
    decisions: tuple[Decision, ...]
    deliveries: tuple[Delivery, ...] = ()


class Operator:
    """Operations for people; every one is bounded to the tenants its caller may see.

    Args:
        on_committed: told what was committed, so that the outbox and others wake up; the command
            line has nobody to tell, and a running gateway looks by itself every two seconds.
        on_accepted: told when arrivals wait, of their partitions.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        new_id: Ids,
        on_committed: Callable[[Changes], None] = _nobody,
        on_accepted: Callable[[Sequence[int]], None] = _nobody,
    ) -> None:
        self.store, self._clock, self._new_id = store, clock, new_id
        self._on_committed, self._on_accepted = on_committed, on_accepted

    async def reply(
        self,
        tenants: Tenants,
        conversation: int,
        *,
        text: str,
        html: str = "",
        subject: str = "",
        internal: bool,
        author: str,
        attachments: Sequence[DraftAttachment] = (),
        key: str = "",
    ) -> int:
        """Take in an agent's reply or note durably; the pipeline does the rest.

        Args:
            internal: a note that no customer sees.
            key: an idempotency key, which `own_key` makes; the same key twice is one reply.

        Returns:
            The arrival's id; of the first one, if this was said under the key before.

        Raises:
            NotFound: no such conversation for these tenants.
            KeyReused: something else was said under the key.
            Refused: the text is empty.
        """
        if not text.strip() and not attachments:
            raise Refused("a reply needs a text or an attachment")
        view = await self.store.conversation(tenants, conversation)
        said = ApiReply(
            conversation=view.conversation.id, text=text, html=html, subject=subject,
            internal=internal, author=author, attachments=tuple(attachments),
        )  # fmt: skip
        tenant = view.conversation.tenant
        if key and (before := await said_before(self.store, tenants, tenant, key, said)):
            return before
        door = IntakeDoor(
            store=self.store, clock=self._clock, new_id=self._new_id,
            tenant=tenant, source=SOURCE, kind="api",
            on_accepted=self._on_accepted,
        )  # fmt: skip
        [arrival] = await door.accept(
            [
                NewArrival(
                    key=key or secrets.token_hex(16), kind="reply", body=msgspec.json.encode(said),
                    lane=show("conv", view.conversation.id), content_type="application/json",
                )
            ]
        )  # fmt: skip
        return arrival

    async def set_state(
        self, tenants: Tenants, conversation: int, state: ConversationState, who: str
    ) -> None:
        """Put a conversation into a state."""

        async def write(work: Work) -> None:
            current = work.read((await self.store.conversation(tenants, conversation)).conversation)
            if current.merged_into is not None:
                raise Refused(
                    f"{show('conv', conversation)} is merged into "
                    f"{show('conv', current.merged_into)}; set the state of that one"
                )
            ended = state in ("resolved", "closed")
            work.change(current, state=state, resolved_at=work.now if ended else None)
            work.decide("state", state, f"{who} set it", conversation=conversation)
            work.tell("conversation.changed", conversation=conversation, data={"state": state})

        await self._write(tenants, conversation, write)

    async def merge(self, tenants: Tenants, one: int, into: int, who: str) -> Link:
        """Merge a conversation into another; `unmerge` takes it back exactly."""
        made: list[Link] = []

        async def write(work: Work) -> None:
            made[:] = [
                merge(
                    work,
                    await self.store.conversation(tenants, one),
                    await self.store.conversation(tenants, into),
                    who,
                )
            ]

        await self._write(tenants, one, write)
        return made[0]

    async def unmerge(self, tenants: Tenants, one: int, who: str) -> None:
        """Take back the merge of a conversation."""

        async def write(work: Work) -> None:
            view = await self.store.conversation(tenants, one)
            link = next(
                (
                    link
                    for link in view.links
                    if link.kind == "merged_into" and link.a == one and link.revoked_at is None
                ),
                None,
            )
            if link is None:
                raise Refused(f"{show('conv', one)} is not merged into another conversation")
            into = await self.store.conversation(tenants, link.b)
            since = said_since(link, await self._messages(tenants, link.b))
            sent = [
                delivery
                for message in since
                for delivery in await self.store.deliveries(
                    tenants, DeliveryFilter(message=message.id), Cursor(limit=500)
                )
            ]
            unmerge(work, link, view, into, since, sent, who)

        await self._write(tenants, one, write)

    async def _messages(self, tenants: Tenants, conversation: int) -> list[Message]:
        found: list[Message] = []
        after = 0
        while page := await self.store.messages(tenants, conversation, after_seq=after, limit=200):
            found += page
            after = max(message.seq for message in page)
        return found

    async def why(self, tenants: Tenants, *, message: int | None, arrival: int | None) -> Why:
        """Explain a message, or an arrival that became none."""
        if message is None and arrival is not None:
            stored = await self.store.arrival(tenants, arrival)
            if not stored.messages:
                decisions = await self.store.decisions(tenants, arrival=arrival)
                return Why(message=None, arrivals=(stored,), decisions=tuple(decisions))
            message = stored.messages[0]
        if message is None:
            raise NotFound("name a message or an arrival")
        found = await self.store.message(tenants, message)
        decisions = await self.store.decisions(tenants, message=message)
        # A redelivery is an arrival of the message, too: the decision about it names both.
        again = (decision.arrival for decision in decisions if decision.arrival)
        ids = dict.fromkeys((*found.arrivals, *again))
        arrivals = [await self._arrival(tenants, one) for one in ids]
        deliveries = await self.store.deliveries(
            tenants, DeliveryFilter(message=message), Cursor(limit=100)
        )
        return Why(
            message=found, arrivals=tuple(filter(None, arrivals)), decisions=tuple(decisions),
            deliveries=tuple(deliveries),
        )  # fmt: skip

    async def _arrival(self, tenants: Tenants, identifier: int) -> StoredArrival | None:
        try:
            return await self.store.arrival(tenants, identifier)
        except NotFound:
            return None

    async def replay_arrival(
        self, tenants: Tenants, arrival: int, *, release: bool, who: str
    ) -> None:
        """Run a quarantined arrival again.

        Args:
            release: let it pass although a plugin holds or refuses it.
        """
        stored = await self.store.arrival(tenants, arrival)
        if stored.state != "quarantined":
            raise Refused(f"{show('arr', arrival)} is {stored.state}, not quarantined")
        work = self._work(stored.arrival.tenant)
        work.arrival = stored.arrival
        outcome = "released" if release else "replayed"
        work.decide("quarantine", outcome, f"{who} had it run again")
        work.tell("arrival.replayed", arrival=arrival)
        await self._commit(work.changes(finish=False))
        await self.store.set_arrival_state(tenants, arrival, "waiting", when="quarantined")
        self._on_accepted([of_lane(stored.arrival.tenant, stored.arrival.lane)])

    async def discard_arrival(self, tenants: Tenants, arrival: int, who: str) -> None:
        """Discard a quarantined arrival; it stays stored, with who discarded it."""
        await self.store.set_arrival_state(tenants, arrival, "discarded", when="quarantined")
        stored = await self.store.arrival(tenants, arrival)
        work = self._work(stored.arrival.tenant)
        work.arrival = stored.arrival
        work.decide("quarantine", "discarded", f"{who} discarded it")
        work.tell("arrival.discarded", arrival=arrival)
        await self._commit(work.changes(finish=False))

    async def settle_delivery(
        self, tenants: Tenants, delivery: int, action: Action, who: str
    ) -> Delivery:
        """Send a dead or unknown delivery again, or discard one so that the next ones go on.

        Returns:
            The delivery as it is now; for an answer that had nowhere to go the one that takes its place.

        Raises:
            Refused: it is not in a state for that, or there is still nowhere to send it to.
        """
        for _ in range(RACES):
            found = await self.store.delivery(tenants, delivery)
            check_mendable(found, action)
            work = self._work(found.tenant)
            if action == "replay" and not wayless(found):
                after = send_again(work, found, who)
            else:
                view = await self._standing(tenants, found.conversation)
                if action == "discard":
                    after = discard(work, found, view.conversation, who)
                else:
                    message = await self.store.message(tenants, found.message)
                    after = send_elsewhere(work, found, message, view, who)
            if await self._commit(work.changes()):
                return after
        raise Refused("it is being worked on; try again")

    async def _standing(self, tenants: Tenants, conversation: int) -> ConversationView:
        """Read a conversation, or the one that it was merged into."""
        view = await self.store.conversation(tenants, conversation)
        while view.conversation.merged_into is not None:
            view = await self.store.conversation(tenants, view.conversation.merged_into)
        return view

    def _work(self, tenant: str) -> Work:
        return Work(tenant=tenant, now=self._clock.now(), new_id=self._new_id)

    async def _write(
        self, tenants: Tenants, conversation: int, write: Callable[[Work], Awaitable[None]]
    ) -> None:
        """Run a change of a conversation again for as long as somebody else is faster."""
        view = await self.store.conversation(tenants, conversation)
        for _ in range(RACES):
            work = self._work(view.conversation.tenant)
            await write(work)
            if await self._commit(work.changes()):
                return
        raise Refused("the conversation is being changed all the time; try again")

    async def _commit(self, changes: Changes) -> bool:
        [conflict] = await self.store.commit([changes])
        if conflict is None:
            self._on_committed(changes)
        return conflict is None
