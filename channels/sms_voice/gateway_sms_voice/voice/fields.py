"""What the provider says of a call, by webhook or by its API, in the webhooks' words.

https://www.twilio.com/docs/voice/twiml#request-parameters; the API's resources: ``api.v2010.account.call``,
``….recording`` and ``….transcription`` of its OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway import Arrival, NewArrival, UnreadableArrival
from gateway_sms_voice.providers.twilio.reading import fields_of

JSON = "application/json"
_WORDS = {
    "call": {
        "sid": "CallSid", "from": "From", "to": "To", "status": "CallStatus",
        "duration": "CallDuration", "caller_name": "CallerName",
        "forwarded_from": "ForwardedFrom",
    },
    "recording": {
        "sid": "RecordingSid", "call_sid": "CallSid", "status": "RecordingStatus",
        "duration": "RecordingDuration",
    },
    "transcription": {
        "sid": "TranscriptionSid", "recording_sid": "RecordingSid",
        "status": "TranscriptionStatus", "transcription_text": "TranscriptionText",
    },
}  # fmt: skip


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A resource as the API lists it, and the call it belongs to.

    Args:
        of: ``call``, ``recording`` or ``transcription``.
    """

    of: str
    resource: dict[str, Any]
    call: dict[str, Any] = {}


def call_fields(arrival: Arrival | NewArrival) -> Mapping[str, str]:
    """Read an arrival of a call.

    Raises:
        UnreadableArrival: it is neither a webhook's form nor a resource.
    """
    if arrival.content_type != JSON:
        return fields_of(arrival.body)
    try:
        listed = msgspec.json.decode(arrival.body, type=Listed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableArrival(f"the body is no resource of a call: {error}") from error
    fields = _named("call", listed.call)
    fields.pop("CallStatus", None)
    fields |= _named(listed.of, listed.resource)
    return fields


def recording_url(fields: Mapping[str, str], account_url: str) -> str:
    """Where a recording can be had; empty if there is none yet."""
    sid = fields.get("RecordingSid", "")
    if not sid or fields.get("TranscriptionSid"):
        return ""
    if fields.get("RecordingStatus", "") != "completed":
        return ""
    url = fields.get("RecordingUrl") or f"{account_url}/Recordings/{sid}"
    return f"{url}.mp3"


def _named(of: str, resource: Mapping[str, Any]) -> dict[str, str]:
    names = _WORDS.get(of, {})
    return {
        word: str(resource[name])
        for name, word in names.items()
        if resource.get(name) not in (None, "")
    }
