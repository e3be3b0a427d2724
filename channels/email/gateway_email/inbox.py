"""Mail in by IMAP: what is above the watermark is taken, stored and only then marked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec

from gateway import Clock, Health, HealthReport, Intake, Log, NewArrival, Overloaded, State
from gateway_email.faults import told
from gateway_email.imap import (
    ImapAuthenticationError,
    ImapSession,
    Mailbox,
    MailFacts,
    Watermark,
    plan_fetch,
)
from gateway_email.lane import lane_of
from gateway_email.settings import ImapSettings

KEYWORD = "$GatewayTaken"
BATCH, BATCH_BYTES = 50, 8 << 20
IDLE_SECONDS = 540.0
OVERLOAD_SECONDS = 5.0
RESCAN_SECONDS = 3_600.0


class Inbox:
    """Reads one folder of one mailbox.

    Args:
        password: gives the password.
        token: gives an access token and is used instead of the password, if there is one.
        forget: called when the server refuses the token before its time.
        max_bytes: of a larger mail only the header is taken.
    """

    def __init__(
        self,
        settings: ImapSettings,
        *,
        state: State,
        clock: Clock,
        log: Log,
        report: HealthReport,
        token: Callable[[], Awaitable[str]] | None,
        forget: Callable[[], None],
        max_bytes: int,
    ) -> None:
        self._settings, self._state, self._clock, self._log = settings, state, clock, log
        self._report, self._token, self._forget = report, token, forget
        self._max_bytes = max_bytes
        self._rescanned_at = 0
        self._taken: set[tuple[int, int]] = set()

    @property
    def _state_key(self) -> str:
        return f"watermark/{self._settings.folder}"

    async def run(self, intake: Intake) -> None:
        """Take in until cancelled; what goes wrong ends it and is told as it is."""
        with told():
            session = await self.connect()
            try:
                mailbox = await session.select(self._settings.folder)
                self._report(Health())
                while True:
                    await self._take(session, mailbox, intake)
                    await self._rescan(session, mailbox, intake)
                    await self._wait(session)
                    mailbox = await session.select(self._settings.folder)
            finally:
                await session.close()

    async def _wait(self, session: ImapSession) -> None:
        """Wait for push, or where the server has none until it is time to look again."""
        pause = min(self._settings.poll_seconds, IDLE_SECONDS)
        if not session.can_wait:
            await asyncio.sleep(pause)
        if not await session.wait_for_news(pause):
            await session.noop()

    async def connect(self) -> ImapSession:
        """Connect and log in; a token refused before its time is replaced by a fresh one, once.

        Raises:
            ImapError, OAuthError: the text says why and what to do.
        """
        if self._token is None:
            return await self._log_in()
        try:
            return await self._log_in()
        except ImapAuthenticationError:
            return await self._log_in()

    async def _log_in(self) -> ImapSession:
        settings = self._settings
        context = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else None
        session = await ImapSession.connect(
            settings.host, settings.port, tls=settings.tls, ssl_context=context,
            timeout=settings.timeout,
        )  # fmt: skip
        try:
            if self._token is None:
                await session.login(settings.user, settings.password.reveal())
            else:
                await session.xoauth2(settings.user, await self._token())
        except ImapAuthenticationError:
            self._forget()
            await session.close()
            raise
        except BaseException:
            await session.close()
            raise
        return session

    async def _known(self) -> Watermark | None:
        stored = await self._state.get(self._state_key)
        return None if stored.value is None else msgspec.convert(stored.value, Watermark)

    async def _take(self, session: ImapSession, mailbox: Mailbox, intake: Intake) -> None:
        """Take what is above the watermark, in small batches, oldest first."""
        plan = plan_fetch(await self._known(), mailbox, first=self._settings.first)
        if plan.rescan:
            self._log.warning("imap.rescan", folder=self._settings.folder, reason=plan.reason)
        mark = plan.start
        uids = await session.uids_after(mark.last_uid)
        for start in range(0, len(uids), BATCH):
            batch = uids[start : start + BATCH]
            facts = await session.sizes(batch)
            mark = await self._batch(
                session, mailbox, intake, [(u, facts.get(u)) for u in batch], mark
            )
        if not uids and plan.start != await self._known():
            await intake.accept([], state=[(self._state_key, msgspec.to_builtins(mark))])

    async def _batch(
        self, session: ImapSession, mailbox: Mailbox, intake: Intake,
        batch: list[tuple[int, MailFacts | None]], mark: Watermark,
    ) -> Watermark:  # fmt: skip
        arrivals: list[NewArrival] = []
        uids: list[int] = []
        held = 0
        for uid, facts in batch:
            arrival = None if facts is None else await self._fetch(session, mailbox, uid, facts)
            mark = mark.after(uid)
            if arrival is None:
                continue  # expunged meanwhile
            arrivals.append(arrival)
            uids.append(uid)
            held += len(arrival.body)
            if held >= BATCH_BYTES:
                await self._store(session, mailbox, intake, arrivals, uids, mark)
                arrivals, uids, held = [], [], 0
        await self._store(session, mailbox, intake, arrivals, uids, mark)
        return mark

    async def _store(
        self, session: ImapSession, mailbox: Mailbox, intake: Intake,
        arrivals: list[NewArrival], uids: list[int], mark: Watermark,
    ) -> None:  # fmt: skip
        """Commit mails with the watermark; only then touch the mailbox.

        While the gateway takes no more in, nothing further is fetched.
        """
        while True:
            try:
                await intake.accept(arrivals, state=[(self._state_key, msgspec.to_builtins(mark))])
                break
            except Overloaded as error:
                self._log.info("imap.paused", folder=self._settings.folder, reason=str(error))
                await asyncio.sleep(OVERLOAD_SECONDS)
        for uid in uids:
            self._taken.add((mailbox.uidvalidity, uid))
            await self._after(session, uid)

    async def _fetch(
        self, session: ImapSession, mailbox: Mailbox, uid: int, facts: MailFacts
    ) -> NewArrival | None:
        remote: dict[str, object] = {"folder": self._settings.folder, "uid": uid}
        if facts.received is not None:
            remote["internal_date"] = facts.received
        if facts.size > self._max_bytes:
            raw = await session.fetch_header(uid)
            remote["too_large"] = facts.size
        else:
            raw = await session.fetch_raw(uid)
        if raw is None:
            return None
        return NewArrival(
            key=f"{self._settings.folder}/{mailbox.uidvalidity}/{uid}", kind="mail", body=raw,
            lane=lane_of(raw), content_type="message/rfc822", remote=remote,
        )  # fmt: skip

    async def _after(self, session: ImapSession, uid: int) -> None:
        match self._settings.after:
            case "seen":
                await session.mark(uid, seen=True)
            case "keyword":
                await session.mark(uid, keyword=KEYWORD)
            case "move":
                await session.move(uid, self._settings.processed)
            case "keep":
                pass

    async def _rescan(self, session: ImapSession, mailbox: Mailbox, intake: Intake) -> None:
        """Once an hour look at the last day again: some servers hand out UIDs out of order."""
        now = self._clock.now()
        if now - self._rescanned_at < RESCAN_SECONDS * 1000:
            return
        first, self._rescanned_at = self._rescanned_at == 0, now
        known = await self._known()
        if first or known is None:
            return
        day = (datetime.fromtimestamp(now / 1000, UTC) - timedelta(days=1)).date()
        late = [uid for uid in await session.uids_since(day) if uid <= known.last_uid]
        self._taken &= {(mailbox.uidvalidity, uid) for uid in late}  # older ones are not asked for
        fresh = [uid for uid in late if (mailbox.uidvalidity, uid) not in self._taken]
        facts = await session.sizes(fresh)
        await self._batch(session, mailbox, intake, [(uid, facts.get(uid)) for uid in fresh], known)
