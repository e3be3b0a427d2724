"""Kannel as a provider of phone numbers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import ClassVar, Literal

from gateway import (
    ConnectorError,
    Context,
    Health,
    NewArrival,
    OutcomeUnknown,
    Rejected,
    WebRequest,
    WebResponse,
)
from gateway_sms_voice.numbers import Endpoint
from gateway_sms_voice.providers.contract import (
    Accepted,
    Limits,
    OutgoingText,
    Provider,
    Reader,
    Way,
    Wishes,
)
from gateway_sms_voice.providers.kannel import sending, status
from gateway_sms_voice.providers.kannel.fields import HEADERS, Notation, id_of, incoming, text_of
from gateway_sms_voice.providers.kannel.proof import CODE, Proof
from gateway_sms_voice.providers.kannel.reading import Reading
from gateway_sms_voice.providers.kannel.receipts import QUERY, kept_query
from gateway_sms_voice.providers.kannel.settings import KannelSettings
from gateway_sms_voice.rest import Caller
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.threads import native_thread
from gateway_sms_voice.webhooks import receipt_path, webhooks_health

MESSAGES, STATUS = "/kannel/{secret}", "/status/{delivery}/{part}/{parts}"


class KannelProvider(Provider):
    """One Kannel.

    It cannot be asked for what it was handed, so a text whose answer got lost is not handed over
    again; its report, which holds our own id, tells whether it was taken.
    """

    repeat: ClassVar[Literal["lookup", "never"]] = "never"
    keeps: ClassVar[str] = "Kannel's store, logs and delivery reports"
    ways: ClassVar[Sequence[Way]] = (
        Way(kind="message", method="POST", path=MESSAGES),
        Way(kind="status", method="GET", path=STATUS),
    )

    def __init__(self, settings: KannelSettings, context: Context[PhoneSettings]) -> None:
        self._settings, self._context = settings, context
        self._notation = Notation(region=context.settings.region, plain=settings.plain_numbers)
        self._proof = Proof(settings.webhook_secret.reveal(), settings.allowed_ips)
        # A connection a request: one that smsbox has left would make the next outcome unknown.
        self._caller = Caller(context.http, name="Kannel", timeout=settings.timeout)

    # in

    def verify(self, request: WebRequest) -> None:
        """Prove a request by where it comes from and what it knows."""
        self._proof.verify(request)

    def arrival(self, way: Way, request: WebRequest) -> NewArrival:
        """Make the arrival of a proven request."""
        if way.kind == "status":
            return _report(request)
        key = id_of(request)
        headers = {name: request.headers[name] for name in HEADERS if name in request.headers}
        known = incoming(headers, self._notation)
        return NewArrival(
            key=key, lane=native_thread(known.ours, known.theirs), kind=way.kind,
            body=request.body, headers=headers,
            content_type=request.headers.get("content-type", "text/plain"),
            remote={"peer": request.peer},
        )  # fmt: skip

    def wishes(self, arrival: NewArrival) -> Wishes | None:
        """Say what a message wants of the channel."""
        if arrival.kind != "message":
            return None
        known = incoming(arrival.headers, self._notation)
        text = text_of(arrival.body, arrival.content_type, known.coding)
        # The moment it was sent, not posted: what is posted again after a later word undoes nothing.
        return Wishes(ours=known.ours, theirs=known.theirs, text=text or "", at=known.sent_at)

    def acknowledge(self, way: Way) -> WebResponse:
        """Answer with nothing, so that Kannel sends nothing; any status but 200 and 202 is a failure."""
        del way
        return WebResponse()

    @property
    def reader(self) -> Reader:
        """Read what Kannel handed in."""
        return Reading(notation=self._notation)

    # out

    def limits(self, sender: Endpoint) -> Limits:
        """Say what one request may hold."""
        del sender
        return sending.limits_of(self._settings)

    async def send(self, text: OutgoingText) -> Accepted:
        """Hand a text to smsbox, which answers when bearerbox has stored it."""
        if (text.sender.line, text.to.line) != ("sms", "sms"):
            raise Rejected("Kannel sends SMS only", code="wrong_line")
        headers, body = sending.request_of(self._settings, text, self._report_url(text))
        url = self._settings.url.rstrip("/") + sending.PATH
        answer = await self._caller.request("POST", url, headers=headers, data=body)
        if (error := sending.refusal(answer)) is not None:
            raise error
        return Accepted(id="")

    def _report_url(self, text: OutgoingText) -> str:
        """Say where Kannel is to report on a text; percent signs of our own are doubled for it."""
        base = (self._settings.gateway_url or self._context.public_url).rstrip("/")
        if not base:
            return ""
        code = self._proof.code(text.delivery, str(text.part), str(text.parts))
        path = receipt_path(text.delivery, text.part, text.parts)
        url = f"{base}/in/{self._context.name}{path}?{CODE}={code}".replace("%", "%%")
        return f"{url}&{QUERY}"

    # life

    async def watch(self) -> None:
        """Ask bearerbox now and then how it is: what comes in would stop without a word."""
        while self._settings.status_url:
            try:
                self._context.report(await self._status())
            except ConnectorError as error:
                down = Health(state="down", code=error.reason_code, reason=str(error))
                self._context.report(down)
            await asyncio.sleep(self._settings.status_seconds)

    async def probe(self) -> Health:
        """Sign in with a message to nobody, ask how bearerbox is, and whether webhooks were proven."""
        try:
            await self._sign_in()
            health = await self._status()
        except ConnectorError as error:
            return Health(state="down", code=error.reason_code, reason=str(error))
        return await webhooks_health(self._context) if health.well else health

    async def _sign_in(self) -> None:
        """Have the login checked, which comes before the receiver is missed.

        Raises:
            ConnectorError: one of its kinds.
        """
        url = self._settings.url.rstrip("/") + sending.PATH
        headers = sending.signed_in(self._settings) | {"X-Kannel-To": ""}
        answer = await self._caller.request("POST", url, headers=headers, data=b"?")
        error = sending.refusal(answer)
        if not isinstance(error, Rejected):
            raise error or OutcomeUnknown(
                "what answers at url takes a message to nobody; it is no smsbox of Kannel",
                code="no_kannel",
            )

    async def _status(self) -> Health:
        """Ask bearerbox how it is, where the settings say where."""
        settings = self._settings
        if not settings.status_url:
            return Health()
        url = settings.status_url.rstrip("/") + status.PATH
        params = {"password": settings.status_password.reveal()}
        answer = await self._caller.request("GET", url, params=params)
        return status.health_of(answer.body, settings.smsc)


def _report(request: WebRequest) -> NewArrival:
    delivery = request.params.get("delivery", "")
    part, parts = (_number(request.params.get(name, "")) for name in ("part", "parts"))
    body = kept_query(request.query)
    digest = hashlib.blake2b(body, digest_size=12).hexdigest()
    return NewArrival(
        key=f"{delivery}/{part}/{digest}", lane=delivery, kind="status", body=body,
        content_type="application/x-www-form-urlencoded",
        remote={
            "peer": request.peer, "delivery": delivery, "part": part, "parts": parts,
            "id": f"{delivery}/{part}",
        },
    )  # fmt: skip


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1
