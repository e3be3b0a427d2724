"""A phone channel in surroundings that a test can look into, in front of the provider's double."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from gateway import (
    Address,
    Draft,
    NewArrival,
    Parsed,
    Person,
    Reply,
    Secret,
    Thread,
    WebRequest,
)
from gateway.domain.ids import show
from gateway.testing import Surroundings, as_stored
from gateway.testing.clock import EPOCH
from gateway_sms_voice.channel import PhoneChannel
from gateway_sms_voice.providers.twilio.settings import TwilioSettings
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.testing import TwilioDouble, twilio_double

PUBLIC = "https://gateway.example"
OURS, THEIRS = "+15005550006", "+15551230001"
numbers = itertools.count(1)


def twilio_settings(double: TwilioDouble | None = None, **more: Any) -> TwilioSettings:
    """Settings of an account, at a double if there is one."""
    given: dict[str, Any] = {
        "account_sid": double.sid if double else "AC" + "0" * 32,
        "auth_token": Secret(double.token if double else "a token that nobody guesses"),
        "per_second": 1000.0,
    }
    if double is not None:
        given["base_url"] = double.url
    return TwilioSettings(**(given | more))


def phone_settings(twilio: TwilioSettings, **more: Any) -> PhoneSettings:
    """Settings of a channel."""
    given: dict[str, Any] = {"numbers": (OURS,), "region": "US", "twilio": twilio} | more
    return PhoneSettings(**given)


def a_thread(ours: str = OURS, theirs: str = THEIRS, **more: Any) -> Thread:
    """A thread between two numbers."""
    return Thread(
        id=7, tenant="default", conversation=9, channel="here", native_id=f"{ours}~{theirs}",
        address=theirs, **more,
    )  # fmt: skip


def a_reply(text: str = "Hello", *, thread: Thread | None = None, **more: Any) -> Reply:
    """A reply with an id of its own."""
    number = next(numbers)
    given: dict[str, Any] = {
        "key": f"key-{number}", "delivery": show("dlv", number), "tenant": "default",
        "conversation": "conv_0000000000009", "message": "msg_0000000000001", "text": text,
        "thread": thread or a_thread(), "made_at": EPOCH,
        "recipients": (Person(address=Address(scheme="tel", value=THEIRS)),),
    }  # fmt: skip
    return Reply(**(given | more))


@dataclass(kw_only=True)
class World:
    """What a test sees."""

    double: TwilioDouble
    settings: PhoneSettings
    around: Surroundings = field(default_factory=Surroundings)
    channel: PhoneChannel = field(init=False)

    def __post_init__(self) -> None:
        """Start the channel."""
        self.restart()

    def restart(self) -> PhoneChannel:
        """Make the channel anew over the same state, as after a crash."""
        context = self.around.context(self.settings, public_url=PUBLIC)
        self.channel = PhoneChannel(context)
        return self.channel

    def request(self, path: str, fields: dict[str, str], **more: Any) -> WebRequest:
        """Make a request as the provider signs it."""
        url = f"{PUBLIC}/in/here{path}"
        given: dict[str, Any] = {
            "method": "POST", "path": path, "public_url": url, "body": urlencode(fields).encode(),
            "headers": {
                "content-type": "application/x-www-form-urlencoded",
                **{k.lower(): v for k, v in self.double.webhooks.signed(url, fields).items()},
            },
        }  # fmt: skip
        return WebRequest(**(given | more))

    async def post(self, path: str, fields: dict[str, str], **more: Any) -> int:
        """Call the message webhook, or the one of a status; the answer's status."""
        kind = path.split("/")[1]
        [route] = [
            one for one in self.channel.routes(self.around.intake) if one.path.split("/")[1] == kind
        ]
        names = route.path.split("/")[2:]
        params = dict(zip((n.strip("{}") for n in names), path.split("/")[2:], strict=True))
        return (await route.handler(self.request(path, fields, params=params, **more))).status

    def read(self, arrival: NewArrival) -> list[Parsed]:
        """Read an arrival as the pipeline would."""
        return list(self.channel.parser(as_stored(arrival, kind="channel")))

    def draft(self, arrival: NewArrival) -> Draft:
        """Read an arrival that is a message."""
        [draft] = self.read(arrival)
        assert isinstance(draft, Draft)
        return draft

    async def text(self, body: str = "", **more: Any) -> Draft:
        """Have somebody text us, and read what came of it."""
        message = await self.double.text(body, calls=False, **more)
        assert 200 == await self.post("/messages", self.double.webhooks.fields(message))
        return self.draft(self.around.intake.accepted[-1])


@asynccontextmanager
async def phone(*, twilio: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[World]:
    """Run a channel in front of a double.

    Args:
        twilio: further settings of the account.
        more: further settings of the channel.
    """
    async with twilio_double(numbers=(OURS, "+15005550007")) as double:
        yield World(
            double=double,
            settings=phone_settings(twilio_settings(double, **(twilio or {})), **more),
        )
