"""Worker processes that parse: whatever a parser does, it costs one arrival and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from gateway.contracts.channel import Parser
from gateway.core.parsing import ParserPool
from gateway.domain.arrival import Arrival
from gateway.domain.draft import Draft
from gateway.errors import UnreadableArrival
from tests.unit.core import parsers
from tests.unit.core.workshop import until


def arrival(body: bytes = b"hello") -> Arrival:
    """Something to be read."""
    return Arrival(
        id=1, tenant="default", source="post", key="k", lane="l", received_at=0, body=body
    )


@pytest.fixture
async def pool() -> AsyncIterator[ParserPool]:
    """One worker with little patience."""
    made = ParserPool(workers=1, deadline=5.0, memory=1 << 30)
    yield made
    await made.close()


async def read(pool: ParserPool, parser: Parser = parsers.plain, body: bytes = b"hello") -> Draft:
    """Parse something into its only draft."""
    [draft] = await pool.parse(parser, arrival(body))
    assert isinstance(draft, Draft)
    return draft


async def test_every_misbehaviour_is_one_arrivals_own(pool: ParserPool) -> None:
    """Errors, deaths and hunger are told in a sentence, and the next arrival is read as ever."""
    for parser, words in (
        (parsers.refuses, "it is written in an unknown tongue"),
        (parsers.stumbles, "KeyError: 'from'"),
        (parsers.recurses, "RecursionError"),
        (parsers.eats, "needs more memory than the limit allows"),
        (parsers.dies, "killed its worker process"),
    ):
        with pytest.raises(UnreadableArrival, match=words):
            await pool.parse(parser, arrival())
        assert "hello" == (await read(pool)).text


async def test_what_a_parser_prints_gets_between_no_answers(pool: ParserPool) -> None:
    """Prints of a parser do not mix with what the worker answers."""
    assert "hello" == (await read(pool, parsers.prints)).text
    assert "again" == (await read(pool, body=b"again")).text


async def test_hanging_parser_is_killed_at_its_deadline() -> None:
    """A parser that hangs is stopped, and its process is gone."""
    pool = ParserPool(workers=1, deadline=2.0)
    before = (await read(pool)).extra["process"]
    pool._deadline = 0.1
    with pytest.raises(UnreadableArrival, match=r"longer than 0\.1 seconds"):
        await pool.parse(parsers.hangs, arrival())
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)
    pool._deadline = 5.0
    assert before != (await read(pool)).extra["process"]
    await pool.close()


async def test_worker_that_died_idle_costs_nobody(pool: ParserPool) -> None:
    """A worker killed from outside between two arrivals is replaced, and the next one is read."""
    process = (await read(pool)).extra["process"]
    os.kill(process, signal.SIGKILL)
    after = await read(pool)
    assert ("hello", True) == (after.text, after.extra["process"] != process)


async def test_cancelled_request_leaves_no_answer_behind(pool: ParserPool) -> None:
    """Who asks after a cancelled request gets his own answer, not the other's."""
    await read(pool)
    task = asyncio.ensure_future(pool.parse(parsers.hangs, arrival()))

    async def busy() -> bool:
        return pool._idle.empty()

    await until(busy)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "mine" == (await read(pool, body=b"mine")).text


async def test_workers_share_the_work_and_large_bodies_pass(pool: ParserPool) -> None:
    """Many requests wait for one worker in turn, and megabytes go through."""
    drafts = await asyncio.gather(*(read(pool, body=b"%d" % n) for n in range(20)))
    assert [str(n) for n in range(20)] == [draft.text for draft in drafts]
    assert 5_000_000 == len((await read(pool, body=b"a" * 5_000_000)).text)


async def test_closing_ends_the_processes() -> None:
    """No worker outlives its pool."""
    pool = ParserPool(workers=1)
    process = (await read(pool)).extra["process"]
    await pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
