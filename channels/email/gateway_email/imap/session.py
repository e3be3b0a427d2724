"""A mailbox on an IMAP server: the dozen things the gateway asks of it, and nothing of the library's ways."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterable
from datetime import date

from gateway_email.imap.connection import Answer, ImapConnection, Tls, open_connection
from gateway_email.imap.errors import (
    ImapAuthenticationError,
    ImapError,
    ImapMisconfigured,
    ImapRefused,
)
from gateway_email.imap.mailbox_names import quoted, quoted_mailbox
from gateway_email.imap.values import Mailbox, MailFacts, body_of, facts_of, mailbox_of, uid_set

AT_ONCE = 200
"""UIDs asked for in one command; answers are bounded and a slow server is not asked for everything at once."""

_LAST_UID = 2**32 - 1
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# RFC 5530: the server is in trouble, not the password.
_NOT_THE_PASSWORD = ("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "CONTACTADMIN", "OVERQUOTA")


class ImapSession:
    """Use one mailbox over one connection; after an error other than `ImapRefused`, connect anew."""

    def __init__(self, connection: ImapConnection) -> None:
        self._wire = connection
        self._mailbox = Mailbox(uidvalidity=0)

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        *,
        tls: Tls = "implicit",
        ssl_context: ssl.SSLContext | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109 - of silence, for all that follows
    ) -> ImapSession:
        """Connect and read the server's capabilities.

        Args:
            host: Name or address.
            port: Usually 993.
            tls: `implicit`, or `none` towards this very machine only.
            ssl_context: Other authorities or client certificates; by default the system's.
            timeout: Seconds of silence after which the server counts as gone.

        Raises:
            ImapUnreachable, ImapCertificateError, ImapMisconfigured: See `gateway_email.imap.errors`.
        """
        return cls(
            await open_connection(host, port, tls=tls, ssl_context=ssl_context, patience=timeout)
        )

    @property
    def capabilities(self) -> frozenset[str]:
        """What the server said it can do, upper case."""
        return frozenset(self._wire.protocol.capabilities)

    @property
    def can_wait(self) -> bool:
        """Whether `wait_for_news` really waits (IDLE, RFC 2177) or only asks once."""
        return "IDLE" in self._wire.protocol.capabilities

    async def login(self, user: str, password: str) -> None:
        """Log in with a password.

        Raises:
            ImapAuthenticationError: User or password is wrong.
            ImapMisconfigured: The server forbids passwords here.
        """
        if "LOGINDISABLED" in self.capabilities:
            raise ImapMisconfigured(
                f"{self._wire.name} forbids passwords on this connection; use its TLS port or OAuth"
            )
        try:
            await self._wire.do("LOGIN", quoted(user), quoted(password))
        except ImapRefused as error:
            raise self._not_let_in(
                user, error, "check user and password (some providers want an app password)"
            ) from None
        await self._entered()

    async def xoauth2(self, user: str, token: str) -> None:
        """Log in with an OAuth access token (SASL XOAUTH2).

        Raises:
            ImapAuthenticationError: The token is expired, revoked or lacks the IMAP scope.
            ImapMisconfigured: The server does not offer XOAUTH2.
        """
        if "AUTH=XOAUTH2" not in self.capabilities:
            raise ImapMisconfigured(f"{self._wire.name} does not offer XOAUTH2; use a password")
        try:
            await self._wire.do("AUTHENTICATE", "XOAUTH2", xoauth2_response(user, token))
        except ImapRefused as error:
            said = f"{error.answer} {self._wire.protocol.challenge}".strip()
            raise self._not_let_in(
                user,
                ImapRefused("AUTHENTICATE", said),
                "the access token is expired, revoked or lacks the IMAP scope; grant access again",
            ) from None
        await self._entered()

    def _not_let_in(self, user: str, error: ImapRefused, advice: str) -> ImapError:
        if any(f"[{code}]" in error.answer.upper() for code in _NOT_THE_PASSWORD):
            return error
        return ImapAuthenticationError(
            f"{self._wire.name} refused to log in {user}: {error.answer}; {advice}"
        )

    async def _entered(self) -> None:
        protocol = self._wire.protocol
        protocol.state = "AUTH"
        answer = await self._wire.do("CAPABILITY")
        protocol.capabilities = {
            word.upper()
            for line in answer.lines
            for word in bytes(line).decode("ascii", "replace").split()
        }
        if (
            "ID" in protocol.capabilities
        ):  # some providers refuse SELECT to clients that do not say who they are
            await self._tolerated("ID", '("name" "intake-gateway")')

    async def select(self, mailbox: str = "INBOX") -> Mailbox:
        """Open a mailbox.

        Raises:
            ImapRefused: There is no such mailbox, or it has no UIDVALIDITY, without which no UID can be trusted.
        """
        answer = await self._wire.do("SELECT", quoted_mailbox(mailbox))
        found = mailbox_of((bytes(line) for line in answer.lines), answer.closing.encode())
        if found is None:
            raise ImapRefused(
                "SELECT", f"the server names no UIDVALIDITY for {mailbox!r}, so UIDs cannot be kept"
            )
        self._wire.protocol.state = "SELECTED"
        self._wire.protocol.exists = found.exists
        self._wire.protocol.news.clear()
        self._mailbox = found
        return found

    async def uids_after(self, last: int) -> tuple[int, ...]:
        """Return the UIDs above `last`, ascending; the last mail that `n:*` always matches is dropped."""
        if last >= _LAST_UID:
            return ()
        return tuple(uid for uid in await self._search(f"UID {last + 1}:*") if uid > last)

    async def uids_since(self, day: date) -> tuple[int, ...]:
        """Return the UIDs of mails the server took on or after a day, ascending."""
        return await self._search(f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}")

    async def _search(self, criteria: str) -> tuple[int, ...]:
        # No CHARSET: several servers answer BAD to it, and digits need none.
        answer = await self._wire.do("SEARCH", criteria, uid=True)
        words = b" ".join(bytes(line) for line in answer.lines).split()
        return tuple(sorted({int(word) for word in words if word.isdigit()}))

    async def sizes(self, uids: Iterable[int]) -> dict[int, MailFacts]:
        """Return size and date of mails by UID; mails that are gone are left out."""
        wanted = sorted(set(uids))
        facts: dict[int, MailFacts] = {}
        for start in range(0, len(wanted), AT_ONCE):
            some = uid_set(wanted[start : start + AT_ONCE])
            answer = await self._wire.do("FETCH", some, "(UID RFC822.SIZE INTERNALDATE)", uid=True)
            facts |= facts_of(answer.lines)
        return {uid: facts[uid] for uid in wanted if uid in facts}

    async def fetch_raw(self, uid: int) -> bytes | None:
        """Return a mail as it is, without marking it seen; None when it is gone."""
        return await self._fetch(uid, "BODY.PEEK[]")

    async def fetch_header(self, uid: int) -> bytes | None:
        """Return only the header of a mail, for one that is too large; None when it is gone."""
        return await self._fetch(uid, "BODY.PEEK[HEADER]")

    async def _fetch(self, uid: int, what: str) -> bytes | None:
        answer = await self._wire.do("FETCH", str(uid), f"(UID {what})", uid=True)
        return body_of(answer.lines, uid)

    async def mark(self, uid: int, *, keyword: str = "", seen: bool = False) -> bool:
        r"""Mark a mail as taken.

        Args:
            uid: Which.
            keyword: A keyword of our own, such as `$Gateway`; left out where the server keeps none.
            seen: Whether to set `\Seen` too.

        Returns:
            Whether everything asked for could be marked.
        """
        asked = [flag for flag in (keyword, "\\Seen" if seen else "") if flag]
        kept = [flag for flag in asked if self._mailbox.keeps(flag)]
        if kept:
            await self._store(uid, *kept)
        return kept == asked

    async def _store(self, uid: int, *flags: str) -> Answer:
        return await self._wire.do(
            "STORE", str(uid), "+FLAGS.SILENT", f"({' '.join(flags)})", uid=True, answers="FETCH"
        )

    async def move(self, uid: int, folder: str) -> None:
        """Move a mail to a folder, which is made if it is missing.

        Without MOVE (RFC 6851): copy, mark deleted and, with UIDPLUS, expunge this one mail. Without UIDPLUS it stays
        behind marked deleted, since a plain EXPUNGE would remove what other people marked.
        """
        verb = "MOVE" if "MOVE" in self.capabilities else "COPY"
        target = quoted_mailbox(folder)
        try:
            await self._wire.do(verb, str(uid), target, uid=True)
        except ImapRefused as error:
            if "[TRYCREATE]" not in error.answer.upper():
                raise
            await self._wire.do("CREATE", target)
            await self._wire.do(verb, str(uid), target, uid=True)
        if verb == "COPY":
            await self._store(uid, "\\Deleted")
            if "UIDPLUS" in self.capabilities:
                await self._wire.do("EXPUNGE", str(uid), uid=True)

    async def create(self, folder: str) -> None:
        """Make a folder; that it is there already is no error."""
        await self._tolerated("CREATE", quoted_mailbox(folder))

    async def append(self, raw: bytes, folder: str = "INBOX", *, flags: str = "") -> None:
        """Store a mail in a folder, such as a copy of what was sent."""
        await self._wire.append(quoted_mailbox(folder), raw, flags)

    async def noop(self) -> None:
        """Ask for news and prove that the connection lives."""
        await self._wire.do("NOOP")

    async def wait_for_news(self, seconds: float) -> bool:
        """Wait until the mailbox grows.

        Args:
            seconds: At most so long; nine minutes stay below what providers and address translators cut.
                A server without IDLE is asked once and the answer comes at once: see `can_wait`.

        Returns:
            Whether there is more mail than before; also for mail that was announced beside another command.

        Raises:
            ImapConnectionLost: The server closed, said goodbye or fell silent while we waited.
        """
        news = self._wire.protocol.news
        if not news.is_set():
            if not self.can_wait:
                await self.noop()
            elif not await self._wire.idle(seconds):
                self._wire.protocol.capabilities.discard("IDLE")
                await self.noop()
        grown = news.is_set()
        news.clear()
        return grown

    async def close(self) -> None:
        """Log out and close; never raises."""
        await self._wire.close()

    async def _tolerated(self, command: str, *args: str) -> None:
        try:
            await self._wire.do(command, *args)
        except ImapRefused:
            return


def xoauth2_response(user: str, token: str) -> str:
    """Return the SASL XOAUTH2 initial response, base64 (the providers' own specification)."""
    return base64.b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode()).decode("ascii")
