"""The mail listener over real sockets: what is acknowledged is safe."""

from __future__ import annotations

import asyncio

import pytest

from gateway_email.lmtp import Overloaded, Verdict
from tests.unit.email.mail_client import Taker, connected, listening
from tests.unit.email.waiting import until


async def test_a_mail_arrives_byte_for_byte() -> None:
    """Long lines, stuffed dots, 8-bit bytes and bare line feeds arrive as they were sent."""
    taker = Taker()
    body = b".dot\r\n" + b"x" * 300_000 + b"\r\n\xff\xfe\n.\nstill\r\n..\r\nend\r\n"
    async with listening(taker) as listener, connected(listener) as wire:
        await wire.begin("help@example.org", "sales@example.org", sender="")
        assert (await wire.say("DATA"))[:3] == "354"
        wire.writer.write(
            b"\r\n".join(b"." + line if line[:1] == b"." else line for line in body.split(b"\r\n"))
        )
        assert await wire.say(".") == "250 2.0.0 taken"
        assert await wire.answer() == "250 2.0.0 taken"
        assert await wire.say("QUIT") == "221 2.0.0 bye"
    [mail] = taker.mails
    assert body == mail.raw
    assert (
        mail.mail_from,
        mail.rcpt_tos,
        mail.peer,
        mail.helo,
        mail.lmtp,
    ) == ("", ("help@example.org", "sales@example.org"), "127.0.0.1", "c", True)


async def test_an_empty_mail_and_the_next() -> None:
    """A mail without a byte ends at once, and the connection takes another, pipelined."""
    taker = Taker()
    async with listening(taker) as listener, connected(listener) as wire:
        await wire.begin("help@example.org")
        assert (await wire.say("DATA"))[:3] == "354"
        wire.writer.write(
            b".\r\nMAIL FROM:<b@example.net>\r\nRCPT TO:<help@example.org>\r\nDATA\r\n"
        )
        assert [(await wire.answer())[:3] for _ in range(4)] == ["250", "250", "250", "354"]
        assert await wire.say("two\r\n.") == "250 2.0.0 taken"
    assert [mail.raw for mail in taker.mails] == [b"", b"two\r\n"]


async def test_lmtp_answers_once_for_each_recipient() -> None:
    """Each recipient has its own answer, in order (RFC 2033)."""
    taker = Taker()
    taker.verdicts = {"full@example.org": Verdict(code=452, status="4.2.2", text="over\r\nquota é")}
    async with listening(taker) as listener, connected(listener) as wire:
        await wire.begin("a@example.org", "full@example.org", "b@example.org")
        await wire.say("DATA")
        assert await wire.say("x\r\n.") == "250 2.0.0 taken"
        assert await wire.answer() == "452 4.2.2 over??quota ?"
        assert await wire.answer() == "250 2.0.0 taken"
        assert (await wire.say("NOOP"))[:3] == "250"


@pytest.mark.parametrize(
    ("verdicts", "answer"),
    [
        ([], "250"),
        (["451"], "451"),
        (["550"], "550"),
        (["550", "451"], "451"),
    ],
)
async def test_smtp_never_acknowledges_what_was_not_taken(verdicts: list[str], answer: str) -> None:
    """SMTP has one answer: a single recipient that failed decides it."""
    taker = Taker()
    names = [f"r{place}@example.org" for place in range(3)]
    taker.verdicts = {
        name: Verdict(code=int(code), status=f"{code[0]}.0.0", text="no")
        for name, code in zip(names, verdicts, strict=False)
    }
    async with listening(taker, "smtp") as listener, connected(listener) as wire:
        await wire.begin(*reversed(names), helo="EHLO c")
        await wire.say("DATA")
        assert answer == (await wire.say("x\r\n."))[:3]
        assert (await wire.say("NOOP"))[:3] == "250"


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (RuntimeError("disk"), "451 4.3.0"),
        (Overloaded(), "452 4.3.1"),
        (TimeoutError(), "451 4.3.0"),
    ],
)
async def test_own_failures_leave_the_mail_with_its_sender(error: Exception, answer: str) -> None:
    """Whatever goes wrong in accepting is temporary for the other side, for every recipient."""
    taker = Taker()
    taker.error = error
    async with listening(taker) as listener, connected(listener) as wire:
        await wire.begin("a@example.org", "b@example.org")
        await wire.say("DATA")
        assert answer == (await wire.say("x\r\n."))[:9]
        assert answer == (await wire.answer())[:9]


async def test_a_verdict_too_few_acknowledges_nothing() -> None:
    """When verdicts and recipients do not match, nobody is told that a mail was taken."""
    taker = Taker()
    taker.short = True
    async with listening(taker) as listener, connected(listener) as wire:
        await wire.begin("a@example.org", "b@example.org")
        await wire.say("DATA")
        assert (await wire.say("x\r\n."))[:3] == "451"
        assert (await wire.answer())[:3] == "451"


async def test_a_slow_decision_is_answered() -> None:
    """Accepting that takes too long is answered with 451 instead of a hanging line."""
    taker = Taker()
    taker.gate = asyncio.Event()
    async with listening(taker, decision=0.05) as listener, connected(listener) as wire:
        await wire.begin("a@example.org")
        await wire.say("DATA")
        assert (await wire.say("x\r\n."))[:3] == "451"
        taker.gate.set()


async def test_a_client_that_hangs_up_does_not_break_off_a_commit() -> None:
    """After the dot the mail is accepted to the end, though nobody hears the answer."""
    taker = Taker()
    taker.gate = asyncio.Event()
    async with listening(taker) as listener:
        async with connected(listener) as wire:
            await wire.begin("a@example.org")
            await wire.say("DATA")
            wire.writer.write(b"x\r\n.\r\n")
            await asyncio.wait_for(taker.entered.wait(), 5)
        await until(lambda: not listener.connections)
        assert taker.mails == []
        taker.gate.set()
    assert [mail.raw for mail in taker.mails] == [b"x\r\n"]
