"""The steps of the tour: each does something over a real socket and looks what became of it."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Awaitable, Callable, Sequence
from email.message import EmailMessage
from typing import Any, NamedTuple

from gateway.app import Gateway
from gateway.cli.touring import mails
from gateway.cli.touring.sink import MailSink
from gateway.domain.ids import show
from gateway.domain.message import Message
from gateway.store.operations import ConversationFilter, Cursor, DeliveryFilter

PATIENCE, PAUSE = 15.0, 0.02


class Step(NamedTuple):
    """What a step showed.

    Args:
        held: whether what should have become of it did.
        lines: what became of it and why, for people.
    """

    title: str
    held: bool
    lines: list[str]


class Tour:
    """Goes through the steps, one resting on the other.

    Args:
        lmtp: port of the mail listener.
    """

    def __init__(self, gateway: Gateway, sink: MailSink, lmtp: int) -> None:
        self._gateway, self._sink, self._lmtp = gateway, sink, lmtp
        self._store = gateway.parts.store
        self._answer: tuple[str, EmailMessage] | None = None

    @property
    def steps(self) -> Sequence[Callable[[], Awaitable[Step]]]:
        """The steps in their order."""
        return (
            self.new_request, self.redelivery, self.agents_reply, self.customers_answer,
            self.forwarded, self.out_of_office, self.bounce, self.winmail, self.stranger,
        )  # fmt: skip

    async def new_request(self) -> Step:
        """A new request becomes a ticket."""
        await self._send(mails.new_request())
        message = await self._message("<new-1@example.net>")
        deliveries = await self._until(lambda: self._forwarded(message))
        entries = await self._desk()
        hidden = "4111 1111" not in entries and "[card …1111]" in entries
        held = bool(deliveries) and message.language == "de" and hidden
        return Step("A new request", held, await self._why(message))

    async def redelivery(self) -> Step:
        """The same mail again is one more arrival of the same message."""
        before = await self._count()
        await self._send(mails.new_request())
        message = await self._message("<new-1@example.net>")
        why = await self._until(lambda: self._decided(message, "duplicate"))
        return Step(
            "The same mail, delivered a second time", bool(why) and await self._count() == before,
            why,
        )  # fmt: skip

    async def agents_reply(self) -> Step:
        """An agent's reply reaches the customer's mailbox, threaded."""
        message = await self._message("<new-1@example.net>")
        await self._gateway.parts.operator.reply(
            None, message.conversation, internal=False, author="Sam",
            text="Bitte schalten Sie den Drucker aus und wieder ein.",
        )  # fmt: skip
        sent = await self._until(lambda: self._sent("ann@example.net"))
        self._answer = sent[-1]
        _, mail = self._answer
        held = mail["In-Reply-To"] == "<new-1@example.net>" and "+r." in str(mail["Reply-To"])
        lines = [
            f"{name}: {mail[name]}" for name in ("From", "To", "Subject", "In-Reply-To", "Reply-To")
        ]
        return Step("An agent answers", held, lines)

    async def customers_answer(self) -> Step:
        """The customer's answer lands in the same conversation, its quote cut off."""
        _, mail = self._agents_mail
        first = await self._message("<new-1@example.net>")
        await self._send(mails.answer(str(mail["Reply-To"]), str(mail["Message-ID"])))
        message = await self._message("<answer-1@example.net>")
        held = (
            message.conversation == first.conversation
            and message.text == "Danke, das hat leider nicht geholfen."
            and "wieder ein" in message.quoted
        )
        return Step("The customer answers", held, await self._why(message))

    async def forwarded(self) -> Step:
        """A forwarded thread is shown whole, in a conversation of its own."""
        await self._send(mails.forwarded())
        message = await self._message("<fwd-1@example.org>")
        whole = f"{message.text}\n{message.quoted}"
        held = "look into this" in message.text and "Où en est" in whole
        return Step("A forwarded thread, in two languages", held, await self._why(message))

    async def out_of_office(self) -> Step:
        """An out-of-office note is kept where it belongs, and nobody answers it."""
        _, mail = self._agents_mail
        sent = len(self._sink.mails)
        await self._send(mails.out_of_office(str(mail["Message-ID"])))
        message = await self._message("<ooo-1@example.net>")
        held = message.automated == "out_of_office" and len(self._sink.mails) == sent
        return Step("An out-of-office note", held, await self._why(message))

    async def bounce(self) -> Step:
        """A bounce marks the answer as failed and tells the agent; it opens no ticket."""
        message = await self._message("<fwd-1@example.org>")
        await self._gateway.parts.operator.reply(
            None, message.conversation, internal=False, author="Sam", text="It left on Wednesday."
        )
        [(sender, mail), *_] = await self._until(lambda: self._sent("bob@example.org"))
        await self._send(mails.bounce(sender, str(mail["Message-ID"])), sender="", to=sender)
        failed = await self._until(lambda: self._receipt(message.conversation, "failed"))
        notes = await self._until(lambda: self._notes(message.conversation))
        return Step("A bounce", bool(failed and notes), [note.text for note in notes])

    async def winmail(self) -> Step:
        """What Outlook packed into winmail.dat is unpacked beside it."""
        await self._send(mails.winmail())
        message = await self._message("<tnef-1@example.org>")
        names = {attachment.name: attachment for attachment in message.attachments}
        lines = [f"{a.name} ({a.size} bytes) {a.mark}".strip() for a in message.attachments]
        return Step("A winmail.dat", {"winmail.dat", "report.txt"} <= names.keys(), lines)

    async def stranger(self) -> Step:
        """Who holds a reply address without taking part gets a conversation of their own."""
        _, mail = self._agents_mail
        first = await self._message("<new-1@example.net>")
        await self._send(
            mails.stranger(str(mail["Reply-To"]), str(mail["Message-ID"])),
            sender="eve@elsewhere.example",
        )
        message = await self._message("<eve-1@elsewhere.example>")
        apart = message.conversation != first.conversation
        return Step("A stranger with the reply address", apart, await self._why(message))

    @property
    def _agents_mail(self) -> tuple[str, EmailMessage]:
        if self._answer is None:
            raise RuntimeError("the agent has not answered")
        return self._answer

    async def _send(
        self, raw: bytes, *, sender: str = "ann@example.net", to: str = mails.DESK
    ) -> None:
        def hand_over() -> None:
            with smtplib.LMTP("127.0.0.1", self._lmtp) as client:
                client.sendmail(sender, [to], raw)

        await asyncio.to_thread(hand_over)

    async def _until(self, look: Callable[[], Awaitable[Any]]) -> Any:
        """Look again and again until there is something to see, or patience ends."""
        for _ in range(int(PATIENCE / PAUSE)):
            if found := await look():
                return found
            await asyncio.sleep(PAUSE)
        raise TimeoutError("nothing came of it in time")

    async def _message(self, native: str) -> Message:
        async def look() -> Message | None:
            for conversation in await self._store.conversations(
                None, ConversationFilter(), Cursor(limit=100)
            ):
                for message in await self._store.messages(
                    None, conversation.id, after_seq=0, limit=100
                ):
                    if native in message.external_ids:
                        return message
            return None

        found: Message = await self._until(look)
        return found

    async def _count(self) -> int:
        conversations = await self._store.conversations(None, ConversationFilter(), Cursor())
        return sum(conversation.last_seq for conversation in conversations)

    async def _forwarded(self, message: Message) -> list[Any]:
        wanted = DeliveryFilter(message=message.id, states=("delivered",))
        return list(await self._store.deliveries(None, wanted, Cursor()))

    async def _decided(self, message: Message, kind: str) -> list[str]:
        decisions = await self._store.decisions(None, message=message.id)
        return [f"{d.kind}: {d.outcome}: {d.reason}" for d in decisions if d.kind == kind]

    async def _why(self, message: Message) -> list[str]:
        decisions = await self._store.decisions(None, message=message.id)
        lines = [f"{show('msg', message.id)} in {show('conv', message.conversation)}"]
        return lines + [f"{d.kind}: {d.outcome}: {d.reason}" for d in decisions]

    async def _sent(self, address: str) -> list[tuple[str, EmailMessage]]:
        return self._sink.to(address)

    async def _receipt(self, conversation: int, state: str) -> list[Any]:
        found = await self._store.deliveries(
            None, DeliveryFilter(conversation=conversation), Cursor()
        )
        return [delivery for delivery in found if delivery.receipt == state]

    async def _notes(self, conversation: int) -> list[Message]:
        messages = await self._store.messages(None, conversation, after_seq=0, limit=100)
        return [message for message in messages if message.kind == "activity"]

    async def _desk(self) -> str:
        rows = await self._store.list_state("backend/desk", prefix="", after="", limit=1000)
        return "\n".join(row.value.decode() for row in rows)
