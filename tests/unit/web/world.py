"""A gateway's store with two tenants in it, filled as the pipeline would."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from gateway.config.addresses import Listen
from gateway.config.secret import Secret
from gateway.config.server import ApiSettings, ApiToken, WebSettings
from gateway.core.continuation import OWNER, ContinuationCodes
from gateway.core.erasing import Eraser
from gateway.core.forgetting import Forgetter
from gateway.core.health import HealthBoard
from gateway.core.metrics import Metrics
from gateway.core.operating import Operator
from gateway.core.reading import BlobReader
from gateway.core.state import StoredState
from gateway.domain.arrival import Arrival, Quarantined
from gateway.domain.cards import redact_cards
from gateway.domain.changes import Changes
from gateway.domain.contact import Contact, Identity
from gateway.domain.continuation import ContinuationPolicy
from gateway.domain.conversation import Conversation, Participant, Route, Thread, Ticket
from gateway.domain.decision import Decision, DecisionKind
from gateway.domain.delivery import Attempt, Delivery
from gateway.domain.ids import IdGenerator
from gateway.domain.message import Attachment, Author, Message
from gateway.domain.tokens import Keyring
from gateway.hooks.calls import Hooks
from gateway.hooks.dispatcher import Dispatcher
from gateway.store.blobs import MemoryBlobs
from gateway.store.opening import open_store
from gateway.store.operations import Store
from gateway.testing import CapturingLog as ListLog
from gateway.testing import FakeClock
from gateway.web.server import WebServer
from gateway.web.services import Services
from tests.unit.web.client import Client

NAME = "gateway.db"
CARD = "4111 1111 1111 1111"
TOKENS: dict[str, tuple[tuple[Any, ...], tuple[str, ...]]] = {
    "reader": (("read",), ("default",)),
    "writer": (("reply",), ("default",)),
    "agent": (("read", "reply"), ("default",)),
    "operator": (("read", "operate"), ("default",)),
    "foreign": (("admin",), ("other",)),
    "admin": (("admin",), ("*",)),
}


def token(name: str) -> str:
    """The token called so."""
    return f"{name}-token-0123456789"


@dataclass
class World:
    """A filled store and what the web floor needs besides.

    Attributes:
        ids: of records, by what the tests call them.
    """

    store: Store
    clock: FakeClock
    new_id: IdGenerator
    blobs: MemoryBlobs
    log: ListLog = field(default_factory=ListLog)
    ids: dict[str, int] = field(default_factory=dict)
    committed: list[Changes] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)

    def services(self, **changed: Any) -> Services:
        """Services over this store."""
        tokens = {
            name: ApiToken(token=Secret(token(name)), scopes=scopes, tenants=tenants)
            for name, (scopes, tenants) in TOKENS.items()
        }
        given: dict[str, Any] = {
            "name": "Test gateway",
            "version": "0.1.0",
            "operator": Operator(
                store=self.store,
                clock=self.clock,
                new_id=self.new_id,
                on_committed=self.committed.append,
                on_accepted=self.accepted.extend,
            ),
            "eraser": Eraser(
                store=self.store,
                clock=self.clock,
                new_id=self.new_id,
                log=self.log,
                forgetter=Forgetter(
                    store=self.store,
                    channels={},
                    backends={},
                    log=self.log,
                    hooks=Hooks(Dispatcher({"forget_conversation": ()}, clock=self.clock)),
                ),
            ),
            "store": self.store,
            "blobs": BlobReader(self.blobs),
            "board": HealthBoard(self.clock, self.log),
            "metrics": Metrics(),
            "clock": self.clock,
            "log": self.log,
            "redact": redact,
            "codes": self.codes,
            "owners": {
                "channel/support": "default",
                "backend/rt": "default",
                "backend/theirs": "other",
            },
            "web": WebSettings(listen=Listen("127.0.0.1", 0)),
            "api": ApiSettings(tokens=tokens),
            "public_url": "https://gateway.example.org/base",
        }
        return Services(**{**given, **changed})

    def codes(self, tenant: str) -> ContinuationCodes:
        """A tenant's continuation codes; two live at once."""
        return ContinuationCodes(
            tenant=tenant, state=StoredState(self.store, tenant=tenant, owner=OWNER),
            keyring=Keyring([b"a key of thirty-two bytes or more"]), clock=self.clock,
            policy=ContinuationPolicy(most_live=2), choose=secrets.randbelow, log=self.log,
        )  # fmt: skip

    async def commit(self, **parts: Any) -> None:
        """Commit changes and expect no conflict."""
        [conflict] = await self.store.commit([Changes(**{"tenant": "default", **parts})])
        assert conflict is None, conflict


async def redact(message: Message, audience: Literal["console"]) -> Message:
    """Take card numbers out, as the gateway's own policy does."""
    assert audience == "console"
    return msgspec.structs.replace(
        message, text=redact_cards(message.text)[0], subject=redact_cards(message.subject)[0]
    )


@asynccontextmanager
async def serving(services: Services) -> AsyncIterator[Client]:
    """Serve on a free loopback port."""
    server = WebServer(services)
    port = await server.start("127.0.0.1", 0)
    try:
        async with Client.to(port) as client:
            yield client
    finally:
        await server.stop()


@dataclass(frozen=True)
class Template:
    """A filled database that is at rest, to be copied."""

    database: Path
    blobs: MemoryBlobs
    ids: dict[str, int]


async def make_template(folder: Path) -> Template:
    """Fill a SQLite store and close it."""
    async with filled_world(f"sqlite:///{folder}/{NAME}") as world:
        return Template(folder / NAME, world.blobs, world.ids)


@asynccontextmanager
async def copied_world(template: Template, folder: Path) -> AsyncIterator[World]:
    """Open a copy of a filled store."""
    await asyncio.to_thread(shutil.copyfile, template.database, folder / NAME)
    clock = FakeClock()
    store = await open_store(f"sqlite:///{folder}/{NAME}", blobs=template.blobs, clock=clock)
    try:
        new_id = IdGenerator(2, clock.now)
        yield World(store, clock, new_id, template.blobs, ids=dict(template.ids))
    finally:
        await store.close()


@asynccontextmanager
async def filled_world(url: str) -> AsyncIterator[World]:
    """Open an empty store and fill it."""
    clock, blobs = FakeClock(), MemoryBlobs()
    store = await open_store(url, blobs=blobs, clock=clock)
    try:
        world = World(store, clock, IdGenerator(1, clock.now), blobs)
        await _conversation(world, "kettle", "default", f"The kettle {CARD}")
        await _conversation(world, "toaster", "default", "The toaster")
        await _conversation(world, "secret", "other", "Nobody else's business")
        await _quarantine(world, "poison", "default")
        await _quarantine(world, "held", "default")
        await _quarantine(world, "their_poison", "other")
        yield world
    finally:
        await store.close()


def arrival(world: World, name: str, tenant: str, body: bytes, **more: Any) -> Arrival:
    """An arrival as the intake makes it."""
    world.ids[f"arrival_{name}"] = identifier = world.new_id()
    return Arrival(
        **{
            "id": identifier, "tenant": tenant, "source": "support", "kind": "mail",
            "key": f"key-{name}", "lane": name, "received_at": world.clock.now(), "body": body,
            "content_type": "message/rfc822", "sha256": hashlib.sha256(body).digest(),
            "headers": {"x-peer": "mx.example.org"}, **more,
        }
    )  # fmt: skip


async def _conversation(world: World, name: str, tenant: str, subject: str) -> None:
    """One conversation: a mail with attachments, an answer, and how both were delivered."""
    new_id, now = world.new_id, world.clock.now()
    taken = arrival(world, name, tenant, f"mail about {name}".encode())
    await world.store.accept([taken])
    person = Contact(id=new_id(), tenant=tenant, name="Ada <b>", version=1, made_at=now)
    who = Identity(
        id=new_id(), tenant=tenant, contact=person.id, scheme="email",
        value=f"{name}@example.org", name="Ada", proof="asserted", made_at=now,
    )  # fmt: skip
    where = Conversation(
        id=new_id(), tenant=tenant, subject=subject, requester=who.id, contact=person.id,
        route=Route(backends=("desk",), queue="kitchen", tags=("hot",)), version=1, last_seq=2,
        opened_at=now, updated_at=now,
    )  # fmt: skip
    thread = Thread(
        id=new_id(), tenant=tenant, conversation=where.id, channel="support", last_in_at=now,
        native_id=f"<{name}@example.org>",
    )  # fmt: skip
    first = await _question(world, name, taken, where, thread, who)
    answer = Message(
        id=new_id(), tenant=tenant, conversation=where.id, seq=2, direction="out",
        author=Author(kind="agent", name="Grace"), text="Plug it in.", received_at=now,
        recorded_at=now,
    )  # fmt: skip
    settled = _deliveries(world, name, first, answer)
    decisions = tuple(
        Decision(
            id=new_id(), tenant=tenant, arrival=taken.id, message=first.id, conversation=where.id,
            kind=kind, plugin="core 0.1.0", outcome=outcome, reason=reason.format(name), facts={"rule": name},
            at=now,
        )
        for kind, outcome, reason in REASONS
    )  # fmt: skip
    await world.commit(
        tenant=tenant, arrivals_done=(taken.id,), contacts=(person,), identities=(who,),
        conversations=(where,), threads=(thread,), messages=(first, answer), decisions=decisions,
        participants=(
            Participant(tenant=tenant, conversation=where.id, identity=who.id, added_at=now),
        ),
        tickets=(
            Ticket(
                id=new_id(), tenant=tenant, conversation=where.id, backend="desk",
                external_id=f"T-{name}",
            ),
        ),
        deliveries=settled,
    )  # fmt: skip
    world.ids |= {name: where.id, f"{name}_question": first.id, f"{name}_answer": answer.id}
    world.ids |= {f"{name}_{one.state}": one.id for one in settled}


async def _question(
    world: World, name: str, taken: Arrival, where: Conversation, thread: Thread, who: Identity
) -> Message:
    blob = await world.blobs.put(b"%PDF-1.7 a drawing")
    return Message(
        id=world.new_id(), tenant=where.tenant, conversation=where.id, seq=1, thread=thread.id,
        channel="support", direction="in", received_at=world.clock.now(),
        recorded_at=world.clock.now(), sent_at=world.clock.now() - 5000,
        author=Author(kind="customer", name="Ada", identity=who.id, address=who.address),
        subject=where.subject, text=f"<script>alert(1)</script> {name} does not work, {CARD}",
        html="<p>It does not work</p>", quoted="> earlier", arrivals=(taken.id,),
        external_ids=(f"<{name}@example.org>",),
        attachments=(
            Attachment(
                name='Zeichnung "größer".pdf', media_type="text/html", size=18, sha256=blob,
                blob=blob, sniffed="application/pdf",
            ),
            Attachment(name="film.mov", size=0, state="too_large"),
        ),
    )  # fmt: skip


REASONS: tuple[tuple[DecisionKind, str, str], ...] = (
    ("match", "new", "no conversation is named by it"),
    ("route", "desk", "the rule <i>{}</i> fits"),
)


def _deliveries(world: World, name: str, first: Message, answer: Message) -> tuple[Delivery, ...]:
    now = world.clock.now()

    def delivery(of: Message, target: str, **more: Any) -> Delivery:
        return Delivery(
            **{
                "id": world.new_id(), "tenant": of.tenant, "conversation": of.conversation,
                "message": of.id, "target": target, "operation": "forward", "made_at": now,
                "key": f"gw-{name}-{target}", "next_at": now, **more,
            }
        )  # fmt: skip

    return (
        delivery(first, "backend/desk", state="delivered", external_ids=("7",), blocks=False),
        delivery(
            first, "backend/rt", state="dead", attempts=3, last_code="rejected", blocks=True,
            last_error="RT refuses the queue", settled_at=now,
            history=(Attempt(at=now, outcome="dead", code="rejected", error="no such queue"),),
        ),
        delivery(
            answer, "channel/support", operation="reply", state="unknown", attempts=1,
            next_at=now + 60_000, recipients=(), last_error="the connection broke",
        ),
    )  # fmt: skip


async def _quarantine(world: World, name: str, tenant: str) -> None:
    taken = arrival(world, name, tenant, b"\xff\x00 poison")
    await world.store.accept([taken])
    reason = Quarantined(
        stage="parse", code="unreadable", error=f"<{name}> cannot be read", attempts=2,
        at=world.clock.now(),
    )  # fmt: skip
    decision = Decision(
        id=world.new_id(), tenant=tenant, arrival=taken.id, kind="quarantine", plugin="core 0.1.0",
        outcome="unreadable", reason="it cannot be read", at=world.clock.now(),
    )  # fmt: skip
    await world.commit(tenant=tenant, quarantine=((taken.id, reason),), decisions=(decision,))
