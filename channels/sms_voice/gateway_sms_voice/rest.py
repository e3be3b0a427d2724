"""One request to a provider, and what it means that no answer came."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from gateway import ConnectorError, Http, OutcomeUnknown, Unreachable

ANSWER_LIMIT = 8 << 20


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's answer, whole.

    Args:
        headers: names in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Caller:
    """Sends requests to the operator's own provider; nothing is repeated and no redirect followed.

    Args:
        name: how the provider is called in errors.
        timeout: seconds until an answer has to be complete.
    """

    def __init__(self, http: Http, *, name: str, timeout: float) -> None:
        self._http, self._name, self._seconds = http, name, timeout
        # connecting ends before the whole does, so that a timeout tells whether anything was sent
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=timeout * 2 / 3)
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep connections open between requests."""
        async with self._http.session(trusted=True) as session:
            self._session = session
            try:
                yield
            finally:
                self._session = None

    async def request(self, method: str, url: str, **options: Any) -> Answer:
        """Send one request.

        Args:
            options: as for `aiohttp.ClientSession.request`.

        Raises:
            Unreachable: nothing was sent.
            OutcomeUnknown: it may have arrived, but no whole answer came.
        """
        try:
            async with (
                self._opened() as session,
                session.request(
                    method, url, timeout=self._timeout, allow_redirects=False, **options
                ) as response,
            ):
                headers = {name.lower(): value for name, value in response.headers.items()}
                body = await response.content.read(ANSWER_LIMIT)
                return Answer(status=response.status, headers=headers, body=body)
        except (aiohttp.ClientError, OSError) as error:
            raise self._failure(error) from error

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[aiohttp.ClientSession]:
        if self._session is not None:
            yield self._session
            return
        async with self._http.session(trusted=True) as session:
            yield session

    def _failure(self, error: Exception) -> ConnectorError:
        """Tell what it means; only what failed before the connection stood did not arrive."""
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return Unreachable(f"{self._name}'s certificate is not valid", code="certificate")
        if isinstance(error, aiohttp.ClientConnectorSSLError):
            return Unreachable(f"{self._name} does not speak TLS as we do", code="tls")
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return Unreachable(f"{self._name}: there is no such host", code="no_host")
        if isinstance(error, aiohttp.ClientConnectorError):
            number = error.os_error.errno
            reason = os.strerror(number) if number else str(error.os_error)
            return Unreachable(f"{self._name} cannot be connected to: {reason}")
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return Unreachable(f"{self._name} did not take a connection in time")
        if isinstance(error, TimeoutError):
            return OutcomeUnknown(
                f"{self._name} did not answer within {self._seconds:g} s", code="timeout"
            )
        return OutcomeUnknown(
            f"{self._name} broke off before its answer was complete ({type(error).__name__})",
            code="connection_lost",
        )
