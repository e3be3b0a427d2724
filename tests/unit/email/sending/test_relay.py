"""The relay client over real sockets: every way a mail can fail is told apart."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway_email.sending import (
    Outcome,
    Relay,
    RelayAuthenticationError,
    RelayError,
    RelayMisconfigured,
    RelayRefused,
    RelaySettings,
    RelaySlow,
    RelayTemporary,
    RelayUnknown,
    RelayUnreachable,
)
from tests.unit.email.smtp_double import CLOSE, HANG, SmtpDouble
from tests.unit.email.waiting import until

RAW = b"Subject: hi\r\n\r\n.dot\r\n..two\r\nend\r\n"
STUFFED = b"Subject: hi\r\n\r\n..dot\r\n...two\r\nend\r\n"


@contextlib.asynccontextmanager
async def relaying(
    double: SmtpDouble, token: Any = None, forget: Any = lambda: None, **settings: Any
) -> AsyncIterator[Relay]:
    """Serve the double and send through it."""
    async with double.serving():
        given = {
            "host": "127.0.0.1",
            "port": double.port,
            "tls": "none",
            "timeout": 5.0,
            **settings,
        }
        relay = Relay(RelaySettings(**given), token=token, forget=forget)
        try:
            yield relay
        finally:
            await relay.close()


async def send(relay: Relay, *recipients: str, sender: str = "help@example.org") -> Any:
    """Send the usual mail."""
    return await relay.send(RAW, sender, recipients or ("ann@example.net",))


async def test_a_mail_goes_out() -> None:
    """Sender, recipients and the mail arrive, dots stuffed, and the relay's words come back."""
    double = SmtpDouble()
    async with relaying(double) as relay:
        report = await send(relay, "ann@example.net", "bob@example.net")
    assert double.mails == [("help@example.org", ["ann@example.net", "bob@example.net"], STUFFED)]
    assert report.having("accepted") == ("ann@example.net", "bob@example.net")
    assert report.reply == "2.0.0 queued as 42"
    assert f"MAIL FROM:<help@example.org> SIZE={len(RAW)}" in double.log


async def test_the_null_sender() -> None:
    """Automatic mail leaves with an empty envelope sender."""
    double = SmtpDouble()
    async with relaying(double) as relay:
        await send(relay, sender="")
    assert double.mails[0][0] == ""


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b"a\nb\rc", b"a\r\nb\r\nc\r\n"),
        (b".\n", b"..\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n"),
        (b"a\r\n.\rb", b"a\r\n..\r\nb\r\n"),
    ],
)
async def test_no_line_end_smuggles(raw: bytes, sent: bytes) -> None:
    """Whatever line ends a mail has, it leaves with CRLF only and cannot end early."""
    double = SmtpDouble()
    async with relaying(double) as relay:
        await relay.send(raw, "", ["ann@example.net"])
    assert [sent] == [mail for _, _, mail in double.mails]


async def test_connections_stay_warm() -> None:
    """Mails in a row share a connection, each begun with RSET."""
    double = SmtpDouble()
    async with relaying(double) as relay:
        for _ in range(3):
            await send(relay)
    assert (double.connections, len(double.mails)) == (1, 3)
    assert double.log.count("RSET") == 2


async def test_no_more_connections_than_allowed() -> None:
    """Ten mails at once use two connections."""
    double = SmtpDouble()
    async with relaying(double, connections=2) as relay:
        await asyncio.gather(*(send(relay) for _ in range(10)))
        assert (double.connections, double.open, len(double.mails)) == (2, 2, 10)


async def test_idle_connections_are_closed() -> None:
    """A connection not used for a while is parted from politely."""
    double = SmtpDouble()
    async with relaying(double, idle=0.02) as relay:
        await send(relay)
        await until(lambda: not double.open)
    assert double.log[-1] == "QUIT"


@pytest.mark.parametrize("reset", [CLOSE, "421 4.4.2 idle for too long", "500 what"])
async def test_a_warm_connection_gone_cold_is_replaced(reset: str) -> None:
    """A connection that died in the meantime costs nothing but a new one."""
    double = SmtpDouble(replies={"RSET": [reset]})
    async with relaying(double) as relay:
        await send(relay)
        await send(relay)
    assert (double.connections, len(double.mails)) == (2, 2)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_lost_before_the_mail_is_tried_once_more(verb: str) -> None:
    """A loss before the mail was on its way is repaired at once; a second loss is temporary."""
    double = SmtpDouble(replies={verb: [CLOSE]})
    async with relaying(double) as relay:
        await send(relay)
    assert (double.connections, len(double.mails)) == (2, 1)
    double = SmtpDouble(replies={verb: [CLOSE, CLOSE]})
    async with relaying(double) as relay:
        with pytest.raises(RelayTemporary, match="was lost before it took the mail"):
            await send(relay)
    assert double.mails == []


async def test_lost_after_the_dot_is_unknown() -> None:
    """After the mail was sent a loss means that nobody knows; it is not sent a second time here."""
    double = SmtpDouble(replies={"DOT": [CLOSE]})
    async with relaying(double) as relay:
        with pytest.raises(RelayUnknown, match="same Message-ID"):
            await send(relay)
        assert double.connections == 1
        await send(relay)
    assert (double.connections, len(double.mails)) == (2, 1)


async def test_silence_after_the_dot_is_unknown() -> None:
    """A relay that never answers the dot is unknown too."""
    async with relaying(SmtpDouble(replies={"DOT": [HANG]}), timeout=0.02) as relay:
        with pytest.raises(RelayUnknown):
            await send(relay)


@pytest.mark.parametrize(
    ("verb", "reply", "error"),
    [
        ("GREETING", "421 4.3.2 too busy", RelaySlow),
        ("GREETING", "554 5.7.1 you are listed", RelayUnreachable),
        ("EHLO", "550 no such helo", RelayUnreachable),
        ("MAIL", "421 4.7.0 slow down", RelaySlow),
        ("MAIL", "450 4.7.1 rate", RelaySlow),
        ("MAIL", "452 4.3.1 full", RelayTemporary),
        ("MAIL", "550 5.7.1 not your address", RelayRefused),
        ("RCPT", "421 4.7.0 slow down", RelaySlow),
        ("DATA", "451 4.3.0 later", RelayTemporary),
        ("DATA", "554 5.5.1 no", RelayRefused),
        ("DOT", "421 4.7.0 slow down", RelaySlow),
        ("DOT", "450 4.7.1 rate", RelaySlow),
        ("DOT", "452 4.3.1 full", RelayTemporary),
        ("DOT", "552 5.3.4 too big", RelayRefused),
    ],
)
async def test_refusals_are_told_apart(verb: str, reply: str, error: type[RelayError]) -> None:
    """Each refusal has its own class and carries the relay's words; the relay can be used again."""
    double = SmtpDouble(replies={verb: [reply]})
    async with relaying(double) as relay:
        with pytest.raises(RelayError, match=reply.partition(" ")[2]) as caught:
            await send(relay)
        assert error is type(caught.value)
        await send(relay)
    assert len(double.mails) == 1


async def test_each_recipient_has_its_outcome() -> None:
    """Refused recipients do not keep the others from their mail."""
    double = SmtpDouble(replies={"RCPT": ["250 ok", "550 5.1.1 unknown", "450 4.2.0 greylisted"]})
    async with relaying(double) as relay:
        report = await send(relay, "a@example.net", "b@example.net", "c@example.net")
    assert double.mails[0][1] == ["a@example.net"]
    assert {
        "a@example.net": Outcome(state="accepted", code=250, text="ok"),
        "b@example.net": Outcome(state="refused", code=550, text="5.1.1 unknown"),
        "c@example.net": Outcome(state="temporary", code=450, text="4.2.0 greylisted"),
    } == report.outcomes


async def test_nobody_accepted_sends_nothing() -> None:
    """When no recipient is left there is no DATA, and a report all the same."""
    double = SmtpDouble(replies={"RCPT": ["550 5.1.1 unknown"]})
    async with relaying(double) as relay:
        report = await send(relay)
        assert report.having("refused") == ("ann@example.net",)
        await send(relay)
    assert (double.connections, len(double.mails), double.log.count("DATA")) == (1, 1, 1)


async def test_a_refusal_of_the_mail_reports_each_recipient() -> None:
    """The error of a refused mail knows what became of each recipient."""
    double = SmtpDouble(replies={"RCPT": ["550 5.1.1 unknown"], "DOT": ["554 5.7.1 spam"]})
    async with relaying(double) as relay:
        with pytest.raises(RelayRefused) as caught:
            await send(relay, "a@example.net", "b@example.net")
    assert caught.value.report is not None
    assert {to: outcome.code for to, outcome in caught.value.report.outcomes.items()} == {
        "a@example.net": 550,
        "b@example.net": 554,
    }


async def test_too_large_for_the_relay() -> None:
    """A mail over the announced size is refused before it is sent."""
    double = SmtpDouble(extensions=["SIZE 20"])
    async with relaying(double) as relay:
        with pytest.raises(RelayRefused, match="takes 20 at most"):
            await send(relay)
    assert not any(line.startswith("MAIL") for line in double.log)


async def test_addresses_beyond_ascii() -> None:
    """A letter beyond ASCII before the @ needs SMTPUTF8; a domain is written in ASCII."""
    double = SmtpDouble(extensions=["SMTPUTF8"])
    async with relaying(double) as relay:
        await send(relay, "zoë@exämple.net")
    assert "MAIL FROM:<help@example.org> SMTPUTF8" in double.log
    assert double.mails[0][1] == ["zoë@xn--exmple-cua.net"]
    async with relaying(SmtpDouble()) as relay:
        with pytest.raises(RelayRefused, match="SMTPUTF8"):
            await send(relay, "zoë@example.net")


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b\r\nRCPT TO:<evil@example.net>", "a@b>c", "a@", "@b"]
)
async def test_no_address_no_mail(address: str) -> None:
    """What is no address never reaches the wire."""
    double = SmtpDouble()
    async with relaying(double) as relay:
        with pytest.raises(ValueError, match="e-mail address"):
            await relay.send(RAW, "", [address])
        with pytest.raises(ValueError, match="at least one recipient"):
            await relay.send(RAW, "", [])
    assert double.log == []


@pytest.mark.parametrize("way", ["PLAIN", "LOGIN", "CRAM-MD5 LOGIN PLAIN"])
async def test_logging_in(way: str) -> None:
    """A password is given in the first of the ways we know, and in no other."""
    double = SmtpDouble(extensions=[f"AUTH {way}"])
    async with relaying(double, username="gw", password="secret") as relay:
        await relay.probe()
        await send(relay)
    assert (len(double.mails), sum(line.startswith("AUTH") for line in double.log)) == (1, 1)


async def test_wrong_password() -> None:
    """A refused password is tried once, in one way, and named without being shown."""
    double = SmtpDouble(extensions=["AUTH PLAIN LOGIN"])
    async with relaying(double, username="gw", password="hush") as relay:
        with pytest.raises(
            RelayAuthenticationError, match=r"refused to log in gw.*check user and password"
        ) as caught:
            await send(relay)
    assert "hush" not in str(caught.value)
    assert sum(line.startswith("AUTH") for line in double.log) == 1


async def test_authentication_that_is_away_is_temporary() -> None:
    """454 to AUTH is the relay's trouble, not a wrong password."""
    async with relaying(
        SmtpDouble(extensions=["AUTH PLAIN"], replies={"AUTH": ["454 4.7.0 away"]}),
        username="gw",
        password="secret",
    ) as relay:
        with pytest.raises(RelayTemporary, match="454"):
            await send(relay)


async def test_logging_in_with_a_token() -> None:
    """A token source is asked for each connection; a refused token says so and is forgotten."""
    tokens = iter(["good", "stale"])
    forgotten: list[bool] = []

    async def token() -> str:
        return next(tokens)

    double = SmtpDouble(extensions=["AUTH XOAUTH2"], replies={"RSET": [CLOSE]})
    async with relaying(double, token, lambda: forgotten.append(True), username="gw") as relay:
        await send(relay)
        assert [] == forgotten
        with pytest.raises(RelayAuthenticationError, match="grant access again"):
            await send(relay)
    assert [True] == forgotten


@pytest.mark.parametrize(
    ("extensions", "settings", "words"),
    [
        ([], {"username": "gw", "password": "x"}, "no way to log in"),
        (["AUTH CRAM-MD5"], {"username": "gw", "password": "x"}, "no way to log in"),
        ([], {"tls": "starttls"}, "does not offer STARTTLS"),
    ],
)
async def test_settings_that_cannot_work(
    extensions: list[str], settings: dict[str, Any], words: str
) -> None:
    """What the relay does not offer is named, with what to set instead."""
    double = SmtpDouble(extensions=extensions)
    async with relaying(double, **settings) as relay:
        with pytest.raises(RelayMisconfigured, match=words):
            await send(relay)
    assert not any(line.startswith(("AUTH", "MAIL")) for line in double.log)


async def test_nobody_there() -> None:
    """A relay that is not there is named."""
    double = SmtpDouble()
    async with double.serving():
        port = double.port
    relay = Relay(RelaySettings(host="127.0.0.1", port=port, tls="none"))
    with pytest.raises(RelayUnreachable, match=rf"127\.0\.0\.1:{port} cannot be reached"):
        await send(relay)


async def test_a_silent_relay() -> None:
    """A relay that accepts and never greets is given up."""
    async with relaying(SmtpDouble(replies={"GREETING": [HANG]}), timeout=0.05) as relay:
        with pytest.raises(RelayUnreachable, match="cannot be reached"):
            await send(relay)


async def test_tls_on_a_plain_port() -> None:
    """Implicit TLS to a port that begins in the clear is named with the usual port."""
    async with relaying(SmtpDouble(), tls="implicit") as relay:
        with pytest.raises(RelayUnreachable, match="465"):
            await send(relay)


async def test_settings_show_no_password() -> None:
    """Printing the settings shows who and where, and nothing secret."""
    assert "hush" not in repr(RelaySettings(host="h", username="gw", password="hush"))


async def test_a_cancelled_send_leaves_no_half_used_connection() -> None:
    """After a cancelled send the next one begins on a new connection."""
    double = SmtpDouble(replies={"MAIL": [HANG]})
    async with relaying(double) as relay:
        task = asyncio.ensure_future(send(relay))
        await until(lambda: any(line.startswith("MAIL") for line in double.log))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await send(relay)
    assert (double.connections, len(double.mails)) == (2, 1)
