"""A small IMAP server that behaves badly on request; speaks just enough for the gateway's own client."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from tests.unit.email.waiting import connections_gone

FULL = "IMAP4rev1 IDLE MOVE UIDPLUS ID SASL-IR AUTH=XOAUTH2 AUTH=PLAIN"
POOR = "IMAP4rev1 LITERAL+"
CHALLENGE = "eyJzdGF0dXMiOiI0MDEifQ=="  # {"status":"401"}


@dataclass
class ImapDouble:
    """What the server holds and how it misbehaves.

    Faults: bye_at_hello, silent_hello, bye_in_idle, close_in_idle, hang_in_idle, refuse_idle, close_in_literal,
    hang_in_fetch, refuse_move_once (TRYCREATE), flood_expunge (at NOOP), garbage_tag, busy_login.
    """

    capabilities: str = FULL
    mails: dict[int, bytes] = field(default_factory=dict)
    uidvalidity: int = 7
    faults: set[str] = field(default_factory=set)
    token: str = "good"
    password: str = "secret"
    permanent_flags: str = "\\Seen \\Deleted \\*"
    port: int = 0
    log: list[str] = field(default_factory=list)
    flags: dict[int, set[str]] = field(default_factory=dict)
    folders: dict[str, list[bytes]] = field(default_factory=dict)
    idling: asyncio.Event = field(default_factory=asyncio.Event)
    push: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    connections: int = 0

    @contextlib.asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[ImapDouble]:
        """Serve on a free loopback port."""
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            self.connections += 1
            try:
                with contextlib.suppress(
                    OSError, asyncio.IncompleteReadError, asyncio.CancelledError, UnicodeDecodeError
                ):
                    await _Talk(self, reader, writer).run()
            finally:
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await connections_gone(server)

    def put(self, raw: bytes) -> None:
        """Let a new mail arrive, and tell whoever idles."""
        self.mails[max(self.mails, default=0) + 1] = raw
        self.push.put_nowait(f"* {len(self.mails)} EXISTS")


class _Talk:
    def __init__(
        self, double: ImapDouble, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.double = double
        self.reader = reader
        self.writer = writer
        self.verbs: dict[str, Callable[[str, str], Awaitable[None]]] = {
            "CAPABILITY": self.capability,
            "LOGIN": self.login,
            "AUTHENTICATE": self.authenticate,
            "SELECT": self.select,
            "UID": self.uid,
            "NOOP": self.noop,
            "IDLE": self.idle,
            "CREATE": self.create,
            "LOGOUT": self.logout,
        }

    def say(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())

    def fault(self, name: str) -> bool:
        return name in self.double.faults

    async def run(self) -> None:
        if self.fault("silent_hello"):
            await asyncio.Event().wait()
        if self.fault("bye_at_hello"):
            self.say("* BYE too many connections")
            await self.writer.drain()
            return
        self.say("* OK double ready")
        while line := (await self.reader.readline()).decode().rstrip("\r\n"):
            tag, _, rest = line.partition(" ")
            verb, _, args = rest.partition(" ")
            self.double.log.append(rest)
            handler = self.verbs.get(verb.upper())
            if self.fault("garbage_tag") and verb == "NOOP":
                self.say("ZZ99 OK who was that")
            elif handler is None:
                self.say(f"{tag} OK {verb} done")
            else:
                await handler(tag, args)
            await self.writer.drain()

    async def capability(self, tag: str, _args: str) -> None:
        self.say(f"* CAPABILITY {self.double.capabilities}")
        self.say(f"{tag} OK [CAPABILITY {self.double.capabilities} JUNK] done")

    async def login(self, tag: str, args: str) -> None:
        if self.fault("busy_login"):
            self.say(f"{tag} NO [UNAVAILABLE] user database is away")
        elif args == f'"gw" "{self.double.password}"':
            self.say(f"{tag} OK [CAPABILITY {self.double.capabilities}] Logged in, welcome")
        else:
            self.say(f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials")

    async def authenticate(self, tag: str, args: str) -> None:
        import base64

        given = base64.b64decode(args.split()[1]).decode()
        if given == f"user=gw\x01auth=Bearer {self.double.token}\x01\x01":
            self.say(f"{tag} OK in")
            return
        self.say(f"+ {CHALLENGE}")
        await self.writer.drain()
        assert await self.reader.readline() == b"\r\n"
        self.say(f"{tag} NO AUTHENTICATE failed.")

    async def select(self, tag: str, args: str) -> None:
        if args not in {'"INBOX"', '"Entw&APw-rfe \\"x\\""'}:
            self.say(f"{tag} NO Mailbox doesn't exist")
            return
        self.say("* FLAGS (\\Seen \\Deleted)")
        self.say(f"* OK [PERMANENTFLAGS ({self.double.permanent_flags})] kept")
        self.say(f"* {len(self.double.mails)} EXISTS")
        if not self.fault("no_uidvalidity"):
            self.say(f"* OK [UIDVALIDITY {self.double.uidvalidity}] valid")
        self.say(f"* OK [UIDNEXT {max(self.double.mails, default=0) + 1}] next")
        self.say(f"{tag} OK [READ-WRITE] selected")

    async def uid(self, tag: str, args: str) -> None:
        verb, _, rest = args.partition(" ")
        await getattr(self, f"uid_{verb.lower()}")(tag, rest)

    async def uid_search(self, tag: str, args: str) -> None:
        if "CHARSET" in args:
            self.say(f"{tag} BAD [BADCHARSET] no")
            return
        found = sorted(self.double.mails)
        span = re.match(r"UID (\d+):\*", args)
        if span:
            low = int(span[1])
            found = [uid for uid in found if uid >= low] or found[-1:]
        self.say(f"* SEARCH {' '.join(map(str, found))}".rstrip())
        self.say(f"{tag} OK searched")

    async def uid_fetch(self, tag: str, args: str) -> None:
        uids, _, what = args.partition(" ")
        for uid in self.wanted(uids):
            raw, place = self.double.mails[uid], sorted(self.double.mails).index(uid) + 1
            if "RFC822.SIZE" in what:
                self.say(
                    f'* {place} FETCH (UID {uid} RFC822.SIZE {len(raw)} INTERNALDATE "21-Nov-2026 10:00:00 +0100")'
                )
                continue
            if "HEADER" in what:
                raw = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            self.say(
                f"* {place} FETCH (UID {uid} BODY[{'HEADER' if 'HEADER' in what else ''}] {{{len(raw)}}}"
            )
            if self.fault("close_in_literal"):
                self.writer.write(raw[: len(raw) // 2])
                await self.writer.drain()
                self.writer.close()
                return
            if self.fault("hang_in_fetch"):
                await self.writer.drain()
                await asyncio.Event().wait()
            self.writer.write(raw)
            self.say(")")
            self.say(f"* {place} FETCH (FLAGS (\\Recent))")
            await self.writer.drain()
        if self.fault("exists_in_fetch"):
            self.say(f"* {len(self.double.mails) + 1} EXISTS")
        self.say(f"{tag} OK fetched (0.001 secs)")

    def wanted(self, uids: str) -> list[int]:
        found = []
        for run in uids.split(","):
            low, _, high = run.partition(":")
            found += [uid for uid in self.double.mails if int(low) <= uid <= int(high or low)]
        return found

    async def uid_store(self, tag: str, args: str) -> None:
        uid, _, rest = args.partition(" ")
        flags = rest[rest.index("(") + 1 : rest.index(")")].split()
        self.double.flags.setdefault(int(uid), set()).update(flags)
        self.say(f"{tag} OK stored")

    async def uid_copy(self, tag: str, args: str) -> None:
        uid, _, folder = args.partition(" ")
        if self.fault("refuse_move_once"):
            self.double.faults.discard("refuse_move_once")
            self.say(f"{tag} NO [TRYCREATE] no such folder")
            return
        self.double.folders.setdefault(folder, []).append(self.double.mails[int(uid)])
        self.say(f"{tag} OK copied")

    async def uid_move(self, tag: str, args: str) -> None:
        known = len(self.double.folders.get(args.partition(" ")[2], ()))
        await self.uid_copy(tag, args)
        if len(self.double.folders.get(args.partition(" ")[2], ())) > known:
            del self.double.mails[int(args.partition(" ")[0])]

    async def uid_expunge(self, tag: str, args: str) -> None:
        del self.double.mails[int(args)]
        self.say("* 1 EXPUNGE")
        self.say(f"{tag} OK expunged")

    async def create(self, tag: str, args: str) -> None:
        self.double.folders.setdefault(args, [])
        self.say(f"{tag} OK created")

    async def noop(self, tag: str, _args: str) -> None:
        if self.fault("flood_expunge"):
            self.writer.write(b"* 1 EXPUNGE\r\n" * 5000)
        while not self.double.push.empty():
            self.say(self.double.push.get_nowait())
        self.say(f"{tag} OK noop")

    async def idle(self, tag: str, _args: str) -> None:
        if self.fault("refuse_idle"):
            self.say(f"{tag} NO not today")
            return
        self.say("+ idling")
        await self.writer.drain()
        self.double.idling.set()
        if self.fault("bye_in_idle"):
            self.say("* BYE server is shutting down")
            await self.writer.drain()
            await asyncio.Event().wait()
        if self.fault("close_in_idle"):
            self.writer.close()
            return
        done = asyncio.ensure_future(self.reader.readline())
        while not done.done():
            news = asyncio.ensure_future(self.double.push.get())
            await asyncio.wait({done, news}, return_when=asyncio.FIRST_COMPLETED)
            if news.done():
                self.say(news.result())
                await self.writer.drain()
            news.cancel()
        if self.fault("hang_in_idle"):
            await asyncio.Event().wait()
        self.say(f"{tag} OK idle done")

    async def logout(self, tag: str, _args: str) -> None:
        self.say("* BYE logging out")
        self.say(f"{tag} OK bye")
