"""Web requests as a connector sees them; the server behind it is the core's business."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec


class WebRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request with its whole body, already bounded in size.

    Args:
        path: what follows the connector's own prefix ``/in/NAME``.
        public_url: the URL as the sender called it, built from the configured public URL and
            never from the Host header; signatures are checked over it.
        headers: names in lower case.
        query: in the order received; names may repeat.
        params: what the parts in braces of the route's path matched.
    """

    method: str
    path: str
    public_url: str
    headers: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()
    params: Mapping[str, str] = {}
    body: bytes = b""
    peer: str = ""


class WebResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a request."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = {}


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A path a connector answers, below ``/in/NAME``; parts in braces such as ``{ticket}`` match."""

    method: Literal["GET", "POST", "PUT"]
    path: str
    handler: Callable[[WebRequest], Awaitable[WebResponse]]
