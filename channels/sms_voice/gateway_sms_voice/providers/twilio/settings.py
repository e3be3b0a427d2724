"""Settings of an account at Twilio."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway import Secret


class SigningKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that webhooks are signed with; several are live while one is replaced by another."""

    secret: Annotated[Secret, Meta(description="The auth token, or the shared key's secret.")]
    algorithm: Annotated[
        Literal["HMAC_SHA1", "HMAC_SHA256"],
        Meta(description="HMAC_SHA1 for an auth token, HMAC_SHA256 for a shared key."),
    ] = "HMAC_SHA256"
    id: Annotated[str, Meta(description="The shared key's id; empty for an auth token.")] = ""


class TwilioSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account at Twilio."""

    account_sid: Annotated[
        str, Meta(description="The account's SID: AC and 32 hexadecimal digits.")
    ]
    auth_token: Annotated[
        Secret,
        Meta(
            description="The account's auth token: signs in where no API key is set, and proves "
            "webhooks where no signing keys are set."
        ),
    ] = Secret("")
    api_key: Annotated[str, Meta(description="An API key's SID (SK…), in place of the token.")] = ""
    api_secret: Annotated[Secret, Meta(description="The API key's secret.")] = Secret("")
    signing_keys: Annotated[
        tuple[SigningKey, ...],
        Meta(description="Keys of which one must have signed a webhook, for a change without gap."),
    ] = ()
    messaging_service: Annotated[
        str,
        Meta(
            description="A messaging service (MG…) that SMS are sent through; numbers have to be its senders."
        ),
    ] = ""
    templates: Annotated[
        dict[str, str],
        Meta(
            description="Content SIDs (HX…) by language, for WhatsApp outside its 24 hours; the key "
            "* is for any language. The text becomes the variable named in template_variable."
        ),
    ] = {}
    template_variable: Annotated[
        str, Meta(description="Variable of the template that holds the agent's text.")
    ] = "1"
    base_url: Annotated[
        str, Meta(description="Where the API is, for another region or a stand-in.")
    ] = "https://api.twilio.com"
    media_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Hosts that media may be fetched from besides that; *.x is any below x."),
    ] = ("api.twilio.com", "*.twilio.com", "*.twiliocdn.com")
    per_second: Annotated[
        float,
        Meta(
            gt=0,
            le=1000,
            description="Segments a second that one number may send (US long code: 1).",
        ),
    ] = 1.0
    per_second_apps: Annotated[
        float,
        Meta(gt=0, le=1000, description="Messages a second of one WhatsApp or RCS sender."),
    ] = 40.0
    timeout: Annotated[
        float, Meta(gt=0, le=40, description="Seconds until an answer has to be complete.")
    ] = 15.0

    def __post_init__(self) -> None:
        """Check what a type cannot say.

        Raises:
            ValueError: naming everything that was expected, and no secret.
        """
        faults = []
        if not re.fullmatch(r"AC[0-9a-fA-F]{32}", self.account_sid):
            faults.append("account_sid to be AC and 32 hexadecimal digits")
        if not self.auth_token and not (self.api_key and self.api_secret):
            faults.append("auth_token, or api_key with api_secret")
        if bool(self.api_key) != bool(self.api_secret):
            faults.append("api_key and api_secret together")
        if not self.auth_token and not self.signing_keys:
            faults.append("auth_token or signing_keys, since nobody can trust unsigned webhooks")
        if not self.base_url.startswith(("https://", "http://")):
            faults.append("base_url to be an http or https URL")
        if faults:
            raise ValueError("; ".join(faults))
