"""A text as Twilio's API takes it (``POST Messages.json``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway import OutcomeUnknown
from gateway_sms_voice.numbers import Endpoint
from gateway_sms_voice.providers.contract import Accepted, Limits, OutgoingText
from gateway_sms_voice.providers.twilio.receipts import STATES
from gateway_sms_voice.providers.twilio.settings import TwilioSettings

LONGEST = 1600  # characters of one message (error 21617)
SEGMENTS = 10  # of 153 letters: what carriers put together again without trouble
MESSAGING_APPS = Limits(segments=0, characters=LONGEST, per_second=0)


def limits_of(settings: TwilioSettings, sender: Endpoint) -> Limits:
    """Say what one request may hold; segments are an SMS's alone."""
    if sender.line == "sms":
        return Limits(segments=SEGMENTS, characters=LONGEST, per_second=settings.per_second)
    return msgspec.structs.replace(MESSAGING_APPS, per_second=settings.per_second_apps)


def request_of(settings: TwilioSettings, text: OutgoingText) -> dict[str, str]:
    """Write a text as the fields of the request."""
    fields = {"To": str(text.to)}
    if settings.messaging_service and text.sender.line == "sms":
        fields["MessagingServiceSid"] = settings.messaging_service
    if not fields.get("MessagingServiceSid") or text.sender.dialable:
        fields["From"] = str(text.sender)
    if text.template:
        fields["ContentSid"] = text.template
        fields["ContentVariables"] = msgspec.json.encode(dict(text.variables)).decode()
    else:
        fields["Body"] = text.text
    if text.receipt_url:
        fields["StatusCallback"] = text.receipt_url
    return fields


def taken(answer: Mapping[str, Any]) -> Accepted:
    """Read the answer of a creation."""
    sid = answer.get("sid")
    if not isinstance(sid, str) or not sid:
        raise OutcomeUnknown("Twilio's answer names no message", code="unreadable_answer")
    return Accepted(id=sid, state=STATES.get(str(answer.get("status")), "accepted"))


def in_template(settings: TwilioSettings, text: OutgoingText, language: str) -> OutgoingText | None:
    """Put a text into the template of its language, or the one for any.

    A variable may hold neither line breaks nor many spaces (WhatsApp's rule), so they become one.
    """
    wanted = (language, language.partition("-")[0], "*")
    template = next((settings.templates[one] for one in wanted if one in settings.templates), None)
    if template is None:
        return None
    words = " ".join(text.text.split())
    return msgspec.structs.replace(
        text, text=words, template=template, variables={settings.template_variable: words}
    )
