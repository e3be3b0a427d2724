"""Transcribing recordings that came without their words: in the background, one after another.

A recording is found by following the events, so that it is looked at although the gateway stopped in
between. What a plugin answers is a revision of the message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from gateway.contracts.services import Blobs, Clock, Log
from gateway.core.following import Place
from gateway.core.pipeline.outgoing import tell_backends
from gateway.core.pipeline.revising import Channels, Revised, put_together, revision
from gateway.core.pipeline.work import Work
from gateway.domain.changes import Changes
from gateway.domain.conversation import Conversation
from gateway.domain.event import Event
from gateway.domain.ids import Ids
from gateway.domain.message import Attachment, Message
from gateway.domain.partition import Fence
from gateway.domain.recording import MARK, TRANSCRIPTS, Recording, Transcript
from gateway.errors import HookFailure, NotFound
from gateway.hooks.calls import Hooks
from gateway.hooks.dispatcher import Answered
from gateway.store.operations import Store

PLACE = Place(owner="core/transcribing", key="place")
TOLD = ("message.stored", "message.revised")
RACES = 20
PAUSES = (1.0, 10.0, 60.0, 300.0)
REMEMBERED = 1000


class Transcriber:
    """Asks `transcribe_recording` about every recording that nobody has written down.

    Args:
        channels: by name, to put revisions together.
        pauses: seconds before each further try, when whoever was asked failed.
    """

    def __init__(
        self,
        *,
        store: Store,
        blobs: Blobs,
        hooks: Hooks,
        channels: Channels,
        clock: Clock,
        new_id: Ids,
        log: Log,
        on_committed: Callable[[Changes], None],
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._store, self._blobs, self._hooks, self._channels = store, blobs, hooks, channels
        self._clock, self._new_id, self._log = clock, new_id, log
        self._on_committed, self._pauses = on_committed, pauses
        self._fence: Fence | None = None
        self._asked: dict[tuple[int, str], None] = {}

    async def look(self, event: Event, fence: Fence | None) -> None:
        """Have the recordings of a message written down that an event tells of."""
        self._fence = fence
        if event.kind not in TOLD or event.message is None:
            return
        try:
            message = await self._store.message(None, event.message)
        except NotFound:
            return
        for attachment in message.attachments:
            key = (message.id, attachment.sha256)
            if _unwritten(message, attachment) and key not in self._asked:
                await self._transcribe(message, attachment)
                self._asked[key] = None
        while len(self._asked) > REMEMBERED:
            self._asked.pop(next(iter(self._asked)))

    async def _transcribe(self, message: Message, attachment: Attachment) -> None:
        """Have one recording written down; given up after a few failures."""
        try:
            data = await self._blobs.read(attachment)
        except NotFound:
            return
        recording = Recording(attachment=attachment, data=data)
        for pause in (*self._pauses, None):
            try:
                answered = await self._hooks.transcribe_recording(message, recording)
                if answered is not None:
                    await self._write(message.id, attachment, answered)
                return
            except HookFailure as error:
                if pause is None:
                    await self._give_up(message, attachment, error)
                    return
                await asyncio.sleep(pause)

    async def _write(
        self, identifier: int, attachment: Attachment, answered: Answered[Transcript]
    ) -> None:
        """Make the transcript a revision; again for as long as somebody else is faster.

        Raises:
            HookFailure: it could not be redacted, so that it must not be stored yet.
        """
        for _ in range(RACES):
            stored = await self._store.message(None, identifier)
            if not _unwritten(stored, attachment):
                return
            work = self._sheet(stored)
            if await self._revise(work, stored, attachment, answered):
                changes = work.changes()
                [conflict] = await self._store.commit([changes])
                if conflict is not None:
                    continue
                self._on_committed(changes)
            return
        self._log.warning("transcribing.races", message=identifier)

    def _sheet(self, message: Message) -> Work:
        return Work(
            tenant=message.tenant, now=self._clock.now(), new_id=self._new_id, fence=self._fence
        )

    async def _revise(
        self, work: Work, stored: Message, attachment: Attachment, answered: Answered[Transcript]
    ) -> bool:
        with_words = put_together(
            self._channels, stored.channel, stored, _written(stored, attachment, answered)
        )
        redacted = await self._hooks.redact_message(with_words, "store")
        if redacted.ended is not None:
            self._log.warning("transcript.refused", plugin=redacted.ended.plugin)
            return False
        message = revision(redacted.value, stored)
        conversation = work.change(work.read(await self._standing(stored.conversation)))
        work.messages.append(message)
        work.decide(
            "enrich", "transcript", f"wrote down what {attachment.name} says",
            plugin=f"{answered.plugin} {answered.version}", message=stored.id,
            conversation=conversation.id, confidence=answered.value.confidence,
        )  # fmt: skip
        work.tell("message.revised", conversation=conversation.id, message=stored.id)
        if Revised(message=message, before=stored, conversation=conversation).shows:
            seen = msgspec.structs.replace(message, conversation=conversation.id)
            tell_backends(work, conversation, seen)
        return True

    async def _standing(self, conversation: int) -> Conversation:
        """The conversation itself, or the one that took it over."""
        found = (await self._store.conversation(None, conversation)).conversation
        while found.merged_into is not None:
            found = (await self._store.conversation(None, found.merged_into)).conversation
        return found

    async def _give_up(self, message: Message, attachment: Attachment, error: HookFailure) -> None:
        work = self._sheet(message)
        work.decide(
            "enrich", "not transcribed", f"{attachment.name} has no transcript: {error}",
            plugin=error.plugin, message=message.id, conversation=message.conversation,
        )  # fmt: skip
        await self._store.commit([work.changes()])
        self._log.warning("transcribing.failed", message=message.id, plugin=error.plugin)


def _unwritten(message: Message, attachment: Attachment) -> bool:
    return (
        not message.gone
        and attachment.mark == MARK
        and attachment.state == "stored"
        and attachment in message.attachments
        and attachment.sha256 not in message.extra.get(TRANSCRIPTS, {})
    )


def _written(stored: Message, attachment: Attachment, answered: Answered[Transcript]) -> Message:
    """The message with a transcript, as a channel gets it that puts nothing together itself."""
    transcript = answered.value
    kept = {
        "text": transcript.text, "language": transcript.language,
        "confidence": transcript.confidence, "by": answered.plugin,
    }  # fmt: skip
    transcripts = {**stored.extra.get(TRANSCRIPTS, {}), attachment.sha256: kept}
    text = "\n\n".join(filter(None, (stored.text, transcript.text)))
    return msgspec.structs.replace(
        stored, text=text, language=stored.language or transcript.language,
        extra={**stored.extra, TRANSCRIPTS: transcripts},
    )  # fmt: skip
