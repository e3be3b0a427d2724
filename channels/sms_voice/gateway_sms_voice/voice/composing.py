"""What an agent reads of a call, made of all that is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from gateway import Attachment, Trust
from gateway_sms_voice.numbers import endpoint
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.voice.facts import ENDED, Facts
from gateway_sms_voice.voice.settings import Transcribe

RECORDING = "recording"  # the mark that has plugins asked for a transcript
STIR: Mapping[str, Literal["pass", "fail"]] = {
    "TN-Validation-Passed-A": "pass",
    "TN-Validation-Passed-A-Passthrough": "pass",
    "TN-Validation-Failed-A": "fail",
    "TN-Validation-Failed-B": "fail",
    "TN-Validation-Failed-C": "fail",
    "TN-Validation-Failed-A-Passthrough": "fail",
    "TN-Validation-Failed-B-Passthrough": "fail",
    "TN-Validation-Failed-C-Passthrough": "fail",
    "TN-Validation-Failed": "fail",
}
"""https://www.twilio.com/docs/voice/trusted-calling-with-shakenstir: only A says whose number it is."""


class CallPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What composing depends on besides the facts.

    Args:
        missed_calls: a call in which nothing was said is something to work on.
        language: what callers are greeted in, which counts until another is known.
    """

    transcribe: Transcribe = "provider"
    missed_calls: bool = True
    language: str = "en-US"
    region: str = ""


def policy_of(settings: PhoneSettings) -> CallPolicy:
    """Say what a channel's settings make of calls."""
    voice = settings.voice
    if voice is None:
        return CallPolicy(region=settings.region)
    return CallPolicy(
        transcribe=voice.transcribe, missed_calls=voice.missed_calls,
        language=voice.languages[0], region=settings.region,
    )  # fmt: skip


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """The message of a call."""

    kind: Literal["call", "voicemail"]
    subject: str
    text: str
    language: str
    quiet: bool
    trust: Trust


def compose(
    facts: Facts,
    policy: CallPolicy,
    attachments: Iterable[Attachment] = (),
    transcripts: Mapping[str, Any] | None = None,
) -> Composed:
    """Say what a call was.

    Args:
        attachments: the recordings that are there.
        transcripts: what plugins wrote down, by the hash of a recording.
    """
    recordings = {
        sid: one for sid, one in facts.get("recordings", {}).items() if one["state"] != "absent"
    }
    said = [
        paragraph
        for sid, one in sorted(facts.get("words", {}).items())
        if one["state"] == "completed" and (paragraph := one["text"])
    ]
    languages = [(facts.get("language") or policy.language).partition("-")[0]]
    for _, one in sorted((transcripts or {}).items()):
        said.append(_uncertain(one))
        languages.insert(0, one.get("language", ""))
    caller = who(facts, policy.region)
    ended = any(status in ENDED for status in facts.get("statuses", {}))
    spoke = bool(said or recordings)
    paragraphs = said or [
        line for sid, one in sorted(recordings.items()) for line in _silent(sid, one, attachments)
    ]
    if facts.get("callback"):
        paragraphs.append("Asks to be called back.")
    if facts.get("code"):
        paragraphs.append("Keyed in a continuation code.")
    if not paragraphs:
        paragraphs.append("Called and left no message." if ended else "Is calling.")
    quiet = not (
        spoke or facts.get("callback") or (ended and (policy.missed_calls or facts.get("code")))
    )
    return Composed(
        kind="voicemail" if spoke else "call", subject=_subject(facts, caller, spoke, ended),
        text="\n\n".join(paragraphs), language=next(filter(None, languages), ""), quiet=quiet,
        trust=trust_of(facts),
    )  # fmt: skip


def trust_of(facts: Facts) -> Trust:
    """What is proven of the caller: the provider's signature, and the network's word."""
    return Trust(signature="pass", stir=STIR.get(facts.get("stir", ""), "none"), authority="twilio")


def who(facts: Facts, region: str) -> str:
    """Name the caller as an agent should see them."""
    theirs = endpoint(facts.get("from", ""), region)
    if theirs.withheld:
        return "a withheld number"
    return f"{facts['name']} ({theirs})" if facts.get("name") else str(theirs)


def file_of(recording: str) -> str:
    """Name the file of a recording, the same for every word of it."""
    return f"voicemail-{recording[-8:]}.mp3"


def mark_of(file: str, facts: Facts, policy: CallPolicy) -> str:
    """Say whether plugins are to be asked what is said in a recording's file."""
    if policy.transcribe == "plugin":
        return RECORDING
    failed = any(
        file_of(sid) == file and one["state"] == "failed"
        for sid, one in facts.get("words", {}).items()
    )
    return RECORDING if failed and policy.transcribe == "provider" else ""


def _subject(facts: Facts, caller: str, spoke: bool, ended: bool) -> str:
    if spoke:
        return f"Voicemail from {caller}"
    if facts.get("callback"):
        return f"Call back {caller}"
    return f"{'Missed call' if ended and not facts.get('code') else 'Call'} from {caller}"


def _silent(sid: str, recording: Facts, attachments: Iterable[Attachment]) -> list[str]:
    """What to read where nobody has written down what was said."""
    length = f" of {recording['seconds']} seconds" if "seconds" in recording else ""
    lines = [f"Left a voicemail{length}."]
    states = {one.name: one.state for one in attachments}
    lost = states.get(file_of(sid)) in ("unavailable", "too_large", "blocked")
    if lost or recording["state"] == "failed":
        lines.append("The recording could not be had from the provider.")
    return lines


def _uncertain(transcript: Mapping[str, Any]) -> str:
    text = str(transcript.get("text", ""))
    if float(transcript.get("confidence", 1.0)) >= 0.5:
        return text
    return f"{text}\n(This transcript is uncertain; listen to the recording.)"
