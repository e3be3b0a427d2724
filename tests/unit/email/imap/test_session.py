"""The IMAP seam against a server that answers as servers do, and as they should not."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import AsyncIterator

import pytest

from gateway_email.imap import (
    ImapAuthenticationError,
    ImapConnectionLost,
    ImapMisconfigured,
    ImapRefused,
    ImapSession,
    ImapUnreachable,
)
from tests.unit.email.imap_double import FULL, POOR, ImapDouble

MAIL = b"From: ann@example.net\r\nSubject: * A {5}\r\n\r\nIt burns ( \r\n* 9 EXISTS\r\n"


@contextlib.asynccontextmanager
async def opened(
    double: ImapDouble, *, silence: float = 5.0, login: bool = True
) -> AsyncIterator[ImapSession]:
    """Serve the double and open a session on its INBOX."""
    async with double.serving():
        session = await ImapSession.connect("127.0.0.1", double.port, tls="none", timeout=silence)
        try:
            if login:
                await session.login("gw", "secret")
                await session.select()
            yield session
        finally:
            await session.close()


async def test_reads_a_mailbox() -> None:
    """Selecting, searching, sizes, body and header come back as the server holds them."""
    async with opened(ImapDouble(mails={3: MAIL, 9: b""})) as session:
        mailbox = await session.select()
        assert (mailbox.uidvalidity, mailbox.uidnext, mailbox.exists) == (7, 10, 2)
        assert await session.uids_after(0) == (3, 9)
        assert await session.uids_after(3) == (9,)
        facts = await session.sizes([3, 9, 50])
        assert {3: len(MAIL), 9: 0} == {uid: fact.size for uid, fact in facts.items()}
        assert facts[3].received == 1795251600000
        assert await session.fetch_raw(3) == MAIL
        assert await session.fetch_raw(9) == b""
        assert MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" == await session.fetch_header(3)


async def test_drops_the_last_mail_that_star_always_matches() -> None:
    """`n:*` matches the last mail even when nothing is new; the caller never sees it."""
    async with opened(ImapDouble(mails={3: MAIL})) as session:
        assert await session.uids_after(3) == ()
        assert await session.uids_after(2**32 - 1) == ()


async def test_a_mail_that_is_gone_is_none() -> None:
    """A mail deleted between search and fetch is no error."""
    async with opened(ImapDouble(mails={3: MAIL})) as session:
        assert None is await session.fetch_raw(77)


async def test_search_sends_no_charset() -> None:
    """The double answers BAD to CHARSET, as Yahoo and Exchange do; a date search still works."""
    async with opened(ImapDouble(mails={3: MAIL})) as session:
        assert await session.uids_since(dt.date(2026, 11, 5)) == (3,)


async def test_capabilities_are_only_those_of_capability_lines() -> None:
    """Words of a closing text are no capabilities."""
    async with opened(ImapDouble()) as session:
        assert frozenset(FULL.upper().split()) == session.capabilities


async def test_two_thousand_mails() -> None:
    """Sizes of 2,000 mails arrive completely, at most 200 asked at a time."""
    double = ImapDouble(mails={uid: b"x" * (uid % 7) for uid in range(1, 2001)})
    async with opened(double) as session:
        facts = await session.sizes(await session.uids_after(0))
    assert {uid: uid % 7 for uid in range(1, 2001)} == {
        uid: fact.size for uid, fact in facts.items()
    }
    assert sum("RFC822.SIZE" in line for line in double.log) == 10


async def test_a_flood_of_untagged_lines_does_not_exhaust_the_stack() -> None:
    """5,000 EXPUNGE lines in one answer, as when somebody empties the folder, are survived."""
    async with opened(ImapDouble(mails={1: MAIL}, faults={"flood_expunge"})) as session:
        await session.noop()
        assert await session.fetch_raw(1) == MAIL


async def test_a_large_mail_arrives_whole() -> None:
    """A mail of 6 MiB comes in many pieces and is put together byte by byte."""
    raw = bytes(range(256)) * 24576
    async with opened(ImapDouble(mails={1: raw})) as session:
        assert raw == await session.fetch_raw(1)


async def test_wrong_password_is_an_authentication_error() -> None:
    """A refused password names user and advice, and not the password."""
    double = ImapDouble()
    async with opened(double, login=False) as session:
        with pytest.raises(
            ImapAuthenticationError, match=r"refused to log in gw.*app password"
        ) as caught:
            await session.login("gw", 'wr"ong')
    assert "wr" not in str(caught.value).replace("wrong", "")
    assert 'LOGIN "gw" "wr\\"ong"' in double.log


async def test_a_server_in_trouble_is_not_a_wrong_password() -> None:
    """NO [UNAVAILABLE] to LOGIN can be tried again."""
    async with opened(ImapDouble(faults={"busy_login"}), login=False) as session:
        with pytest.raises(ImapRefused, match="user database is away") as caught:
            await session.login("gw", "secret")
    assert caught.value.retryable


async def test_xoauth2_logs_in() -> None:
    """A good token opens the mailbox."""
    async with opened(ImapDouble(mails={1: MAIL}), login=False) as session:
        await session.xoauth2("gw", "good")
        assert (await session.select()).exists == 1


async def test_refused_token_is_an_authentication_error() -> None:
    """The server's challenge is answered, so an expired token does not look like a dead network."""
    async with opened(ImapDouble(), login=False) as session:
        with pytest.raises(ImapAuthenticationError, match=r'"status":"401".*token is expired'):
            await session.xoauth2("gw", "stale")


async def test_missing_xoauth2_is_a_setting_to_correct() -> None:
    """A server without XOAUTH2 is named as such."""
    async with opened(ImapDouble(capabilities=POOR), login=False) as session:
        with pytest.raises(ImapMisconfigured, match="does not offer XOAUTH2"):
            await session.xoauth2("gw", "good")


async def test_forbidden_passwords_are_a_setting_to_correct() -> None:
    """LOGINDISABLED is respected: the password is not sent."""
    double = ImapDouble(capabilities="IMAP4rev1 LOGINDISABLED")
    async with opened(double, login=False) as session:
        with pytest.raises(ImapMisconfigured, match="forbids passwords"):
            await session.login("gw", "secret")
    assert not any(line.startswith("LOGIN ") for line in double.log)


async def test_control_characters_never_reach_the_wire() -> None:
    """A line break in a password is refused before anything is sent."""
    double = ImapDouble()
    async with opened(double, login=False) as session:
        with pytest.raises(ImapMisconfigured, match="CR and LF"):
            await session.login("gw", "x\r\nA1 DELETE INBOX")
    assert not any("DELETE" in line for line in double.log)


async def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Even at debug level neither password nor mail reaches a log."""
    caplog.set_level(logging.DEBUG)
    async with opened(ImapDouble(mails={1: MAIL})) as session:
        await session.fetch_raw(1)
    assert "secret" not in caplog.text
    assert "It burns" not in caplog.text


async def test_folder_names_are_quoted_and_encoded() -> None:
    """Quotes, blanks and letters beyond ASCII in a folder name reach the server in modified UTF-7."""
    async with opened(ImapDouble(mails={1: MAIL})) as session:
        assert (await session.select('Entwürfe "x"')).exists == 1


async def test_unknown_folder_is_refused_with_the_servers_words() -> None:
    """A missing folder says so."""
    async with opened(ImapDouble()) as session:
        with pytest.raises(ImapRefused, match="refused SELECT: Mailbox doesn't exist"):
            await session.select("Nope")


async def test_no_uidvalidity_is_refused() -> None:
    """Without UIDVALIDITY no UID can be trusted."""
    async with opened(ImapDouble(faults={"no_uidvalidity"}), login=False) as session:
        await session.login("gw", "secret")
        with pytest.raises(ImapRefused, match="UIDVALIDITY"):
            await session.select()


async def test_idle_tells_of_new_mail() -> None:
    """A mail that arrives in IDLE ends the wait at once."""
    double = ImapDouble(mails={1: MAIL})
    async with opened(double) as session:
        waiting = asyncio.ensure_future(session.wait_for_news(30))
        await double.idling.wait()
        double.put(MAIL)
        assert await asyncio.wait_for(waiting, 5)
        assert await session.uids_after(1) == (2,)


async def test_idle_ends_by_itself() -> None:
    """Without news the wait ends when its time is up, and the connection goes on."""
    async with opened(ImapDouble(mails={1: MAIL})) as session:
        assert not await session.wait_for_news(0.05)
        assert await session.uids_after(0) == (1,)


async def test_news_beside_another_command_is_kept() -> None:
    """EXISTS during a FETCH is remembered; the next wait returns at once."""
    double = ImapDouble(mails={1: MAIL}, faults={"exists_in_fetch"})
    async with opened(double) as session:
        await session.fetch_raw(1)
        assert await session.wait_for_news(30)
        assert "IDLE" not in double.log


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("bye_in_idle", "server is shutting down"),
        ("close_in_idle", "closed the connection"),
    ],
)
async def test_a_server_that_leaves_in_idle_is_noticed(fault: str, words: str) -> None:
    """BYE or a close in IDLE is reported at once, not when the timer ends."""
    async with opened(ImapDouble(faults={fault})) as session:
        with pytest.raises(ImapConnectionLost, match=words):
            await asyncio.wait_for(session.wait_for_news(600), 5)
        with pytest.raises(ImapConnectionLost):
            await session.noop()


async def test_a_server_that_does_not_end_idle_is_dropped() -> None:
    """When DONE is not answered, the connection counts as lost."""
    async with opened(ImapDouble(faults={"hang_in_idle"}), silence=0.2) as session:
        with pytest.raises(ImapConnectionLost, match="no answer to IDLE"):
            await asyncio.wait_for(session.wait_for_news(0.05), 5)


@pytest.mark.parametrize(
    "double",
    [
        ImapDouble(capabilities=POOR, mails={1: MAIL}),
        ImapDouble(faults={"refuse_idle"}, mails={1: MAIL}),
    ],
    ids=["no IDLE", "IDLE refused"],
)
async def test_servers_without_idle_are_polled(double: ImapDouble) -> None:
    """Without IDLE the wait asks once and returns at once, with the news there is."""
    async with opened(double) as session:
        assert not await asyncio.wait_for(session.wait_for_news(600), 5)
        assert not session.can_wait
        double.put(MAIL)
        assert await asyncio.wait_for(session.wait_for_news(600), 5)


async def test_a_close_in_mid_literal_is_noticed() -> None:
    """Half a mail is never taken for a mail."""
    async with opened(ImapDouble(mails={1: MAIL}, faults={"close_in_literal"})) as session:
        with pytest.raises(ImapConnectionLost, match="closed the connection"):
            await asyncio.wait_for(session.fetch_raw(1), 5)


async def test_silence_in_mid_literal_is_noticed() -> None:
    """A server that stops in the middle of a mail is given up after the timeout."""
    async with opened(
        ImapDouble(mails={1: MAIL}, faults={"hang_in_fetch"}), silence=0.2
    ) as session:
        with pytest.raises(ImapConnectionLost, match="no answer to FETCH"):
            await asyncio.wait_for(session.fetch_raw(1), 5)


async def test_an_answer_nobody_asked_for_ends_the_connection() -> None:
    """An unknown tag means that the two sides disagree; the connection is dropped, not trusted."""
    async with opened(ImapDouble(faults={"garbage_tag"})) as session:
        with pytest.raises(ImapConnectionLost, match="could not be understood"):
            await asyncio.wait_for(session.noop(), 5)


async def test_a_cancelled_command_drops_the_connection() -> None:
    """What a broken-off command leaves on the wire is never taken for the next answer."""
    async with opened(ImapDouble(mails={1: MAIL}, faults={"hang_in_fetch"})) as session:
        task = asyncio.ensure_future(session.fetch_raw(1))
        done, _ = await asyncio.wait({task}, timeout=0.1)
        assert not done
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ImapConnectionLost):
            await session.noop()


async def test_greeting_that_is_a_refusal() -> None:
    """BYE in place of a greeting is reported with the server's reason, at once."""
    async with ImapDouble(faults={"bye_at_hello"}).serving() as double:
        with pytest.raises(ImapConnectionLost, match="too many connections"):
            await asyncio.wait_for(ImapSession.connect("127.0.0.1", double.port, tls="none"), 5)


async def test_no_greeting() -> None:
    """A server that never greets is named, with what to check."""
    async with ImapDouble(faults={"silent_hello"}).serving() as double:
        with pytest.raises(ImapUnreachable, match="no IMAP greeting"):
            await ImapSession.connect("127.0.0.1", double.port, tls="none", timeout=0.2)


async def test_nobody_there() -> None:
    """A refused connection names host and port."""
    async with ImapDouble().serving() as double:
        port = double.port
    with pytest.raises(ImapUnreachable, match=rf"127\.0\.0\.1:{port} cannot be reached"):
        await ImapSession.connect("127.0.0.1", port, tls="none")


async def test_tls_to_a_plain_port() -> None:
    """A port that does not speak TLS is named as such."""
    async with ImapDouble().serving() as double:
        with pytest.raises(ImapUnreachable, match="does not answer with TLS"):
            await ImapSession.connect("127.0.0.1", double.port)


async def test_marking() -> None:
    """Keyword and seen flag are stored where the server keeps them, and only there."""
    double = ImapDouble(mails={1: MAIL})
    async with opened(double) as session:
        assert await session.mark(1, keyword="$Gateway", seen=True)
    assert {1: {"$Gateway", "\\Seen"}} == double.flags
    strict = ImapDouble(mails={1: MAIL}, permanent_flags="\\Seen")
    async with opened(strict) as session:
        assert not await session.mark(1, keyword="$Gateway", seen=True)
    assert {1: {"\\Seen"}} == strict.flags


async def test_move() -> None:
    """With MOVE the mail goes to the folder in one command; a missing folder is made."""
    double = ImapDouble(mails={1: MAIL}, faults={"refuse_move_once"})
    async with opened(double) as session:
        await session.move(1, "Processed")
    assert double.folders == {'"Processed"': [MAIL]}
    assert double.mails == {}


async def test_move_without_the_extension() -> None:
    """Without MOVE: copy, mark deleted, expunge this one."""
    double = ImapDouble(capabilities="IMAP4rev1 UIDPLUS", mails={1: MAIL, 2: MAIL})
    async with opened(double) as session:
        await session.move(1, "Processed")
    assert list(double.mails) == [2]
    assert double.folders == {'"Processed"': [MAIL]}


async def test_move_on_a_poor_server_expunges_nothing() -> None:
    """Without UIDPLUS the mail stays, marked deleted; other people's deleted mails are left alone."""
    double = ImapDouble(capabilities=POOR, mails={1: MAIL, 2: MAIL})
    async with opened(double) as session:
        await session.move(1, "Processed")
    assert list(double.mails) == [1, 2]
    assert {1: {"\\Deleted"}} == double.flags
    assert not any("EXPUNGE" in line for line in double.log)
