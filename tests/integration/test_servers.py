"""Each real server starts, answers, does the one thing tests want of it, and stops."""

from __future__ import annotations

import asyncio
import imaplib
import shutil
import signal
import smtplib
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import TypeVar

import aiohttp
import aiosmtplib
import asyncpg
import pytest

from tests.servers.dovecot import Dovecot, start_dovecot
from tests.servers.ports import HOST, accepts, free_port
from tests.servers.postfix import Postfix
from tests.servers.postgres import Postgres, start_postgres
from tests.servers.processes import ServerError, private_folder, running, wait_until
from tests.servers.pymap import Pymap
from tests.servers.rt import RequestTracker
from tests.servers.skipping import require
from tests.servers.smtp_sink import SmtpSink, start_smtp_sink

Found = TypeVar("Found")
TEXT = "Grüße, 日本 ✓"


def compose(recipient: str, text: str = TEXT) -> EmailMessage:
    """Return a small mail."""
    message = EmailMessage()
    message["From"] = "Ann <ann@example.com>"
    message["To"] = recipient
    message["Subject"] = "Wo bleibt mein Päckchen?"
    message["Message-ID"] = "<one@example.com>"
    message.set_content(text)
    return message


def poll(look: Callable[[], Found], seconds: float = 15) -> Found:
    """Return what ``look`` finds as soon as it is not empty."""
    deadline = time.monotonic() + seconds
    found = look()
    while not found and time.monotonic() < deadline:
        time.sleep(0.02)
        found = look()
    return found


@pytest.mark.server("dovecot")
def test_server_leaves_nothing_behind() -> None:
    """A server's process, port and folder are gone when its block ends."""
    require("dovecot")
    with start_dovecot() as server:
        folder, port = server.folder, server.imap_port
        assert folder.is_dir()
        assert accepts(port)
    assert not folder.exists()
    assert not accepts(port)


def test_failed_start_shows_the_log() -> None:
    """A server that ends at once is reported with what it said."""
    with (
        private_folder("broken") as folder,
        pytest.raises(ServerError, match=r"ended with 3; its log ends:\nno such thing"),
        running(
            ["sh", "-c", "echo no such thing; exit 3"], log=folder / "log", ready=lambda: False
        ),
    ):
        pytest.fail("it was taken for ready")


def test_children_of_a_server_end_with_it() -> None:
    """A server's child that ignores SIGTERM is gone when the server's block ends."""
    with private_folder("stubborn") as folder:
        mark = folder / "child"
        child = f"(trap '' TERM; echo > {mark}; exec sleep 600) &"
        with running(["sh", "-c", f"{child} wait"], log=folder / "log", ready=mark.exists) as it:
            group = it.pid
        alive = [
            stat
            for stat in Path("/proc").glob("[0-9]*/stat")
            if _fields(stat)[2:3] == [str(group)] and _fields(stat)[0] not in "ZX"
        ]
    assert alive == []


@pytest.mark.server("postfix")
def test_servers_end_when_the_tests_are_killed() -> None:
    """A mail server that changed its user ends although the process that ran it was killed."""
    require("postfix")
    program = (
        "import os, signal, sys\n"
        "from tests.servers.postfix import start_postfix\n"
        "with start_postfix() as server:\n"
        "    print(server.port, server.folder, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    port, folder = done.stdout.split()
    try:
        assert done.returncode == -signal.SIGKILL
        assert wait_until(lambda: not accepts(int(port)), seconds=10)
    finally:
        shutil.rmtree(folder)


def _fields(stat: Path) -> list[str]:
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return ["X", "", ""]


async def test_postgres_gives_each_test_a_database(postgres: Postgres, postgres_url: str) -> None:
    """Two databases of one PostgreSQL do not see one another's tables."""
    other_url = await asyncio.to_thread(postgres.create_database)
    first, second = await asyncpg.connect(postgres_url), await asyncpg.connect(other_url)
    try:
        await first.execute("CREATE TABLE only_here (text text)")
        await first.execute("INSERT INTO only_here VALUES ($1)", TEXT)
        assert await first.fetchval("SELECT text FROM only_here") == TEXT
        assert await second.fetchval("SELECT to_regclass('only_here')") is None
    finally:
        await first.close()
        await second.close()


@pytest.mark.server("postgresql")
def test_postgres_stops(template_cache: Path) -> None:
    """PostgreSQL stops with a client still connected to it."""
    require("postgresql")
    with start_postgres(template_cache) as server:
        assert server.execute("SELECT 1") == "1"
    assert not accepts(server.port)


def test_mail_goes_through_postfix_to_dovecot(
    postfix: Postfix, dovecot: Dovecot, mail_domain: str
) -> None:
    """A mail given to Postfix by SMTP is read from Dovecot by IMAP, unharmed."""
    postfix.route(mail_domain, "lmtp", dovecot.lmtp_port)
    recipient = f"support@{mail_domain}"
    message = compose(recipient)
    with smtplib.SMTP(HOST, postfix.port, timeout=10) as client:
        client.send_message(message)
    (raw,) = poll(lambda: dovecot.messages(recipient))
    assert (
        message.as_bytes().partition(b"\n\n")[2]
        == raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    )
    assert b"Message-ID: <one@example.com>" in raw


def test_postfix_keeps_what_it_cannot_deliver(
    postfix: Postfix, dovecot: Dovecot, mail_domain: str
) -> None:
    """A mail waits in Postfix's queue while its target is down and arrives when it is back."""
    postfix.route(mail_domain, "lmtp", free_port())
    recipient = f"support@{mail_domain}"
    with smtplib.SMTP(HOST, postfix.port, timeout=10) as client:
        client.send_message(compose(recipient))

    def waiting() -> list[str]:
        return [
            person["delay_reason"]
            for entry in postfix.queue()
            for person in entry["recipients"]
            if person["address"] == recipient and "delay_reason" in person
        ]

    reasons = poll(waiting)  # one mail is listed twice while it moves between queues
    assert {True} == {"Connection refused" in reason for reason in reasons}
    postfix.route(mail_domain, "lmtp", dovecot.lmtp_port)
    postfix.flush()
    assert len(poll(lambda: dovecot.messages(recipient))) == 1


def test_postfix_refuses_other_domains(postfix: Postfix) -> None:
    """No mail leaves the machine: a domain without a route is refused."""
    with (
        smtplib.SMTP(HOST, postfix.port, timeout=10) as client,
        pytest.raises(smtplib.SMTPRecipientsRefused) as refused,
    ):
        client.send_message(compose("someone@example.edu"))
    assert refused.value.recipients["someone@example.edu"][0] == 550


async def test_postfix_delivers_to_the_sink(
    postfix: Postfix, smtp_sink: SmtpSink, mail_domain: str
) -> None:
    """A mail relayed by Postfix reaches the in-process sink with its envelope."""
    await asyncio.to_thread(postfix.route, mail_domain, "smtp", smtp_sink.port)
    recipient = f"ann@{mail_domain}"
    await aiosmtplib.send(compose(recipient), hostname=HOST, port=postfix.port)
    (received,) = await smtp_sink.wait()
    assert (recipient,) == received.recipients
    assert received.message.get_content().strip() == TEXT


async def test_sink_refuses_as_told(smtp_sink: SmtpSink) -> None:
    """The sink answers with the line it was given and does not keep what it refuses."""
    smtp_sink.answer_data = lambda _received: "451 4.3.0 later"
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await aiosmtplib.send(compose("ann@example.org"), hostname=HOST, port=smtp_sink.port)
    assert refused.value.code == 451
    assert smtp_sink.received == []


async def test_sink_wants_a_login() -> None:
    """A sink with a login takes the right password and refuses a wrong one."""
    async with start_smtp_sink(login=("gateway", "right")) as sink:
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await aiosmtplib.send(
                compose("ann@example.org"),
                hostname=HOST,
                port=sink.port,
                username="gateway",
                password="wrong",
            )
        await aiosmtplib.send(
            compose("ann@example.org"),
            hostname=HOST,
            port=sink.port,
            username="gateway",
            password="right",
        )
        assert len(sink.received) == 1


def test_dovecot_speaks_tls(dovecot: Dovecot) -> None:
    """Dovecot's certificate is good for a client that trusts the tests' authority."""
    assert dovecot.certificate is not None
    context = dovecot.certificate.client_context()
    client = imaplib.IMAP4_SSL(HOST, dovecot.imaps_port, ssl_context=context, timeout=10)
    assert client.login("tls@example.org", dovecot.password)[0] == "OK"
    client.logout()


def test_expired_certificate_is_noticed(expired_dovecot: Dovecot) -> None:
    """A client that checks certificates refuses the one that ran out."""
    assert expired_dovecot.certificate is not None
    context = expired_dovecot.certificate.client_context()
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        imaplib.IMAP4_SSL(HOST, expired_dovecot.imaps_port, ssl_context=context, timeout=10)


def test_dovecot_capabilities(dovecot: Dovecot, poor_dovecot: Dovecot) -> None:
    """The plain server has IDLE, MOVE and UIDPLUS; the poor one has none of them."""
    wanted = {"IDLE", "MOVE", "UIDPLUS"}
    rich, poor = dovecot.log_in("cap@example.org"), poor_dovecot.log_in("cap@example.org")
    assert wanted == wanted & set(rich.capability()[1][0].decode().split())
    assert set() == wanted & set(poor.capability()[1][0].decode().split())
    rich.logout()
    poor.logout()


def test_dovecot_says_bye_and_forgets_uids(dovecot: Dovecot, mail_domain: str) -> None:
    """A connection can be closed from the server's side, and a UIDVALIDITY changed."""
    user = f"support@{mail_domain}"
    dovecot.append(user, compose(user).as_bytes())
    client = dovecot.log_in(user)
    dovecot.disconnect(user)
    with pytest.raises(imaplib.IMAP4.abort):
        poll(lambda: client.noop()[0] != "OK")
    client.shutdown()
    before = dovecot.uidvalidity(user)
    dovecot.forget_uids(user)
    assert before != dovecot.uidvalidity(user)
    assert len(dovecot.messages(user)) == 1


def test_dovecot_checks_tokens(oauth_dovecot: Dovecot) -> None:
    """XOAUTH2 takes a token while it is good, and refuses it afterwards."""
    assert oauth_dovecot.introspection is not None
    tokens = oauth_dovecot.introspection.tokens
    tokens["fresh"] = "oauth@example.org"

    def log_in() -> imaplib.IMAP4:
        client = imaplib.IMAP4(HOST, oauth_dovecot.imap_port, timeout=10)
        answers = iter([b"user=oauth@example.org\x01auth=Bearer fresh\x01\x01", b""])
        try:
            client.authenticate("XOAUTH2", lambda _challenge: next(answers))
        except imaplib.IMAP4.error:
            client.shutdown()
            raise
        return client

    log_in().logout()
    tokens.clear()
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        log_in()


def test_pymap_keeps_mail(pymap: Pymap) -> None:
    """What is appended to pymap's INBOX is there."""
    client = pymap.log_in()
    before = int(client.select()[1][0] or b"0")
    pymap.append(compose("support@example.org").as_bytes())
    assert before + 1 == poll(lambda: _grown(client, before))
    client.logout()


def _grown(client: imaplib.IMAP4, before: int) -> int:
    count = int(client.select()[1][0] or b"0")
    return count if count > before else 0


async def test_rt_takes_a_ticket_and_finds_it(rt: RequestTracker, mail_domain: str) -> None:
    """A ticket is created, answered by the agent, and found by its custom field."""
    customer, key = f"ann@{mail_domain}", f"conv-{mail_domain}"
    created = await rt.call(
        "POST",
        "ticket",
        json={
            "Queue": rt.queue,
            "Subject": TEXT,
            "Requestor": customer,
            "Content": TEXT,
            "ContentType": "text/plain",
            "CustomFields": {rt.field: key},
        },
    )
    number = int(created["id"])
    content = bytes(range(256))
    await rt.correspond_as_agent(
        number, "Gleich!", attachments=(("a.bin", "application/octet-stream", content),)
    )
    await rt.comment_as_agent(number, "hidden")
    assert [number] == await rt.tickets(f"'CF.{{{rt.field}}}' = '{key}'")
    assert (await rt.ticket(number))["Subject"] == TEXT
    assert await rt.entries(number, "Create") == [TEXT]
    assert await rt.entries(number) == ["Gleich!"]
    assert await rt.entries(number, "Comment") == ["hidden"]
    assert [("a.bin", content)] == await rt.files(number)
    assert customer in {message["To"] for message in rt.mail()}


async def test_rt_token_is_good(rt: RequestTracker) -> None:
    """The gateway's token opens the REST interface; another one does not."""
    statuses = []
    async with aiohttp.ClientSession() as session:
        for token in (rt.token, "1-1-bad"):
            headers = {"Authorization": f"token {token}"}
            async with session.get(f"{rt.url}/REST/2.0/rt", headers=headers) as answer:
                statuses.append(answer.status)
    assert statuses == [200, 401]


def test_wait_until_gives_up() -> None:
    """Waiting ends at the deadline, and at once when what is waited for has died."""
    assert not wait_until(lambda: False, seconds=0.05)
    assert not wait_until(lambda: True, seconds=5, alive=lambda: False)
