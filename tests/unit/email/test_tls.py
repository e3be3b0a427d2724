"""Encryption of both transports: it works, and what is wrong with a certificate is said."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from gateway_email.imap import ImapCertificateError, ImapMisconfigured, ImapSession
from gateway_email.sending import Relay, RelayCertificateError, RelayMisconfigured, RelaySettings
from gateway_email.tls import certificate_expiry, is_loopback
from tests.unit.email.certificates import certificate
from tests.unit.email.imap_double import ImapDouble
from tests.unit.email.smtp_double import SmtpDouble

GOOD = dt.datetime(2090, 1, 1, tzinfo=dt.UTC)
EXPIRED = dt.datetime(2021, 3, 4, 5, 6, tzinfo=dt.UTC)
RAW = b"Subject: hi\r\n\r\nhi\r\n"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("LOCALHOST", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("mail.example.org", False),
        ("", False),
        ("fe80::1%eth0", False),
    ],
)
def test_what_is_loopback(address: str, expected: bool) -> None:
    """Only this very machine counts, in whatever form."""
    assert expected is is_loopback(address)


def test_an_expiry_that_cannot_be_read() -> None:
    """Junk has no expiry."""
    assert None is certificate_expiry(b"junk")
    assert None is certificate_expiry(b"\x17\x0d210101000000Z\x17\x0d219901000000Z")


async def test_imap_over_tls(tmp_path: Path) -> None:
    """A mailbox is read over TLS."""
    server, client = certificate(tmp_path, ends=GOOD)
    async with ImapDouble(mails={1: RAW}).serving(server) as double:
        session = await ImapSession.connect("127.0.0.1", double.port, ssl_context=client)
        await session.login("gw", "secret")
        await session.select()
        assert await session.fetch_raw(1) == RAW
        await session.close()


async def test_imap_with_an_expired_certificate(tmp_path: Path) -> None:
    """The day of expiry is named, and nothing is sent to the server."""
    server, client = certificate(tmp_path, ends=EXPIRED)
    async with ImapDouble().serving(server) as double:
        with pytest.raises(
            ImapCertificateError, match=r"it expired on 2021-03-04 05:06 UTC.*renew"
        ):
            await ImapSession.connect("127.0.0.1", double.port, ssl_context=client)
    assert double.log == []


async def test_imap_with_a_certificate_nobody_knows(tmp_path: Path) -> None:
    """A self-signed certificate is refused by default, with the reason."""
    server, _ = certificate(tmp_path, ends=GOOD)
    async with ImapDouble().serving(server) as double:
        with pytest.raises(
            ImapCertificateError, match=r"self-signed certificate.*name the authority"
        ):
            await ImapSession.connect("127.0.0.1", double.port)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_sending_over_tls(tmp_path: Path, tls: str) -> None:
    """A mail leaves over TLS from the start and over STARTTLS."""
    server, client = certificate(tmp_path, ends=GOOD)
    double = SmtpDouble(starttls=server if tls == "starttls" else None)
    async with double.serving(server if tls == "implicit" else None):
        relay = Relay(_settings(double, tls), ssl_context=client)
        await relay.send(RAW, "", ["ann@example.net"])
        await relay.close()
    assert [raw for _, _, raw in double.mails] == [RAW]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_sending_with_an_expired_certificate(tmp_path: Path, tls: str) -> None:
    """The day of expiry is named, and the mail stays here."""
    server, client = certificate(tmp_path, ends=EXPIRED)
    double = SmtpDouble(starttls=server if tls == "starttls" else None)
    async with double.serving(server if tls == "implicit" else None):
        relay = Relay(_settings(double, tls), ssl_context=client)
        with pytest.raises(RelayCertificateError, match=r"certificate of 127.0.0.1:.* was refused"):
            await relay.send(RAW, "", ["ann@example.net"])
        await relay.close()
    assert double.mails == []


async def test_the_expiry_of_a_relays_certificate_is_named(tmp_path: Path) -> None:
    """The sentence for an expired certificate holds the day."""
    server, client = certificate(tmp_path, ends=EXPIRED)
    async with SmtpDouble().serving(server) as double:
        with pytest.raises(RelayCertificateError, match="it expired on 2021-03-04"):
            await Relay(_settings(double, "implicit"), ssl_context=client).probe()


async def test_nothing_goes_unencrypted_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without encryption a peer that is not loopback gets neither password nor mail."""
    monkeypatch.setattr("gateway_email.imap.connection.is_loopback", lambda _address: False)
    monkeypatch.setattr("gateway_email.sending.connection.is_loopback", lambda _address: False)
    async with ImapDouble().serving() as imap:
        with pytest.raises(
            ImapMisconfigured, match=r"unencrypted; set tls = 'implicit'.*STARTTLS is not supported"
        ):
            await ImapSession.connect("127.0.0.1", imap.port, tls="none")
    async with SmtpDouble().serving() as smtp:
        with pytest.raises(RelayMisconfigured, match="unencrypted; set tls"):
            await Relay(_settings(smtp, "none")).send(RAW, "", ["ann@example.net"])
    assert (imap.log, smtp.log) == ([], [])


def _settings(double: SmtpDouble, tls: str) -> RelaySettings:
    assert tls in {"implicit", "starttls", "none"}
    return RelaySettings(host="127.0.0.1", port=double.port, tls=tls, timeout=5.0)  # type: ignore[arg-type]
