"""The HTTP server: builds the application and runs it."""

from __future__ import annotations

import asyncio
import errno
import os

from aiohttp import web

from gateway.errors import Refused
from gateway.web.api.building import add_api
from gateway.web.bodies import Bodies
from gateway.web.console.building import add_console
from gateway.web.console.rendering import problem_page
from gateway.web.guards import access_log, add_safe_headers, limits, problems
from gateway.web.ingress import add_ingress
from gateway.web.probes import CountsReader, add_probes
from gateway.web.services import Services

HEADER_BYTES = 16_384
IDLE_SECONDS = 75.0
DRAIN_SECONDS = 8.0


def build(services: Services) -> web.Application:
    """Build the application.

    Raises:
        ValueError: two routes are the same.
    """
    trusted = services.web.trusted_proxies
    bodies = Bodies(services.web.body_limit, services.most_bytes)
    counts = CountsReader(services.store.counts)
    app = web.Application(
        middlewares=[
            access_log(services.log, trusted),
            problems(services.log, problem_page(services)),
            limits(bodies, seconds=services.web.request_seconds, most=services.most_requests),
        ],
        client_max_size=services.web.body_limit,
    )
    app.on_response_prepare.append(add_safe_headers)
    add_probes(app, services, counts)
    add_ingress(app, services, bodies, trusted)
    add_api(app, services, bodies, counts)
    add_console(app, services, bodies, counts, trusted)
    return app


def build_probes(services: Services) -> web.Application:
    """Build what only answers how this process is."""
    app = web.Application(middlewares=[problems(services.log)])
    add_probes(app, services, CountsReader(services.store.counts))
    return app


class WebServer:
    """Runs the application on one address, and its probes on one of this process's own."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._runners: list[web.AppRunner] = []

    async def start(self, host: str, port: int) -> int:
        """Listen.

        Args:
            host: an address or name; empty for every address of the machine.
            port: 0 lets the system choose.

        Returns:
            The port.

        Raises:
            Refused: the address is taken, or not this machine's.
        """
        services, probes = self._services, self._services.web.probes
        bound = await self._listen("web.listen", build(services), host, port, services.shared)
        if probes is not None:
            own = probes.port + services.worker - 1 if probes.port else 0
            await self._listen("web.probes", build_probes(services), probes.host, own, shared=False)
        return bound

    async def _listen(
        self, setting: str, app: web.Application, host: str, port: int, shared: bool
    ) -> int:
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False,
            shutdown_timeout=DRAIN_SECONDS, keepalive_timeout=IDLE_SECONDS,
            max_line_size=HEADER_BYTES, max_field_size=HEADER_BYTES, auto_decompress=False,
        )  # fmt: skip
        self._runners.append(runner)
        await runner.setup()
        try:
            await web.TCPSite(runner, host or None, port, reuse_port=shared or None).start()
        except OSError as error:
            await self.stop()
            raise Refused(_cannot_listen(setting, f"{host}:{port}", error)) from error
        except BaseException:
            await self.stop()
            raise
        bound: int = runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Stop listening, let the requests that run finish within eight seconds, and close."""
        runners, self._runners = self._runners, []
        await asyncio.gather(*(runner.cleanup() for runner in runners))


def _cannot_listen(setting: str, address: str, error: OSError) -> str:
    """Say why nothing can listen there; the system's own words, where it has a number for them."""
    number = error.errno or 0
    why = os.strerror(number) if number in errno.errorcode else str(error)
    taken = "; another program listens there" if number == errno.EADDRINUSE else ""
    return f"{setting}: cannot listen on {address}: {why.lower()}{taken}; set another address"
