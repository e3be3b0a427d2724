"""A bare aiohttp handler that reads and decodes the same body, and keeps nothing."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
from aiohttp import web


async def take(request: web.Request) -> web.Response:
    msgspec.json.decode(await request.read(), type=dict[str, Any])
    return web.Response()


async def live(_: web.Request) -> web.Response:
    return web.Response()


def main() -> None:
    """Serve on the port that the command line names, on the loop that a gateway takes."""
    app = web.Application()
    app.router.add_post("/message", take)
    app.router.add_get("/", live)
    loop = None
    try:
        import uvloop

        loop = uvloop.new_event_loop()
    except ImportError:
        pass
    web.run_app(
        app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None, loop=loop
    )


if __name__ == "__main__":
    main()
