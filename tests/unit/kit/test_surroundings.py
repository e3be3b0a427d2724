from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

import gateway.testing
from gateway import Context, NewArrival, NotFound, State
from gateway.core.clock import SystemClock
from gateway.core.state import StoredState
from gateway.store.blobs import FileBlobs
from gateway.store.opening import open_store
from gateway.testing import FakeClock, MemoryState, RunningGateway, Surroundings, make_context
from gateway.testing.loopback import LeftTheMachine


class Plain(msgspec.Struct, frozen=True, kw_only=True):
    word: str = "hello"


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[State]:
    """State in a real database."""
    store = await open_store(
        f"sqlite:///{tmp_path}/gateway.db", blobs=FileBlobs(tmp_path / "blobs"), clock=SystemClock()
    )
    yield StoredState(store, tenant="default", owner="backend/x")
    await store.close()


async def use(state: State) -> list[Any]:
    """Do everything that can be done with state, and note every answer."""
    said: list[Any] = [
        await state.get("a"),
        await state.put("a", {"n": 1}, expected=0),
        await state.put("a", {"n": 2}, expected=0),
        await state.get("a"),
        await state.put("a", (1, "two", None), expected=1),
        await state.put("a", "blindly"),
        await state.put_all([("b", 1, 0), ("a", "late", 2)]),
        await state.put_all([("b", 1, 0), ("a", "again", 3), ("c/ü", 3, None)]),
        await state.put_all([("b", 2, 1), ("b", 3, 2)]),
        await state.put_all([]),
        await state.put_all([("d", 2, 0), ("d", 3, 0)]),
        await state.get("d"),
        await state.list(""),
        await state.list("c/"),
        await state.list("", after="a", limit=1),
        await state.put("gone", None),
        await state.get("gone"),
    ]
    await state.delete("gone")
    await state.delete("never")
    said += [
        await state.get("gone"),
        await state.put("gone", 1, expected=1),
        await state.put("gone", 1, expected=0),
        await state.get("gone"),
    ]
    return said


async def test_state_in_memory_is_like_state_in_the_database(stored: State) -> None:
    """Versions, lost races, deletions and order are exactly those of the store."""
    assert await use(stored) == await use(MemoryState())


async def test_a_lost_answer_was_written() -> None:
    """What is lost is the answer, once, and not the write."""
    state = MemoryState()
    state.loses = OSError("lost")
    with pytest.raises(OSError, match="lost"):
        await state.put("a", 1)
    assert await state.put("a", 2, expected=1)


async def test_the_intake_keeps_what_it_accepts_with_its_state() -> None:
    """A cursor and its arrivals come together, or not at all."""
    around = Surroundings()
    new = NewArrival(key="1", body=b"x")
    assert [1] == await around.intake.accept([new], state=[("cursor", 7)])
    around.intake.fails = OSError("full")
    with pytest.raises(OSError, match="full"):
        await around.intake.accept([new], state=[("cursor", 8)])
    assert 7 == (await around.state.get("cursor")).value
    assert [new] == around.intake.accepted


@pytest.mark.parametrize(
    "address", ["http://203.0.113.9/", "http://[2001:db8::1]/", "http://example.com/"]
)
async def test_a_test_cannot_leave_the_machine(address: str) -> None:
    """Neither an address nor a name of another machine is connected to, trusted or not."""
    async with Surroundings().http.session(trusted=True) as session:
        with pytest.raises(LeftTheMachine, match="a test may reach"):
            await session.get(address)


async def test_attachments_are_read_back() -> None:
    """A blob that was added is there, another one is gone."""
    around = Surroundings()
    file = around.blobs.add(b"hello", name="a.txt")
    assert b"hello" == await around.blobs.read(file)
    with pytest.raises(NotFound):
        await around.blobs.read(msgspec.structs.replace(file, sha256="0"))


def test_a_context_needs_no_more_than_settings() -> None:
    """Names have defaults, and reply tokens are real ones."""
    context = make_context(Plain(), tenant="north")
    assert ("here", "north", "hello") == (context.name, context.tenant, context.settings.word)
    assert 40 == len(context.tokens.make("north", 1))


def test_the_fixtures_share_one_clock(
    gateway_clock: FakeClock, gateway_context: Callable[..., Context[Any]]
) -> None:
    """A test that lets time pass lets it pass for its connector."""
    context = gateway_context(Plain(), name="there")
    before = context.clock.now()
    gateway_clock.advance(1.5)
    assert ("there", 1500) == (context.name, context.clock.now() - before)


async def test_a_gateway_runs_in_a_test(
    running_gateway: Callable[[str], Any], tmp_path: Path
) -> None:
    """It answers on a port of its own, and says what is wrong when nothing comes."""
    async with running_gateway('gateway.name = "mine"\n') as running:
        assert isinstance(running, RunningGateway)
        async with aiohttp.ClientSession() as http, http.get(f"{running.url}/livez") as answer:
            assert 200 == answer.status
        assert 3 == await running.until(lambda: 3)
        with pytest.raises(
            AssertionError, match=r"not so within 0\.05 s: the last answer was \[\]"
        ):
            await running.until(list, seconds=0.05)
    assert (tmp_path / "var" / "gateway.db").exists()


def test_the_kit_names_what_it_has() -> None:
    """Every public name can be imported, and no other is there."""
    for name in gateway.testing.__all__:
        assert name == getattr(gateway.testing, name).__name__
    with pytest.raises(AttributeError, match="nonsense"):
        gateway.testing.nonsense  # noqa: B018
