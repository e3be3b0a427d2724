from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import msgspec
import pytest
from aiohttp import web

from gateway import (
    Arrival,
    Backend,
    BackendCapabilities,
    BackendType,
    Channel,
    ChannelCapabilities,
    ChannelType,
    Draft,
    EntryRef,
    Forward,
    Health,
    NewArrival,
    OutcomeUnknown,
    Rejected,
    Reply,
    Secret,
    Sent,
    TicketRef,
    Unreachable,
    UnreadableArrival,
)
from gateway.testing import Surroundings, Violation, check_backend, check_channel

ARRIVAL = NewArrival(key="1", body=b'{"text": "hello", "tags": ["a"]}')
REPLY = Reply(
    key="k", delivery="dlv_1", tenant="default", conversation="c", message="m", text="hello"
)
FORWARD = Forward(key="k", tenant="default", conversation="c", message="m", channel="s", text="x")
ENTRY = msgspec.structs.replace(FORWARD, key="l")


class PostSettings(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    key: Secret = Secret("do not tell anybody")


def read_well(arrival: Arrival) -> Sequence[Draft]:
    """Read as it should be."""
    try:
        return [Draft(text=msgspec.json.decode(arrival.body, type=dict[str, Any])["text"] + "")]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError, TypeError) as error:
        raise UnreadableArrival(str(error)) from error


def read_carelessly(arrival: Arrival) -> Sequence[Draft]:
    """Read without a thought of what else may come."""
    return [Draft(text=json.loads(arrival.body)["text"])]


def read_a_file(arrival: Arrival) -> Sequence[Draft]:
    """Read what has nothing to do with the arrival."""
    return [Draft(text=Path(__file__).read_text()[:10])]


_numbers = itertools.count()


def read_differently(arrival: Arrival) -> Sequence[Draft]:
    """Read something else each time."""
    return [Draft(text=str(next(_numbers)))]


def read_slowly(arrival: Arrival) -> Sequence[Draft]:
    """Take longer than 20 ms."""
    end = time.thread_time() + 0.03
    while time.thread_time() < end:
        pass
    return [Draft(text="at last")]


def read_some_slowly(arrival: Arrival) -> Sequence[Draft]:
    """Take time for what nobody means well with."""
    return read_well(arrival) if len(arrival.body) < 100 else read_slowly(arrival)


class Post(Channel[PostSettings]):
    """A channel as it should be."""

    capabilities: ClassVar[ChannelCapabilities] = ChannelCapabilities(repeat="idempotent")
    reader: ClassVar[Any] = staticmethod(read_well)

    @property
    def parser(self) -> Any:
        return self.reader

    async def send(self, reply: Reply) -> Sent:
        return Sent(external_ids=(await self.post(reply.key),))

    async def find_sent(self, reply: Reply) -> Sent | None:
        return Sent(external_ids=(await self.post(reply.key),))

    async def post(self, key: str) -> str:
        try:
            async with (
                self.context.http.session(trusted=True) as session,
                session.post(self.context.settings.url, data=key) as answer,
            ):
                return await answer.text()
        except aiohttp.ClientConnectorError as error:
            raise self.away() from error
        except aiohttp.ClientError as error:
            raise self.lost() from error

    def away(self) -> Exception:
        return Unreachable("nobody is there")

    def lost(self) -> Exception:
        return OutcomeUnknown("it broke off")

    async def probe(self) -> Health:
        try:
            await self.post("")
        except Unreachable as error:
            return Health(state="down", code=error.reason_code, reason=str(error))
        return Health()


class Unpicklable(Post):
    reader = staticmethod(lambda arrival: [*read_well(arrival)])


class Careless(Post):
    reader = staticmethod(read_carelessly)


class Reading(Post):
    reader = staticmethod(read_a_file)


class Impure(Post):
    reader = staticmethod(read_differently)


class Slow(Post):
    reader = staticmethod(read_slowly)

    def is_quick(self, arrival: Arrival) -> bool:
        return True


class SlowWithSome(Post):
    reader = staticmethod(read_some_slowly)

    def is_quick(self, arrival: Arrival) -> bool:
        return True


class Alarmed(Post):
    def away(self) -> Exception:
        return OutcomeUnknown("who knows")


class Final(Post):
    def lost(self) -> Exception:
        return Rejected("it failed")


class Strange(Post):
    def lost(self) -> Exception:
        return KeyError("id")


class Cheerful(Post):
    async def probe(self) -> Health:
        try:
            await self.post("")
        except Unreachable:
            return Health()
        return Health()


class Fragile(Post):
    async def probe(self) -> Health:
        raise ValueError("no probe today")


class Repeating(Post):
    async def post(self, key: str) -> str:
        return await super().post(f"{key}-{next(_numbers)}" if key else "")


class Forgetful(Post):
    capabilities = ChannelCapabilities(repeat="lookup")

    async def find_sent(self, reply: Reply) -> Sent | None:
        return None


class Blocking(Post):
    async def send(self, reply: Reply) -> Sent:
        time.sleep(0.01)  # noqa: ASYNC251  # this is what is to be found
        return await super().send(reply)


class Chatty(Post):
    async def send(self, reply: Reply) -> Sent:
        self.context.log.info("sending", key=self.context.settings.key.reveal())
        return await super().send(reply)


class Telling(Post):
    def away(self) -> Exception:
        return Unreachable(f"nobody takes {self.context.settings.key.reveal()}")


@asynccontextmanager
async def office() -> AsyncIterator[tuple[str, list[str]]]:
    """A service that does things once for each key."""
    kept: list[str] = []

    async def take(request: web.Request) -> web.Response:
        key = await request.text()
        if key and key not in kept:
            kept.append(key)
        return web.Response(text=f"id-{key}")

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", kept
    finally:
        await runner.cleanup()


async def breaches(kind: type[Post]) -> str:
    """Check a channel against a service that counts."""
    async with office() as (url, kept):

        async def count() -> int:
            return len(kept)

        await check_channel(
            ChannelType(name="post", make=kind, settings=PostSettings),
            PostSettings(url=url), arrivals=[ARRIVAL], replies=[REPLY], count=count,
        )  # fmt: skip
    return ""


async def test_a_channel_that_is_right_passes() -> None:
    """Nothing is found where there is nothing."""
    assert "" == await breaches(Post)


@pytest.mark.parametrize(
    ("kind", "breach"),
    [
        (Unpicklable, "the parser cannot be sent to a worker process"),
        (Careless, "only UnreadableArrival may come out"),
        (Reading, "the parser does input or output: open("),
        (Impure, "the parser is not pure"),
        (Slow, "is_quick says yes, but reading it takes more than 20 ms"),
        (SlowWithSome, "hostile bytes b'[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["),
        (SlowWithSome, ": is_quick says yes, but reading it takes more than 20 ms"),
        (Alarmed, "a refused connection is told as OutcomeUnknown"),
        (Final, "a lost answer is told as Rejected"),
        (Strange, "only errors of the ConnectorError tree may come out"),
        (Cheerful, "probe, while the target is away, answers that all is well"),
        (Fragile, "probe raises ValueError: no probe today"),
        (Repeating, "the same key made 3 of it, not 1"),
        (Forgetful, "looking it up does not find it"),
        (Blocking, "BlockingError"),
        (Chatty, "a secret of the settings shows in the log"),
        (Telling, "a secret of the settings shows in the text of an error"),
    ],
)
async def test_a_channel_that_is_wrong_is_told_so(kind: type[Post], breach: str) -> None:
    """Each breach is found and named, and the secret itself is not told."""
    with pytest.raises(Violation) as caught:
        await breaches(kind)
    assert breach in str(caught.value)
    assert "do not tell anybody" not in str(caught.value)


class Kept(Backend[PostSettings]):
    """A backend as it should be, that keeps its tickets in the gateway's state."""

    capabilities: ClassVar[BackendCapabilities] = BackendCapabilities(repeat="idempotent")

    async def open_ticket(self, forward: Forward) -> TicketRef:
        state = self.context.state
        if not await state.put(f"ticket/{forward.key}", forward.text, expected=0):
            await state.get(f"ticket/{forward.key}")
        return TicketRef(external_id=forward.key)

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        await self.context.state.put(f"entry/{forward.key}", forward.text)
        return EntryRef(external_id=forward.key)


class Absentminded(Kept):
    """A backend that keeps its tickets in its own memory, and numbers them."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.tickets: dict[str, str] = {}

    async def open_ticket(self, forward: Forward) -> TicketRef:
        name = self.tickets.setdefault(forward.key, f"{id(self)}-{len(self.tickets)}")
        return TicketRef(external_id=name)


class Careful(Kept):
    """A backend that adds an entry once more for each attempt."""

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        number = next(_numbers)
        await self.context.state.put(f"entry/{number}", forward.text)
        return EntryRef(external_id=str(number))


async def check(kind: type[Kept]) -> None:
    """Check a backend; what it keeps is counted."""
    around = Surroundings()

    async def count() -> int:
        return len(around.state.rows)

    await check_backend(
        BackendType(name="kept", make=kind, settings=PostSettings),
        PostSettings(url="http://127.0.0.1:1/"),
        forwards=[FORWARD, ENTRY], count=count if kind is not Absentminded else None,
        surroundings=around,
    )  # fmt: skip


async def test_a_backend_that_is_right_passes() -> None:
    """State whose answer gets lost is written once."""
    await check(Kept)


async def test_a_backend_that_forgets_is_told_so() -> None:
    """A ticket has to be the same after a restart."""
    with pytest.raises(Violation, match="open_ticket after a restart: the same key gives"):
        await check(Absentminded)


async def test_a_backend_that_repeats_is_told_so() -> None:
    """An entry has to be added once, though the answer was lost."""
    with pytest.raises(Violation, match="add_entry: the same key made 3 of it, not 1"):
        await check(Careful)
