"""What an account at the double holds: numbers, messages, media, and what is to go wrong."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

OUR_NUMBER, THEIR_NUMBER = "+15005550006", "+15551230001"


@dataclass(kw_only=True)
class Fault:
    """What is to go wrong with one creation.

    Args:
        lost: it is done, but its answer never arrives.
        held: it is done, but its answer waits until `Account.release` is set.
    """

    status: int = 500
    code: int = 20500
    message: str = "a fault of the double"
    retry_after: int | None = None
    lost: bool = False
    held: bool = False


@dataclass(kw_only=True)
class Medium:
    """A medium of a message.

    Args:
        gone: its address answers 404.
        leads_to: its address redirects there.
        hangs: its address answers once `release` is set.
    """

    sid: str
    content_type: str
    data: bytes
    gone: bool = False
    leads_to: str = ""
    hangs: bool = False
    release: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(kw_only=True)
class Message:
    """A message as Twilio keeps it."""

    sid: str
    account_sid: str
    sender: str
    to: str
    body: str
    outbound: bool
    status: str
    created: datetime
    sent: datetime | None = None
    callback: str = ""
    service: str = ""
    content: str = ""
    error: int | None = None
    media: list[Medium] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)

    def resource(self) -> dict[str, Any]:
        """Write it as the API does."""
        uri = f"/2010-04-01/Accounts/{self.account_sid}/Messages/{self.sid}"
        return {
            "sid": self.sid, "account_sid": self.account_sid, "api_version": "2010-04-01",
            "from": self.sender, "to": self.to, "body": self.body, "status": self.status,
            "direction": "outbound-api" if self.outbound else "inbound",
            "messaging_service_sid": self.service or None,
            "num_media": str(len(self.media)), "num_segments": "1",
            "date_created": format_datetime(self.created),
            "date_updated": format_datetime(self.created),
            "date_sent": format_datetime(self.sent) if self.sent else None,
            "error_code": self.error, "error_message": None, "price": None, "price_unit": "USD",
            "uri": f"{uri}.json", "subresource_uris": {"media": f"{uri}/Media.json"},
        }  # fmt: skip


class Account:
    """One account.

    Args:
        numbers: its own, to each of which the webhook belongs that is set.
    """

    def __init__(self, *, sid: str, token: str, numbers: tuple[str, ...]) -> None:
        self.sid, self.token, self.url = sid, token, ""
        self.status = "active"
        self.keys: dict[str, str] = {}
        self.strange_keys: dict[str, str] = {}
        self.numbers = {
            number: {
                "sms_url": "", "sms_method": "POST", "voice_url": "", "voice_method": "POST",
                "status_callback": "",
            }
            for number in numbers
        }  # fmt: skip
        self.messages: list[Message] = []
        self.faults: list[Fault | None] = []
        self.release = asyncio.Event()
        self.requests: list[tuple[str, str]] = []
        self.opted_out: set[tuple[str, str]] = set()
        self.moment: Callable[[], datetime] = _now

    def hook(self, url: str) -> None:
        """Set the webhook of every number."""
        for number in self.numbers.values():
            number["sms_url"] = url

    def hook_calls(self, url: str) -> None:
        """Set the webhooks of every number's calls: what answers, and what is told of their end."""
        for number in self.numbers.values():
            number["voice_url"], number["status_callback"] = url, f"{url}/status"

    def receive(
        self,
        body: str,
        *,
        sender: str = THEIR_NUMBER,
        to: str = OUR_NUMBER,
        media: tuple[tuple[str, bytes], ...] = (),
        at: datetime | None = None,
        extra: dict[str, str] | None = None,
    ) -> Message:
        """Take in a message that somebody sent."""
        at = at or self.moment()
        message = Message(
            sid=sid_of("MM" if media else "SM"), account_sid=self.sid, sender=sender, to=to,
            body=body, outbound=False, status="received", created=at, sent=at,
            extra=extra or {},
            media=[
                Medium(sid=sid_of("ME"), content_type=kind, data=data) for kind, data in media
            ],
        )  # fmt: skip
        self.messages.append(message)
        return message

    def take(self, form: dict[str, str]) -> Message:
        """Take a message to send; it waits in the queue, as the real one does."""
        message = Message(
            sid=sid_of("SM"), account_sid=self.sid, to=form["To"],
            sender=form.get("From") or next(iter(self.numbers), ""),
            body=form.get("Body", "") or form.get("ContentVariables", ""), outbound=True,
            status="queued", created=self.moment(), callback=form.get("StatusCallback", ""),
            service=form.get("MessagingServiceSid", ""), content=form.get("ContentSid", ""),
        )  # fmt: skip
        self.messages.append(message)
        return message

    def find(self, sid: str) -> Message | None:
        """Find a message."""
        return next((one for one in self.messages if one.sid == sid), None)


def _now() -> datetime:
    return datetime.now(UTC)


def sid_of(prefix: str) -> str:
    """Make a SID: two letters and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)
