"""A call's webhooks: proven, stored, and only then answered; the same again is the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from gateway import Address, Matter, Overloaded, Secret, WebRequest, WebResponse
from gateway.testing import Surroundings
from gateway_sms_voice.channel import PhoneChannel
from gateway_sms_voice.providers.twilio.settings import TwilioSettings
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.voice.settings import VoiceSettings

PUBLIC, SID, TOKEN = "https://gateway.example", "CA" + "1" * 32, "a token"
ANN = "+15551230001"
PERSON = {"CallSid": SID, "From": ANN, "To": "+15005550006", "CallStatus": "in-progress"}


class Line:
    """A channel that answers calls, in memory."""

    def __init__(self, **voice: Any) -> None:
        self.around = Surroundings()
        settings = PhoneSettings(
            numbers=("+15005550006",), voice=VoiceSettings(**voice),
            twilio=TwilioSettings(account_sid="AC" + "0" * 32, auth_token=Secret(TOKEN)),
        )  # fmt: skip
        channel = PhoneChannel(self.around.context(settings, name="phone", public_url=PUBLIC))
        self.routes = {one.path: one.handler for one in channel.routes(self.around.intake)}

    async def post(self, path: str, query: str = "", **fields: str) -> WebResponse:
        """Call one address as the provider does."""
        url = f"{PUBLIC}/in/phone{path}{query and '?'}{query}"
        whole = {**PERSON, **fields}
        pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
        return await self.routes[path](
            WebRequest(
                method="POST", path=path, public_url=url, query=tuple(pairs),
                headers={
                    "content-type": "application/x-www-form-urlencoded",
                    "x-twilio-signature": RequestValidator(TOKEN).compute_signature(url, whole),
                },
                body=urlencode(whole).encode(),
            )
        )  # fmt: skip

    @property
    def steps(self) -> list[str]:
        """What was stored, in order."""
        return [one.remote["step"] for one in self.around.intake.accepted]


async def test_a_code_survives_that_nothing_could_be_stored() -> None:
    """The store is full just after the code was right: the provider calls again, and is let in."""
    line = Line()
    issued = await line.around.codes().issue(7)
    line.around.matters.known[7] = Matter(conversation=7, references=("D-12",))
    line.around.intake.fails = Overloaded("full")
    assert 503 == (await line.post("/voice/code", Digits=issued.code)).status
    assert [] == line.steps
    line.around.intake.fails = None
    answer = await line.post("/voice/code", Digits=issued.code)
    assert b"This call now belongs to your matter." in answer.body
    assert b"The number of your matter is D, 1, 2." in answer.body
    assert ["code"] == line.steps
    assert line.around.intake.accepted[0].remote["proof"]
    again = await line.post("/voice/code", CallSid="CA" + "2" * 32, Digits=issued.code)
    assert b"This code is not valid." in again.body  # another call
    assert ["code"] == line.steps


async def test_nothing_is_answered_that_is_not_stored() -> None:
    """A ring, a wish and an end are told the provider to be repeated while nothing can be stored."""
    line = Line()
    line.around.intake.fails = Overloaded("full")
    for path, fields in (
        ("/voice", {}), ("/voice/menu", {"Digits": "2"}), ("/voice/status", {}),
        ("/voice/recorded", {"RecordingSid": "RE1"}),
    ):  # fmt: skip
        answer = await line.post(path, **fields)
        assert (503, "2") == (answer.status, answer.headers["retry-after"])


async def test_what_says_nothing_new_is_not_stored() -> None:
    """To choose a language or to be at the menu again is no part of the message."""
    line = Line(languages=("en-US", "fr-FR"))
    await line.post("/voice/again", "lang=fr-FR")
    answer = await line.post("/voice/language", Digits="2")
    assert b"Pour laisser un message" in answer.body
    assert b"lang=fr-FR" in answer.body
    await line.post("/voice/menu", "lang=xx-XX", Digits="1")  # not one of ours
    assert [] == line.steps


@pytest.mark.parametrize("fields", [{"CallSid": ""}, {"RecordingSid": ""}])
async def test_what_names_nothing_is_refused(fields: dict[str, str]) -> None:
    """A proven request without a call or recording is answered with 400."""
    line = Line()
    assert (
        400 == (await line.post("/voice/recording", RecordingStatus="completed", **fields)).status
    )
    assert [] == line.steps


@pytest.mark.parametrize(("policy", "least"), [("proven", "proven"), ("attested", "asserted")])
async def test_how_much_proof_a_reference_needs(policy: Any, least: str) -> None:
    """An attested number is asked for, with the proof that the setting wants; another is not even."""
    line = Line(read_reference=policy)
    ann = Address(scheme="tel", value=ANN)
    line.around.matters.open_[ann] = (Matter(conversation=7, references=("D-12",)),)
    forged = await line.post("/voice/menu", Digits="3")
    assert b"D, 1, 2" not in forged.body
    assert [] == line.around.matters.asked
    attested = await line.post("/voice/menu", Digits="3", StirVerstat="TN-Validation-Passed-A")
    assert b"The number of your matter is D, 1, 2." in attested.body
    assert [(ann, least)] == line.around.matters.asked


async def test_the_address_says_whose_recording_it_is() -> None:
    """A recording's callback names no caller; the arrival has them by our own address."""
    line = Line()
    query = "lang=en-US&from=%2B15551230001&to=%2B15005550006".replace("%2B", "+")
    await line.post("/voice/recording", query, RecordingSid="RE1", RecordingStatus="absent")
    [arrival] = line.around.intake.accepted
    assert ANN == arrival.remote["query"]["from"]
    assert "RE1/absent" == arrival.key
