"""The webhooks of a call: each is proven, what it says is stored, and only then the caller hears on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from gateway import (
    Context,
    NewArrival,
    Overloaded,
    Redeemed,
    Route,
    StoreUnavailable,
    UnreadableArrival,
    WebRequest,
    WebResponse,
)
from gateway_sms_voice.numbers import endpoint
from gateway_sms_voice.providers.twilio.reading import fields_of
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.voice.choosing import chosen, chosen_language
from gateway_sms_voice.voice.composing import STIR
from gateway_sms_voice.voice.reading import KIND, thread_of
from gateway_sms_voice.voice.settings import VoiceSettings
from gateway_sms_voice.voice.speaking import Speaker, spelled
from gateway_sms_voice.webhooks import Webhooks

FORM = "application/x-www-form-urlencoded"
AGAIN = WebResponse(
    status=503, body=b"nothing was stored; come back later", headers={"retry-after": "2"}
)


class Caller:
    """One request of a call.

    Args:
        query: of our own address.
    """

    def __init__(self, request: WebRequest, settings: VoiceSettings, region: str) -> None:
        self.body, self.query = request.body, dict(request.query)
        self.fields = fields_of(request.body)
        self.peer = request.peer
        self.sid = self.fields.get("CallSid", "")
        self.ours = endpoint(self.fields.get("To") or self.query.get("to", ""), region)
        self.theirs = endpoint(self.fields.get("From") or self.query.get("from", ""), region)
        language = self.query.get("lang", "")
        self.language = language if language in settings.languages else settings.languages[0]

    @property
    def attempt(self) -> int:
        """Which of the codes that the caller tries this is, counted from 1."""
        text = self.query.get("try", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 1

    @property
    def attested(self) -> bool:
        """Whether the network attests the caller's number fully."""
        return STIR.get(self.fields.get("StirVerstat", "")) == "pass"


Handler = Callable[[Caller], Awaitable[WebResponse]]


class Calls:
    """Answers calls and takes in what the provider tells of them."""

    def __init__(
        self, context: Context[PhoneSettings], settings: VoiceSettings, webhooks: Webhooks
    ) -> None:
        self._context, self._settings, self._webhooks = context, settings, webhooks

    def routes(self) -> list[Route]:
        """Give the routes below ``/in/NAME``."""
        steps: Mapping[str, Handler] = {
            "": self._ring, "/again": self._again, "/menu": self._menu,
            "/language": self._language, "/code": self._code, "/recorded": self._recorded,
            "/recording": self._told("recording", "RecordingSid", "RecordingStatus"),
            "/transcript": self._told("transcript", "TranscriptionSid", "TranscriptionStatus"),
            "/status": self._told("status", "CallSid", "CallStatus"),
        }  # fmt: skip
        return [
            Route(method="POST", path=f"/voice{path}", handler=self._proven(step))
            for path, step in steps.items()
        ]

    def _proven(self, step: Handler) -> Callable[[WebRequest], Awaitable[WebResponse]]:
        async def handle(request: WebRequest) -> WebResponse:
            refusal = await self._webhooks.refusal(request)
            if refusal is not None:
                return refusal
            try:
                caller = Caller(request, self._settings, self._context.settings.region)
            except UnreadableArrival as error:
                return WebResponse(status=400, body=str(error).encode())
            if not caller.sid:
                return WebResponse(status=400, body=b"there is no CallSid in it")
            try:
                return await step(caller)
            except (Overloaded, StoreUnavailable):
                return AGAIN

        return handle

    # what the caller does

    async def _ring(self, caller: Caller) -> WebResponse:
        return await self._store(caller, "ring", f"{caller.sid}/ring") or self._speaker(
            caller
        ).menu(greet=True)

    async def _again(self, caller: Caller) -> WebResponse:
        return self._speaker(caller).menu()

    async def _menu(self, caller: Caller) -> WebResponse:
        speaker = self._speaker(caller)
        match chosen(self._settings, caller.language, caller.fields):
            case "message":
                return speaker.record()
            case "callback" if caller.theirs.withheld:
                return speaker.say("no_number").record()
            case "callback":
                stored = await self._store(caller, "callback", f"{caller.sid}/callback")
                return stored or speaker.hang_up("will_call")
            case "reference":
                return await self._reference(caller, speaker)
            case "code":
                return speaker.ask_code(1)
            case "language":
                return speaker.languages()
            case _:
                return speaker.say("not_understood").menu()

    async def _language(self, caller: Caller) -> WebResponse:
        language = chosen_language(self._settings, caller.fields)
        if language is None:
            return self._speaker(caller).say("not_understood").menu()
        return self._speaker(caller, language).menu()

    async def _code(self, caller: Caller) -> WebResponse:
        """Try a code; whatever is wrong with it, the caller hears the same."""
        redeemed = await self._context.codes.redeem(
            caller.fields.get("Digits", ""), by=caller.theirs.address(), use=caller.sid
        )
        if redeemed is not None:
            stored = await self._store(caller, "code", f"{caller.sid}/code", redeemed)
            return stored or await self._joined(caller, redeemed)
        speaker = self._speaker(caller).say("code_wrong")
        if caller.attempt >= self._settings.code_tries:
            return speaker.menu()
        return speaker.ask_code(caller.attempt + 1)

    async def _joined(self, caller: Caller, redeemed: Redeemed) -> WebResponse:
        speaker = self._speaker(caller).say("code_right")
        matter = await self._context.matters.get(redeemed.conversation)
        for reference in matter.references if matter else ():
            speaker.say("number_is", number=spelled(reference))
        return speaker.menu()

    async def _reference(self, caller: Caller, speaker: Speaker) -> WebResponse:
        """Read out the numbers of open matters, if the number is known to be the customer's.

        A caller's number is easily forged, so that it counts only where the network attests it. To all
        others the answer is the same whether they have a matter or not.
        """
        policy, address = self._settings.read_reference, caller.theirs.address()
        if policy == "never" or not caller.attested or address is None:
            return speaker.say("no_reference").menu()
        matters = await self._context.matters.open_for(
            address, least="proven" if policy == "proven" else "asserted"
        )
        references = [reference for matter in matters for reference in matter.references]
        if not references:
            speaker.say("no_reference")
        for reference in references:
            speaker.say("number_is", number=spelled(reference))
        return speaker.menu()

    async def _recorded(self, caller: Caller) -> WebResponse:
        key = f"{caller.fields.get('RecordingSid') or caller.sid}/recorded"
        return await self._store(caller, "recorded", key) or self._speaker(caller).hang_up("thanks")

    # what the provider tells

    def _told(self, step: str, identifier: str, state: str) -> Handler:
        async def handle(caller: Caller) -> WebResponse:
            sid, now = caller.fields.get(identifier, ""), caller.fields.get(state, "")
            if not sid:
                return WebResponse(status=400, body=f"there is no {identifier} in it".encode())
            return await self._store(caller, step, f"{sid}/{now}") or WebResponse(status=204)

        return handle

    async def _store(
        self, caller: Caller, step: str, key: str, redeemed: Redeemed | None = None
    ) -> WebResponse | None:
        """Make what a request says durable; what to answer if that cannot be done now."""
        query = {n: v for n, v in caller.query.items() if n in ("lang", "from", "to")}
        remote = {"peer": caller.peer, "signature": "pass", "step": step, "query": query}
        if redeemed is not None:
            remote["proof"] = redeemed.proof
        return await self._webhooks.store(
            NewArrival(
                key=key, kind=KIND, body=caller.body, content_type=FORM, remote=remote,
                lane=thread_of(caller.ours, caller.theirs, caller.sid),
            )
        )  # fmt: skip

    def _speaker(self, caller: Caller, language: str = "") -> Speaker:
        base = f"{self._context.public_url}/in/{self._context.name}/voice"
        ends = (caller.fields.get("From", ""), caller.fields.get("To", ""))
        return Speaker(self._settings, base, language or caller.language, ends)
