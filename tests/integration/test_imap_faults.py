"""Mail by IMAP from real servers, whatever they do: nothing is lost and nothing taken twice."""

from __future__ import annotations

import asyncio
import os
import time
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import msgspec
import pytest

from gateway import Health
from gateway.store.operations import ConversationFilter, Cursor, StoredArrival
from gateway.testing import RunningGateway, running_gateway
from tests.integration.mail_world import conversations, messages
from tests.integration.token_server import start_token_server
from tests.servers.dovecot import Dovecot
from tests.servers.ports import HOST
from tests.servers.pymap import Pymap

PART = "channel/box"
MANY = 2000


def mail(number: int, text: str = "") -> bytes:
    """A small mail that is like no other."""
    made = EmailMessage()
    made["From"] = f"Customer {number} <customer{number}@example.net>"
    made["To"] = "box@example.com"
    made["Subject"] = f"Question {number}"
    made["Message-ID"] = f"<question-{number}@example.net>"
    made.set_content(text or f"This is question number {number}.")
    return made.as_bytes()


def config(port: int, user: str, password: str = "secret", more: str = "", oauth: str = "") -> str:
    """The config of a mailbox that is read by IMAP, with nothing behind it."""
    secret = f'password = "{password}"' if password else ""
    tls = "" if "tls" in more else 'tls = "none"'
    return f"""
[plugins.email]
[channels.box]
type = "email"
address = "box@example.com"
[channels.box.imap]
host = "{HOST}"
port = {port}
user = "{user}"
timeout = 10
{secret}
{tls}
{more}
{oauth}
"""


async def subjects(running: RunningGateway) -> list[str]:
    """The subjects of all that was taken in, in alphabetical order."""
    return sorted(one.subject for one in await conversations(running))


async def taken(running: RunningGateway, *numbers: int) -> None:
    """Wait until exactly these mails were taken in, each as a conversation of its own."""
    expected = sorted(f"Question {number}" for number in numbers)

    async def enough() -> bool:
        return len(await conversations(running)) >= len(expected)

    await running.until(enough, 20)
    assert expected == await subjects(running)
    assert [] == await running.store.quarantine(None, Cursor())


async def arrivals(running: RunningGateway) -> list[StoredArrival]:
    """Everything that was ever handed in, newest first, without its bytes."""
    page = Cursor(limit=500)
    return await running.store.arrivals(None, source="box", since=0, until=1 << 50, page=page)


async def flags(dovecot: Dovecot, user: str) -> list[str]:
    """The flags of each mail in a mailbox."""
    query = ("fetch", "-u", user, "flags", "mailbox", "INBOX", "ALL")
    listing = await asyncio.to_thread(dovecot.doveadm, *query)
    return [line.partition(": ")[2] for line in listing.splitlines() if line.startswith("flags:")]


async def sick(running: RunningGateway) -> Health:
    """Wait until the channel is sick, see that readiness says the same, and return how it is."""
    await running.until(lambda: PART in running.gateway.parts.board.sick, 15)
    health = running.gateway.parts.board.sick[PART]
    async with aiohttp.ClientSession() as session, session.get(f"{running.url}/readyz") as answer:
        told = await answer.text()
    assert PART in told
    assert health.reason.partition(";")[0][:40] in told.replace('\\"', '"')
    return health


async def well(running: RunningGateway) -> None:
    """Wait until the channel is well."""
    await running.until(lambda: PART not in running.gateway.parts.board.sick, 20)


async def append(server: Dovecot, user: str, *mails: bytes) -> None:
    """Put mails into a mailbox."""
    await asyncio.to_thread(server.append, user, *mails)


def drop(dovecot: Dovecot, user: str, mails: list[bytes]) -> None:
    """Put mails straight into a mailbox's folder, as fast as the disk can."""
    dovecot.doveadm("mailbox", "status", "-u", user, "uidnext", "INBOX")
    folder = dovecot.maildir(user) / "new"
    owner = folder.stat()
    for number, raw in enumerate(mails):
        path = folder.parent / "tmp" / f"{int(time.time())}.M{number:06}.test"
        path.write_bytes(raw)
        os.chown(path, owner.st_uid, owner.st_gid)
        path.rename(folder / path.name)


async def test_push(dovecot: Dovecot, mail_domain: str, tmp_path: Path) -> None:
    """What lies there is taken, and new mail is pushed: it is there long before the next look."""
    user = f"box@{mail_domain}"
    await append(dovecot, user, mail(1))
    async with running_gateway(tmp_path, config(dovecot.imap_port, user)) as running:
        await taken(running, 1)
        began = time.monotonic()
        await append(dovecot, user, mail(2))
        await taken(running, 1, 2)
        assert time.monotonic() - began < 10
        [first] = [one for one in await conversations(running) if one.subject == "Question 1"]
        assert ["This is question number 1."] == [
            one.text.strip() for one in await messages(running, first.id)
        ]


async def test_push_from_another_server(pymap: Pymap, tmp_path: Path) -> None:
    """Another make of server pushes as well; what lay there before is left where that is wanted."""
    text = config(pymap.imap_port, pymap.user, pymap.password, 'first = "new"')
    async with running_gateway(tmp_path, text) as running:
        state = running.store.get_state

        async def begun() -> bool:
            return await state(PART, "watermark/INBOX") is not None

        await running.until(begun, 10)
        await asyncio.to_thread(pymap.append, mail(7))
        await taken(running, 7)


async def test_goodbye(dovecot: Dovecot, mail_domain: str, tmp_path: Path) -> None:
    """A server that says BYE while we wait is connected to again; nothing is taken twice."""
    user = f"box@{mail_domain}"
    async with running_gateway(tmp_path, config(dovecot.imap_port, user)) as running:
        await append(dovecot, user, mail(1))
        await taken(running, 1)
        await asyncio.to_thread(dovecot.disconnect, user)
        health = await sick(running)
        assert "imap_connection_lost" == health.code
        await append(dovecot, user, mail(2))
        await taken(running, 1, 2)
        await well(running)


async def test_new_uids(dovecot: Dovecot, mail_domain: str, tmp_path: Path) -> None:
    """A restored mailbox has new UIDs: all is read again, and known mail stays one message."""
    user = f"box@{mail_domain}"
    await append(dovecot, user, mail(1), mail(2))
    async with running_gateway(tmp_path, config(dovecot.imap_port, user)) as running:
        await taken(running, 1, 2)
        await asyncio.to_thread(dovecot.forget_uids, user)
        await append(dovecot, user, mail(3))
        await asyncio.to_thread(dovecot.disconnect, user)
        await taken(running, 1, 2, 3)
        every = await arrivals(running)
        assert 5 == len(every)
        assert 3 == len({one.messages[0] for one in every})


async def test_server_without_push(poor_dovecot: Dovecot, mail_domain: str, tmp_path: Path) -> None:
    """A server without IDLE, MOVE and UIDPLUS is asked at the pace that is set, and no faster."""
    user = f"box@{mail_domain}"
    more = 'poll_seconds = 1\nafter = "move"'
    await append(poor_dovecot, user, mail(1))
    async with running_gateway(tmp_path, config(poor_dovecot.imap_port, user, more=more)) as (
        running
    ):
        await taken(running, 1)
        await append(poor_dovecot, user, mail(2))
        began = time.process_time()
        await taken(running, 1, 2)
        await append(poor_dovecot, user, mail(3))
        await taken(running, 1, 2, 3)
        assert time.process_time() - began < 3

    moved = await asyncio.to_thread(poor_dovecot.messages, user, "Processed")
    assert 3 == len(moved)
    assert ["\\Deleted"] * 3 == [
        " ".join(one for one in each.split() if one == "\\Deleted")
        for each in await flags(poor_dovecot, user)
    ]


@pytest.mark.parametrize(
    ("after", "expected", "kept"),
    [("keep", "", 1), ("seen", "\\Seen", 1), ("keyword", "$GatewayTaken", 1), ("move", "", 0)],
)
async def test_what_becomes_of_taken_mail(
    dovecot: Dovecot, mail_domain: str, tmp_path: Path, after: str, expected: str, kept: int
) -> None:
    """A taken mail is kept, marked seen, given a keyword or moved, as it is set."""
    user = f"box@{mail_domain}"
    await append(dovecot, user, mail(1))
    text = config(dovecot.imap_port, user, more=f'after = "{after}"')
    async with running_gateway(tmp_path, text) as running:
        await taken(running, 1)

        async def done() -> bool:
            found = await flags(dovecot, user)
            return len(found) == kept and all(expected in one for one in found)

        await running.until(done, 10)
    if after == "keep":
        assert "\\Seen" not in (await flags(dovecot, user))[0]
    if after == "move":
        assert 1 == len(await asyncio.to_thread(dovecot.messages, user, "Processed"))


async def test_restart(dovecot: Dovecot, mail_domain: str, tmp_path: Path) -> None:
    """After a restart it goes on behind the last mail taken, and hands nothing in again."""
    user = f"box@{mail_domain}"
    text = config(dovecot.imap_port, user, more='after = "keep"')
    await append(dovecot, user, mail(1), mail(2))
    async with running_gateway(tmp_path, text) as running:
        await taken(running, 1, 2)
    await append(dovecot, user, mail(3))
    async with running_gateway(tmp_path, text) as running:
        await taken(running, 1, 2, 3)
        assert 3 == len(await arrivals(running))


async def test_wrong_password(dovecot: Dovecot, mail_domain: str, tmp_path: Path) -> None:
    """A wrong password is told as what it is, and the password itself is not told."""
    text = config(dovecot.imap_port, f"box@{mail_domain}", "not-the-secret-one")
    async with running_gateway(tmp_path, text) as running:
        health = await sick(running)
        assert "imap_authentication" == health.code
        assert "password" in health.reason
        assert "not-the-secret-one" not in health.reason


async def test_expired_certificate(
    expired_dovecot: Dovecot, mail_domain: str, tmp_path: Path
) -> None:
    """An expired certificate is told as what it is, and nothing is sent to such a server."""
    assert expired_dovecot.certificate is not None
    more = f'tls = "implicit"\nca_file = "{expired_dovecot.certificate.authority}"'
    text = config(expired_dovecot.imaps_port, f"box@{mail_domain}", more=more)
    async with running_gateway(tmp_path, text) as running:
        health = await sick(running)
        assert "imap_certificate" == health.code
        assert "expired" in health.reason


def oauth(url: str) -> str:
    """The config of a mailbox's access tokens."""
    return f"""
[channels.box.oauth]
provider = "other"
client_id = "gateway"
client_secret = "client-secret-1"
refresh_token = "refresh-token-1"
token_url = "{url}"
"""


async def test_token_runs_out(oauth_dovecot: Dovecot, mail_domain: str, tmp_path: Path) -> None:
    """A token that the server refuses before its time is replaced at once, with no fault to see."""
    user = f"box@{mail_domain}"
    assert oauth_dovecot.introspection is not None
    good = oauth_dovecot.introspection.tokens
    good["first-token"] = user
    async with start_token_server("first-token", "second-token") as tokens:
        text = config(oauth_dovecot.imap_port, user, "", oauth=oauth(tokens.url))
        async with running_gateway(tmp_path, text) as running:
            await append(oauth_dovecot, user, mail(1))
            await taken(running, 1)
            del good["first-token"]
            good["second-token"] = user
            await asyncio.to_thread(oauth_dovecot.disconnect, user)
            await append(oauth_dovecot, user, mail(2))
            await taken(running, 1, 2)
            assert ["first-token", "second-token"] == tokens.given


async def test_refused_token(oauth_dovecot: Dovecot, mail_domain: str, tmp_path: Path) -> None:
    """A mailbox that takes no token of ours is told as such, and no token is told."""
    user = f"box@{mail_domain}"
    async with start_token_server("token-of-nobody") as tokens:
        text = config(oauth_dovecot.imap_port, user, "", oauth=oauth(tokens.url))
        async with running_gateway(tmp_path, text) as running:
            health = await sick(running)
    assert "imap_authentication" == health.code
    assert "token" in health.reason
    assert "token-of-nobody" not in health.reason
    assert ["token-of-nobody"] * 2 == tokens.given


async def test_consent_taken_back(oauth_dovecot: Dovecot, mail_domain: str, tmp_path: Path) -> None:
    """Where the token server itself refuses, that is told with what a person has to do."""
    user = f"box@{mail_domain}"
    async with start_token_server("unused") as tokens:
        tokens.revoked = True
        text = config(oauth_dovecot.imap_port, user, "", oauth=oauth(tokens.url))
        async with running_gateway(tmp_path, text) as running:
            health = await sick(running)
    assert "oauth_refused" == health.code
    assert "invalid_grant" in health.reason
    assert "refresh-token-1" not in health.reason


async def test_too_large(dovecot: Dovecot, mail_domain: str, tmp_path: Path) -> None:
    """Of a mail of 31 MB only the header is taken, and both the text and the attachment say so."""
    user = f"box@{mail_domain}"
    head, _, _ = mail(1).partition(b"\n\n")
    large = head + b"\n\n" + (b"x" * 76 + b"\n") * (31_000_000 // 77)
    await asyncio.to_thread(drop, dovecot, user, [large, mail(2)])
    async with running_gateway(tmp_path, config(dovecot.imap_port, user)) as running:
        await taken(running, 1, 2)
        [found] = [one for one in await conversations(running) if one.subject == "Question 1"]
        [message] = await messages(running, found.id)
        assert "over the limit: only its header was taken" in message.text
        assert ["too_large"] == [one.state for one in message.attachments]
        arrival = await running.store.arrival(None, message.arrivals[0])
        assert len(arrival.arrival.body) < 1000


async def test_many_at_once(dovecot: Dovecot, mail_domain: str, tmp_path: Path) -> None:
    """Two thousand mails that lie there at the start are taken, every one of them once."""
    user = f"box@{mail_domain}"
    await asyncio.to_thread(drop, dovecot, user, [mail(number) for number in range(MANY)])
    text = config(dovecot.imap_port, user, more='after = "keep"')
    async with running_gateway(tmp_path, text) as running:
        began = time.monotonic()

        async def last() -> bool:
            known = await running.store.get_state(PART, "watermark/INBOX")
            done = known is not None and msgspec.json.decode(known.value)["last_uid"] == MANY
            # Asked in this order: what is behind the watermark waits until it is worked on.
            return done and not (await running.store.counts()).arrivals_waiting

        await running.until(last, 60)
        took = time.monotonic() - began
        found: list[str] = []
        page = Cursor(limit=500)
        while some := await running.store.conversations(None, ConversationFilter(), page):
            found += [one.subject for one in some]
            page = Cursor(before=some[-1].id, limit=500)
        assert sorted(f"Question {number}" for number in range(MANY)) == sorted(found)
        assert took < 60
        print(f"{MANY} mails by IMAP in {took:.1f} s")
