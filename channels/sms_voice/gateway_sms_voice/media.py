"""Fetching media after the acknowledgement: with credentials, within bounds, from known hosts only."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

import aiohttp

from gateway import Http
from gateway_sms_voice.completing import Medium
from gateway_sms_voice.providers.contract import MediaRequest

MOST_REDIRECTS = 2
CHUNK = 65_536


class TryAgain(Exception):
    """It cannot be had now, but perhaps later."""


class Fetcher:
    """Fetches one medium.

    Args:
        limit: bytes of one medium.
    """

    def __init__(self, http: Http, *, limit: int) -> None:
        self._http, self._limit = http, limit

    async def fetch(self, request: MediaRequest) -> Medium:
        """Fetch it, or say why it cannot be had for good.

        Credentials go to the first address alone. Where it redirects to, the connection passes the
        gateway's egress guard: nothing in a private network is reached by way of a message.

        Raises:
            TryAgain: it may be there later.
        """
        try:
            return await self._follow(request)
        except (aiohttp.InvalidURL, ValueError):
            return Medium(state="unavailable", reason="a medium's address is not one")
        except TimeoutError:  # the caller's; also an OSError, which counts as a failed connection
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise TryAgain(f"it cannot be fetched ({type(error).__name__})") from error

    async def _follow(self, request: MediaRequest) -> Medium:
        url, headers, trusted = request.url, request.headers, request.trusted
        for _ in range(MOST_REDIRECTS + 1):
            found = await self._get(url, headers, trusted=trusted)
            if isinstance(found, Medium):
                return found
            following = urljoin(url, found)
            if urlsplit(following).scheme != "https" and urlsplit(url).scheme == "https":
                return Medium(state="blocked", reason="a medium leads to an unencrypted address")
            url, headers, trusted = following, {}, False
        return Medium(state="unavailable", reason="a medium leads on and on")

    async def _get(self, url: str, headers: Mapping[str, str], *, trusted: bool) -> Medium | str:
        """Give the medium, or where it is said to be."""
        async with (
            self._http.session(trusted=trusted) as session,
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status in (301, 302, 303, 307, 308):
                return response.headers.get("location", "")
            if response.status in (404, 410):
                # A medium is listed a moment before it can be had.
                raise TryAgain("it is not there")
            if response.status in (401, 403):
                raise TryAgain("the provider does not give it to our account")
            if response.status != 200:
                raise TryAgain(f"its server answers {response.status}")
            return await self._read(response)

    async def _read(self, response: aiohttp.ClientResponse) -> Medium:
        too_large = Medium(state="too_large", reason=f"a medium is larger than {self._limit} bytes")
        if (response.content_length or 0) > self._limit:
            return too_large
        data = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK):
            data += chunk
            if len(data) > self._limit:
                return too_large
        return Medium(data=bytes(data), media_type=response.content_type)
