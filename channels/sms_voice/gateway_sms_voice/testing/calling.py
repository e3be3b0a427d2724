"""The double's webhooks: called as Twilio calls them, and signed by its SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from twilio.request_validator import (
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
)

from gateway.testing import LoopbackHttp
from gateway_sms_voice.testing.account import Account, Message

SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What the webhook answered."""

    status: int
    body: bytes
    content_type: str


class Caller:
    """Calls webhooks.

    Set `behind` to (public URL, local URL) where the gateway is known by a public URL that is not the
    one it can be reached at in a test, as behind a proxy; the public one is signed. Set
    `shared_key` to (id, secret) to have webhooks signed with it instead of the auth token.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._http = LoopbackHttp()
        self.behind = ("", "")
        self.shared_key: tuple[str, str] | None = None
        self.answers: list[Answered] = []

    async def message(self, message: Message, *, url: str = "") -> Answered:
        """Tell of a message that came in."""
        hook = url or self._account.numbers.get(message.to, {}).get("sms_url", "")
        if not hook:
            hook = next((one["sms_url"] for one in self._account.numbers.values()), "")
        return await self.post(hook, self.fields(message))

    async def status(self, message: Message, state: str, *, error: str = "") -> Answered | None:
        """Tell of a message's new state; None if it has no status callback."""
        message.status = state
        if state in ("sent", "delivered", "undelivered") and message.sent is None:
            message.sent = self._account.moment()
        if not message.callback:
            return None
        fields = {
            "MessageSid": message.sid, "SmsSid": message.sid, "AccountSid": message.account_sid,
            "From": message.sender, "To": message.to, "MessageStatus": state, "SmsStatus": state,
            "ApiVersion": "2010-04-01",
        }  # fmt: skip
        if error:
            message.error = int(error)
            fields["ErrorCode"] = error
        return await self.post(message.callback, fields)

    def fields(self, message: Message) -> dict[str, str]:
        """Write a message as a webhook's parameters."""
        fields = {
            "ToCountry": "US", "ToState": "", "SmsMessageSid": message.sid,
            "NumMedia": str(len(message.media)), "ToCity": "", "FromZip": "",
            "SmsSid": message.sid, "FromState": "CA", "SmsStatus": "received", "FromCity": "",
            "Body": message.body, "FromCountry": "US", "To": message.to, "ToZip": "",
            "NumSegments": "1", "MessageSid": message.sid, "AccountSid": message.account_sid,
            "From": message.sender, "ApiVersion": "2010-04-01",
        }  # fmt: skip
        base = f"{self._account.url}/2010-04-01/Accounts/{message.account_sid}"
        for number, medium in enumerate(message.media):
            fields[f"MediaUrl{number}"] = f"{base}/Messages/{message.sid}/Media/{medium.sid}"
            fields[f"MediaContentType{number}"] = medium.content_type
        return {**fields, **message.extra}

    def signed(self, url: str, fields: Mapping[str, str]) -> dict[str, str]:
        """Make the headers of a signed request."""
        if self.shared_key is not None:
            key, secret = self.shared_key
            signature = RequestValidator(secret).compute_signature(url, fields, "HMAC_SHA256")
            settings = f"key={key},algorithm=HMAC_SHA256"
            return {SIGNATURE_HEADER: signature, SIGNATURE_SETTINGS_HEADER: settings}
        signature = RequestValidator(self._account.token).compute_signature(url, fields)
        return {SIGNATURE_HEADER: signature}

    async def post(
        self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None
    ) -> Answered:
        """Call a webhook with signed parameters.

        Args:
            headers: to be sent in place of the right ones.
        """
        public, local = self.behind
        called = url.replace(public, local, 1) if public else url
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with (
            self._http.session(timeout=timeout) as session,
            session.post(
                called, data=fields,
                headers=self.signed(url, fields) if headers is None else headers,
            ) as response,
        ):  # fmt: skip
            answer = Answered(
                status=response.status, body=await response.read(),
                content_type=response.content_type,
            )  # fmt: skip
        self.answers.append(answer)
        return answer

    async def close(self) -> None:
        """Nothing is held open between calls."""
