"""Access tokens for mailboxes: asked for, kept, and renewed before they run out (RFC 6749)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar, Literal

import aiohttp
import msgspec
from yarl import URL

from gateway_email.tls import is_loopback

RENEW_BEFORE = 300.0
"""Seconds before its end at which a token is renewed."""

_GOOGLE = "https://oauth2.googleapis.com/token"
_MICROSOFT = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"


class OAuthError(Exception):
    """The token server could not be asked, or gave no usable answer; asking again later may help."""

    code: ClassVar[str] = "oauth_unavailable"
    retryable: ClassVar[bool] = True
    blame: ClassVar[Literal["operator", "provider"]] = "provider"


class OAuthRefused(OAuthError):
    """The token server refuses for good; a person must grant access again or correct the settings."""

    code = "oauth_refused"
    retryable = False
    blame = "operator"


class OAuthGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to get access tokens for one mailbox.

    Args:
        token_url: The token endpoint, https unless on this machine.
        client_id: The registered application.
        client_secret: Its secret; may be empty for public clients.
        scope: What is asked for; may be empty where the refresh token implies it.
        refresh_token: With it the refresh-token grant is used (section 6), without it client credentials (4.4).
    """

    token_url: str
    client_id: str
    client_secret: str = ""
    scope: str = ""
    refresh_token: str = ""

    def __repr__(self) -> str:
        """Name the application and nothing secret."""
        return f"OAuthGrant({self.client_id!r} at {self.token_url!r})"

    @classmethod
    def gmail(cls, *, client_id: str, client_secret: str, refresh_token: str) -> OAuthGrant:
        """Return the grant for a Gmail mailbox (scope https://mail.google.com/, for IMAP and SMTP)."""
        return cls(
            token_url=_GOOGLE,
            client_id=client_id,
            client_secret=client_secret,
            refresh_token=refresh_token,
        )

    @classmethod
    def microsoft365(
        cls, *, tenant: str, client_id: str, client_secret: str = "", refresh_token: str = ""
    ) -> OAuthGrant:
        """Return the grant for a Microsoft 365 mailbox: of a person with a refresh token, else of the application."""
        delegated = "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access"
        return cls(
            token_url=_MICROSOFT.format(tenant=tenant),
            client_id=client_id,
            client_secret=client_secret,
            refresh_token=refresh_token,
            scope=delegated if refresh_token else "https://outlook.office365.com/.default",
        )


class _TokenAnswer(msgspec.Struct):
    access_token: str
    expires_in: int | str = 3600
    refresh_token: str = ""


class _ErrorAnswer(msgspec.Struct):
    error: str = ""
    error_description: str = ""


class TokenSource:
    """Give a valid access token whenever one is needed; renew it five minutes early, once for all who wait.

    Args:
        grant: What to ask with.
        clock: Seconds since some fixed moment.
        on_rotation: Told the new refresh token where the provider replaces it; it must be kept.
        timeout: Seconds a token request may take.

    Raises:
        ValueError: The token endpoint would get the secret unencrypted.
    """

    def __init__(
        self,
        grant: OAuthGrant,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_rotation: Callable[[str], Awaitable[None]] | None = None,
        timeout: float = 30.0,
    ) -> None:
        url = URL(grant.token_url)
        if url.scheme != "https" and not is_loopback(url.host or ""):
            raise ValueError(f"the token endpoint {grant.token_url!r} must be an https address")
        self._grant = grant
        self._clock = clock
        self._on_rotation = on_rotation
        self._timeout = timeout
        self._refresh_token = grant.refresh_token
        self._token = ""
        self._ends = 0.0
        self._asking = asyncio.Lock()

    async def token(self) -> str:
        """Return an access token that is good for some minutes.

        Raises:
            OAuthRefused: The grant is no longer valid.
            OAuthError: The token server cannot be asked and no token is left that would still do.
        """
        async with self._asking:
            if self._clock() < self._ends - RENEW_BEFORE:
                return self._token
            try:
                answer = await self._ask()
            except OAuthRefused:
                raise
            except OAuthError:
                if self._clock() < self._ends:
                    return self._token
                raise
            self._token = answer.access_token
            self._ends = self._clock() + float(answer.expires_in)
            if answer.refresh_token and answer.refresh_token != self._refresh_token:
                self._refresh_token = answer.refresh_token
                if self._on_rotation is not None:
                    await self._on_rotation(answer.refresh_token)
            return self._token

    def forget(self) -> None:
        """Drop the token in hand, after a server refused it before its time."""
        self._ends = 0.0

    async def _ask(self) -> _TokenAnswer:
        where = self._grant.token_url
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout)) as http,
                http.post(where, data=self._form(), allow_redirects=False) as response,
            ):
                status, body = response.status, await response.content.read(65536)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OAuthError(
                f"the token server {where} cannot be asked: {type(error).__name__}: {error}"
            ) from None
        if status == 200:
            try:
                answer = msgspec.json.decode(body, type=_TokenAnswer)
                float(answer.expires_in)
            except (msgspec.MsgspecError, ValueError):
                raise OAuthError(
                    f"the token server {where} gave an answer without a usable token"
                ) from None
            return answer
        raise self._refusal(status, body)

    def _form(self) -> dict[str, str]:
        form = {"client_id": self._grant.client_id, "grant_type": "client_credentials"}
        if self._grant.client_secret:
            form["client_secret"] = self._grant.client_secret
        if self._grant.scope:
            form["scope"] = self._grant.scope
        if self._refresh_token:
            form |= {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        return form

    def _refusal(self, status: int, body: bytes) -> OAuthError:
        try:
            said = msgspec.json.decode(body, type=_ErrorAnswer)
        except msgspec.MsgspecError:
            said = _ErrorAnswer()
        where = self._grant.token_url
        if status >= 500 or status in {408, 429} or said.error == "temporarily_unavailable":
            return OAuthError(f"the token server {where} answered {status}; it will be asked again")
        words = " ".join(said.error_description.split())[:300]
        if said.error == "invalid_grant":
            return OAuthRefused(
                f"the token server {where} says the grant is expired or revoked (invalid_grant: {words}); "
                "grant access to the mailbox again and store the new refresh token"
            )
        if said.error in {"invalid_client", "unauthorized_client"}:
            return OAuthRefused(
                f"the token server {where} does not accept the application ({said.error}: {words}); "
                "check client_id and client_secret, and whether the secret has expired"
            )
        return OAuthRefused(
            f"the token server {where} answered {status} {said.error}: {words}; check scope and tenant"
        )
