"""Arrivals as the API and the pages show them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.domain.arrival import Arrival, ArrivalState, Quarantined, SourceKind
from gateway.domain.ids import show
from gateway.domain.message import Gone
from gateway.store.operations import QuarantinedArrival, StoredArrival
from gateway.web.shapes.ids import ArrivalId, MessageId
from gateway.web.shapes.moment import Moment, moment


class ReasonDocument(Struct, frozen=True, kw_only=True):
    """Why it could not be processed."""

    stage: Annotated[str, Meta(description="Where it failed: `parse`, a hook's name, `commit` …")]
    code: Annotated[str, Meta(description="Stable short name of the error.")]
    error: str
    plugin: Annotated[str, Meta(description="Whose code failed; empty for the gateway's own.")]
    attempts: int
    at: Moment


class ArrivalSummary(Struct, frozen=True, kw_only=True):
    """What a channel or backend handed in, without its bytes."""

    id: ArrivalId
    tenant: str
    source: Annotated[str, Meta(description="Name of the channel or backend.")]
    source_kind: SourceKind
    kind: str
    key: Annotated[str, Meta(description="What makes it unique for its source.")]
    received_at: Moment
    content_type: str
    sha256: Annotated[str, Meta(description="Hash of the body; stays when the content goes.")]
    state: ArrivalState
    reason: ReasonDocument | None
    gone: Annotated[Gone, Meta(description="Why its content is not there; empty if it is.")]


class ArrivalPage(Struct, frozen=True, kw_only=True):
    """A page of quarantined arrivals, newest first."""

    items: tuple[ArrivalSummary, ...]
    next: Annotated[
        str | None, Meta(description="Give it as `before` for the next page; null at the end.")
    ]


class ArrivalDocument(ArrivalSummary, frozen=True, kw_only=True):
    """An arrival with what became of it."""

    headers: Annotated[dict[str, str], Meta(description="Of its transport.")]
    remote: Annotated[dict[str, Any], Meta(description="Facts about its transport.")]
    size: Annotated[int, Meta(ge=0, description="Bytes of the body.")]
    body: Annotated[
        bytes | None,
        Meta(description="As received, in base64; null unless the token has the scope `operate`."),
    ]
    messages: Annotated[tuple[MessageId, ...], Meta(description="What it became part of.")]


def arrival_summary(
    arrival: Arrival, state: ArrivalState, reason: Quarantined | None
) -> ArrivalSummary:
    """Show an arrival without its bytes."""
    return ArrivalSummary(
        id=show("arr", arrival.id), tenant=arrival.tenant, source=arrival.source,
        source_kind=arrival.source_kind, kind=arrival.kind, key=arrival.key,
        received_at=moment(arrival.received_at), content_type=arrival.content_type,
        sha256=arrival.sha256.hex(), state=state, reason=_reason(reason), gone=arrival.gone,
    )  # fmt: skip


def quarantined_summary(found: QuarantinedArrival) -> ArrivalSummary:
    """Show a line of the quarantine."""
    return arrival_summary(found.arrival, "quarantined", found.reason)


def stored_summary(stored: StoredArrival) -> ArrivalSummary:
    """Show a stored arrival without its bytes."""
    return arrival_summary(stored.arrival, stored.state, stored.reason)


def arrival_document(stored: StoredArrival, *, with_body: bool) -> ArrivalDocument:
    """Show an arrival whole."""
    arrival = stored.arrival
    return ArrivalDocument(
        id=show("arr", arrival.id), tenant=arrival.tenant, source=arrival.source,
        source_kind=arrival.source_kind, kind=arrival.kind, key=arrival.key,
        received_at=moment(arrival.received_at), content_type=arrival.content_type,
        sha256=arrival.sha256.hex(), state=stored.state, reason=_reason(stored.reason),
        headers=arrival.headers, remote=arrival.remote, size=len(arrival.body),
        body=arrival.body if with_body else None,
        messages=tuple(show("msg", one) for one in stored.messages), gone=arrival.gone,
    )  # fmt: skip


def _reason(reason: Quarantined | None) -> ReasonDocument | None:
    if reason is None:
        return None
    return ReasonDocument(
        stage=reason.stage, code=reason.code, error=reason.error, plugin=reason.plugin,
        attempts=reason.attempts, at=moment(reason.at),
    )  # fmt: skip
