"""Settings of a phone channel."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway_sms_voice.numbers import endpoint, is_name
from gateway_sms_voice.providers.kannel.settings import KannelSettings
from gateway_sms_voice.providers.twilio.settings import TwilioSettings
from gateway_sms_voice.voice.settings import VoiceSettings

MIB = 1 << 20


class PhoneSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``[channels.NAME]`` may say for ``type = "sms_voice"``; one provider's table is needed."""

    numbers: Annotated[
        tuple[str, ...],
        Meta(
            description="Our numbers, as +491234567, whatsapp:+491234567, a short code or a name; "
            "the first one writes to people who did not write before.",
            examples=[["+4930123456"]],
        ),
    ]
    region: Annotated[
        str,
        Meta(
            pattern=r"^([A-Z]{2})?$",
            description="Country whose national numbers are meant, such as DE; empty where all "
            "numbers are international.",
        ),
    ] = ""
    reconcile_seconds: Annotated[
        float,
        Meta(
            ge=0,
            description="How often the provider is asked for what its webhooks missed, besides at "
            "the start; 0 for only then.",
        ),
    ] = 300.0
    first_hours: Annotated[
        int,
        Meta(ge=0, le=8760, description="How far back it is asked the first time, in hours."),
    ] = 0
    media_bytes: Annotated[
        int,
        Meta(
            ge=0, le=100 * MIB, description="Largest medium that is fetched; twice that a message."
        ),
    ] = 16 * MIB
    media_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=300,
            description="Seconds until a message's media have to be there, each time they are tried.",
        ),
    ] = 30.0
    voice: Annotated[
        VoiceSettings | None, Meta(description="How calls are answered; without it they are not.")
    ] = None
    twilio: Annotated[TwilioSettings | None, Meta(description="The account at Twilio.")] = None
    kannel: Annotated[KannelSettings | None, Meta(description="A Kannel of your own.")] = None

    def __post_init__(self) -> None:
        """Check what a type cannot say.

        Raises:
            ValueError: naming everything that was expected.
        """
        faults = []
        if not self.numbers:
            faults.append("numbers to name at least one of yours")
        for number in self.numbers:
            one = endpoint(number, self.region)
            if not one.reachable and not is_name(one):
                faults.append(
                    f"numbers to hold +4930123456, whatsapp:+4930123456, a short code or a name of "
                    f"up to 11 letters, not {number!r}"
                )
        if (self.twilio is None) == (self.kannel is None):
            faults.append("a table of one provider: twilio or kannel")
        if self.kannel is not None and any(
            endpoint(one, self.region).line != "sms" for one in self.numbers
        ):
            faults.append("numbers of SMS only beside kannel, which carries nothing else")
        if self.voice is not None and self.twilio is None:
            faults.append("voice beside twilio only, since kannel carries no calls")
        if faults:
            raise ValueError("; ".join(faults))
