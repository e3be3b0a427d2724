"""Twilio as a provider of phone numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from fnmatch import fnmatchcase
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from gateway import Context, Health, NewArrival, WebRequest, WebResponse
from gateway_sms_voice.numbers import Endpoint, endpoint
from gateway_sms_voice.providers.contract import (
    Accepted,
    Limits,
    MediaRequest,
    NotProven,
    OutgoingText,
    Provider,
    Reader,
    Unusable,
    Way,
    Wishes,
)
from gateway_sms_voice.providers.twilio.client import TwilioClient, account_url
from gateway_sms_voice.providers.twilio.fields import as_fields, media_of, read_listed
from gateway_sms_voice.providers.twilio.listing import alike, missed
from gateway_sms_voice.providers.twilio.probing import probe
from gateway_sms_voice.providers.twilio.reading import LISTED, Reading, fields_of, sender_of
from gateway_sms_voice.providers.twilio.sending import in_template, limits_of, request_of, taken
from gateway_sms_voice.providers.twilio.settings import TwilioSettings
from gateway_sms_voice.providers.twilio.signature import Key, Signatures
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.threads import native_thread
from gateway_sms_voice.voice.composing import policy_of
from gateway_sms_voice.voice.fields import call_fields, recording_url
from gateway_sms_voice.voice.listing import CallList
from gateway_sms_voice.voice.reading import KIND, CallReading

MESSAGES, STATUS = "/messages", "/status/{delivery}/{part}/{parts}"
TWIML = "text/xml; charset=utf-8"


class TwilioProvider(Provider):
    """One account at Twilio."""

    repeat: ClassVar[Literal["lookup", "never"]] = "lookup"
    answers_help: ClassVar[bool] = True
    keeps: ClassVar[str] = "Twilio's message and call logs"
    ways: ClassVar[Sequence[Way]] = (
        Way(kind="message", method="POST", path=MESSAGES),
        Way(kind="status", method="POST", path=STATUS),
    )

    def __init__(self, settings: TwilioSettings, context: Context[PhoneSettings]) -> None:
        self._settings, self._context = settings, context
        self._region = context.settings.region
        self._signatures = Signatures(keys_of(settings))
        self.client = TwilioClient(settings, context.http)
        self._numbers = [endpoint(one, self._region) for one in context.settings.numbers]
        self._calls = CallList(self.client, self._numbers, self._region)

    # in

    def verify(self, request: WebRequest) -> None:
        """Prove a request by its signature, and that it is about our account.

        A shared key may be another account's as well.
        """
        account = self._signatures.verify(request).get("AccountSid", self._settings.account_sid)
        if account != self._settings.account_sid:
            raise NotProven("it is about another account than account_sid")

    def arrival(self, way: Way, request: WebRequest) -> NewArrival:
        """Make the arrival of a proven request."""
        fields = fields_of(request.body)
        sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
        if not sid:
            raise Unusable("there is no MessageSid in it")
        headers = {
            name: request.headers[name]
            for name in ("i-twilio-idempotency-token", "x-home-region")
            if name in request.headers
        }
        remote: dict[str, object] = {"peer": request.peer, "signature": "pass"}
        if way.kind == "status":
            status = fields.get("MessageStatus", "")
            delivery = request.params.get("delivery", "")
            remote |= {"delivery": delivery, "id": sid}
            remote |= {name: _number(request.params.get(name, "")) for name in ("part", "parts")}
            key, lane = f"{sid}/{status}", delivery
        else:
            ours = endpoint(fields.get("To", ""), self._region)
            key, lane = sid, native_thread(ours, sender_of(fields, self._region))
        return NewArrival(
            key=key, lane=lane, kind=way.kind, body=request.body, headers=headers,
            content_type="application/x-www-form-urlencoded", remote=remote,
        )  # fmt: skip

    def wishes(self, arrival: NewArrival) -> Wishes | None:
        """Say what a message wants of the channel."""
        at = None
        if arrival.kind == KIND:
            return self._wishes_of_call(arrival)
        if arrival.kind == LISTED:
            listed = read_listed(arrival.body)
            fields, at = as_fields(listed, self.client.account_url), listed.at
        elif arrival.kind == "message":
            fields = fields_of(arrival.body)
        else:
            return None
        return Wishes(
            ours=endpoint(fields.get("To", ""), self._region),
            theirs=sender_of(fields, self._region),
            text=fields.get("Body", ""), opt_out=fields.get("OptOutType", ""),
            media=tuple(url for url, _ in media_of(fields)), at=at,
        )  # fmt: skip

    def acknowledge(self, way: Way) -> WebResponse:
        """Answer with an empty TwiML document, so that nothing is sent."""
        if way.kind == "status":
            return WebResponse(status=204)
        return WebResponse(body=b"<Response/>", content_type=TWIML)

    @property
    def reader(self) -> Reader:
        """Read what Twilio handed in."""
        texts = Reading(account_url=account_url(self._settings), region=self._region)
        return CallReading(policy=policy_of(self._context.settings), texts=texts)

    def missed(self, since: int) -> AsyncIterator[NewArrival]:
        """Ask the API for what came in since."""
        return self._missed(since)

    async def _missed(self, since: int) -> AsyncIterator[NewArrival]:
        async for arrival in missed(self.client, self._numbers, since, self._region):
            yield arrival
        if self._context.settings.voice is not None:
            async for arrival in self._calls.missed(since, self._context.clock.now()):
                yield arrival

    def _wishes_of_call(self, arrival: NewArrival) -> Wishes | None:
        """Ask for the recording that an arrival tells of."""
        fields = call_fields(arrival)
        url = recording_url(fields, self.client.account_url)
        if not url:
            return None
        query = arrival.remote.get("query", {})
        return Wishes(
            ours=endpoint(fields.get("To") or query.get("to", ""), self._region),
            theirs=endpoint(fields.get("From") or query.get("from", ""), self._region),
            media=(url,),
        )  # fmt: skip

    def media_request(self, url: str) -> MediaRequest | None:
        """Fetch with the account's credentials, from its own hosts only."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            return None
        if parts.username is not None:
            return None
        if f"{parts.scheme}://{parts.netloc}" == self.client.base:
            return MediaRequest(url=url, trusted=True, headers=self.client.credentials())
        known = any(fnmatchcase(host, pattern.lower()) for pattern in self._settings.media_hosts)
        if not known or parts.scheme != "https" or port not in (None, 443):
            return None
        return MediaRequest(url=url, headers=self.client.credentials())

    # out

    def limits(self, sender: Endpoint) -> Limits:
        """Say what one request may hold."""
        return limits_of(self._settings, sender)

    async def send(self, text: OutgoingText) -> Accepted:
        """Create a message."""
        return taken(await self.client.create("Messages", request_of(self._settings, text)))

    def in_template(self, text: OutgoingText, language: str) -> OutgoingText | None:
        """Put a text into the template of its language, or the one for any."""
        return in_template(self._settings, text, language)

    async def find(self, text: OutgoingText) -> Sequence[str]:
        """Look for a message like it in the account's list."""
        return await alike(self.client, self._settings, text)

    # life

    def held(self) -> AbstractAsyncContextManager[None]:
        """Keep connections open while the channel runs."""
        return self.client.held()

    async def probe(self) -> Health:
        """Sign in, and look whether the numbers' webhooks lead here and were proven."""
        return await probe(self.client, self._settings, self._context)


def keys_of(settings: TwilioSettings) -> list[Key]:
    """Give every key that may have signed a webhook; the auth token counts beside shared keys."""
    keys = [
        Key(secret=one.secret.reveal(), algorithm=one.algorithm, id=one.id)
        for one in settings.signing_keys
    ]
    if settings.auth_token:
        keys.append(Key(secret=settings.auth_token.reveal()))
    return keys


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1
