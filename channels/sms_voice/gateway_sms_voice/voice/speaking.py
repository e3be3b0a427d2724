"""What a caller hears, as TwiML; put together by the provider's own builders, which escape it.

https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import urlencode

from twilio.twiml.voice_response import Gather, VoiceResponse

from gateway import WebResponse
from gateway_sms_voice.voice.choosing import keywords, options
from gateway_sms_voice.voice.phrases import Phrase, phrase
from gateway_sms_voice.voice.settings import VoiceSettings

LONGEST = 64 * 1024  # https://www.twilio.com/docs/api/errors/11750
XML = "text/xml; charset=utf-8"
WAIT_SECONDS, CODE_SECONDS, SILENCE_SECONDS = 6, 10, 5


class Speaker:
    """Speaks to one caller in one language.

    Args:
        base: our own address, without a slash at the end: ``https://…/in/NAME/voice``.
        ends: (caller, our number), for callbacks that do not name them.
    """

    def __init__(
        self, settings: VoiceSettings, base: str, language: str, ends: tuple[str, str]
    ) -> None:
        self._settings, self._base, self._language = settings, base, language
        self._ends = ends
        self._twiml = VoiceResponse()

    def say(self, name: Phrase, **filled: object) -> Speaker:
        """Say one phrase."""
        self._say(self._twiml, name, **filled)
        return self

    def menu(self, *, greet: bool = False) -> WebResponse:
        """Offer what can be done; who chooses nothing leaves a message."""
        gather = self._gather("menu", digits=1, seconds=WAIT_SECONDS)
        if greet:
            self.say("greeting").say("consent")
        for digit, option in enumerate(options(self._settings), start=1):
            self._say(gather, cast("Phrase", option), digit=digit)
        self._twiml.append(gather)
        return self.record()

    def languages(self) -> WebResponse:
        """Offer the languages, each in its own."""
        gather = self._gather("language", digits=1, seconds=WAIT_SECONDS, speech=False)
        for digit, language in enumerate(self._settings.languages, start=1):
            self._say(gather, "this_language", language, digit=digit)
        self._twiml.append(gather)
        self._twiml.redirect(self._url("again"), method="POST")
        return self.done()

    def ask_code(self, attempt: int) -> WebResponse:
        """Ask for a continuation code; who keys in nothing is back at the menu."""
        gather = self._gather("code", digits=6, seconds=CODE_SECONDS, speech=False, attempt=attempt)
        self._say(gather, "key_code")
        self._twiml.append(gather)
        self._twiml.redirect(self._url("again"), method="POST")
        return self.done()

    def record(self) -> WebResponse:
        """Have the caller leave a message."""
        settings = self._settings
        more: dict[str, Any] = {}
        if settings.transcribe == "provider":
            more = {"transcribe": True, "transcribe_callback": self._url("transcript", ends=True)}
        self.say("speak")
        self._twiml.record(
            action=self._url("recorded"), method="POST", max_length=settings.record_seconds,
            timeout=SILENCE_SECONDS, play_beep=True, trim="trim-silence", finish_on_key="#",
            recording_status_callback=self._url("recording", ends=True),
            recording_status_callback_event="completed absent", **more,
        )  # fmt: skip
        # Only silence leads here: a recording goes on at its action.
        return self.hang_up("goodbye")

    def hang_up(self, name: Phrase) -> WebResponse:
        """Say a last phrase."""
        self.say(name)
        self._twiml.hangup()
        return self.done()

    def done(self) -> WebResponse:
        """Give the document.

        Raises:
            ValueError: it is longer than the provider reads.
        """
        body = str(self._twiml).encode()
        if len(body) > LONGEST:
            raise ValueError(f"the TwiML has {len(body)} bytes, over {LONGEST}")
        return WebResponse(body=body, content_type=XML)

    def _gather(
        self, step: str, *, digits: int, seconds: int, speech: bool = True, attempt: int = 0
    ) -> Gather:
        more: dict[str, Any] = {"input": "dtmf"}
        if speech and self._settings.speech:
            hints = _hints(self._settings, self._language)
            more = {"input": "dtmf speech", "hints": hints, "speech_timeout": "auto"}
        return Gather(
            action=self._url(step, attempt=attempt), method="POST", num_digits=digits,
            timeout=seconds, finish_on_key="#", language=self._language, **more,
        )  # fmt: skip

    def _say(
        self, into: VoiceResponse | Gather, name: Phrase, other: str = "", /, **filled: object
    ) -> None:
        language = other or self._language
        text = phrase(name, language, self._settings.phrases, **filled)
        voice = {"voice": self._settings.voice} if self._settings.voice else {}
        if text:
            into.say(text, language=language, **voice)

    def _url(self, step: str, *, ends: bool = False, attempt: int = 0) -> str:
        query: dict[str, str | int] = {"lang": self._language}
        if attempt:
            query["try"] = attempt
        if ends:
            query |= {"from": self._ends[0], "to": self._ends[1]}
        return f"{self._base}/{step}?{urlencode(query)}"


def spelled(text: str) -> str:
    """Write a reference such that it is read letter by letter."""
    return ", ".join(letter for letter in text if letter.isalnum())


def _hints(settings: VoiceSettings, language: str) -> str:
    words: Iterable[str] = (
        word for option in options(settings) for word in keywords(option, language, settings)
    )
    return ", ".join(words)
