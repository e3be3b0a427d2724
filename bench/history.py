"""Fill a store, by its own operations, with what a gateway would have left there.

``python -m bench.history URL DATA messages|arrivals COUNT``
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bench.requests import said
from gateway.domain.arrival import Arrival
from gateway.domain.changes import Changes, Claim, Reference
from gateway.domain.contact import Contact, Identity
from gateway.domain.conversation import Conversation, Participant, Route, Thread, Ticket
from gateway.domain.conversation import reference_hash as reference
from gateway.domain.decision import Decision
from gateway.domain.delivery import Delivery
from gateway.domain.event import Event
from gateway.domain.ids import IdGenerator, key_hash
from gateway.domain.message import Address, Author, Message
from gateway.store.blobs import FileBlobs
from gateway.store.opening import open_store

V = TypeVar("V")
TENANT, BATCH = "default", 500
FIRST_SENDER = 5_000_000  # nobody whom a benchmark lets write


class _Now:
    def now(self) -> int:
        return time.time_ns() // 1_000_000


async def _fill(url: str, data: Path, what: str, count: int) -> None:
    clock = _Now()
    new_id = IdGenerator(1000, clock.now)
    store = await open_store(url, blobs=FileBlobs(data / "blobs"), clock=clock)
    try:
        if what == "arrivals":
            for arrivals in _batches(_arrivals(new_id, count)):
                await store.accept(arrivals)
        else:
            for messages in _batches(_messages(new_id, count)):
                if any(await store.commit(messages)):
                    raise RuntimeError("the history does not fit into the store")
    finally:
        await store.close()


def _batches(values: Iterator[V]) -> Iterator[list[V]]:
    while batch := list(islice(values, BATCH)):
        yield batch


def _arrivals(new_id: Callable[[], int], count: int) -> Iterator[Arrival]:
    """Arrivals that wait, from a thousand senders in turns."""
    for number in range(count):
        body = said(f"waiting-{number}", FIRST_SENDER + number % 1000, number)
        yield Arrival(
            id=new_id(), tenant=TENANT, source="hook", key=f"waiting-{number}",
            lane=f"+1555{FIRST_SENDER + number % 1000}", received_at=time.time_ns() // 1_000_000,
            body=body, sha256=hashlib.sha256(body).digest(),
        )  # fmt: skip


def _messages(new_id: Callable[[], int], count: int) -> Iterator[Changes]:
    """Messages that were delivered: three in ten opened a conversation, one in ten by a new person."""
    people: list[Identity] = []
    opened: list[tuple[Conversation, Identity]] = []
    for number in range(count):
        fields: dict[str, Any] = {}
        if number % 10 == 0:
            people.append(_person(new_id, number, fields))
        if number % 10 < 3:
            opened.append(_conversation(new_id, people[-1 - number % min(len(people), 97)], fields))
            conversation, author = opened[-1]
        else:
            place = -1 - (number * 7919) % min(len(opened), 1009)
            before, author = opened[place]
            conversation = _replaced(before)
            opened[place] = (conversation, author)
            fields["conversations"] = (conversation,)
        yield _message(new_id, number, conversation, author, fields)


def _person(new_id: Callable[[], int], number: int, fields: dict[str, Any]) -> Identity:  # fmt: skip
    contact = Contact(id=new_id(), tenant=TENANT, name=f"Customer {number}", version=1)
    identity = Identity(
        id=new_id(), tenant=TENANT, contact=contact.id, scheme="tel",
        value=f"+1555{FIRST_SENDER + number}", proof="asserted",
    )  # fmt: skip
    fields["contacts"], fields["identities"] = (contact,), (identity,)
    return identity


def _conversation(
    new_id: Callable[[], int], author: Identity, fields: dict[str, Any]
) -> tuple[Conversation, Identity]:
    now = time.time_ns() // 1_000_000
    conversation = Conversation(
        id=new_id(), tenant=TENANT, subject="A matter of the past", version=1, last_seq=1,
        requester=author.id, contact=author.contact, route=Route(backends=("sink",)),
        opened_at=now, updated_at=now,
    )  # fmt: skip
    fields["conversations"] = (conversation,)
    fields["participants"] = (
        Participant(tenant=TENANT, conversation=conversation.id, identity=author.id),
    )
    fields["threads"] = (
        Thread(
            id=new_id(), tenant=TENANT, conversation=conversation.id, channel="hook",
            native_id=str(conversation.id), identity=author.id,
        ),
    )  # fmt: skip
    fields["tickets"] = (
        Ticket(
            id=new_id(), tenant=TENANT, conversation=conversation.id, backend="sink",
            external_id=str(conversation.id),
        ),
    )  # fmt: skip
    return conversation, author


def _replaced(before: Conversation) -> Conversation:
    return msgspec.structs.replace(
        before, version=before.version + 1, last_seq=before.last_seq + 1,
        updated_at=time.time_ns() // 1_000_000,
    )  # fmt: skip


def _message(
    new_id: Callable[[], int], number: int, conversation: Conversation, author: Identity,
    fields: dict[str, Any],
) -> Changes:  # fmt: skip
    now = time.time_ns() // 1_000_000
    identifier, arrival = new_id(), new_id()
    message = Message(
        id=identifier, tenant=TENANT, conversation=conversation.id, seq=conversation.last_seq,
        channel="hook", direction="in", text=f"{number} {'x' * 600}", language="en",
        author=Author(
            kind="customer", identity=author.id,
            address=Address(scheme="tel", value=author.value),
        ),
        external_ids=(f"past-{number}",), received_at=now, recorded_at=now, arrivals=(arrival,),
    )  # fmt: skip
    delivery = Delivery(
        id=new_id(), tenant=TENANT, conversation=conversation.id, message=identifier,
        target="backend/sink", operation="forward", key=f"past-{number}", state="delivered",
        next_at=now, made_at=now, settled_at=now, blocks=False, attempts=1,
    )  # fmt: skip
    claims = tuple(
        Claim(key=key_hash(kind, TENANT, "hook", f"past-{number}"), message=identifier, arrival=arrival)
        for kind in ("exact", "key")
    )  # fmt: skip
    decisions = tuple(
        Decision(
            id=new_id(), tenant=TENANT, arrival=arrival, message=identifier, kind=kind,
            plugin="core", outcome="as it was", reason="it is history",
        )
        for kind in ("identity", "match", "route")
    )  # fmt: skip
    events = tuple(
        Event(id=new_id(), tenant=TENANT, kind=kind, conversation=conversation.id, at=now)
        for kind in ("message.stored", "delivery.delivered")
    )
    key = reference(TENANT, f"past-{number}")
    return Changes(
        tenant=TENANT, messages=(message,), deliveries=(delivery,), claims=claims,
        references=(Reference(key=key, conversation=conversation.id, message=identifier),),
        decisions=decisions, events=events, **fields,
    )  # fmt: skip


async def fill(url: str, data: Path, what: str, count: int) -> None:
    """Fill a store in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.history", url, str(data), what, str(count)
    )
    if await process.wait():
        raise RuntimeError("the history could not be written")


if __name__ == "__main__":
    asyncio.run(_fill(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
