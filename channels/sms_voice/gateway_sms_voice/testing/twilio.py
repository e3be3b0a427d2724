"""A stand-in for Twilio on a loopback port: its REST API, and the webhooks that it calls.

Written from Twilio's OpenAPI document (``twilio_api_v2010``, https://github.com/twilio/twilio-oai) and its
guides. It is as strict as what it stands in for: credentials, account and parameters are checked, errors have
Twilio's codes, lists have the newest first in pages, and webhooks are signed by Twilio's own SDK.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiohttp import web

from gateway_sms_voice.testing.account import OUR_NUMBER, THEIR_NUMBER, Account, Fault, Message
from gateway_sms_voice.testing.api import Api
from gateway_sms_voice.testing.calling import Caller
from gateway_sms_voice.testing.calls import PhoneCall
from gateway_sms_voice.testing.calls_api import CallsApi

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "the auth token of the double"  # noqa: S105  # a test's


class TwilioDouble:
    """One account at a Twilio that runs in a test.

    Args:
        url: where its API is: the ``base_url`` of a channel's settings.
    """

    def __init__(self, account: Account) -> None:
        self.account, self.url = account, ""
        self.webhooks = Caller(account)
        self.api = Api(account, self.webhooks)
        self.calls: list[PhoneCall] = []

    @property
    def sid(self) -> str:
        """The account's SID."""
        return self.account.sid

    @property
    def token(self) -> str:
        """Its auth token."""
        return self.account.token

    @property
    def sent(self) -> list[Message]:
        """What it was given to send, oldest first."""
        return [one for one in self.account.messages if one.outbound]

    # what goes wrong

    def refuse(
        self, times: int = 1, *, status: int = 400, code: int = 21211, after: int = 0, **more: Any
    ) -> None:
        """Answer the next creations with an error.

        Args:
            after: how many creations go well before.
            more: ``retry_after`` seconds, ``message``.
        """
        fault = Fault(status=status, code=code, **more)
        self.account.faults += [*[None] * after, *[fault] * times]

    def lose_replies(self, times: int = 1, *, after: int = 0) -> None:
        """Take the next creations, and lose the answers on their way back.

        Args:
            after: how many creations go well before.
        """
        self.account.faults += [*[None] * after, *[Fault(lost=True)] * times]

    def hold_replies(self, times: int = 1) -> None:
        """Take the next creations, and answer them only once `release_replies` is called."""
        self.account.release.clear()
        self.account.faults += [Fault(held=True)] * times

    def release_replies(self) -> None:
        """Let held answers go."""
        self.account.release.set()

    # what comes in

    async def text(self, body: str = "", *, calls: bool = True, **more: Any) -> Message:
        """Have somebody text one of the account's numbers.

        Args:
            calls: whether the webhook is called; without it only the list knows of the message.
            more: ``sender``, ``to``, ``media`` as (content type, bytes), and ``extra`` parameters.
        """
        message = self.account.receive(body, **more)
        if calls:
            await self.webhooks.message(message)
        return message

    def call(
        self,
        *,
        sender: str = THEIR_NUMBER,
        to: str = OUR_NUMBER,
        at: datetime | None = None,
        **extra: str,
    ) -> PhoneCall:
        """Have somebody call one of the account's numbers; see `PhoneCall.dial` and what follows.

        Args:
            at: when it began; now, if not said.
            sender: ``+266696687`` for a withheld number, ``client:…`` or ``sip:…``.
            extra: parameters such as ``CallerName`` or ``StirVerstat``.
        """
        call = PhoneCall(
            self.account, self.webhooks, sender=sender, to=to, extra=extra,
            at=at or self.account.moment(),
        )  # fmt: skip
        self.calls.append(call)
        return call

    async def progress(self, message: Message, *states: str, error: str = "") -> None:
        """Have a sent message go through states, each told to its status callback."""
        for state in states:
            await self.webhooks.status(message, state, error=error)


@asynccontextmanager
async def twilio_double(
    *, sid: str = ACCOUNT, token: str = TOKEN, numbers: tuple[str, ...] = ("+15005550006",)
) -> AsyncGenerator[TwilioDouble]:
    """Run a double around a block.

    Args:
        numbers: the account's own.
    """
    double = TwilioDouble(Account(sid=sid, token=token, numbers=numbers))
    app = web.Application()
    double.api.add_to(app)
    CallsApi(double.calls).add_to(app, double.api)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        double.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        double.account.url = double.url
        yield double
    finally:
        await double.webhooks.close()
        await asyncio.shield(runner.cleanup())
