"""The HTTP server: builds the application and runs it."""

from __future__ import annotations

import errno
import os

from aiohttp import web

from gateway.errors import Refused
from gateway.web.api.building import add_api
from gateway.web.bodies import Bodies
from gateway.web.console.building import add_console
from gateway.web.guards import access_log, add_safe_headers, limits, problems
from gateway.web.ingress import add_ingress
from gateway.web.peers import read_networks
from gateway.web.probes import CountsReader, add_probes
from gateway.web.services import Services

HEADER_BYTES = 16_384
IDLE_SECONDS = 75.0
DRAIN_SECONDS = 8.0


def build(services: Services) -> web.Application:
    """Build the application.

    Raises:
        ValueError: a trusted proxy is neither an address nor a network, or two routes are the same.
    """
    trusted = read_networks(services.web.trusted_proxies)
    bodies = Bodies(services.web.body_limit, services.most_bytes)
    counts = CountsReader(services.store.counts)
    app = web.Application(
        middlewares=[
            access_log(services.log, trusted),
            problems(services.log),
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


class WebServer:
    """Runs the application on one address."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._runner: web.AppRunner | None = None

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
        self._runner = web.AppRunner(
            build(self._services), access_log=None, handle_signals=False,
            shutdown_timeout=DRAIN_SECONDS, keepalive_timeout=IDLE_SECONDS,
            max_line_size=HEADER_BYTES, max_field_size=HEADER_BYTES, auto_decompress=False,
        )  # fmt: skip
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host or None, port).start()
        except OSError as error:
            await self.stop()
            raise Refused(_cannot_listen(f"{host}:{port}", error)) from error
        except BaseException:
            await self.stop()
            raise
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Stop listening, let the requests that run finish within eight seconds, and close."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()


def _cannot_listen(address: str, error: OSError) -> str:
    """Say why nothing can listen there; the system's own words, where it has a number for them."""
    number = error.errno or 0
    why = os.strerror(number) if number in errno.errorcode else str(error)
    taken = "; another program listens there" if number == errno.EADDRINUSE else ""
    return f"web.listen: cannot listen on {address}: {why.lower()}{taken}; set another address"
