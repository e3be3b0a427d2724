"""The double's REST API: accounts, numbers, messages and their media."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from gateway_sms_voice.testing.account import Account, Fault, Message
from gateway_sms_voice.testing.calling import Caller

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CREATE = frozenset({
    "To", "StatusCallback", "ApplicationSid", "MaxPrice", "ProvideFeedback", "Attempt",
    "ValidityPeriod", "ForceDelivery", "ContentRetention", "AddressRetention", "SmartEncoded",
    "PersistentAction", "TrafficType", "ShortenUrls", "ScheduleType", "SendAt", "SendAsMms",
    "ContentVariables", "RiskCheck", "From", "FallbackFrom", "MessagingServiceSid", "Body",
    "MediaUrl", "ContentSid",
})  # fmt: skip
LIST = frozenset(
    {"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"}
)
LONGEST = 1600


class Api:
    """Answers requests as Twilio does.

    Args:
        webhooks: tells status callbacks.
    """

    def __init__(self, account: Account, webhooks: Caller) -> None:
        self._account, self._webhooks = account, webhooks

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        root = "/2010-04-01/Accounts"
        mine = f"{root}/{{account}}"
        for method, path, handler in (
            ("GET", f"{root}.json", self._accounts),
            ("GET", f"{mine}/IncomingPhoneNumbers.json", self._numbers),
            ("POST", f"{mine}/Messages.json", self._create),
            ("GET", f"{mine}/Messages.json", self._list),
            ("GET", f"{mine}/Messages/{{sid}}.json", self._message),
            ("GET", f"{mine}/Messages/{{sid}}/Media.json", self._media_list),
            ("GET", f"{mine}/Messages/{{sid}}/Media/{{medium}}", self._medium),
            ("GET", f"{root}/{{file}}", self._one_account),
        ):
            app.router.add_route(method, path, self.checked(handler))

    def checked(self, handler: Handler) -> Handler:
        """Let a handler answer only whoever signs in."""

        async def handle(request: web.Request) -> web.StreamResponse:
            self._account.requests.append((request.method, request.path_qs))
            known = self._user(request)
            if known is None:
                return problem(401, 20003, "Authenticate")
            named = request.match_info.get("account", self._account.sid)
            if named != self._account.sid or (
                known == "strange" and "account" in request.match_info
            ):
                return problem(404, 20404, f"The requested resource {request.path} was not found")
            return await handler(request)

        return handle

    def _user(self, request: web.Request) -> str | None:
        """Whose credentials they are: ours, those of another account, or nobody's."""
        kind, _, packed = request.headers.get("Authorization", "").partition(" ")
        try:
            user, _, secret = base64.b64decode(packed, validate=True).decode().partition(":")
        except ValueError:
            return None
        account = self._account
        if kind == "Basic" and {account.sid: account.token, **account.keys}.get(user) == secret:
            return "ours"
        if kind == "Basic" and account.strange_keys.get(user) == secret:
            return "strange"
        return None

    async def _accounts(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"accounts": [{"sid": self._account.sid}], "page": 0})

    async def _one_account(self, request: web.Request) -> web.StreamResponse:
        account = self._account
        if request.match_info["file"] != f"{account.sid}.json" or self._user(request) != "ours":
            return problem(404, 20404, f"The requested resource {request.path} was not found")
        return web.json_response({"sid": account.sid, "status": account.status, "type": "Full"})

    async def _numbers(self, request: web.Request) -> web.StreamResponse:
        wanted = request.query.get("PhoneNumber", "")
        found = [
            {
                "phone_number": number,
                "sms_application_sid": "",
                "voice_application_sid": "",
                **facts,
            }
            for number, facts in self._account.numbers.items()
            if wanted in number
        ]
        return web.json_response(
            {"incoming_phone_numbers": found, "page": 0, "next_page_uri": None}
        )

    async def _create(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        fault = self._account.faults.pop(0) if self._account.faults else None
        if fault is not None and not (fault.lost or fault.held):
            return refused(fault)
        wrong = self._wrong(form)
        if wrong is not None:
            return wrong
        message = self._account.take(form)
        if fault is not None and fault.held:
            await self._account.release.wait()
        elif fault is not None and request.transport is not None:
            request.transport.close()  # taken, and the answer lost
        return web.json_response(message.resource(), status=201)

    def _wrong(self, form: dict[str, str]) -> web.StreamResponse | None:
        """What Twilio would refuse at once."""
        unknown = set(form) - CREATE
        if unknown:
            return problem(400, 20001, f"Unknown parameters {sorted(unknown)}")
        if not form.get("To"):
            return problem(400, 21604, "A 'To' phone number is required.")
        if not form.get("From") and not form.get("MessagingServiceSid"):
            return problem(400, 21603, "A 'From' phone number is required.")
        if not form.get("Body") and not form.get("ContentSid") and not form.get("MediaUrl"):
            return problem(400, 21619, "A text message body or media urls must be specified.")
        if len(form.get("Body", "")) > LONGEST:
            return problem(
                400, 21617, "The concatenated message body exceeds the 1600 character limit"
            )
        if not form["To"].removeprefix("whatsapp:").lstrip("+").replace(".", "").isalnum():
            return problem(400, 21211, f"Invalid 'To' Phone Number: {form['To']}")
        sender = form.get("From", "")
        if sender and sender not in self._account.numbers and sender.startswith("+"):
            return problem(400, 21659, f"'From' {sender} is not a Twilio phone number")
        if (sender, form["To"]) in self._account.opted_out:
            return problem(400, 21610, "Attempt to send to unsubscribed recipient")
        return None

    async def _list(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        if set(query) - LIST:
            return problem(400, 20001, f"Unknown parameters {sorted(set(query) - LIST)}")
        found = [one for one in reversed(self._account.messages) if _wanted(one, query)]
        return self._page(request, found, query)

    def _page(
        self, request: web.Request, found: list[Message], query: dict[str, str]
    ) -> web.StreamResponse:
        size, page = int(query.get("PageSize", 50)), int(query.get("Page", 0))
        shown = found[page * size : (page + 1) * size]
        following = None
        if (page + 1) * size < len(found):
            token = f"PA{shown[-1].sid}"
            following = (
                f"{request.path}?{urlencode({**query, 'Page': page + 1, 'PageToken': token})}"
            )
        return web.json_response(
            {"messages": [one.resource() for one in shown], "page": page, "page_size": size,
             "next_page_uri": following}
        )  # fmt: skip

    async def _message(self, request: web.Request) -> web.StreamResponse:
        message = self._account.find(request.match_info["sid"])
        return (
            problem(404, 20404, "not found")
            if message is None
            else web.json_response(message.resource())
        )

    async def _media_list(self, request: web.Request) -> web.StreamResponse:
        message = self._account.find(request.match_info["sid"])
        if message is None:
            return problem(404, 20404, "not found")
        media = [
            {"sid": one.sid, "content_type": one.content_type, "parent_sid": message.sid}
            for one in reversed(message.media)
        ]
        return web.json_response({"media_list": media, "page": 0, "next_page_uri": None})

    async def _medium(self, request: web.Request) -> web.StreamResponse:
        message = self._account.find(request.match_info["sid"])
        media = message.media if message else []
        found = next((one for one in media if one.sid == request.match_info["medium"]), None)
        if found is None or found.gone:
            return problem(404, 20404, "not found")
        if found.hangs:
            await found.release.wait()
        if found.leads_to:
            return web.Response(status=307, headers={"Location": found.leads_to})
        return web.Response(body=found.data, content_type=found.content_type)


def _wanted(message: Message, query: dict[str, str]) -> bool:
    if (
        query.get("To", message.to) != message.to
        or query.get("From", message.sender) != message.sender
    ):
        return False
    dates = {name: query[name] for name in ("DateSent", "DateSent<", "DateSent>") if name in query}
    if not dates:
        return True
    if message.sent is None:
        return False  # what still waits in a queue has not been sent on any day
    day = message.sent.date()
    compared = {"DateSent": day.__eq__, "DateSent<": day.__le__, "DateSent>": day.__ge__}
    return all(compared[name](date.fromisoformat(text[:10])) for name, text in dates.items())


def problem(status: int, code: int, message: str, **headers: str) -> web.Response:
    """Answer as Twilio does when it refuses."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    body: dict[str, Any] = {"code": code, "message": message, "more_info": more, "status": status}
    return web.json_response(body, status=status, headers=headers)


def refused(fault: Fault) -> web.Response:
    """Answer with a fault that a test asked for."""
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return problem(fault.status, fault.code, fault.message, **headers)
