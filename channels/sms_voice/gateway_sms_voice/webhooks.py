"""The provider's webhooks: prove, store, and only then acknowledge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from gateway import (
    Context,
    Health,
    NewArrival,
    Overloaded,
    Route,
    StoreUnavailable,
    UnreadableArrival,
    WebRequest,
    WebResponse,
)
from gateway_sms_voice.door import Accept
from gateway_sms_voice.providers.contract import NotProven, Provider, Unusable, Way
from gateway_sms_voice.settings import PhoneSettings

PROVEN, REFUSED = "webhook/proven", "webhook/refused"
NOTE_MS = 60_000


class Webhooks:
    """Answers what a provider calls.

    Args:
        accept: stores an arrival with what else is to be written; see `Door`.
    """

    def __init__(self, context: Context[PhoneSettings], provider: Provider, accept: Accept) -> None:
        self._context, self._provider, self._accept = context, provider, accept
        self._noted: dict[str, int] = {}

    def routes(self) -> list[Route]:
        """Give a route for each of the provider's ways."""
        return [
            Route(method=way.method, path=way.path, handler=self._handler(way))
            for way in self._provider.ways
        ]

    def _handler(self, way: Way) -> Callable[[WebRequest], Awaitable[WebResponse]]:
        async def handle(request: WebRequest) -> WebResponse:
            return await self.receive(way, request)

        return handle

    async def receive(self, way: Way, request: WebRequest) -> WebResponse:
        """Answer one request."""
        refusal = await self.refusal(request)
        if refusal is not None:
            return refusal
        try:
            arrival = self._provider.arrival(way, request)
        except (Unusable, UnreadableArrival) as error:
            self._context.log.warning("webhook.unusable", reason=str(error), peer=request.peer)
            await self._remember(REFUSED, str(error))
            return WebResponse(status=400, body=str(error).encode())
        return await self.store(arrival) or self._provider.acknowledge(way)

    async def refusal(self, request: WebRequest) -> WebResponse | None:
        """Answer a request that is not proven; None for one that is."""
        try:
            self._provider.verify(request)
        except NotProven as error:
            self._context.log.warning("webhook.refused", reason=error.reason, peer=request.peer)
            if error.claims:
                await self._remember(REFUSED, error.reason)
            return WebResponse(status=403, body=b"the request is not proven to be the provider's")
        return None

    async def _remember(self, key: str, reason: str) -> None:
        """Keep when and why a request was refused, for the probe; at most once in a while."""
        now = self._context.clock.now()
        if now - self._noted.get(key, 0) < NOTE_MS:
            return
        self._noted[key] = now
        try:
            await self._context.state.put(key, {"at": now, "reason": reason})
        except StoreUnavailable:
            self._noted.pop(key)

    async def store(self, arrival: NewArrival) -> WebResponse | None:
        """Make an arrival durable; what to answer if that cannot be done now."""
        now, more = self._context.clock.now(), []
        before = self._noted.get(PROVEN, 0)
        if now - before >= NOTE_MS or self._noted.get(REFUSED, 0) >= before:
            self._noted[PROVEN] = now
            more.append((PROVEN, {"at": now}))
        try:
            await self._accept(arrival, more)
        except (Overloaded, StoreUnavailable):
            self._noted.pop(PROVEN, None)
            return WebResponse(
                status=503, body=b"nothing was stored; come back later",
                headers={"retry-after": "2"},
            )  # fmt: skip
        return None


def receipt_path(delivery: str, part: int, parts: int) -> str:
    """Where a provider tells what became of a part of a delivery, below ``/in/NAME``."""
    return f"/status/{quote(delivery, safe='')}/{part}/{parts}"


async def webhooks_health(context: Context[PhoneSettings]) -> Health:
    """Say whether webhooks were proven: only the real ones show that the keys and the URL fit."""
    proven = (await context.state.get(PROVEN)).value or {}
    refused = (await context.state.get(REFUSED)).value or {}
    if refused.get("at", 0) > proven.get("at", 0):
        return Health(
            state="degraded", code="webhook_refused",
            reason=f"the last requests were refused: {refused.get('reason', '')}",
        )  # fmt: skip
    if not proven:
        return Health(
            state="degraded", code="webhook_unverified",
            reason="no webhook was proven yet; send a text to one of the numbers",
        )  # fmt: skip
    return Health()
