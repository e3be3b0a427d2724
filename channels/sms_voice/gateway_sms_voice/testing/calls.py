"""Calls as Twilio keeps them, and somebody who calls: hears, presses, speaks and hangs up.

What Twilio would tell later (a recording is ready, a transcript, that the call ended) waits in `PhoneCall.later`
until the test delivers it: in any order, late, twice or never.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from gateway_sms_voice.testing.account import Account, sid_of
from gateway_sms_voice.testing.calling import Answered, Caller
from gateway_sms_voice.testing.twiml import NotTwiml, Verb, read_twiml

MOST_REDIRECTS = 10
SHORTEST, LONGEST = 2, 120  # what can be transcribed, in seconds (error 13617)


@dataclass(kw_only=True)
class Recording:
    """A recording of a call.

    Args:
        gone: its media answers 404.
    """

    sid: str
    call_sid: str
    seconds: int
    data: bytes
    status: str = "completed"
    gone: bool = False
    transcription: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Later:
    """Something that Twilio tells when it is ready.

    Args:
        of: ``recording``, ``transcript`` or ``status``.
    """

    of: str
    url: str
    fields: dict[str, str] = field(default_factory=dict)


class PhoneCall:
    """One call, driven by a test as the caller.

    Args:
        heard: everything that was said to the caller, in order.
        errors: Twilio's codes of what the webhook answered wrongly.
    """

    def __init__(
        self,
        account: Account,
        webhooks: Caller,
        *,
        sender: str,
        to: str,
        extra: Mapping[str, str],
        at: datetime,
    ) -> None:
        self.sid, self.sender, self.to = sid_of("CA"), sender, to
        self.created, self.extra = at, dict(extra)
        self.status, self.seconds = "ringing", 0
        self.heard: list[str] = []
        self.later: list[Later] = []
        self.errors: list[int] = []
        self.recordings: list[Recording] = []
        self._account, self._webhooks = account, webhooks
        self._todo: list[Verb] = []

    # what the caller does

    async def dial(self) -> PhoneCall:
        """Call; the webhook answers with what is heard first."""
        hook = self._account.numbers.get(self.to, {}).get("voice_url", "")
        await self._fetch(hook, {})
        return self

    async def press(self, digits: str) -> None:
        """Key in digits while the call waits for some."""
        gather = self._waiting("Gather")
        if len(digits) > int(gather.attributes.get("numDigits", 99)):
            raise AssertionError(f"the call takes {gather.attributes['numDigits']} digits")
        await self._fetch(gather.attributes["action"], {"Digits": digits})

    async def say(self, words: str, *, confidence: float = 0.9) -> None:
        """Say something while the call listens."""
        gather = self._waiting("Gather")
        if "speech" not in gather.attributes.get("input", "dtmf"):
            raise AssertionError("the call does not listen here")
        heard = {"SpeechResult": words, "Confidence": str(confidence)}
        await self._fetch(gather.attributes["action"], heard)

    async def wait(self) -> None:
        """Do nothing until the call goes on by itself."""
        waited = self._todo.pop(0)
        if waited.name == "Record":
            self._tell_recording(waited, "absent", "", {})
        await self._carry_out()

    async def speak(
        self, data: bytes = b"ID3 the sound of a voice", *, seconds: int = 12, words: str = ""
    ) -> Recording:
        """Leave a message; words are what the transcription will say, if one was asked for."""
        record = self._waiting("Record")
        recording = self._record(record, data, seconds, words)
        await self._fetch(
            record.attributes["action"],
            {"RecordingSid": recording.sid, "RecordingUrl": self._url(recording),
             "RecordingDuration": str(seconds), "Digits": "#"},
        )  # fmt: skip
        return recording

    async def hang_up(
        self, *, data: bytes | None = None, seconds: int = 4, words: str = ""
    ) -> None:
        """Hang up, whatever the call waits for.

        Args:
            data: what was recorded until then, while a message was being left.
        """
        if self.status in ("completed", "canceled"):
            return
        if self._todo and self._todo[0].name == "Record":
            record = self._todo[0]
            if data is None:
                self._tell_recording(record, "absent", "", {})
            else:
                recording = self._record(record, data, seconds, words)
                told = {"RecordingSid": recording.sid, "RecordingUrl": self._url(recording),
                        "RecordingDuration": str(seconds), "Digits": "hangup"}  # fmt: skip
                self._todo = []
                self._end("completed")
                await self._webhooks.post(record.attributes["action"], {**self.fields(), **told})
                return
        self._end("completed")

    def cancel(self) -> None:
        """Hang up before anything answered."""
        self._end("canceled")

    # what Twilio tells later

    async def deliver(self, *of: str, times: int = 1) -> list[Answered]:
        """Tell what is ready: everything in order, or the kinds that are named, in that order."""
        wanted = of or tuple(one.of for one in self.later)
        answers = []
        for kind in wanted:
            found = next((one for one in self.later if one.of == kind), None)
            if found is None:
                raise AssertionError(f"there is no {kind} to be told of: {self.later}")
            self.later.remove(found)
            answers += [await self._webhooks.post(found.url, found.fields) for _ in range(times)]
        return answers

    def lose(self) -> None:
        """Let everything that waits be told of never."""
        self.later.clear()

    # as the API has it

    def resource(self) -> dict[str, Any]:
        """Write the call as the API does."""
        ended = self.status in ("completed", "canceled")
        return {
            "sid": self.sid, "account_sid": self._account.sid, "api_version": "2010-04-01",
            "from": self.sender, "to": self.to, "direction": "inbound", "status": self.status,
            "duration": str(self.seconds) if ended else None,
            "caller_name": self.extra.get("CallerName"), "forwarded_from": None,
            "start_time": format_datetime(self.created),
            "end_time": format_datetime(self.created + timedelta(seconds=self.seconds)) if ended else None,
            "date_created": format_datetime(self.created),
            "parent_call_sid": None, "answered_by": None, "price": None,
        }  # fmt: skip

    def fields(self) -> dict[str, str]:
        """The parameters of every request of this call."""
        return {
            "CallSid": self.sid, "AccountSid": self._account.sid, "From": self.sender,
            "To": self.to, "Caller": self.sender, "Called": self.to,
            "CallStatus": self.status, "Direction": "inbound", "ApiVersion": "2010-04-01",
            **self.extra,
        }  # fmt: skip

    # what goes on within

    def _waiting(self, name: str) -> Verb:
        """What the call waits with, which has to be this."""
        there = [verb.name for verb in self._todo]
        if not there or there[0] != name:
            raise AssertionError(f"the call waits with {there[:1] or 'nothing'}, not with {name}")
        return self._todo[0]

    async def _fetch(self, url: str, more: Mapping[str, str]) -> None:
        answer = await self._webhooks.post(url, {**self.fields(), **more})
        if self.status == "ringing":
            self.status = "in-progress"
        if answer.status != 200:
            self._fail(11200)
            return
        try:
            self._todo = read_twiml(answer.body, answer.content_type)
        except NotTwiml as error:
            self._fail(error.code)
            return
        await self._carry_out()

    async def _carry_out(self, redirects: int = 0) -> None:
        """Do what the document says until it waits for the caller."""
        while self._todo:
            verb = self._todo[0]
            if verb.name == "Say":
                self.heard.append(verb.text)
            elif verb.name == "Gather":
                self.heard += verb.said
                return
            elif verb.name == "Record":
                return
            elif verb.name == "Redirect":
                if redirects >= MOST_REDIRECTS:
                    self._fail(12100)
                    return
                await self._fetch(verb.text, {})
                return
            else:
                break
            self._todo.pop(0)
        self._end("completed")

    def _fail(self, code: int) -> None:
        self.errors.append(code)
        self.heard.append("We are sorry, an application error has occurred. Goodbye.")
        self._end("completed")

    def _end(self, status: str) -> None:
        self._todo, self.status = [], status
        self.seconds = 0 if status == "canceled" else 30
        hook = self._account.numbers.get(self.to, {}).get("status_callback", "")
        if hook:
            told = {**self.fields(), "CallDuration": str(self.seconds), "Duration": "1"}
            self.later.append(Later(of="status", url=hook, fields=told))

    def _record(self, record: Verb, data: bytes, seconds: int, words: str) -> Recording:
        longest = int(record.attributes.get("maxLength", 3600))
        if seconds > longest:
            raise AssertionError(f"a message ends after {longest} seconds")
        recording = Recording(sid=sid_of("RE"), call_sid=self.sid, seconds=seconds, data=data)
        self.recordings.append(recording)
        url = self._url(recording)
        self._tell_recording(
            record, "completed", recording.sid,
            {"RecordingUrl": url, "RecordingDuration": str(seconds)},
        )  # fmt: skip
        if record.attributes.get("transcribe") == "true":
            self._transcribe(record, recording, words)
        return recording

    def _tell_recording(self, record: Verb, status: str, sid: str, more: Mapping[str, str]) -> None:
        events = record.attributes.get("recordingStatusCallbackEvent", "completed").split()
        url = record.attributes.get("recordingStatusCallback", "")
        if not url or status not in events:
            return
        fields = {
            "AccountSid": self._account.sid, "CallSid": self.sid,
            "RecordingSid": sid or sid_of("RE"), "RecordingStatus": status,
            "RecordingChannels": "1", "RecordingSource": "RecordVerb",
            "RecordingStartTime": format_datetime(self._account.moment()), "ErrorCode": "0",
            **more,
        }  # fmt: skip
        self.later.append(Later(of="recording", url=url, fields=fields))

    def _transcribe(self, record: Verb, recording: Recording, words: str) -> None:
        can = SHORTEST < recording.seconds < LONGEST and bool(words)
        status = "completed" if can else "failed"
        recording.transcription = {
            "sid": sid_of("TR"), "recording_sid": recording.sid, "status": status,
            "transcription_text": words if can else "", "type": "fast",
        }  # fmt: skip
        fields = {
            **self.fields(), "TranscriptionSid": recording.transcription["sid"],
            "TranscriptionText": words if can else "", "TranscriptionStatus": status,
            "TranscriptionType": "fast", "RecordingSid": recording.sid,
            "RecordingUrl": self._url(recording),
        }  # fmt: skip
        url = record.attributes["transcribeCallback"]
        self.later.append(Later(of="transcript", url=url, fields=fields))

    def _url(self, recording: Recording) -> str:
        base = f"{self._account.url}/2010-04-01/Accounts/{self._account.sid}"
        return f"{base}/Recordings/{recording.sid}"
