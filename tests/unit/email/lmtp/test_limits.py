"""The mail listener under stress: what is refused is refused clearly, and the rest goes on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import smtplib

import pytest

from tests.unit.email.mail_client import Taker, connected, listening
from tests.unit.email.waiting import until


async def test_unknown_recipients_are_refused_at_rcpt() -> None:
    """An unknown recipient hears 550, a directory that fails 451, and neither is in the envelope."""
    taker = Taker()
    async with listening(taker) as listener, connected(listener) as wire:
        await wire.begin("a@example.org")
        assert await wire.say("RCPT TO:<x@example.com>") == "550 5.1.1 no such recipient here"
        assert (await wire.say("RCPT TO:<broken@example.org>"))[:9] == "451 4.3.0"
        await wire.say("DATA")
        assert (await wire.say("x\r\n."))[:3] == "250"
    assert taker.mails[0].rcpt_tos == ("a@example.org",)


async def test_too_large_is_refused_and_the_connection_goes_on() -> None:
    """A mail over the size is read to its end, refused for each recipient, and not kept in memory."""
    taker = Taker()
    async with listening(taker, size=2_000_000) as listener, connected(listener) as wire:
        await wire.begin("a@example.org", "b@example.org")
        await wire.say("DATA")
        for _ in range(40):
            wire.writer.write(b"y" * 100_000)
            await wire.writer.drain()
        assert (await wire.say("\r\n."))[:9] == "552 5.3.4"
        assert (await wire.answer())[:9] == "552 5.3.4"
        await wire.begin("a@example.org")
        await wire.say("DATA")
        assert (await wire.say("small\r\n."))[:3] == "250"
        assert (await wire.say("MAIL FROM:<a@example.net> SIZE=2000001"))[:3] == "552"
    assert [mail.raw for mail in taker.mails] == [b"small\r\n"]


async def test_a_mail_of_exactly_the_limit_is_taken() -> None:
    """The limit itself is allowed, one octet more is not."""
    taker = Taker()
    async with listening(taker, size=1000) as listener, connected(listener) as wire:
        for length, answer in ((998, "250"), (999, "552")):
            await wire.begin("a@example.org")
            await wire.say("DATA")
            assert answer == (await wire.say(b"z" * length + b"\r\n."))[:3]


async def test_no_memory_left_is_temporary() -> None:
    """When mails in transfer fill the memory set aside, more hear 452, at DATA and at MAIL."""
    taker = Taker()
    taker.gate = asyncio.Event()
    async with (
        listening(taker, in_transfer=10_000) as listener,
        connected(listener) as first,
        connected(listener) as second,
    ):
        await first.begin("a@example.org")
        await first.say("DATA")
        first.writer.write(b"x" * 8_000 + b"\r\n.\r\n")
        await asyncio.wait_for(taker.entered.wait(), 5)
        await second.begin("a@example.org")
        await second.say("DATA")
        assert (await second.say(b"x" * 4_000 + b"\r\n."))[:9] == "452 4.3.1"
        taker.gate.set()
        assert (await first.answer())[:3] == "250"
        await second.begin("a@example.org")
        await second.say("DATA")
        assert (await second.say(b"x" * 4_000 + b"\r\n."))[:3] == "250"


async def test_connections_are_capped() -> None:
    """One connection above the cap hears 421; when one leaves there is room again."""
    async with listening(Taker(), connections=1) as listener:
        async with connected(listener) as wire:
            await wire.say("LHLO c")
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            assert (await reader.readline())[:9] == b"421 4.7.0"
            assert await reader.read() == b""
            writer.close()
            assert await wire.say("QUIT") == "221 2.0.0 bye"
            await until(lambda: not listener.connections)
        async with connected(listener) as wire:
            assert (await wire.say("LHLO c"))[:3] == "250"


async def test_recipients_and_commands_are_capped() -> None:
    """Too many recipients hear 452, a client that repeats a command without end is shown out."""
    async with (
        listening(Taker(), recipients=1, commands=3) as listener,
        connected(listener) as wire,
    ):
        await wire.begin("a@example.org")
        assert (await wire.say("RCPT TO:<b@example.org>"))[:9] == "452 4.5.3"
        assert [(await wire.say("NOOP"))[:3] for _ in range(4)] == ["250", "250", "250", "421"]
        assert await wire.line() == ""


async def test_an_idle_client_is_disconnected() -> None:
    """A client that says nothing does not hold a connection for ever."""
    async with listening(Taker(), idle=0.05) as listener, connected(listener) as wire:
        assert await wire.line() == ""


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r"])
async def test_only_a_dot_between_crlf_ends_a_mail(end: bytes) -> None:
    """No other line end around a dot smuggles a second mail in."""
    taker = Taker()
    async with listening(taker) as listener, connected(listener) as wire:
        await wire.begin("a@example.org")
        await wire.say("DATA")
        smuggled = b"one" + end + b"MAIL FROM:<evil@example.net>\r\nDATA\r\ntwo\r\n"
        wire.writer.write(smuggled)
        assert (await wire.say("."))[:3] == "250"
        assert (await wire.say("NOOP"))[:3] == "250"
    assert [
        b"one" + end.replace(b"\r\n.", b"\r\n") + b"MAIL FROM:<evil@example.net>\r\nDATA\r\ntwo\r\n"
    ] == [mail.raw for mail in taker.mails]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("MAIL FROM:<a@example.net> BODY=8BITMIME SMTPUTF8", "250"),
        ("MAIL FROM:<@relay.example,@b.example:a@example.net>", "250"),
        ("MAIL FROM:a@example.net", "250"),
        ('MAIL FROM:<"a b>"@example.net>', "250"),
        ("MAIL FROM:<a..b.@example.net>", "250"),
        (f"MAIL FROM:<{'v' * 250}@example.net> SIZE=1000", "250"),
        ("MAIL FROM:<é@example.net>", "250"),
        (b"MAIL FROM:<\xff@example.net>", "553"),
        ("MAIL FROM:<a\x07b@example.net>", "553"),
        ("MAIL FROM:" + "(" * 1500, "553"),
        (f"MAIL FROM:<{'v' * 330}@example.net>", "553"),
        ("MAIL FROM:<a@example.net> NONSENSE=1", "555"),
        ("HELO c", "500"),
        ("EHLO c", "500"),
        ("AUTH PLAIN AGEAYg==", "538"),
        ("DATA", "503"),
        ("NONSENSE", "500"),
        ("NOOP " + "x" * 3000, "500"),
    ],
)
async def test_commands(command: str | bytes, answer: str) -> None:
    """Odd senders are taken, hostile commands are refused, and the connection survives each."""
    async with listening(Taker()) as listener, connected(listener) as wire:
        await wire.say("LHLO c")
        assert answer == (await wire.say(command))[:3]
        assert (await wire.say("NOOP"))[:3] == "250"


async def test_what_is_announced() -> None:
    """The greeting names what is done here, and no AUTH."""
    async with listening(Taker(), size=5000) as listener, connected(listener) as wire:
        wire.writer.write(b"LHLO c\r\n")
        said = {(await wire.line()).rstrip()[4:] for _ in range(6)}
    assert {
        "gw.test",
        "SIZE 5000",
        "8BITMIME",
        "SMTPUTF8",
        "PIPELINING",
        "ENHANCEDSTATUSCODES",
    } == said


async def test_stopping_lets_a_mail_in_transfer_finish() -> None:
    """A stop answers what is being decided, sends idle clients away and refuses new ones."""
    taker = Taker()
    taker.gate = asyncio.Event()
    async with (
        listening(taker) as listener,
        connected(listener) as busy,
        connected(listener) as idle,
    ):
        await busy.begin("a@example.org")
        await busy.say("DATA")
        busy.writer.write(b"x\r\n.\r\n")
        await asyncio.wait_for(taker.entered.wait(), 5)
        stopping = asyncio.ensure_future(listener.stop(grace=5))
        assert (await idle.answer())[:9] == "421 4.3.2"
        taker.gate.set()
        assert (await busy.answer())[:3] == "250"
        assert (await busy.answer())[:9] == "421 4.3.2"
        await asyncio.wait_for(stopping, 5)
    assert len(taker.mails) == 1


async def test_stopping_does_not_wait_for_ever() -> None:
    """What is not decided in time is cut off without an acknowledgement."""
    taker = Taker()
    taker.gate = asyncio.Event()
    async with listening(taker) as listener, connected(listener) as wire:
        await wire.begin("a@example.org")
        await wire.say("DATA")
        wire.writer.write(b"x\r\n.\r\n")
        await asyncio.wait_for(taker.entered.wait(), 5)
        await asyncio.wait_for(listener.stop(grace=0.05), 5)
        with contextlib.suppress(ConnectionResetError):
            assert await wire.reader.read() == b""
    assert taker.mails == []


async def test_a_mail_cut_short_gives_its_memory_back() -> None:
    """A client that vanishes in the middle leaves nothing behind and nothing accepted."""
    taker = Taker()
    async with listening(taker, in_transfer=3_000_000) as listener:
        for _ in range(5):
            async with connected(listener) as wire:
                await wire.begin("a@example.org")
                await wire.say("DATA")
                wire.writer.write(b"x" * 2_500_000)
                await wire.writer.drain()
        await until(lambda: not listener.connections)
        async with connected(listener) as wire:
            await wire.begin("a@example.org")
            await wire.say("DATA")
            assert (await wire.say(b"x" * 2_500_000 + b"\r\n."))[:3] == "250"
    assert len(taker.mails) == 1


async def test_the_standard_librarys_clients() -> None:
    """Smtplib's SMTP and LMTP clients deliver."""
    taker = Taker()

    def send(client: smtplib.SMTP) -> dict[str, tuple[int, bytes]]:
        with client:
            return client.sendmail(
                "ann@example.net", ["a@example.org", "x@example.com"], b"Subject: hi\r\n\r\nhi"
            )

    async with listening(taker, "smtp") as listener:
        refused = await asyncio.to_thread(lambda: send(smtplib.SMTP("127.0.0.1", listener.port)))
        assert refused == {"x@example.com": (550, b"5.1.1 no such recipient here")}
    async with listening(taker) as listener:
        await asyncio.to_thread(lambda: send(smtplib.LMTP("127.0.0.1", listener.port)))
    assert [mail.raw for mail in taker.mails] == [b"Subject: hi\r\n\r\nhi\r\n"] * 2
    assert [mail.lmtp for mail in taker.mails] == [False, True]


async def test_no_content_or_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Neither reply tokens nor mails reach the log, not even when accepting fails."""
    caplog.set_level(logging.INFO)
    taker = Taker()
    taker.error = ValueError("body: top secret")
    async with listening(taker) as listener, connected(listener) as wire:
        await wire.begin("help+r.tokentoken@example.org")
        await wire.say("DATA")
        await wire.say("top secret\r\n.")
    assert "ValueError" in caplog.text
    assert "tokentoken" not in caplog.text
    assert "top secret" not in caplog.text
