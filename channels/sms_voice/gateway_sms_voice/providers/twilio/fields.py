"""What Twilio says of a message, by webhook or by its API, in the same words.

The webhook's parameters: https://www.twilio.com/docs/messaging/guides/webhook-request; the API's message:
``api.v2010.account.message`` of its OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Annotated, Any

import msgspec

from gateway import TargetBroken, UnreadableArrival

MOST_MEDIA = 50
Text = str | None


class ListedMedium(msgspec.Struct, frozen=True, kw_only=True):
    """A medium as the API lists it."""

    sid: str
    content_type: Text = ""


class ListedMessage(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A message as the API lists it; only what is read here.

    Args:
        date_sent, date_created: RFC 2822.
        media: of its media list, which the API gives apart.
    """

    sid: Annotated[str, msgspec.Meta(pattern=r"^(SM|MM)[0-9a-fA-F]{32}$")]
    account_sid: Text = ""
    from_: Text = ""
    to: Text = ""
    body: Text = ""
    direction: Text = ""
    status: Text = ""
    num_media: str | int | None = 0
    num_segments: str | int | None = 0
    date_sent: Text = ""
    date_created: Text = ""
    error_code: int | str | None = None
    error_message: Text = ""
    messaging_service_sid: Text = ""
    media: tuple[ListedMedium, ...] = ()

    @property
    def inbound(self) -> bool:
        """Whether a customer wrote it."""
        return self.direction == "inbound"

    @property
    def at(self) -> int | None:
        """When it was made, in milliseconds since the Unix epoch."""
        return moment(self.date_created or "") or moment(self.date_sent or "")


def moment(text: str) -> int | None:
    """Read a moment of the API; None if there is none."""
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return None


def listed_of(found: Mapping[str, Any]) -> ListedMessage:
    """Read a message of an answer.

    Raises:
        TargetBroken: it is none.
    """
    try:
        return msgspec.convert(found, ListedMessage, strict=False)
    except msgspec.ValidationError as error:
        raise TargetBroken(
            f"Twilio lists what is no message: {error}", code="unreadable_answer"
        ) from error


def read_listed(body: bytes) -> ListedMessage:
    """Read a stored message of the API.

    Raises:
        UnreadableArrival: it is none.
    """
    try:
        return msgspec.json.decode(body, type=ListedMessage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableArrival(f"the body is no message of Twilio's API: {error}") from error


def as_fields(listed: ListedMessage, account_url: str) -> dict[str, str]:
    """Say what a listed message says in a webhook's words.

    Args:
        account_url: where the account's resources are, without a slash at the end.
    """
    fields = {
        "MessageSid": listed.sid, "AccountSid": listed.account_sid or "",
        "From": listed.from_ or "", "To": listed.to or "", "Body": listed.body or "",
        "NumMedia": str(len(listed.media)), "NumSegments": str(listed.num_segments or ""),
        "MessagingServiceSid": listed.messaging_service_sid or "",
    }  # fmt: skip
    for number, medium in enumerate(listed.media):
        url = f"{account_url}/Messages/{listed.sid}/Media/{medium.sid}"
        fields[f"MediaUrl{number}"] = url
        fields[f"MediaContentType{number}"] = medium.content_type or ""
    return fields


def media_of(fields: Mapping[str, str]) -> list[tuple[str, str]]:
    """Give the media of a message: address and claimed type."""
    count = fields.get("NumMedia", "0")
    number = int(count) if count.isascii() and count.isdigit() and len(count) < 4 else 0
    return [
        (url, fields.get(f"MediaContentType{n}", ""))
        for n in range(min(number, MOST_MEDIA))
        if (url := fields.get(f"MediaUrl{n}", ""))
    ]
