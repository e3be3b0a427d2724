"""What callers hear and choose: TwiML that the provider reads, in every language and at any length."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import Secret
from gateway_sms_voice.providers.kannel.settings import KannelSettings
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.testing.twiml import LONGEST, NotTwiml, read_twiml
from gateway_sms_voice.voice.choosing import chosen, chosen_language, options
from gateway_sms_voice.voice.phrases import BUILT_IN
from gateway_sms_voice.voice.settings import VoiceSettings
from gateway_sms_voice.voice.speaking import Speaker, spelled

BASE = "https://gateway.example/in/phone/voice"
ALL = VoiceSettings(languages=("en-US", "de-DE", "fr-FR", "es-ES"))


def speaker(settings: VoiceSettings = ALL, language: str = "en-US") -> Speaker:
    """Somebody who speaks to Ann."""
    return Speaker(settings, BASE, language, ("+15551230001", "+15005550006"))


@pytest.mark.parametrize("language", ALL.languages)
def test_every_document_can_be_carried_out(language: str) -> None:
    """Menu, languages, code and recording, in each language, are TwiML that a strict reader takes."""
    for answer in (
        speaker(language=language).menu(greet=True), speaker(language=language).languages(),
        speaker(language=language).ask_code(1), speaker(language=language).record(),
        speaker(language=language).hang_up("thanks"),
    ):  # fmt: skip
        verbs = read_twiml(answer.body, answer.content_type.partition(";")[0])
        assert verbs


def test_words_of_the_operator_are_escaped() -> None:
    """A greeting with markup is spoken, not carried out; the longest phrases still fit."""
    evil = "</Say><Dial>+1</Dial>&"
    own = dict.fromkeys(BUILT_IN["en"], evil + "<" * 970)
    settings = VoiceSettings(languages=("en-US", "de-DE"), phrases={"en-US": own, "de-DE": own})
    for answer in (speaker(settings).menu(greet=True), speaker(settings).languages()):
        assert b"<Dial>" not in answer.body
        assert len(answer.body) <= LONGEST
        assert any(evil in (verb.text, *verb.said)[-1] for verb in read_twiml(answer.body, "text/xml") if verb.text or verb.said)  # fmt: skip


def test_callbacks_name_the_caller() -> None:
    """What the provider tells of a recording does not say whose it is, so our address does."""
    [_, record, *_] = read_twiml(speaker().record().body, "text/xml")
    url = record.attributes["recordingStatusCallback"]
    assert url == f"{BASE}/recording?lang=en-US&from=%2B15551230001&to=%2B15005550006"
    assert "true" == record.attributes["transcribe"]
    plugin = VoiceSettings(transcribe="plugin")
    assert b"transcribe" not in speaker(plugin).record().body


@pytest.mark.parametrize(("language", "fields", "option"), [
    ("en-US", {"Digits": "1"}, "message"), ("en-US", {"Digits": "5"}, "language"),
    ("en-US", {"Digits": "9"}, None), ("en-US", {"Digits": "*"}, None),
    ("en-US", {"Digits": "²"}, None), ("en-US", {}, None),
    ("en-US", {"SpeechResult": "Please call me back!"}, "callback"),
    ("en-US", {"SpeechResult": "Please call back."}, "callback"),
    ("en-US", {"SpeechResult": "I want to leave a message."}, "message"),
    ("en-US", {"SpeechResult": "a message with a code"}, None),
    ("de-DE", {"SpeechResult": "Einen Rückruf, bitte."}, "callback"),
    ("fr-FR", {"SpeechResult": "Laisser un message"}, "message"),
])  # fmt: skip
def test_what_is_chosen(language: str, fields: dict[str, str], option: str | None) -> None:
    """By digit or by words; what is not clear is nothing."""
    assert option == chosen(ALL, language, fields)


def test_languages_are_chosen_by_digit() -> None:
    """Only those that there are; with one language there is no such option."""
    assert "de-DE" == chosen_language(ALL, {"Digits": "2"})
    assert None is chosen_language(ALL, {"Digits": "5"})
    assert None is chosen_language(ALL, {})
    assert "language" not in options(VoiceSettings())


def test_references_are_spelled() -> None:
    """A number is read figure by figure."""
    assert "D, 1, 0, 4, 2" == spelled("D-1042")


@pytest.mark.parametrize(("settings", "fault"), [
    ({"languages": ("it-IT",)}, 'phrases."it-IT" to have greeting'),
    ({"record_seconds": 300}, "at most 119 where the provider transcribes"),
    ({"menu": ("message", "message")}, "menu to name nothing twice"),
])  # fmt: skip
def test_settings_that_cannot_be(settings: dict[str, Any], fault: str) -> None:
    """Each is refused with what was expected."""
    with pytest.raises(ValueError, match=fault):
        VoiceSettings(**settings)


def test_calls_need_a_provider_that_has_them() -> None:
    """Kannel carries no calls."""
    kannel = KannelSettings(username="u", password=Secret("p"), webhook_secret=Secret("s" * 32))
    with pytest.raises(ValueError, match="voice beside twilio only"):
        PhoneSettings(numbers=("+4930900900",), kannel=kannel, voice=VoiceSettings())


@pytest.mark.parametrize(("body", "code"), [
    (b"<Response><Dial/></Response>", 12200), (b"<Response>", 12100), (b"<Say/>", 12200),
    (b"<Response><Say loud='1'/></Response>", 12200), (b"<Response>" + b" " * LONGEST, 11750),
    (b"<!DOCTYPE x><Response/>", 12100),
])  # fmt: skip
def test_the_double_is_strict(body: bytes, code: int) -> None:
    """What Twilio would not carry out, the double does not either."""
    with pytest.raises(NotTwiml) as refused:
        read_twiml(body, "text/xml")
    assert code == refused.value.code
