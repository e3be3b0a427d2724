"""Replies on their way out: checked, split, paced, and handed over part by part."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway import (
    ConnectorError,
    Context,
    OutcomeUnknown,
    Rejected,
    Reply,
    Sent,
    StoreUnavailable,
)
from gateway_sms_voice.book import Book, Entry, digest_of
from gateway_sms_voice.numbers import Endpoint, endpoint, is_name
from gateway_sms_voice.optout import is_opted_out, opt_out_write
from gateway_sms_voice.pacing import Pace
from gateway_sms_voice.providers.contract import OutgoingText, Provider
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.text.segments import count
from gateway_sms_voice.text.splitting import TooLong, split
from gateway_sms_voice.threads import ends_of, native_thread
from gateway_sms_voice.webhooks import receipt_path

# Seconds after which no further part is begun: the core takes a send that lasts 120 seconds for one
# of which nobody knows what it did, while waiting for one's turn does nothing.
PATIENCE = 75.0
LATE_MS = 60_000  # how long a request that broke off may still be on its way into the list


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A reply as it will be handed over."""

    texts: tuple[OutgoingText, ...]
    per_second: float

    @property
    def first(self) -> OutgoingText:
        """Its first part."""
        return self.texts[0]

    @property
    def words(self) -> list[str]:
        """The parts' texts."""
        return [one.text for one in self.texts]


class Outbox:
    """Sends replies through a provider."""

    def __init__(self, context: Context[PhoneSettings], provider: Provider, pace: Pace) -> None:
        self._not_begun: set[str] = set()
        self._context, self._provider, self._pace = context, provider, pace
        self.book = Book(context.state, context.clock)
        self._ours = [endpoint(one, context.settings.region) for one in context.settings.numbers]

    async def send(self, reply: Reply) -> Sent:
        """Hand over every part that the provider is not known to have.

        Raises:
            ConnectorError: one of its kinds.
        """
        known = await self.book.entry(reply.delivery)
        plan = await self.plan(reply, known)
        entry = await self.book.open(reply.delivery, plan.words)
        self._check_same(plan, entry)
        if entry.posting and reply.delivery not in self._not_begun:
            entry = await self._search(plan, entry) or entry
        self._not_begun.discard(reply.delivery)
        until = self._pace.now() + PATIENCE
        for text in plan.texts:
            if not entry.ids[text.part - 1]:
                segments = count(text.text).segments if text.sender.line == "sms" else 1
                await self._pace.turn(
                    str(text.sender), plan.per_second, until=until, segments=segments
                )
                entry = await self._hand_over(text, entry)
        return _sent(plan, entry, reply)

    async def find(self, reply: Reply) -> Sent | None:
        """Look for what may have been handed over; None if some of it is known to be still ours.

        Raises:
            OutcomeUnknown: it cannot be told yet.
            ConnectorError: one of its kinds.
        """
        entry = await self.book.entry(reply.delivery)
        if entry is None or not entry.begun or reply.delivery in self._not_begun:
            return None
        plan = await self.plan(reply, entry, sending=False)
        self._check_same(plan, entry)
        if entry.posting:
            entry = await self._search(plan, entry) or entry
        return _sent(plan, entry, reply) if entry.complete else None

    async def plan(self, reply: Reply, known: Entry | None, *, sending: bool = True) -> Plan:
        """Decide from where, whither and in which parts.

        Args:
            known: what is known of it already: what was begun is gone on with as it was begun, even
                if WhatsApp's window has closed since.

        Raises:
            Rejected: it cannot be sent, in words for the agent.
        """
        ours, theirs = self._ends(reply)
        if sending and (out := await is_opted_out(self._context.state, ours, theirs)):
            raise Rejected(
                f"{theirs} opted out of texts from {ours} ({out.get('by', 'by text')}); nothing is "
                "sent until they text START, so answer by other means",
                code="opted_out",
            )
        limits = self._provider.limits(ours)
        whole = OutgoingText(
            sender=ours, to=theirs, text=_text(reply), delivery=reply.delivery,
            made_at=reply.made_at,
        )  # fmt: skip
        now = known.at if known is not None and known.begun else self._context.clock.now()
        if theirs.line == "whatsapp" and _window_closed(reply, now):
            whole = self._in_template(whole, reply)
            return Plan(texts=(self._with_receipt(whole),), per_second=limits.per_second)
        try:
            parts = split(whole.text, characters=limits.characters, segments=limits.segments)
        except TooLong as error:
            raise Rejected(f"{error}; shorten it, or answer by mail", code="too_long") from error
        texts = tuple(
            self._with_receipt(
                msgspec.structs.replace(whole, text=text, part=number, parts=len(parts))
            )
            for number, text in enumerate(parts, start=1)
        )
        return Plan(texts=texts, per_second=limits.per_second)

    def _ends(self, reply: Reply) -> tuple[Endpoint, Endpoint]:
        found = ends_of(reply.thread.native_id) if reply.thread else None
        if found is not None and reply.thread is not None:
            ours, theirs = found
            if reply.thread.address:  # a number that can be written to, where the thread has an id
                theirs = endpoint(reply.thread.address)
        else:
            ours, theirs = self._first_contact(reply)
        if not theirs.reachable:
            who = "the number was withheld" if theirs.withheld else f"{theirs} takes no texts"
            raise Rejected(f"{who}; answer by other means", code="no_receiver")
        if is_name(ours) and theirs.line != "sms":
            raise Rejected(f"{ours} is a name, which can send SMS only", code="wrong_sender")
        return ours, theirs

    def _first_contact(self, reply: Reply) -> tuple[Endpoint, Endpoint]:
        for person in reply.recipients:
            if person.address.scheme in ("tel", "whatsapp"):
                line = "whatsapp" if person.address.scheme == "whatsapp" else "sms"
                theirs = Endpoint(line=line, value=person.address.value)  # type: ignore[arg-type]
                for ours in self._ours:
                    if ours.line == line:
                        return ours, theirs
                raise Rejected(f"none of our numbers is one for {line}", code="wrong_sender")
        raise Rejected("it has no receiver with a phone number", code="no_receiver")

    def _in_template(self, text: OutgoingText, reply: Reply) -> OutgoingText:
        filled = self._provider.in_template(text, reply.language)
        if filled is None:
            raise Rejected(
                "WhatsApp takes free text for 24 hours after the customer's last message only, and "
                "these are over; configure a template, or answer by other means",
                code="window_closed",
            )
        return filled

    def _with_receipt(self, text: OutgoingText) -> OutgoingText:
        if not self._context.public_url:
            return text
        path = receipt_path(text.delivery, text.part, text.parts)
        url = f"{self._context.public_url}/in/{self._context.name}{path}"
        return msgspec.structs.replace(text, receipt_url=url)

    def _check_same(self, plan: Plan, entry: Entry) -> None:
        if entry.begun and entry.digest != digest_of(plan.words):
            raise Rejected(
                "the text became another one after some of it may have been sent; look at the "
                "provider, then write what is missing anew",
                code="changed_midway",
            )

    async def _hand_over(self, text: OutgoingText, entry: Entry) -> Entry:
        try:
            entry = await self.book.post(text.delivery, entry, text.part)
        except Exception:
            self._not_begun.add(text.delivery)  # written or not: nothing was handed over
            raise
        try:
            accepted = await self._provider.send(text)
        except OutcomeUnknown:
            raise
        except ConnectorError as error:
            await self.book.unpost(text.delivery, entry)
            if error.reason_code == "opted_out":
                now = self._context.clock.now()
                key, value = opt_out_write(
                    text.sender, text.to, out=True, at=now, by="the provider"
                )
                await self._context.state.put(key, value)
            raise _of_part(error, text, entry) from error
        # Where the provider gives no id, ours stands for it.
        identifier = accepted.id or f"{text.delivery}/{text.part}"
        try:
            taken = await self.book.take(text.delivery, entry, text.part, identifier)
        except (ConnectorError, StoreUnavailable) as error:
            raise OutcomeUnknown(
                f"the provider took it, but that could not be written down: {error}",
                code="not_noted",
            ) from error
        if taken is None:
            raise OutcomeUnknown(
                f"the provider gave the id {identifier} twice", code="unreadable_answer"
            )
        return taken

    async def _search(self, plan: Plan, entry: Entry) -> Entry | None:
        """Look for the part that was being handed over; None if it was certainly not taken.

        Raises:
            OutcomeUnknown: it is not there, but may still come.
        """
        text = plan.texts[entry.posting - 1]
        called = await self.book.called(text.delivery, text.part)
        found: Sequence[str] = (called,) if called else await self._provider.find(text)
        for identifier in found:
            taken = await self.book.take(text.delivery, entry, text.part, identifier)
            if taken is not None:
                return taken
        if self._provider.repeat == "lookup":
            late = entry.posted_at + LATE_MS - self._context.clock.now()
            if late > 0:
                raise OutcomeUnknown(
                    "it is not in the provider's list, but may still be on its way there",
                    code="not_listed_yet", retry_after=late / 1000 + 1,
                )  # fmt: skip
        return None


def _window_closed(reply: Reply, now: int) -> bool:
    until = reply.thread.window_until if reply.thread else None
    return until is None or now >= until


def _of_part(error: ConnectorError, text: OutgoingText, entry: Entry) -> ConnectorError:
    """Say of which part an error speaks, where others went out before it."""
    if not any(entry.ids):
        return error
    return type(error)(
        f"part {text.part} of {text.parts} (those before it were sent): {error}",
        code=error.reason_code, retry_after=error.retry_after,
    )  # fmt: skip


def _text(reply: Reply) -> str:
    missing = [one.name for one in reply.attachments]
    text = reply.text.strip()
    if missing:
        text = f"{text}\n\n[not attached: {', '.join(missing)}]".strip()
    if not text:
        raise Rejected("it has no text", code="no_text")
    return text


def _sent(plan: Plan, entry: Entry, reply: Reply) -> Sent:
    first = plan.first
    return Sent(
        external_ids=entry.ids,
        state="accepted",
        native_thread="" if reply.thread else native_thread(first.sender, first.to),
    )
