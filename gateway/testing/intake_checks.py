"""What a connector promises of its way in: it runs, ends when told to, and answers its routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec

from gateway.contracts.backend import Backend
from gateway.contracts.channel import Channel
from gateway.contracts.web import Route, WebRequest, WebResponse
from gateway.errors import StoreError, StoreUnavailable
from gateway.testing.context import Surroundings

RUN_SECONDS = 0.3
Connector = Channel[Any] | Backend[Any]


async def check_intake(
    connector: Connector, around: Surroundings, requests: Sequence[WebRequest], deadline: float
) -> AsyncIterator[str]:
    """Say what is wrong with how a connector takes in.

    Args:
        requests: samples of what its routes are sent, each of which is taken in.
        deadline: seconds that a request, a poll or an end may take.
    """
    routes = list(connector.routes(around.intake))
    async for breach in _check_run(connector, around, deadline, takes_in=bool(routes)):
        yield breach
    fetch = connector.poll if isinstance(connector, Backend) else connector.reconcile
    name = "poll" if isinstance(connector, Backend) else "reconcile"
    if breach := await _failure(lambda: fetch(around.intake), deadline):
        yield f"{name} {breach}, though the double is there"
    for request in requests:
        async for breach in _check_request(routes, around, request, deadline):
            yield breach


async def _check_run(
    connector: Connector, around: Surroundings, deadline: float, *, takes_in: bool
) -> AsyncIterator[str]:
    own = type(connector).run not in (Channel.run, Backend.run)
    running = asyncio.ensure_future(connector.run(around.intake))
    await asyncio.wait([running], timeout=RUN_SECONDS if own else None)
    if not running.done():
        running.cancel()
        await asyncio.wait([running], timeout=deadline)
        if not running.done():
            yield f"run goes on {deadline:g} s after it was cancelled: let CancelledError pass"
            running.cancel()
        elif not running.cancelled() and (error := running.exception()) is not None:
            yield f"run, when it is cancelled, raises {type(error).__name__}: {error}"
    elif running.cancelled() or (error := running.exception()) is None:
        if own and not takes_in and isinstance(connector, Channel):
            yield "run returns at once, and there are no routes: nothing would ever be taken in"
    else:
        yield f"run raises {type(error).__name__}: {error}, though the double is there"


async def _failure(act: Callable[[], Awaitable[Any]], deadline: float) -> str:
    try:
        async with asyncio.timeout(deadline):
            await act()
    except TimeoutError:
        return f"takes more than {deadline:g} s"
    except Exception as error:
        return f"raises {type(error).__name__}: {error}"
    return ""


async def _check_request(
    routes: Sequence[Route], around: Surroundings, request: WebRequest, deadline: float
) -> AsyncIterator[str]:
    where = f"{request.method} {request.path}"
    found = [(route, params) for route in routes if (params := _params(route, request)) is not None]
    if not found:
        yield f"{where}: no route answers it"
        return
    [(route, params), *_] = found
    asked = msgspec.structs.replace(request, params=params)
    intake, before = around.intake, len(around.intake.accepted)
    for fails in (StoreUnavailable("the test's store is down"), None):
        intake.fails, answer = fails, None
        try:
            async with asyncio.timeout(deadline):
                answer = await route.handler(asked)
        except StoreError:
            if fails is not None:
                continue  # the gateway makes 503 of it
            yield f"{where} raises an error of the store that the store did not raise"
        except Exception as error:
            yield f"{where} raises {type(error).__name__}: {error}; answer a status instead"
        finally:
            intake.fails = None
        if answer is None or not isinstance(answer, WebResponse):
            yield f"{where} answers {type(answer).__name__}; a WebResponse is expected"
        elif fails is not None and answer.status < 500:
            yield (
                f"{where} answers {answer.status} though nothing was stored: await intake.accept "
                "first, and answer 503 when it raises"
            )
        elif fails is None and len(intake.accepted) == before:
            yield f"{where} answers {answer.status}, but nothing was handed to intake.accept by then"


def _params(route: Route, request: WebRequest) -> dict[str, str] | None:
    """What the parts in braces match; None if the route does not answer this."""
    mine, theirs = route.path.split("/"), request.path.split("/")
    if route.method != request.method or len(mine) != len(theirs):
        return None
    params: dict[str, str] = {}
    for part, found in zip(mine, theirs, strict=True):
        if part.startswith("{"):
            params[part[1:-1]] = found
        elif part != found:
            return None
    return params
