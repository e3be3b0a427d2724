"""What a parser answers: told the same way wherever it ran, kept, and harmless."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from gateway import Channel
from gateway.contracts.channel import Parser
from gateway.core.parsing import ParserPool
from gateway.domain.arrival import Arrival, NewArrival
from gateway.errors import UnreadableArrival, WrongReading
from tests.unit.core import parsers
from tests.unit.core.workshop import Pigeon, Workshop, letter

ARRIVAL = Arrival(
    id=1, tenant="default", source="post", key="k", lane="l", received_at=0, body=b"hello"
)
KEYS = itertools.count()


class Odd(Pigeon):
    """A channel whose parser and whose word for its speed a test chooses."""

    reader: ClassVar[Any] = parsers.plain
    quick: ClassVar[bool] = True

    @property
    def parser(self) -> Parser:
        return type(self).__dict__["reader"]  # type: ignore[no-any-return]

    def is_quick(self, arrival: Arrival) -> bool:
        return self.quick


@pytest.fixture(params=[True, False], ids=["in the gateway's process", "in a worker"])
async def odd(request: pytest.FixtureRequest, shop: Workshop) -> AsyncIterator[Workshop]:
    """A workshop whose channel is odd, and read either way."""
    shop.post.__class__ = type("Odder", (Odd,), {"quick": request.param})
    pool = shop.pipeline._preparer._pool = ParserPool(workers=1)
    yield shop
    await pool.close()


def read_by(shop: Workshop, parser: Any) -> None:
    """Let the channel's arrivals be read by a parser."""
    type(shop.post).reader = parser  # type: ignore[attr-defined]


async def test_a_wrong_answer_is_put_aside_and_told_once(odd: Workshop) -> None:
    """Each kind of it rests in quarantine as the plugin's, with what was expected; one line is logged."""
    for number, (parser, words) in enumerate(parsers.WRONG.items(), 1):
        read_by(odd, parser)
        new = NewArrival(key=str(next(KEYS)), body=b"hello")
        [arrival] = await odd.door().accept([new])
        await odd.quiet()
        aside = max(await odd.quarantine(), key=lambda one: one.arrival.id)
        assert (arrival, "parse", "wrong_answer", "pigeons", 1) == (
            aside.arrival.id, aside.reason.stage, aside.reason.code, aside.reason.plugin,
            aside.reason.attempts,
        )  # fmt: skip
        assert b"hello" == (await odd.store.arrival(None, arrival)).arrival.body
        assert words in aside.reason.error
        assert "plugin 'pigeons': its parser answered" in aside.reason.error
        assert number == len(odd.log.lines), odd.log.lines


async def test_a_parser_that_would_end_the_program_ends_nothing(odd: Workshop) -> None:
    """To exit within a parser is one arrival's own fault, and the next is read as ever."""
    read_by(odd, parsers.exits)
    await odd.door().accept([NewArrival(key="bad", body=b"hello")])
    await odd.quiet()
    [aside] = await odd.quarantine()
    assert ("parse", "unreadable", "SystemExit: 3") == (
        aside.reason.stage, aside.reason.code, aside.reason.error,
    )  # fmt: skip
    read_by(odd, parsers.plain)
    await odd.door().accept([NewArrival(key="good", body=b"hello")])
    await odd.quiet()
    assert ["hello"] == [message.text for message in await odd.messages()]


async def test_both_ways_read_the_same(odd: Workshop) -> None:
    """A reading is the same to the letter, and a failure is told in the same words."""
    read_by(odd, parsers.refuses)
    with pytest.raises(UnreadableArrival, match=r"^it is written in an unknown tongue$"):
        await odd.pipeline._preparer.parse(ARRIVAL)
    read_by(odd, parsers.stumbles)
    with pytest.raises(UnreadableArrival, match=r"^KeyError: 'from'$"):
        await odd.pipeline._preparer.parse(ARRIVAL)
    read_by(odd, parsers.keeps_pairs)
    [draft] = await odd.pipeline._preparer.parse(ARRIVAL)
    assert {"pairs": [["a", 1]]} == draft.extra  # type: ignore[union-attr]


async def test_a_parser_that_cannot_be_sent_is_the_plugins_fault(shop: Workshop) -> None:
    """A function that no worker process could find is told as what it is, at once."""
    shop.post.__class__ = type("Odder", (Odd,), {"quick": False, "reader": lambda _: [letter()]})
    with pytest.raises(
        WrongReading, match=r"plugin 'pigeons': its parser cannot be used: .*pickle"
    ):
        await shop.pipeline._preparer.parse(ARRIVAL)


async def test_a_parser_that_is_missing_is_the_plugins_fault(shop: Workshop) -> None:
    """A channel that took something in, but has no parser, is named."""
    shop.post.__class__ = type("Mute", (Pigeon,), {"parser": Channel.parser})
    with pytest.raises(WrongReading, match="Mute takes nothing in: it has no parser"):
        await shop.pipeline._preparer.parse(ARRIVAL)


def test_nothing_is_quick_unless_it_says_so(shop: Workshop) -> None:
    """A connector that says nothing of its speed is read in a worker process, however small."""
    assert not Channel.is_quick(shop.post, ARRIVAL)
