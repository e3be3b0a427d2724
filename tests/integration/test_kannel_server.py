"""A real Kannel does what its provider in the gateway builds on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from gateway_sms_voice.text.segments import count
from tests.servers import smpp
from tests.servers.fakesmsc import fake_centre, joined
from tests.servers.kannel import Kannel, running_kannel
from tests.servers.ports import HOST

LONG = "Мой принтер горит, что мне делать? " * 6
# The default alphabet and its extension (3GPP TS 23.038, 6.2.1), by their codes.
GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]",
    0x40: "|", 0x65: "€",
}  # fmt: skip
GSM_HELLO = b"Hallo \x7e \x1b\x65"  # "Hallo ü €" in GSM 7-bit


@dataclass
class Webhook:
    """What Kannel asked for: method, path with query, headers and body of each request.

    ``statuses`` are the answers to come, then 200.
    """

    url: str = ""
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self.changed:
            self.asked.append((request.method, request.path_qs, dict(request.headers), body))
            self.changed.notify_all()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200, text="")

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(self.asked) >= count)


@asynccontextmanager
async def webhook() -> AsyncIterator[Webhook]:
    """Take requests on a free port."""
    hook = Webhook()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", hook.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    hook.url = f"http://{HOST}:{runner.addresses[0][1]}"
    try:
        yield hook
    finally:
        await runner.cleanup()


@asynccontextmanager
async def at_work(kannel: Kannel, hook: Webhook, *, by_smpp: bool = False) -> AsyncIterator[None]:
    """Run a Kannel without blocking the loop."""
    block = running_kannel(kannel, f"{hook.url}/in", smpp=by_smpp)
    await asyncio.to_thread(block.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(block.__exit__, None, None, None)


async def hand_in(kannel: Kannel, text: str, report: str = "", **headers: str) -> tuple[int, str]:
    """Hand a text in as the gateway does."""
    sent = {
        "X-Kannel-Username": kannel.user, "X-Kannel-Password": kannel.password,
        "X-Kannel-From": "+15559999", "X-Kannel-To": "+15550001", "X-Kannel-Coding": "0",
        "X-Kannel-DLR-Mask": "31", "X-Kannel-DLR-Url": report,
        "Content-Type": "text/plain; charset=UTF-8",
    }  # fmt: skip
    named = {f"X-Kannel-{name.replace('_', '-')}": value for name, value in headers.items()}
    url = f"{kannel.url}/cgi-bin/sendsms"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=text.encode(), headers={**sent, **named}) as answer,
    ):
        return answer.status, await answer.text()


async def test_text_goes_in_and_out(kannel: Kannel) -> None:
    """A text is posted to the webhook as it was written, and posted again under the same id until
    it is answered with 200; an answer goes out, cut at ``max-messages``, and is reported twice.
    """
    async with webhook() as hook, at_work(kannel, hook):
        async with fake_centre(kannel.centre_port) as centre:
            hook.statuses = [503]
            await centre.say("+15550001", "+15559999", "two  spaces ü €")
            await hook.wait(2)
            assert hook.asked[0][:2] == hook.asked[1][:2]
            assert b"two  spaces \xc3\xbc \xe2\x82\xac" == hook.asked[1][3]
            hook.asked.clear()

            report = f"{hook.url}/dlr?type=%d"
            assert (202, "0: Accepted for delivery") == await hand_in(kannel, "Yes", report)
            assert [b"Yes"] == [one.content for one in await centre.wait(1)]
            await hook.wait(2)
            assert {"/dlr?type=1", "/dlr?type=8"} == {path for _, path, _, _ in hook.asked}

            assert 202 == (await hand_in(kannel, LONG * 20, Coding="2"))[0]
            parts = (await centre.wait(11))[1:]
            assert 10 == len(parts)
            assert (LONG * 20).startswith(joined(parts).decode("utf-16-be"))
        assert (403, "Authorization failed for sendsms") == await hand_in(
            kannel, "Yes", Password="wrong"
        )
        # Nobody is there: it waits at Kannel, until the centre is back.
        status, said = await hand_in(kannel, "Later")
        # By whether it has noticed yet that nobody is there.
        assert said in ("3: Queued for later delivery", "0: Accepted for delivery")
        assert 202 == status
        async with fake_centre(kannel.centre_port) as centre:
            assert [b"Later"] == [one.content for one in await centre.wait(1)]


async def test_without_smsbox_nothing_is_handed_in(kannel: Kannel) -> None:
    """A killed smsbox refuses connections and comes back; what came in meanwhile is posted then."""
    async with webhook() as hook, at_work(kannel, hook):
        await asyncio.to_thread(kannel.kill_smsbox)
        with pytest.raises(aiohttp.ClientConnectorError):
            await hand_in(kannel, "Hello?")
        async with fake_centre(kannel.centre_port) as centre:
            await centre.say("+15550001", "+15559999", "Anybody there?")
            await asyncio.to_thread(kannel.start_smsbox)
            await hook.wait(1)
            assert b"Anybody there?" == hook.asked[0][3]


async def test_smpp_carries_alphabets_and_receipts(kannel: Kannel) -> None:
    """By SMPP a GSM text comes in as UTF-8 and a long one in UCS-2 whole, as UTF-16; what goes out
    is told of as the centre tells of it.
    """
    async with (
        webhook() as hook,
        smpp.smpp_centre(kannel.centre_port) as centre,
        at_work(kannel, hook, by_smpp=True),
    ):
        await centre.connected()
        await centre.say("15550001", "15559999", GSM_HELLO)
        await hook.wait(1)
        _, _, headers, body = hook.asked[0]
        assert "Hallo ü €" == body.decode()
        assert ("+15550001", "+15559999") == (headers["X-Kannel-From"], headers["X-Kannel-To"])
        assert 'text/plain; charset="UTF-8"' == headers["Content-Type"]

        content = LONG.encode("utf-16-be")
        parts = [content[start : start + 134] for start in range(0, len(content), 134)]
        await centre.say("15550001", "15559999", *parts, coding=smpp.UCS2)
        await hook.wait(2)
        _, _, headers, body = hook.asked[1]
        assert LONG == body.decode("utf-16-be")
        assert "2" == headers["X-Kannel-Coding"]
        assert "X-Kannel-UDH" not in headers
        assert 'text/plain; charset="UTF-16BE"' == headers["Content-Type"]
        hook.asked.clear()

        centre.receipts = False
        await hand_in(kannel, "Hallo ü €", f"{hook.url}/dlr?type=%d&told=%A")
        [message] = await centre.wait(1)
        assert (smpp.GSM, GSM_HELLO) == (message.coding, message.content)
        await hook.wait(1)
        await centre.report(message, "UNDELIV", "011")
        await hook.wait(2)
        assert "/dlr?type=8&told=ACK%2F" == hook.asked[0][1]
        assert hook.asked[1][1].startswith("/dlr?type=2&told=")
        assert "stat%3AUNDELIV+err%3A011" in hook.asked[1][1]


async def test_gsm_letters_survive(kannel: Kannel) -> None:
    """Every letter of GSM's alphabet and its extension reaches the SMS centre as its code, so that
    what consists of them may go out in 7 bits a letter; both ways, each comes back as it was.
    """
    letters = [(bytes((code,)), one) for code, one in enumerate(GSM) if one != "\x1b"]
    letters += [(bytes((0x1B, code)), one) for code, one in EXTENDED.items()]
    codes, text = b"".join(code for code, _ in letters), "".join(one for _, one in letters)
    async with (
        webhook() as hook,
        smpp.smpp_centre(kannel.centre_port) as centre,
        at_work(kannel, hook, by_smpp=True),
    ):
        await centre.connected()
        await hand_in(kannel, text)
        [message] = await centre.wait(1)
        assert (smpp.GSM, codes) == (message.coding, message.content)
        await centre.say("15550001", "15559999", codes)
        await hook.wait(1)
        assert text == hook.asked[0][3].decode()


async def test_segments_are_counted_as_kannel_does(kannel: Kannel) -> None:
    """A text of as many segments as ``max-messages`` by our count goes out whole, in just so many,
    whatever alphabet: one more, and Kannel would cut it off without a word.
    """
    texts = ["abc de " * 218, "€" * 760, "ж " * 335, "😀" * 330, "ä€ж[ " * 134, "a\n€ " * 304]
    async with (
        webhook() as hook,
        smpp.smpp_centre(kannel.centre_port) as centre,
        at_work(kannel, hook, by_smpp=True),
    ):
        await centre.connected()
        for text in texts:
            counted = count(text)
            assert 10 == counted.segments
            centre.submitted.clear()
            await hand_in(kannel, text, Coding="0" if counted.alphabet == "gsm7" else "2")
            parts = sorted(await centre.wait(10), key=lambda one: one.part)
            assert [(n, 10) for n in range(1, 11)] == [one.part for one in parts]
            content = b"".join(one.content for one in parts)
            assert text == (from_gsm(content) if parts[0].coding == smpp.GSM else utf16(content))


def utf16(content: bytes) -> str:
    """Read UCS-2, in which what lies beyond it takes two units."""
    return content.decode("utf-16-be")


def from_gsm(content: bytes) -> str:
    """Read GSM 7-bit, one letter an octet."""
    plain, *escaped = content.split(b"\x1b")
    text = "".join(GSM[code] for code in plain)
    return text + "".join(EXTENDED[one[0]] + "".join(GSM[c] for c in one[1:]) for one in escaped)
