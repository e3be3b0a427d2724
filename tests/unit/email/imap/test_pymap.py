"""The IMAP seam against pymap, a server not written by us."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway import Health, NewArrival, Overloaded, Secret
from gateway.testing import CapturingIntake, CapturingLog, FakeClock, MemoryState
from gateway_email import inbox
from gateway_email.imap import ImapAuthenticationError, ImapSession, ImapUnreachable
from gateway_email.settings import ImapSettings

RAW = b"From: ann@example.net\r\nSubject: fire\r\n\r\nIt burns \xc3\xbc\r\n"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Run pymap with an empty mailbox and give its port."""
    chosen = _free_port()
    program = Path(sys.executable).with_name("pymap")
    process = await asyncio.create_subprocess_exec(
        program,
        "--host",
        "127.0.0.1",
        "--port",
        str(chosen),
        "--no-tls",
        "--no-service",
        "admin",
        "dict",
        "--demo-data",
        "--demo-user",
        "gw",
        "--demo-password",
        "secret",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield chosen
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _connected(port: int) -> ImapSession:
    async with asyncio.timeout(20):
        while True:
            try:
                return await ImapSession.connect("127.0.0.1", port, tls="none")
            except ImapUnreachable:
                await asyncio.sleep(0.05)


async def test_a_whole_mailbox_life(port: int) -> None:
    """Append, find, read, mark, push by IDLE and move work on a foreign server."""
    session = await _connected(port)
    with pytest.raises(ImapAuthenticationError, match="refused to log in gw"):
        await session.login("gw", "wrong")
    await session.close()
    session = await _connected(port)
    await session.login("gw", "secret")
    assert {"IDLE", "MOVE", "UIDPLUS"} <= session.capabilities
    assert not any("[" in word or "]" in word for word in session.capabilities)
    before = await session.select()
    known = max(await session.uids_after(0))
    await session.append(RAW)
    [uid] = await session.uids_after(known)
    assert before.uidnext == uid
    assert len(RAW) == (await session.sizes([uid]))[uid].size
    assert await session.fetch_raw(uid) == RAW
    assert await session.fetch_header(uid) == b"From: ann@example.net\r\nSubject: fire\r\n\r\n"
    assert await session.mark(uid, seen=True)
    assert not await session.mark(uid, keyword="$Gateway")
    while await session.wait_for_news(0.01):
        pass
    other = await _connected(port)
    await other.login("gw", "secret")
    await other.select()
    waiting = asyncio.ensure_future(session.wait_for_news(20))
    async with asyncio.timeout(20):
        while not waiting.done():  # a mail that comes before IDLE began tells nothing
            await other.append(RAW)
            await asyncio.wait([waiting], timeout=2)
    assert await waiting
    await session.move(uid, "Processed & done")
    assert uid not in await session.uids_after(known)
    assert (await other.select("Processed & done")).exists == 1
    await session.close()
    await other.close()


class FullIntake(CapturingIntake):
    """An intake that is full twice, and then takes in."""

    def __init__(self, state: MemoryState) -> None:
        super().__init__(state)
        self.refused, self.done = 0, asyncio.Event()

    async def accept(
        self, arrivals: Sequence[NewArrival], *, state: Sequence[tuple[str, Any]] = ()
    ) -> list[int]:
        if arrivals and self.refused < 2:
            self.refused += 1
            raise Overloaded("over 2 messages wait to be worked on already; come back later")
        taken = await super().accept(arrivals, state=state)
        self.done.set()
        return taken


async def test_reading_pauses_while_the_gateway_takes_no_more(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full gateway is asked again with the same mails; none is skipped, taken twice or marked early."""
    monkeypatch.setattr(inbox, "OVERLOAD_SECONDS", 0.0)
    state, log = MemoryState(), CapturingLog()
    intake, healths = FullIntake(state), list[Health]()
    await (await _connected(port)).close()
    reader = inbox.Inbox(
        ImapSettings(host="127.0.0.1", port=port, tls="none", user="gw", password=Secret("secret")),
        state=state, clock=FakeClock(), log=log, report=healths.append, token=None,
        forget=lambda: None, max_bytes=1 << 20,
    )  # fmt: skip
    reading = asyncio.create_task(reader.run(intake))
    try:
        async with asyncio.timeout(20):
            await intake.done.wait()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert 2 == intake.refused
    keys = [one.key for one in intake.accepted]
    assert sorted(set(keys)) == sorted(keys)
    assert ["imap.paused"] * 2 == [event for _, event, _ in log.lines]
    assert all(health.well for health in healths)
