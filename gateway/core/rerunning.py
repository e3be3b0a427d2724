"""Running a stored arrival again: what its message would be now, and how that differs.

An arrival is parsed, normalised, redacted and enriched as if it had just come in; who wrote it and
which conversation it belongs to are not decided again. Nothing is written until `Rerunner.apply`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Literal

import msgspec

from gateway.contracts.services import Clock
from gateway.core.pipeline.keys import exact_key
from gateway.core.pipeline.preparing import Prepared, Preparer
from gateway.core.pipeline.revising import Channels, put_together
from gateway.core.pipeline.stopping import released
from gateway.core.pipeline.work import Work
from gateway.domain.changes import Changes, Reference
from gateway.domain.conversation import reference_hash
from gateway.domain.ids import Ids, show
from gateway.domain.known import Question
from gateway.domain.message import Author, Message
from gateway.errors import HookFailure, NotFound, Refused, UnreadableArrival
from gateway.store.operations import Store, StoredArrival, Tenants

RACES = 20
FIELDS = (
    "kind", "audience", "subject", "text", "quoted", "html", "language", "attachments",
    "in_reply_to", "external_ids", "sent_at", "automated", "answerable", "trust", "spam", "quiet",
    "extra",
)  # fmt: skip

Outcome = Literal["same", "changed", "passes", "unreadable", "stopped", "left"]


class Rerun(msgspec.Struct, frozen=True, kw_only=True):
    """What came of running one part of an arrival again.

    Args:
        outcome: ``same`` or ``changed`` of a message; ``passes``: a quarantined arrival could be
            processed now; ``unreadable``; ``stopped`` by a plugin; ``left``: it is none of
            this mechanism's business, and `reason` says why.
        fields: what would be different.
        stored, revised: the message as it is, and as it would be committed; what people see of
            them has to be redacted first.
    """

    arrival: int
    part: int = 0
    outcome: Outcome
    reason: str = ""
    message: int | None = None
    fields: tuple[str, ...] = ()
    stored: Message | None = None
    revised: Message | None = None


class Rerunner:
    """Runs stored arrivals again.

    Args:
        on_committed: told what was committed.
        channels: by name, to put revisions together.
    """

    def __init__(
        self,
        *,
        store: Store,
        preparer: Preparer,
        clock: Clock,
        new_id: Ids,
        on_committed: Callable[[Changes], None],
        channels: Channels = MappingProxyType({}),
    ) -> None:
        self._store, self._preparer, self._channels = store, preparer, channels
        self._clock, self._new_id, self._on_committed = clock, new_id, on_committed

    async def look(self, tenants: Tenants, arrival: int) -> list[Rerun]:
        """Run an arrival again without writing anything but attachments' contents.

        Raises:
            NotFound: it is not there, or another tenant's.
        """
        stored = await self._store.arrival(tenants, arrival)
        reason = _left_alone(stored)
        if reason:
            return [Rerun(arrival=arrival, outcome="left", reason=reason)]
        try:
            prepared = await self._preparer.prepare(
                stored.arrival, released=await released(self._store, arrival)
            )
        except (UnreadableArrival, HookFailure) as error:
            return [Rerun(arrival=arrival, outcome="unreadable", reason=str(error))]
        if stored.state == "quarantined":
            return [_passes(stored, prepared)]
        return [await self._compare(stored, part) for part in prepared] or [
            Rerun(arrival=arrival, outcome="left", reason="it holds nothing")
        ]

    async def apply(
        self, tenants: Tenants, rerun: Rerun, who: str, *, forward: bool = False
    ) -> Message:
        """Commit what `look` found as a new revision of the message.

        Args:
            forward: send the new revision to the conversation's backends as well.

        Raises:
            Refused: nothing is changed by it, or the message was changed since.
        """
        revised = rerun.revised
        if revised is None:
            raise Refused(f"{show('arr', rerun.arrival)} changes no message")
        for _ in range(RACES):
            stored = await self._store.message(tenants, revised.id)
            if stored.revision + 1 != revised.revision:
                raise Refused(f"{show('msg', stored.id)} was changed meanwhile; look again")
            work = await self._revision(tenants, rerun, stored, revised, who, forward=forward)
            changes = work.changes(finish=False)
            [conflict] = await self._store.commit([changes])
            if conflict is None:
                self._on_committed(changes)
                return work.messages[0]
        raise Refused("its conversation is being changed all the time; try again")

    async def _revision(
        self, tenants: Tenants, rerun: Rerun, stored: Message, revised: Message, who: str,
        *, forward: bool,
    ) -> Work:  # fmt: skip
        work = Work(tenant=stored.tenant, now=self._clock.now(), new_id=self._new_id)
        message = msgspec.structs.replace(
            revised, conversation=stored.conversation, seq=stored.seq, thread=stored.thread,
            recorded_at=work.now,
        )  # fmt: skip
        view = await self._store.conversation(tenants, message.conversation)
        conversation = work.change(work.read(view.conversation))
        work.messages.append(message)
        work.references += [
            Reference(
                key=reference_hash(message.tenant, native), conversation=conversation.id,
                message=message.id,
            )
            for native in message.external_ids
            if native not in stored.external_ids
        ]  # fmt: skip
        fields = ", ".join(rerun.fields)
        work.decide(
            "parse", "revised", f"{who} had {show('arr', rerun.arrival)} run again: {fields}",
            message=message.id, conversation=conversation.id, revision=message.revision,
        )  # fmt: skip
        work.tell("message.revised", conversation=conversation.id, message=message.id)
        for backend in conversation.route.backends if forward else ():
            work.deliver(message, f"backend/{backend}", "forward")
        return work

    async def _compare(self, stored: StoredArrival, part: Prepared) -> Rerun:
        arrival = stored.arrival
        about = Rerun(arrival=arrival.id, part=part.part, outcome="left")
        replace = msgspec.structs.replace
        if part.stopped is not None:
            return replace(about, outcome="stopped", reason=_stopped(part))
        if part.candidate is None:
            return replace(about, reason="only what customers wrote is run again")
        message = await self._message(arrival.tenant, exact_key(arrival, part.part))
        if message is None:
            return replace(about, reason="no message of its own came of it")
        about = replace(about, message=message.id)
        if message.arrivals[-1:] != (arrival.id,):
            newest = show("arr", message.arrivals[-1]) if message.arrivals else "another arrival"
            return replace(about, reason=f"{newest} says what {show('msg', message.id)} is now")
        new = part.candidate.message
        if part.candidate.draft.revises:
            new = put_together(self._channels, arrival.source, message, new)
        revised = _revised(message, new)
        fields = _differing(message, revised)
        if not fields:
            return replace(about, outcome="same")
        return replace(about, outcome="changed", fields=fields, stored=message, revised=revised)

    async def _message(self, tenant: str, claim: bytes) -> Message | None:
        [known] = await self._store.look_up([Question(tenant=tenant, claims=(claim,))])
        if claim not in known.claimed:
            return None
        try:
            return await self._store.message(frozenset({tenant}), known.claimed[claim])
        except NotFound:
            return None


def _left_alone(stored: StoredArrival) -> str:
    """Why an arrival is not run again; empty if it is."""
    if stored.state == "waiting":
        return "it waits to be processed for the first time"
    if stored.arrival.gone:
        return f"its content is not there any more ({stored.arrival.gone})"
    if stored.state == "discarded":
        return "it was discarded"
    if stored.arrival.source_kind == "api":
        return "only what customers wrote is run again"
    return ""


def _stopped(part: Prepared) -> str:
    reason = part.stopped.reason if part.stopped else ""
    return f"{part.stopped_by.strip()} stops it: {reason}"


def _passes(stored: StoredArrival, prepared: list[Prepared]) -> Rerun:
    for part in prepared:
        if part.stopped is not None:
            return Rerun(arrival=stored.arrival.id, outcome="stopped", reason=_stopped(part))
    was = stored.reason.error if stored.reason else ""
    return Rerun(arrival=stored.arrival.id, outcome="passes", reason=f"it was put aside: {was}")


def _revised(stored: Message, candidate: Message) -> Message:
    """The stored message with what is read of its arrival now; whose it is stays."""
    fields = {field: getattr(candidate, field) for field in FIELDS}
    ids = dict.fromkeys((*stored.external_ids, *candidate.external_ids))
    return msgspec.structs.replace(
        stored,
        **{**fields, "external_ids": tuple(ids)},
        author=Author(
            kind=stored.author.kind,
            name=candidate.author.name,
            identity=stored.author.identity,
            address=stored.author.address,
        ),
        revision=stored.revision + 1,
    )


def _differing(stored: Message, revised: Message) -> tuple[str, ...]:
    fields = [field for field in FIELDS if getattr(stored, field) != getattr(revised, field)]
    if stored.author.name != revised.author.name:
        fields.append("author")
    return tuple(fields)
