"""One call is one message: the same parts give the same one, in any order, late, repeated or never."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import Arrival, Attachment, Draft, Message
from gateway.core.pipeline.candidate import candidate_message
from gateway_sms_voice.providers.contract import Reader
from gateway_sms_voice.voice.composing import CallPolicy, file_of
from gateway_sms_voice.voice.facts import join
from gateway_sms_voice.voice.folding import TRANSCRIPTS, fold
from gateway_sms_voice.voice.reading import KIND, CallReading

SID, REC = "CA" + "1" * 32, "RE" + "2" * 32
ANN, OURS = "+15551230001", "+15005550006"
QUERY = {"lang": "de-DE", "from": ANN, "to": OURS}
PERSON = {"CallSid": SID, "From": ANN, "To": OURS, "CallerName": "Ann", "StirVerstat": "TN-Validation-Passed-A"}  # fmt: skip
RECORDED = {"CallSid": SID, "RecordingSid": REC, "RecordingDuration": "12"}
PARTS: dict[str, tuple[str, dict[str, str]]] = {
    "ring": ("ring", {**PERSON, "CallStatus": "ringing"}),
    "callback": ("callback", {**PERSON, "CallStatus": "in-progress", "Digits": "2"}),
    "code": ("code", {**PERSON, "CallStatus": "in-progress"}),
    "recorded": ("recorded", {**PERSON, "CallStatus": "in-progress", **RECORDED}),
    "recording": ("recording", {**RECORDED, "RecordingStatus": "completed"}),
    "absent": ("recording", {**RECORDED, "RecordingSid": "RE" + "3" * 32, "RecordingStatus": "absent"}),
    "words": ("transcript", {"CallSid": SID, "TranscriptionSid": "TR1", "RecordingSid": REC,
                             "TranscriptionStatus": "completed", "TranscriptionText": "It drips."}),
    "no words": ("transcript", {"CallSid": SID, "TranscriptionSid": "TR1", "RecordingSid": REC,
                                "TranscriptionStatus": "failed", "TranscriptionText": ""}),
    "ended": ("status", {**PERSON, "CallStatus": "completed", "CallDuration": "31"}),
}  # fmt: skip
USUAL = CallPolicy()
SEEN = ("kind", "subject", "text", "language", "quiet", "trust", "attachments", "extra")


def no_texts(arrival: Arrival) -> Sequence[Any]:
    """Read nothing but calls."""
    raise AssertionError(arrival)


def draft(part: str, policy: CallPolicy = USUAL) -> Draft:
    """Read one part."""
    step, fields = PARTS[part]
    reader: Reader = CallReading(policy=policy, texts=no_texts)
    [found] = reader(
        Arrival(
            id=1, tenant="default", source="phone", kind=KIND, key=part, lane="", received_at=0,
            body=urlencode(fields).encode(), content_type="application/x-www-form-urlencoded",
            remote={"step": step, "query": QUERY},
        )
    )  # fmt: skip
    assert isinstance(found, Draft)
    return found


def message(part: str, policy: CallPolicy = USUAL) -> Message:
    """Make the message of one part, as the pipeline would if there were no other."""
    if part == "fetched":
        stored = Attachment(name=file_of(REC), media_type="audio/mpeg", sha256="ab", state="stored")
        return msgspec.structs.replace(message("recording", policy), attachments=(stored,))
    if part == "heard":  # a plugin's transcript, which the core hands in with what is stored
        said = {"ab": {"text": "It drips.", "language": "en", "confidence": 0.4, "by": "ear"}}
        known = message("fetched", policy)
        return msgspec.structs.replace(known, extra={**known.extra, TRANSCRIPTS: said})
    read = draft(part, policy)
    files = tuple(
        Attachment(name=one.name, media_type=one.media_type, mark=one.mark, state="pending")
        for one in read.attachments
    )
    arrival = Arrival(id=1, tenant="default", source="phone", key=part, lane="", received_at=0)
    return candidate_message(1, arrival, read, files, 0)


def sum_of(parts: Sequence[str], policy: CallPolicy = USUAL) -> Message:
    """Put parts together in the order in which they come."""
    whole = message(parts[0], policy)
    for part in parts:
        whole = fold(whole, message(part, policy), policy)
    return whole


def seen(whole: Message) -> list[Any]:
    """What of a message does not depend on when its parts came."""
    return [getattr(whole, name) for name in SEEN]


@settings(deadline=None, max_examples=150)
@given(
    parts=st.lists(st.sampled_from([*PARTS, "fetched", "heard"]), min_size=1, max_size=12),
    data=st.data(),
    transcribe=st.sampled_from(("provider", "plugin", "never")),
    missed=st.booleans(),
)
def test_any_order_gives_the_same(
    parts: list[str], data: st.DataObject, transcribe: Any, missed: bool
) -> None:
    """Whatever parts there are, in whatever order, once or several times."""
    policy = CallPolicy(transcribe=transcribe, missed_calls=missed)
    shuffled = data.draw(st.permutations(parts + parts[:3]))
    assert seen(sum_of(parts, policy)) == seen(sum_of(shuffled, policy))


@given(
    *[
        st.recursive(
            st.dictionaries(st.sampled_from("xy"), st.sampled_from(("failed", "completed", "", 3))),
            lambda inner: st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            max_leaves=4,
        )
        for _ in range(2)
    ]
)
def test_joining_facts_again_changes_nothing(one: Any, other: Any) -> None:
    """Joining is idempotent and does not depend on which side a fact is on."""
    assert join(one, one) == one
    assert join(one, other) == join(other, one)
    assert join(join(one, other), one) == join(one, other)


@pytest.mark.parametrize(("parts", "kind", "subject", "text", "quiet"), [
    (["ring"], "call", "Call from Ann (+15551230001)", "Is calling.", True),
    (["ring", "ended"], "call", "Missed call from Ann (+15551230001)", "Called and left no message.", False),
    (["ring", "absent", "ended"], "call", "Missed call from Ann (+15551230001)", "Called and left no message.", False),
    (["ring", "callback"], "call", "Call back Ann (+15551230001)", "Asks to be called back.", False),
    (["ring", "recorded"], "voicemail", "Voicemail from Ann (+15551230001)", "Left a voicemail of 12 seconds.", False),
    (["ring", "recording"], "voicemail", "Voicemail from Ann (+15551230001)", "Left a voicemail of 12 seconds.", False),
    (["ring", "recording", "words", "ended"], "voicemail", "Voicemail from Ann (+15551230001)", "It drips.", False),
    (["words"], "voicemail", "Voicemail from +15551230001", "It drips.", False),
    (["ring", "code", "ended"], "call", "Call from Ann (+15551230001)", "Keyed in a continuation code.", False),
])  # fmt: skip
def test_what_an_agent_reads(
    parts: list[str], kind: str, subject: str, text: str, quiet: bool
) -> None:
    """At each stage the message says what is known, and is quiet while there is nothing to do."""
    whole = sum_of(parts)
    assert (kind, subject, text, quiet) == (whole.kind, whole.subject, whole.text, whole.quiet)


def test_a_missed_call_need_not_be_a_ticket() -> None:
    """With missed_calls off it stays quiet, unless something was said or a code was keyed in."""
    policy = CallPolicy(missed_calls=False)
    assert sum_of(["ring", "ended"], policy).quiet
    assert not sum_of(["ring", "ended", "recording"], policy).quiet
    assert not sum_of(["ring", "ended", "code"], policy).quiet


def test_who_writes_it_down() -> None:
    """Plugins are asked where they should, and for what the provider could not transcribe."""
    assert "" == sum_of(["fetched"]).attachments[0].mark
    assert "recording" == sum_of(["fetched", "no words"]).attachments[0].mark
    assert "recording" == sum_of(["fetched"], CallPolicy(transcribe="plugin")).attachments[0].mark
    never = CallPolicy(transcribe="never")
    assert "" == sum_of(["fetched", "no words"], never).attachments[0].mark


def test_an_uncertain_transcript_says_so() -> None:
    """Below a half the agent is told to listen."""
    assert (
        "It drips.\n(This transcript is uncertain; listen to the recording.)"
        == sum_of(["heard"]).text
    )


@pytest.mark.parametrize(("verdict", "stir", "proof"), [
    ("TN-Validation-Passed-A", "pass", "asserted"), ("TN-Validation-Passed-B", "none", "asserted"),
    ("TN-Validation-Failed", "fail", "claimed"), ("", "none", "asserted"),
])  # fmt: skip
def test_what_is_proven_of_a_caller(
    monkeypatch: pytest.MonkeyPatch, verdict: str, stir: str, proof: str
) -> None:
    """The network's word on the number decides how far it is believed."""
    fields = {**PERSON, "CallStatus": "ringing", "StirVerstat": verdict}
    monkeypatch.setitem(PARTS, "ring", ("ring", fields))
    found = draft("ring")
    assert (stir, proof) == (found.trust.stir, found.proof)


@pytest.mark.parametrize(("sender", "scheme", "answerable"), [
    ("+266696687", None, False), ("anonymous", None, False), ("client:ann", "client", False),
    ("sip:ann@example.com", "sip", False), ("+15551230001", "tel", True),
])  # fmt: skip
def test_who_calls(
    monkeypatch: pytest.MonkeyPatch, sender: str, scheme: str | None, answerable: bool
) -> None:
    """Withheld numbers are nobody's, and each such call has a thread of its own."""
    monkeypatch.setitem(
        PARTS, "ring", ("ring", {**PERSON, "From": sender, "CallStatus": "ringing"})
    )
    found = draft("ring")
    assert scheme == (found.author.scheme if found.author else None)
    assert answerable == found.answerable
    assert found.thread is not None
    assert (scheme is None) == found.thread.native_id.endswith(f"#call_{SID}")
