"""Arrivals: what a channel or backend handed in, byte for byte."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from gateway.domain.message import Gone

ArrivalState = Literal["waiting", "done", "quarantined", "discarded"]
SourceKind = Literal["channel", "backend", "api"]


class NewArrival(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector hands to the intake.

    Args:
        key: what makes it unique for its source (a provider's id, mailbox + UIDVALIDITY + UID, …).
        body: the bytes as received.
        lane: what must stay in order: the sender or the native thread.
        kind: the connector's own word for what it is, such as ``mail`` or ``webhook``.
        headers: transport headers worth keeping; never credentials.
        content_type: media type of the body.
        remote: facts about the transport: peer, envelope, signature verdict.
    """

    key: str
    body: bytes
    lane: str = ""
    kind: str = ""
    headers: dict[str, str] = {}
    content_type: str = "application/octet-stream"
    remote: dict[str, Any] = {}


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """An arrival as stored; immutable but for what became of it.

    Args:
        source: name of the channel or backend instance.
        received_at: milliseconds since the Unix epoch.
        sha256: hash of the body.
        gone: why its content is not there any more; then only what it was is known, and its hash.
    """

    id: int
    tenant: str
    source: str
    source_kind: SourceKind = "channel"
    kind: str = ""
    key: str
    lane: str
    received_at: int
    headers: dict[str, str] = {}
    content_type: str = "application/octet-stream"
    body: bytes = b""
    remote: dict[str, Any] = {}
    sha256: bytes = b""
    gone: Gone = ""


def tombstone(arrival: Arrival, why: Gone) -> Arrival:
    """What stays of an arrival: where and when it came in, and the hash of what it was."""
    return Arrival(
        id=arrival.id, tenant=arrival.tenant, source=arrival.source, source_kind=arrival.source_kind,
        kind=arrival.kind, key="", lane="", received_at=arrival.received_at,
        content_type=arrival.content_type, sha256=arrival.sha256, gone=why,
    )  # fmt: skip


class Mark(NamedTuple):
    """How far the waiting arrivals of a flow were read; the beginning, if nothing is said.

    Args:
        xid: number of the transaction that stored the last one.
        arrival: its id.
        server: by which server it was counted; 0 where there is but one.
    """

    xid: int = -(1 << 63)
    arrival: int = 0
    server: int = 0


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An arrival that waits to be worked on.

    Args:
        mark: from where to read on; before its own place as long as something may turn up there.
    """

    arrival: Arrival
    mark: Mark

    @property
    def settled(self) -> bool:
        """Whether nothing turns up before it any more."""
        return self.mark.arrival == self.arrival.id


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """Why an arrival rests in quarantine.

    Args:
        stage: where on its way it failed: ``parse``, a hook's name, ``commit`` …
        code: stable short name of the error.
        error: the sentence the operator reads.
        plugin: whose code failed, empty if the gateway's own.
        attempts: how often it was tried.
        at: milliseconds since the Unix epoch.
    """

    stage: str
    code: str
    error: str
    plugin: str = ""
    attempts: int = 1
    at: int = 0
