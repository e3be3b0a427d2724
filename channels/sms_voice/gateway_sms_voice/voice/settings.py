"""Settings of calls."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway_sms_voice.voice.phrases import BUILT_IN, Phrase

Option = Literal["message", "callback", "reference", "code", "language"]
Transcribe = Literal["provider", "plugin", "never"]
ReadReference = Literal["never", "attested", "proven"]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Spoken = Annotated[str, Meta(max_length=1000)]
TRANSCRIBED_SECONDS = 119  # https://www.twilio.com/docs/api/errors/13617


class VoiceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How calls are answered; without this table they are not."""

    languages: Annotated[
        tuple[Language, ...],
        Meta(
            min_length=1, max_length=9,
            description="Languages that callers may choose, as en-US or de-DE; the first one greets. "
            "There are phrases in English, German, French and Spanish; for others set all of them.",
        ),
    ] = ("en-US",)  # fmt: skip
    menu: Annotated[
        tuple[Option, ...],
        Meta(
            min_length=1, max_length=9,
            description="What callers may do, in the order of the digits: message (leave one), "
            "callback, reference (hear the number of an open matter), code (key in a continuation "
            "code), language.",
        ),
    ] = ("message", "callback", "reference", "code", "language")  # fmt: skip
    speech: Annotated[
        bool, Meta(description="Whether callers may say what they want instead of keying it in.")
    ] = True
    voice: Annotated[
        str, Meta(max_length=64, description="The provider's name of a voice; empty for its own.")
    ] = ""
    phrases: Annotated[
        dict[Language, dict[Phrase, Spoken]],
        Meta(
            description="Other words by language and phrase, such as the greeting: "
            '{ "de-DE" = { greeting = "Guten Tag." } }.'
        ),
    ] = {}
    record_seconds: Annotated[
        int, Meta(ge=5, le=3600, description="Longest voicemail, in seconds.")
    ] = TRANSCRIBED_SECONDS
    transcribe: Annotated[
        Transcribe,
        Meta(
            description="Who writes voicemails down: provider (English, up to two minutes; what it "
            "cannot transcribe goes to plugins), plugin (the hook transcribe_recording), never."
        ),
    ] = "provider"
    missed_calls: Annotated[
        bool, Meta(description="Whether a call in which nothing was said opens a ticket.")
    ] = True
    read_reference: Annotated[
        ReadReference,
        Meta(
            description="Who may hear the number of an open matter without a code: never, attested "
            "(the network attests the number fully, STIR/SHAKEN A), or proven (that, and the "
            "number was proven to be the customer's)."
        ),
    ] = "proven"
    code_tries: Annotated[
        int, Meta(ge=1, le=5, description="Continuation codes a caller may try in one call.")
    ] = 3

    def __post_init__(self) -> None:
        """Check what a type cannot say.

        Raises:
            ValueError: naming everything that was expected.
        """
        faults = []
        if self.transcribe == "provider" and self.record_seconds > TRANSCRIBED_SECONDS:
            faults.append(
                f"record_seconds of at most {TRANSCRIBED_SECONDS} where the provider transcribes"
            )
        for name in ("menu", "languages"):
            given = getattr(self, name)
            if len(set(given)) < len(given):
                faults.append(f"{name} to name nothing twice")
        for language in self.languages:
            there = {
                **BUILT_IN.get(language.partition("-")[0], {}),
                **self.phrases.get(language, {}),
            }
            missing = [name for name in BUILT_IN["en"] if name not in there]
            if missing:
                faults.append(f'phrases."{language}" to have {", ".join(missing)}')
        if faults:
            raise ValueError("; ".join(faults))
