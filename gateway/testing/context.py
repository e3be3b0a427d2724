"""A connector's surroundings, in memory: what a test gives it and can look at afterwards."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from gateway.contracts.services import Context
from gateway.core.continuation import ContinuationCodes
from gateway.domain.arrival import Arrival, NewArrival, SourceKind
from gateway.domain.continuation import ContinuationPolicy
from gateway.domain.health import Health
from gateway.domain.tokens import Keyring
from gateway.testing.captures import CapturingIntake, CapturingLog, MemoryBlobs, MemoryMatters
from gateway.testing.clock import EPOCH, FakeClock
from gateway.testing.loopback import LoopbackHttp
from gateway.testing.state import MemoryState

S = TypeVar("S", bound=msgspec.Struct)
NAME = "here"
KEYRING = Keyring([b"the kit's own key, thirty-two bytes"])


@dataclass
class Surroundings:
    """A context and everything in it, as what it is.

    Args:
        reports: what the connector reported of its health, in order.
    """

    clock: FakeClock = field(default_factory=FakeClock)
    state: MemoryState = field(default_factory=MemoryState)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    http: LoopbackHttp = field(default_factory=LoopbackHttp)
    log: CapturingLog = field(default_factory=CapturingLog)
    reports: list[Health] = field(default_factory=list)
    matters: MemoryMatters = field(default_factory=MemoryMatters)
    intake: CapturingIntake = field(init=False)
    _codes: dict[str, ContinuationCodes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let the intake write the same state."""
        self.intake = CapturingIntake(self.state)

    def codes(self, tenant: str = "default") -> ContinuationCodes:
        """The continuation codes of a tenant, with the gateway's own rules."""
        if tenant not in self._codes:
            self._codes[tenant] = ContinuationCodes(
                tenant=tenant, state=MemoryState(), keyring=KEYRING, clock=self.clock,
                policy=ContinuationPolicy(), choose=secrets.randbelow, log=self.log,
            )  # fmt: skip
        return self._codes[tenant]

    def report(self, health: Health) -> None:
        """Keep what the connector says of its health."""
        self.reports.append(health)

    def context(
        self, settings: S, *, name: str = NAME, tenant: str = "default", **more: Any
    ) -> Context[S]:
        """Make a context over these surroundings; several may share them, as processes would.

        Args:
            more: further fields of `Context`, such as `public_url` or `own_addresses`.
        """
        return Context(
            name=name, tenant=tenant, settings=settings, clock=self.clock, state=self.state,
            tokens=KEYRING, codes=self.codes(tenant), matters=self.matters, blobs=self.blobs,
            http=self.http, log=self.log, report=self.report, **more,
        )  # fmt: skip


def make_context(
    settings: S, *, name: str = NAME, tenant: str = "default", **more: Any
) -> Context[S]:
    """Make a context that a test does not want to look into."""
    return Surroundings().context(settings, name=name, tenant=tenant, **more)


def as_stored(
    new: NewArrival, *, source: str = NAME, identifier: int = 1, kind: SourceKind = "backend"
) -> Arrival:
    """Make the arrival that the store would give back for one that was accepted."""
    return Arrival(
        id=identifier, tenant="default", source=source, source_kind=kind, kind=new.kind,
        key=new.key, lane=new.lane or new.key, received_at=EPOCH, headers=new.headers,
        content_type=new.content_type, body=new.body, remote=new.remote,
        sha256=hashlib.sha256(new.body).digest(),
    )  # fmt: skip
