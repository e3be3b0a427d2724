"""A ticket system that takes everything, counts it, and notes what came twice or out of order.

While it is shut, requests wait for their answer.
"""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec
from aiohttp import web


class Posted(msgspec.Struct):
    """A forward; its text begins with its number in the conversation."""

    key: str
    conversation: str
    text: str


class Sink:
    """Counts what comes.

    Args:
        delay: seconds it takes to answer.
    """

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.open = asyncio.Event()
        self.open.set()
        self.keys: set[str] = set()
        self.last: dict[str, int] = {}
        self.doubled = self.inversions = 0
        self.newest = 0.0

    async def take(self, request: web.Request) -> web.Response:
        posted = msgspec.json.decode(await request.read(), type=Posted)
        await self.open.wait()
        if self.delay:
            await asyncio.sleep(self.delay)
        self.newest = time.monotonic()
        number = int(posted.text.partition(" ")[0])
        self.doubled += posted.key in self.keys
        self.inversions += number < self.last.get(posted.conversation, -1)
        self.keys.add(posted.key)
        self.last[posted.conversation] = number
        return web.json_response({"key": posted.key})

    async def counts(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "taken": len(self.keys), "doubled": self.doubled, "inversions": self.inversions,
                "newest": self.newest,
            }
        )  # fmt: skip

    async def switch(self, request: web.Request) -> web.Response:
        if request.match_info["to"] == "shut":
            self.open.clear()
        else:
            self.open.set()
        return web.json_response({"at": time.monotonic()})


def main() -> None:
    """Serve on the port that the command line names, with its delay in seconds."""
    sink = Sink(float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
    app = web.Application()
    app.router.add_post("/", sink.take)
    app.router.add_get("/", sink.counts)
    app.router.add_post("/{to:open|shut}", sink.switch)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
