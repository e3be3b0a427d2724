"""A plugin that holds the pipeline: while it is shut, nothing that came in is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from gateway import Arrival, Draft, Route, WebRequest, WebResponse, hookimpl

_open = asyncio.Event()
_open.set()


async def switch(request: WebRequest) -> WebResponse:
    """Shut or open, as the path says."""
    if request.params["to"] == "shut":
        _open.clear()
    else:
        _open.set()
    return WebResponse(status=200)


@hookimpl
def register_routes() -> Iterable[Route]:
    yield Route(method="POST", path="/{to:shut|open}", handler=switch)


@hookimpl
async def normalise_message(arrival: Arrival, draft: Draft) -> None:  # noqa: ARG001 - only held
    await _open.wait()
