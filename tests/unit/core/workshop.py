"""The real core over a real SQLite store, with a channel and a ticket system small enough to read.

Nothing of the gateway is replaced: only the outside world is, that is the clock, what customers
send and what a ticket system or a provider does with what it is given.
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from gateway.contracts.backend import Backend, BackendCapabilities
from gateway.contracts.channel import Channel, ChannelCapabilities, Parser
from gateway.contracts.services import Context
from gateway.core.continuation import OWNER, ContinuationCodes
from gateway.core.egress import GuardedHttp
from gateway.core.events import subscribed, telling
from gateway.core.following import Follower
from gateway.core.intake import IntakeDoor
from gateway.core.matters import StoredMatters
from gateway.core.operating import Operator
from gateway.core.outbox.composing import ReplyComposer
from gateway.core.outbox.sender import Sender
from gateway.core.outbox.targets import BackendTarget, ChannelTarget, Target
from gateway.core.pace import Pace
from gateway.core.parsing import ParserPool
from gateway.core.pipeline.acknowledging import Acknowledger
from gateway.core.pipeline.inbound import Inbound
from gateway.core.pipeline.preparing import Preparer
from gateway.core.pipeline.restraint import AcknowledgePolicy, Restraint
from gateway.core.pipeline.runner import Pipeline
from gateway.core.reading import BlobReader
from gateway.core.state import StoredState
from gateway.core.texts import ACKNOWLEDGED
from gateway.core.timers import Timers
from gateway.domain.arrival import Arrival, NewArrival
from gateway.domain.changes import Changes
from gateway.domain.continuation import ContinuationPolicy
from gateway.domain.conversation import Conversation
from gateway.domain.decision import Decision
from gateway.domain.delivery import Delivery
from gateway.domain.draft import Draft, Parsed
from gateway.domain.health import Health
from gateway.domain.ids import IdGenerator
from gateway.domain.matching import MatchingPolicy
from gateway.domain.message import Address, Message
from gateway.domain.outgoing import EntryRef, Forward, Reply, Sent, TicketRef
from gateway.domain.retrying import BreakerPolicy, RetryPolicy
from gateway.domain.routing import Rule
from gateway.domain.tokens import Keyring
from gateway.errors import UnreadableArrival
from gateway.hooks.calls import Hooks
from gateway.hooks.dispatcher import Dispatcher
from gateway.hooks.implementations import KINDS, Implementation
from gateway.store.blobs import MemoryBlobs
from gateway.store.opening import open_store
from gateway.store.operations import (
    ConversationFilter,
    Cursor,
    DeliveryFilter,
    QuarantinedArrival,
    Store,
)
from gateway.testing.clock import FakeClock

TENANT = "default"
KEY = b"a key for reply tokens that is 32"
OFTEN = Pace(idle=0.02)
TARGETS = frozenset({"channel/post", "channel/second", "backend/tickets", "backend/other"})
QUICK = RetryPolicy(schedule=(0, 5, 30, 120), jitter=0.0)

Step = Exception | Callable[[], Awaitable[Any]]


class ListLog:
    """A log that keeps its lines as (event, facts)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **facts: Any) -> None:
        self.lines.append((event, facts))

    warning = error = info


def read_pigeon(arrival: Arrival) -> Sequence[Parsed]:
    """Read what a pigeon carries: drafts and receipts as they are."""
    try:
        return msgspec.json.decode(arrival.body, type=list[Parsed])
    except msgspec.MsgspecError as error:
        raise UnreadableArrival(f"the pigeon carries nonsense: {error}") from error


@dataclass
class Script:
    """What an outside system does with the next requests; afterwards it just works.

    A step is an error to be raised or a coroutine function to be awaited. With `stores` the
    request is carried out before the error is raised: the answer is what gets lost.
    """

    steps: deque[tuple[Step, bool]] = field(default_factory=deque)
    calls: int = 0
    running: int = 0
    most_running: int = 0

    def then(self, *steps: Step, stores: bool = False) -> None:
        """Plan what happens to the next requests."""
        self.steps.extend((step, stores) for step in steps)

    async def play(self, carry_out: Callable[[], Any]) -> Any:
        """Do what is planned for this request."""
        self.calls += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            step, stores = self.steps.popleft() if self.steps else (None, True)
            made = carry_out() if stores else None
            if isinstance(step, Exception):
                raise step
            if step is not None:
                await step()
            return made if stores else carry_out()
        finally:
            self.running -= 1


class Nothing(msgspec.Struct, frozen=True):
    """No settings."""


class Pigeon(Channel[Nothing]):
    """A channel whose messages are drafts in JSON, and that keeps what it is to send."""

    capabilities = ChannelCapabilities(repeat="tolerable")

    def __init__(self, context: Context[Nothing], **capabilities: Any) -> None:
        super().__init__(context)
        if capabilities:
            self.capabilities = ChannelCapabilities(**capabilities)  # type: ignore[misc]
        self.sent: list[Reply] = []
        self.script = Script()
        self.lookups = 0

    @property
    def parser(self) -> Parser:
        return read_pigeon

    def is_quick(self, arrival: Arrival) -> bool:
        return True

    def revise(self, stored: Message, new: Message) -> Message:
        """Put the parts of a message that says so into order; else the new one counts."""
        if "part" not in new.extra:
            return new
        before = stored.extra.get("parts") or {stored.extra["part"]: stored.text}
        parts = {**before, new.extra["part"]: new.text}
        return msgspec.structs.replace(
            new, text=" ".join(parts[name] for name in sorted(parts)), extra={"parts": parts, "part": ""},
            quiet=stored.quiet and new.quiet,
        )  # fmt: skip

    async def send(self, reply: Reply) -> Sent:
        def carry_out() -> Sent:
            self.sent.append(reply)
            return Sent(external_ids=(f"out-{reply.key}",))

        return await self.script.play(carry_out)  # type: ignore[no-any-return]

    async def find_sent(self, reply: Reply) -> Sent | None:
        self.lookups += 1
        keys = [one.key for one in self.sent]
        return Sent(external_ids=(f"out-{reply.key}",)) if reply.key in keys else None


class Shelf(Backend[Nothing]):
    """A ticket system that keeps every request it carried out, and is idempotent only by search."""

    capabilities = BackendCapabilities(repeat="lookup")

    def __init__(self, context: Context[Nothing], **capabilities: Any) -> None:
        super().__init__(context)
        if capabilities:
            self.capabilities = BackendCapabilities(**capabilities)  # type: ignore[misc]
        self.tickets: dict[str, list[Forward]] = {}
        self.script = Script()
        self.search = Script()

    @property
    def parser(self) -> Parser:
        return read_pigeon

    def is_quick(self, arrival: Arrival) -> bool:
        return True

    @property
    def entries(self) -> list[Forward]:
        """Everything in all tickets, ticket by ticket."""
        return [entry for entries in self.tickets.values() for entry in entries]

    async def open_ticket(self, forward: Forward) -> TicketRef:
        def carry_out() -> TicketRef:
            number = str(len(self.tickets) + 1)
            self.tickets[number] = [forward]
            return TicketRef(external_id=number)

        return await self.script.play(carry_out)  # type: ignore[no-any-return]

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        def carry_out() -> EntryRef:
            self.tickets[ticket.external_id].append(forward)
            return EntryRef(external_id=f"{ticket.external_id}.{forward.key}")

        return await self.script.play(carry_out)  # type: ignore[no-any-return]

    async def find(self, forward: Forward) -> TicketRef | None:
        return await self.search.play(lambda: self._find(forward))  # type: ignore[no-any-return]

    def _find(self, forward: Forward) -> TicketRef | None:
        for number, entries in self.tickets.items():
            if entries[0].key == forward.key:
                return TicketRef(external_id=number)
        return None

    async def find_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef | None:
        def carry_out() -> EntryRef | None:
            keys = [entry.key for entry in self.tickets[ticket.external_id]]
            return EntryRef(external_id="found") if forward.key in keys else None

        return await self.search.play(carry_out)  # type: ignore[no-any-return]


def implementations(*plugins: Any) -> dict[str, tuple[Implementation, ...]]:
    """List the hooks that some objects implement by methods of their names."""
    found: dict[str, tuple[Implementation, ...]] = dict.fromkeys(KINDS, ())
    for plugin in plugins:
        for hook in KINDS:
            function = getattr(plugin, hook, None)
            if function is not None:
                found[hook] += (
                    Implementation(
                        hook=hook,
                        plugin=type(plugin).__name__.lower(),
                        version="1",
                        function=function,
                        names=tuple(inspect.signature(function).parameters),
                        asynchronous=inspect.iscoroutinefunction(function),
                    ),
                )
    return found


@dataclass(kw_only=True)
class Options:
    """How a workshop is set up; the defaults are the gateway's."""

    plugins: tuple[Any, ...] = ()
    acknowledge: AcknowledgePolicy = field(default_factory=AcknowledgePolicy)
    matching: MatchingPolicy = field(default_factory=MatchingPolicy)
    rules: tuple[Rule, ...] = ()
    channel: dict[str, Any] = field(default_factory=dict)
    backend: dict[str, Any] = field(default_factory=dict)
    retry: RetryPolicy = QUICK
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    deadline: float = 5.0
    patience: float = 5.0
    attempts: int = 3


class Workshop:
    """Every part of the core that is between a channel and a ticket system, for one tenant."""

    def __init__(self, store: Store, clock: FakeClock, options: Options, node: int = 1) -> None:
        self.store, self.clock, self.options = store, clock, options
        self.new_id = IdGenerator(node, clock.now)
        self.log, self.blobs = ListLog(), MemoryBlobs()
        self.keyring = Keyring([KEY])
        self.codes = ContinuationCodes(
            tenant=TENANT, state=StoredState(store, tenant=TENANT, owner=OWNER),
            keyring=self.keyring, clock=clock, policy=ContinuationPolicy(),
            choose=secrets.randbelow, log=self.log,
        )  # fmt: skip
        self.hooks = Hooks(Dispatcher(implementations(*options.plugins), clock=clock))
        self.channels = {
            name: Pigeon(self._context("channel", name), **options.channel)
            for name in ("post", "second")
        }
        self.backends = {
            name: Shelf(self._context("backend", name), **options.backend)
            for name in ("tickets", "other")
        }
        self.health: dict[str, Health] = {}
        self.committed: list[Changes] = []
        self.senders: dict[str, Sender] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.pipeline = self._pipeline()
        self.timers = Timers(
            store=store, hooks=self.hooks, clock=clock, new_id=self.new_id, log=self.log,
            on_committed=self._notice, targets=TARGETS, idle=OFTEN.idle,
        )  # fmt: skip
        self.followers = [
            Follower(
                name=plugin, place=subscribed(plugin), each=telling(self.hooks, plugin),
                store=store, log=self.log, idle=OFTEN.idle,
            )
            for plugin in self.hooks.subscribers()
        ]  # fmt: skip
        self.operator = Operator(
            store=store, clock=clock, new_id=self.new_id, on_committed=self._notice,
            on_accepted=self.pipeline.wake,
        )  # fmt: skip

    @property
    def post(self) -> Pigeon:
        """The first channel."""
        return self.channels["post"]

    @property
    def tickets(self) -> Shelf:
        """The first ticket system."""
        return self.backends["tickets"]

    def _context(self, kind: str, name: str) -> Context[Nothing]:
        return Context(
            name=name, tenant=TENANT, settings=Nothing(), clock=self.clock,
            state=StoredState(self.store, tenant=TENANT, owner=f"{kind}/{name}"),
            tokens=self.keyring, codes=self.codes, matters=StoredMatters(self.store, TENANT),
            blobs=BlobReader(self.blobs), http=GuardedHttp(), log=self.log,
            report=lambda health: None,
        )  # fmt: skip

    def _pipeline(self) -> Pipeline:
        connectors: dict[tuple[str, str], Channel[Any] | Backend[Any]] = {
            **{("channel", name): one for name, one in self.channels.items()},
            **{("backend", name): one for name, one in self.backends.items()},
        }
        options = self.options
        acknowledger = Acknowledger(
            hooks=self.hooks, texts={TENANT: ACKNOWLEDGED},
            restraint=Restraint(
                store=self.store, policy=options.acknowledge, sending=frozenset(self.channels)
            ),
        )  # fmt: skip
        return Pipeline(
            store=self.store,
            preparer=Preparer(
                connectors=connectors, pool=ParserPool(workers=0), hooks=self.hooks,
                blobs=self.blobs, clock=self.clock, new_id=self.new_id,
                plugins={("channel", "post"): "pigeons"},
            ),
            inbound=Inbound(
                hooks=self.hooks, store=self.store, keyring=self.keyring, policy=options.matching,
                rules=options.rules, targets=TARGETS, default_backends={TENANT: ("tickets",)},
                acknowledger=acknowledger, channels=self.channels,
            ),
            keyring=self.keyring, clock=self.clock, new_id=self.new_id, log=self.log,
            on_committed=self._notice, attempts=options.attempts, pace=OFTEN,
        )  # fmt: skip

    def target(self, name: str) -> Target:
        """A channel or backend as the outbox sees it."""
        kind, _, instance = name.partition("/")
        if kind == "backend":
            return BackendTarget(instance, self.backends[instance], self.store, self.hooks)
        composer = ReplyComposer(self.store, self.keyring, lambda tenant: self.codes)
        return ChannelTarget(instance, self.channels[instance], self.hooks, composer)

    def send_to(self, name: str) -> Sender:
        """Start the sender of a target."""

        def report(health: Health) -> None:
            self.health[name] = health

        sender = self.senders[name] = Sender(
            target=self.target(name), store=self.store, clock=self.clock, new_id=self.new_id,
            random=lambda: 0.5, log=self.log, report=report, retry=self.options.retry,
            breaker=self.options.breaker, on_settled=self._notice, deadline=self.options.deadline,
            patience=self.options.patience,
        )  # fmt: skip
        self.run(sender.run())
        return sender

    def run(self, work: Any) -> None:
        """Run something until the workshop closes."""
        self._tasks.append(asyncio.create_task(work))

    async def close(self) -> None:
        """Stop everything at once, as a kill would: what is under way is not waited for."""
        under_way: list[asyncio.Task[Any]] = [*self.pipeline._lanes._tasks]
        under_way += [task for sender in self.senders.values() for task in sender._tasks]
        for task in (*under_way, *self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _notice(self, changes: Changes) -> None:
        self.committed.append(changes)
        for delivery in (*changes.deliveries, *changes.settled):
            if delivery.target in self.senders:
                self.senders[delivery.target].wake()
        self.timers.notice(changes)
        for follower in self.followers if changes.events else ():
            follower.wake()

    # what comes in

    def door(self, source: str = "post", kind: str = "channel", tenant: str = TENANT) -> IntakeDoor:
        """The way in for a connector."""
        return IntakeDoor(
            store=self.store, clock=self.clock, new_id=self.new_id, tenant=tenant, source=source,
            kind="backend" if kind == "backend" else "channel", on_accepted=self.pipeline.wake,
        )  # fmt: skip

    async def hand_in(
        self, *parsed: Parsed, source: str = "post", kind: str = "channel", key: str = "",
        lane: str = "", tenant: str = TENANT,
    ) -> int:  # fmt: skip
        """Hand in an arrival that is read as these."""
        new = NewArrival(
            key=key or str(self.new_id()), lane=lane, body=msgspec.json.encode(list(parsed))
        )
        [arrival] = await self.door(source, kind, tenant).accept([new])
        return arrival

    async def take(self, *parsed: Parsed, **about: Any) -> int:
        """Hand in an arrival and wait until it is worked on."""
        arrival = await self.hand_in(*parsed, **about)
        await self.quiet()
        return arrival

    # what became of it

    async def quiet(self) -> None:
        """Wait until no arrival waits."""

        async def done() -> bool:
            waits = (await self.store.counts()).arrivals_waiting
            return (
                waits == 0 and not self.pipeline._held
            )  # what is committed is told a moment later

        await until(done)

    async def conversations(self) -> list[Conversation]:
        """All conversations, oldest first."""
        found = await self.store.conversations(None, ConversationFilter(), Cursor(limit=500))
        return found[::-1]

    async def messages(self, conversation: int | None = None) -> list[Message]:
        """The messages of a conversation, or of the only one there is."""
        if conversation is None:
            [only] = await self.conversations()
            conversation = only.id
        return await self.store.messages(None, conversation, after_seq=0, limit=500)

    async def deliveries(self, target: str = "", **wanted: Any) -> list[Delivery]:
        """Deliveries, oldest first."""
        found = await self.store.deliveries(
            None, DeliveryFilter(target=target, **wanted), Cursor(limit=500)
        )
        return found[::-1]

    async def delivery(self, target: str) -> Delivery:
        """The only delivery to a target."""
        [only] = await self.deliveries(target)
        return only

    async def quarantine(self) -> list[QuarantinedArrival]:
        """What rests in quarantine, oldest first."""
        return (await self.store.quarantine(None, Cursor(limit=500)))[::-1]

    async def decisions(self, kind: str = "") -> list[Decision]:
        """Every decision that was committed, in order."""
        return [
            decision
            for changes in self.committed
            for decision in changes.decisions
            if kind in ("", decision.kind)
        ]

    async def settled(self, target: str, state: str, count: int = 1) -> list[Delivery]:
        """Wait until so many deliveries of a target are in a state."""

        async def there() -> bool:
            found = await self.deliveries(target)
            return sum(one.state == state for one in found) >= count

        await until(there)
        return [one for one in await self.deliveries(target) if one.state == state]

    async def later(self, seconds: float) -> None:
        """Let time pass and have everybody look at the clock."""
        self.clock.advance(seconds)
        for sender in self.senders.values():
            sender.wake()


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: it does not come to hold.
    """
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - it looks into a database
            await asyncio.sleep(0.002)


def address(name: str, scheme: str = "email") -> Address:
    """A person's address."""
    return Address(scheme=scheme, value=f"{name}@example.net", name=name.title())


def letter(
    author: str | None = "ann", text: str = "The printer is on fire again", **more: Any
) -> Draft:
    """What somebody writes, whose address a provider vouches for."""
    return Draft(
        **{
            "author": address(author) if author else None,
            "proof": "asserted",
            "subject": "Printer",
            "text": text,
            **more,
        }
    )


@asynccontextmanager
async def workshop(
    path: Path,
    *,
    clock: FakeClock | None = None,
    node: int = 1,
    pipeline: bool = True,
    **options: Any,
) -> AsyncGenerator[Workshop]:
    """Open a workshop over the database at a path.

    Args:
        pipeline: run the pipeline, too.
    """
    clock = clock or FakeClock()
    async with AsyncExitStack() as stack:
        store = await open_store(f"sqlite:///{path}", blobs=MemoryBlobs(), clock=clock)
        stack.push_async_callback(store.close)
        shop = Workshop(store, clock, Options(**options), node)
        stack.push_async_callback(shop.close)
        if pipeline:
            shop.run(shop.pipeline.run())
        yield shop
