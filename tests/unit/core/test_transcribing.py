"""Recordings are written down by plugins, late and in spite of failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.core.following import Follower
from gateway.core.reading import BlobReader
from gateway.core.transcribing import PLACE, Transcriber
from gateway.domain.answers import Refuse
from gateway.domain.draft import DraftAttachment
from gateway.domain.message import Message
from gateway.domain.recording import Recording, Transcript
from tests.unit.core.workshop import Workshop, letter, until, workshop

SOUND = DraftAttachment(name="voicemail.mp3", data=b"la la la", mark="recording")


class Ear:
    """Hears everything, after failing as often as it is told to."""

    def __init__(self, failures: int = 0, hears: str = "the tap drips") -> None:
        self.failures, self.hears, self.heard = failures, hears, 0

    async def transcribe_recording(
        self, message: Message, recording: Recording
    ) -> Transcript | None:
        self.heard += 1
        if self.heard <= self.failures:
            raise OSError("no ear is free")
        assert b"la la la" == recording.data
        return Transcript(text=self.hears, language="en") if self.hears else None


class Censor:
    """Refuses what must not be stored."""

    async def redact_message(self, message: Message, audience: str) -> Refuse | None:
        return Refuse(reason="a secret") if "secret" in message.text else None


def listening(shop: Workshop) -> None:
    """Run what transcribes."""
    transcriber = Transcriber(
        store=shop.store, blobs=BlobReader(shop.blobs), hooks=shop.hooks, channels=shop.channels,
        clock=shop.clock, new_id=shop.new_id, log=shop.log, on_committed=shop._notice,
        pauses=(0.001, 0.001),
    )  # fmt: skip
    follower = Follower(
        name="transcribing", place=PLACE, each=transcriber.look, store=shop.store, log=shop.log,
        idle=0.01,
    )  # fmt: skip
    shop.run(follower.run())


async def revised(shop: Workshop, number: int) -> Message:
    """Wait for a revision of the only message."""

    async def there() -> bool:
        return (await shop.messages())[0].revision == number

    await until(there)
    return (await shop.messages())[0]


async def outcomes(shop: Workshop) -> list[str]:
    """What was decided about transcripts."""
    [message] = await shop.messages()
    decisions = await shop.store.decisions(None, message=message.id)
    return [one.outcome for one in decisions if "transcri" in one.outcome]


async def test_who_fails_is_asked_again(tmp_path: Path) -> None:
    """The third try counts; the text is written once, and told to the ticket system."""
    ear = Ear(failures=2)
    async with workshop(tmp_path / "db", plugins=(ear,)) as shop:
        listening(shop)
        await shop.take(letter(text="Listen!", attachments=(SOUND,)))
        message = await revised(shop, 1)
        assert "Listen!\n\nthe tap drips" == message.text
        assert ["transcript"] == await outcomes(shop)
        assert 2 == len(await shop.deliveries("backend/tickets"))
        await shop.take(letter("bob", text="Another matter"))
        assert 3 == ear.heard


async def test_who_always_fails_is_given_up(tmp_path: Path) -> None:
    """The message stays as it is, with a decision that says why it has no words."""
    async with workshop(tmp_path / "db", plugins=(Ear(failures=99),)) as shop:
        listening(shop)
        await shop.take(letter(text="Listen!", attachments=(SOUND,)))

        async def given_up() -> bool:
            return await outcomes(shop) == ["not transcribed"]

        await until(given_up)
        assert 0 == (await shop.messages())[0].revision


async def test_what_is_not_to_be_transcribed(tmp_path: Path) -> None:
    """Nobody is asked of what the channel transcribes itself, or of what is not there."""
    ear = Ear()
    async with workshop(tmp_path / "db", plugins=(ear,)) as shop:
        listening(shop)
        no_mark = DraftAttachment(name="music.mp3", data=b"la la la")
        gone = DraftAttachment(name="gone.mp3", mark="recording", state="unavailable")
        await shop.take(letter(text="Do not listen", attachments=(no_mark, gone)))
        await shop.take(letter("bob", text="Listen to this instead", attachments=(SOUND,)))
        second = (await shop.conversations())[1]

        async def written() -> bool:
            return (await shop.messages(second.id))[0].revision == 1

        await until(written)
        assert 1 == ear.heard


async def test_a_transcript_is_redacted_before_it_is_stored(tmp_path: Path) -> None:
    """What a plugin refuses to have stored is not stored."""
    plugins: tuple[Any, ...] = (Ear(hears="a secret"), Censor())
    async with workshop(tmp_path / "db", plugins=plugins) as shop:
        listening(shop)
        await shop.take(letter(text="Listen!", attachments=(SOUND,)))

        async def refused() -> bool:
            return any(event == "transcript.refused" for event, _ in shop.log.lines)

        await until(refused)
        assert "Listen!" == (await shop.messages())[0].text
