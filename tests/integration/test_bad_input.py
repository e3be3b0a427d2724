"""What a sender reads whose message cannot be taken as it is, and what becomes of that message."""

from __future__ import annotations

import asyncio
import base64
import smtplib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.testing import RunningGateway, running_gateway
from tests.servers.dovecot import Dovecot
from tests.servers.ports import free_port
from tests.unit.cli.town import Town
from tests.unit.email.hostile import mail, many_parts

TOKEN = "the-token-of-the-tests-0001"
SECRET = f"whsec_{base64.b64encode(b'7' * 32).decode()}"
LIMIT = 200_000


@dataclass
class House:
    """A running gateway with a mailbox, a desk and a ticket system that calls back."""

    running: RunningGateway
    lmtp: int

    def cli(self, *arguments: str) -> Any:
        """What a command prints, as JSON."""
        told = Town(self.running.folder, {}).call(*arguments, "--json")
        assert 0 == told.code, told.err
        return told.json

    async def words(self, *arguments: str) -> str:
        """What a command prints for people."""
        told = await asyncio.to_thread(Town(self.running.folder, {}).call, *arguments)
        assert 0 == told.code, told.err
        return told.out

    async def send(self, raw: bytes) -> tuple[int, str]:
        """Hand a mail over by LMTP; the answer to it."""

        def talk() -> tuple[int, str]:
            with smtplib.LMTP("127.0.0.1", self.lmtp) as client:
                client.ehlo("mx.example.com")
                client.mail("eve@customer.example")
                client.rcpt("support@example.com")
                code, said = client.data(raw)
                return code, said.decode()

        return await asyncio.to_thread(talk)

    async def post(self, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
        """Post bytes; the status and the problem."""
        known = {"content-type": "application/json", **headers}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.running.url + path, data=body, headers=known) as response,
        ):
            assert "application/problem+json" == response.content_type
            return response.status, await response.json(content_type=None)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Run one whose limits are small."""
    port = free_port()
    config = f"""\
[web]
body_limit = {LIMIT}
[api.tokens.tests]
token = "{TOKEN}"
scopes = ["admin"]
tenants = ["*"]
[plugins.email]
[plugins.desk]
[plugins.webhook]
[channels.support]
type = "email"
address = "support@example.com"
max_bytes = {LIMIT}
lmtp = {{ port = {port} }}
[backends.desk]
type = "desk"
[backends.tickets]
type = "webhook"
url = "http://127.0.0.1:1/hook"
secrets = ["{SECRET}"]
[[routing]]
when = {{ channel = ["support"] }}
backends = ["desk"]
"""
    async with running_gateway(tmp_path, config) as running:
        house = House(running, port)
        channel: Any = running.gateway.parts.channels["support"]
        await running.until(lambda: bool(channel.listening_on))
        yield house


async def test_a_body_over_the_limit(house: House) -> None:
    """By HTTP a problem says how much may come; nothing is stored."""
    status, problem = await house.post("/in/tickets/replies", b"x" * (LIMIT + 1))
    assert (413, "urn:intake-gateway:problem:too_large") == (status, problem["type"])
    assert f"{LIMIT:,}" in problem["detail"] or str(LIMIT) in problem["detail"]


async def test_a_mail_over_the_limit(house: House) -> None:
    """By LMTP the sender's server gets a 552 with the limit, so that it tells the sender."""
    code, said = await house.send(mail(b"x" * 70 * 4000))
    assert (552, f"5.3.4 the mail is over the limit of {LIMIT} octets") == (code, said)
    assert [] == (await asyncio.to_thread(house.cli, "conversations"))["items"]


async def test_broken_json(house: House) -> None:
    """The place of the mistake is named, and nothing of the body repeated."""
    path = "/api/v1/conversations/conv_0b52k9qa4g000/notes"
    status, problem = await house.post(path, b'{"text": "hello"', authorization=f"Bearer {TOKEN}")
    assert (400, "The body cannot be read") == (status, problem["title"])
    assert "JSON" in problem["detail"]
    assert "hello" not in problem["detail"]


async def test_a_bad_signature(house: House) -> None:
    """A callback that is not proven gets a 401 with the reason, and changes nothing."""
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(time.time())),
        "webhook-signature": f"v1,{base64.b64encode(b'0' * 32).decode()}",
    }
    body = b'{"type": "reply.created", "data": {"ticket": "1", "text": "Give me the money"}}'
    status, problem = await house.post("/in/tickets/replies", body, **headers)
    assert (401, "Unauthorized") == (status, problem["title"])
    assert "signature" in problem["detail"]
    counts = await house.running.store.counts()
    assert (0, 0) == (counts.arrivals_waiting, counts.arrivals_quarantined)


async def test_a_hostile_mail_becomes_a_message_that_says_so(house: House) -> None:
    """A mail of 2,500 parts is not taken apart: its words say why, and it is attached whole."""
    raw = many_parts(2500)
    assert 250 == (await house.send(raw))[0]

    async def listed() -> Any:
        page = await asyncio.to_thread(house.cli, "conversations")
        return page["items"]

    [conversation] = await house.running.until(listed, 20)
    told = await house.words("show", conversation["id"])
    assert (
        "[Only the header of this mail could be read: the mail has more than 1000 parts. "
        "All of it is in the attachment.]"
    ) in told
    assert f"+ message.eml (message/rfc822, {len(raw)} bytes" in told


async def test_a_mail_that_goes_in_circles_rests_in_quarantine(house: House) -> None:
    """It is acknowledged, listed with its reason and kept byte for byte; the next one passes."""
    hops = [f"Received: from h{n}.example by h{n + 1}.example; Sun, 22 Nov 2026 07:00:00 +0000"
            for n in range(120)]  # fmt: skip
    raw = mail("round and round\r\n", *hops)
    assert 250 == (await house.send(raw))[0]
    assert 250 == (await house.send(mail("I wait.\r\n", "Message-ID: <clean@customer.example>")))[0]

    async def resting() -> Any:
        return (await asyncio.to_thread(house.cli, "quarantine", "list"))["items"]

    [arrival] = await house.running.until(resting, 20)
    listed = await house.words("quarantine", "list")
    assert arrival["id"] in listed
    assert "unreadable" in listed
    shown = await house.words("quarantine", "show", arrival["id"])
    assert arrival["reason"]["error"] in shown
    body = await house.words("quarantine", "show", arrival["id"], "--body")
    assert raw.decode().replace("\r\n", "\n").rstrip() == body.replace("\r\n", "\n").rstrip()

    async def passed() -> Any:
        return (await asyncio.to_thread(house.cli, "conversations"))["items"]

    [conversation] = await house.running.until(passed, 20)
    assert "hello" == conversation["subject"]


def test_an_expired_certificate(tmp_path: Path, expired_dovecot: Dovecot) -> None:
    """The probe says since when it has been expired, and what to do; nobody logs in."""
    assert expired_dovecot.certificate is not None
    authority = expired_dovecot.certificate.authority
    (tmp_path / "gateway.toml").write_text(
        '[web]\nlisten = "127.0.0.1:0"\n[plugins.email]\n'
        '[channels.support]\ntype = "email"\naddress = "support@example.com"\n'
        f'[channels.support.imap]\nhost = "127.0.0.1"\nport = {expired_dovecot.imaps_port}\n'
        f'user = "ann"\npassword = "{expired_dovecot.password}"\nca_file = "{authority}"\n'
    )
    told = Town(tmp_path, {}).call("check", "--probe", "--json")
    found = told.json["probes"]["channel/support"]
    assert (8, "down", "imap_certificate") == (told.code, found["state"], found["code"])
    assert "expired" in found["reason"]
    assert f"127.0.0.1:{expired_dovecot.imaps_port}" in found["reason"]


def test_a_wrong_password_at_a_real_server(tmp_path: Path, dovecot: Dovecot) -> None:
    """Dovecot's refusal is told as what it is, without the password."""
    (tmp_path / "gateway.toml").write_text(
        '[web]\nlisten = "127.0.0.1:0"\n[plugins.email]\n'
        '[channels.support]\ntype = "email"\naddress = "support@example.com"\n'
        f'[channels.support.imap]\nhost = "127.0.0.1"\nport = {dovecot.imap_port}\ntls = "none"\n'
        'user = "ann"\npassword = "the-wrong-one"\n'
    )
    told = Town(tmp_path, {}).call("check", "--probe", "--json")
    found = told.json["probes"]["channel/support"]
    assert (8, "down", "imap_authentication") == (told.code, found["state"], found["code"])
    assert "refused to log in ann" in found["reason"]
    assert "the-wrong-one" not in told.out + told.err
