"""A text is handed to smsbox once, whatever happens to the answer or to our own note of it.

The double answers as smsbox does (`tests/integration/test_kannel.py` runs the real one) and can do what
the real one cannot be made to: answer and have us forget it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from gateway import Deferred, OutcomeUnknown, Reply, StoreUnavailable, Thread
from gateway.testing import Surroundings
from gateway_sms_voice.channel import PhoneChannel
from gateway_sms_voice.settings import PhoneSettings
from tests.unit.sms_voice.kannel.samples import ANN, DELIVERY, OURS, report, settings

Answer = Callable[[], Awaitable[web.Response]]


async def accepted() -> web.Response:
    """The answer of a Kannel that is well."""
    return web.Response(status=202, text="0: Accepted for delivery")


@dataclass
class Smsbox:
    """A double: `answers` are those to come, then it accepts."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.taken.append((request.headers["X-Kannel-To"], await request.text()))
        return await (self.answers.pop(0) if self.answers else accepted)()


@pytest.fixture
async def smsbox() -> AsyncIterator[Smsbox]:
    """A running double."""
    double = Smsbox()
    app = web.Application()
    app.router.add_post("/cgi-bin/sendsms", double.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    double.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield double
    await runner.cleanup()


def channel(smsbox: Smsbox, around: Surroundings, **changed: object) -> PhoneChannel:
    """A channel in front of the double."""
    known = settings(url=smsbox.url, timeout=1, **changed)
    phone = PhoneSettings(numbers=(OURS,), kannel=known)
    return PhoneChannel(around.context(phone, name="phone", public_url="https://gw.example"))


def reply(text: str = "Hello") -> Reply:
    """What an agent answers."""
    thread = Thread(
        id=1, tenant="default", conversation=1, channel="phone",
        native_id=f"{OURS}~{ANN}", address=ANN,
    )  # fmt: skip
    return Reply(
        key="k", delivery=DELIVERY, tenant="default", conversation="conv_1", message="msg_1",
        thread=thread, text=text,
    )  # fmt: skip


async def test_unanswered_text_is_unknown(smsbox: Smsbox) -> None:
    """An answer that does not come in time leaves it open whether the text was taken."""
    never = asyncio.Event()

    async def silence() -> web.Response:
        await never.wait()
        return await accepted()

    smsbox.answers = [silence]
    with pytest.raises(OutcomeUnknown) as error:
        await channel(smsbox, Surroundings()).send(reply())
    never.set()
    assert ("timeout", [(ANN, "Hello")]) == (error.value.reason_code, smsbox.taken)


async def test_taken_but_not_noted_is_unknown(smsbox: Smsbox) -> None:
    """Where our own store fails after Kannel took the text, it is no failure that may be repeated;
    once its report has come, it is not handed over again even if a person says so.
    """
    around = Surroundings()
    here = channel(smsbox, around)

    async def and_the_store_fails() -> web.Response:
        around.state.fails = StoreUnavailable("the disk is full")
        return await accepted()

    smsbox.answers = [and_the_store_fails]
    with pytest.raises(OutcomeUnknown, match="could not be written down") as error:
        await here.send(reply())
    assert "not_noted" == error.value.reason_code
    around.state.fails = None

    [_, status] = here.routes(around.intake)
    assert 200 == (await status.handler(report("8", "ACK/"))).status
    await here.send(reply())
    assert [(ANN, "Hello")] == smsbox.taken


async def test_long_text_goes_on_where_it_broke_off(smsbox: Smsbox) -> None:
    """Of a text that takes two SMS the one that Kannel has is not handed over again."""

    async def busy() -> web.Response:
        return web.Response(status=503, text="Temporal failure, try again later.")

    here = channel(smsbox, Surroundings(), max_parts=1)
    smsbox.answers = [accepted, busy]
    long = reply("word " * 50)
    with pytest.raises(Exception, match="cannot take it now"):
        await here.send(long)
    sent = await here.send(long)
    parts = [text[:5] for _, text in smsbox.taken]
    assert ["(1/2)", "(2/2)", "(2/2)"] == parts
    assert (f"{DELIVERY}/1", f"{DELIVERY}/2") == sent.external_ids


async def test_slow_pace_is_no_unknown_outcome(smsbox: Smsbox) -> None:
    """A text of more parts than its number's pace allows within a send goes out in several goes,
    each part once, and never counts as one of which nobody knows.
    """
    moment = 1000.0

    async def sleep(seconds: float) -> None:
        nonlocal moment
        moment += seconds

    here = channel(smsbox, Surroundings(), max_parts=1, per_second=0.05)
    here._pace._now, here._pace._sleep = (lambda: moment), sleep
    long = reply("word " * 180)
    with pytest.raises(Deferred) as later:
        await here.send(long)
    assert ("paced", 4) == (later.value.reason_code, len(smsbox.taken))
    moment += later.value.retry_after or 0.0
    sent = await here.send(long)
    assert len(sent.external_ids) == len(smsbox.taken) == len(set(smsbox.taken)) == 7
