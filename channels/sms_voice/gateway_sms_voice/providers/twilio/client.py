"""Twilio's REST API, as far as it is needed; form-encoded requests, JSON answers.

The SDK's client is not used: its asyncio form ignores its timeout, repeats a creation after an HTTP 500
(which would send a text twice) and hides the headers that say how long to wait.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urljoin

import msgspec

from gateway import ConnectorError, Http, OutcomeUnknown, TargetBroken
from gateway_sms_voice.providers.twilio.errors import refusal
from gateway_sms_voice.providers.twilio.settings import TwilioSettings
from gateway_sms_voice.rest import Answer, Caller

VERSION = "2010-04-01"
PAGE = 100
MOST_PAGES = 200


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    code: int | str | None = None
    message: str | None = ""


class TwilioClient:
    """Requests of one account."""

    def __init__(self, settings: TwilioSettings, http: Http) -> None:
        self._settings = settings
        self._caller = Caller(http, name="Twilio", timeout=settings.timeout)
        self.base = settings.base_url.rstrip("/")
        self.account_url = account_url(settings)

    def credentials(self) -> Mapping[str, str]:
        """Give the header that signs in; an API key goes before the account's token."""
        settings = self._settings
        user, secret = settings.account_sid, settings.auth_token.reveal()
        if settings.api_key:
            user, secret = settings.api_key, settings.api_secret.reveal()
        packed = base64.b64encode(f"{user}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {packed}"}

    def held(self) -> AbstractAsyncContextManager[None]:
        """Keep connections open between requests."""
        return self._caller.held()

    async def create(self, resource: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """Create a resource of the account, such as ``Messages``.

        Raises:
            ConnectorError: one of its kinds; `OutcomeUnknown` whenever it may have been created.
        """
        answer = await self._caller.request(
            "POST",
            f"{self.account_url}/{resource}.json",
            data=dict(fields),
            headers=self._headers(),
        )
        if answer.status >= 500:
            # It failed somewhere inside: nobody says whether before or after it took the text.
            raise OutcomeUnknown(
                f"Twilio answered {answer.status}, which does not tell whether it was taken",
                code=f"http_{answer.status}",
            )
        return self._read(answer, unreadable=OutcomeUnknown)

    async def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """Read a resource.

        Args:
            path: below the account, such as ``Messages.json``; or a whole URL of the API.

        Raises:
            ConnectorError: one of its kinds.
        """
        url = path if path.startswith(self.base) else f"{self.account_url}/{path}"
        answer = await self._caller.request("GET", url, params=query, headers=self._headers())
        return self._read(answer, unreadable=TargetBroken)

    async def pages(self, path: str, key: str, **query: str | int) -> AsyncIterator[dict[str, Any]]:
        """Read a list, page after page, newest first as the API gives it.

        Args:
            key: what the list is called in an answer.

        Raises:
            ConnectorError: one of its kinds.
        """
        page = await self.get(path, **{"PageSize": PAGE, **query})
        for _ in range(MOST_PAGES):
            for one in page.get(key) or ():
                if isinstance(one, dict):
                    yield one
            following = page.get("next_page_uri")
            if not following:
                return
            url = urljoin(f"{self.base}/", str(following))
            if not url.startswith(f"{self.base}/"):  # credentials go nowhere else
                return
            page = await self.get(url)

    def _headers(self) -> dict[str, str]:
        return {**self.credentials(), "Accept": "application/json", "User-Agent": "intake-gateway"}

    def _read(self, answer: Answer, *, unreadable: type[ConnectorError]) -> dict[str, Any]:
        if 200 <= answer.status < 300:
            try:
                found = msgspec.json.decode(answer.body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                found = None
            if isinstance(found, dict):
                return found
            raise unreadable("Twilio's answer is no JSON object", code="unreadable_answer")
        raise _refused(answer)


def account_url(settings: TwilioSettings) -> str:
    """Where the account's resources are, without a slash at the end."""
    return f"{settings.base_url.rstrip('/')}/{VERSION}/Accounts/{settings.account_sid}"


def _refused(answer: Answer) -> ConnectorError:
    try:
        problem = msgspec.json.decode(answer.body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        problem = _Problem()
    wait = answer.headers.get("retry-after", "")
    seconds = float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else None
    code = str(problem.code) if problem.code is not None else ""
    return refusal(
        answer.status, code if code.isdigit() else "", (problem.message or "")[:200], seconds
    )
