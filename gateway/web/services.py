"""What the web floor is given by whoever puts the gateway together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gateway.config.server import ApiSettings, ApiToken, WebSettings
from gateway.contracts.console import ConsolePage
from gateway.contracts.continuation import Codes
from gateway.contracts.services import Blobs, Clock, Log
from gateway.contracts.web import Route
from gateway.core.erasing import Eraser
from gateway.core.health import HealthBoard
from gateway.core.metrics import Metrics
from gateway.core.operating import Operator
from gateway.domain.message import Message
from gateway.store.operations import Store

ConnectorKind = Literal["channel", "backend"]
Redact = Callable[[Message, Literal["console"]], Awaitable[Message]]
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything the server works with.

    Args:
        name, version: of this installation, shown on its pages.
        blobs: contents of attachments.
        web: where it listens, and limits of a single request.
        api: the tokens.
        public_url: how the world reaches the gateway; may be empty.
        codes: gives a tenant's continuation codes.
        routes: of the connectors, answered below ``/in/NAME``.
        plugin_routes: of the plugins, answered below ``/plugins/NAME``.
        console_pages: of the plugins, shown below ``/pages/NAME``.
        owners: the tenant of each ``channel/NAME`` and ``backend/NAME``.
        ready: whether the start has finished.
        redact: takes out of a message what the policy keeps from an audience; all that the API and
            the pages show went through it.
        process: names this process.
        worker: which of several processes of one `gateway run` it is, from 1.
        shared: other processes may listen on the same address.
        most_requests: how many may be worked on at once; the next ones get a 503.
        most_bytes: how many bytes of bodies may be in memory at once; the next ones get a 503.
    """

    name: str
    version: str
    operator: Operator
    eraser: Eraser
    store: Store
    blobs: Blobs
    board: HealthBoard
    metrics: Metrics
    clock: Clock
    log: Log
    redact: Redact
    codes: Callable[[str], Codes]
    web: WebSettings = field(default_factory=WebSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    public_url: str = ""
    routes: Sequence[tuple[str, ConnectorKind, Route]] = ()
    plugin_routes: Sequence[tuple[str, Route]] = ()
    console_pages: Sequence[tuple[str, ConsolePage]] = ()
    owners: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] = lambda: True
    process: str = ""
    worker: int = 1
    shared: bool = False
    most_requests: int = 256
    most_bytes: int = 256 * MIB

    @property
    def tokens(self) -> Mapping[str, ApiToken]:
        """The API's tokens by name."""
        return self.api.tokens
