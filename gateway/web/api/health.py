"""Health: every part, and what waits."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.domain.counts import Counts
from gateway.web.api.operation import Answer, Call, Operation
from gateway.web.probes import PartDocument, Status, part_document, readiness
from gateway.web.shapes.moment import Moment, moment
from gateway.web.visible_parts import visible_parts


class CountsDocument(Struct, frozen=True, kw_only=True):
    """What waits."""

    arrivals_waiting: int
    arrivals_quarantined: int
    deliveries_waiting: Annotated[dict[str, int], Meta(description="By target.")]
    deliveries_dead: Annotated[dict[str, int], Meta(description="By target.")]
    deliveries_unknown: Annotated[dict[str, int], Meta(description="By target.")]
    oldest_arrival: Annotated[Moment | None, Meta(description="When the oldest waiting one came.")]
    oldest_delivery: Annotated[
        Moment | None, Meta(description="When the oldest waiting one was made.")
    ]


class HealthDocument(Struct, frozen=True, kw_only=True):
    """How the gateway is."""

    status: Status
    name: str
    version: str
    parts: Annotated[
        tuple[PartDocument, ...],
        Meta(
            description="Of the token's tenants, and what all share; the reasons of that only if the "
            "token may see all tenants."
        ),
    ]
    counts: Annotated[
        CountsDocument | None, Meta(description="null unless the token may see all tenants.")
    ]


def counts_document(counts: Counts) -> CountsDocument:
    """Show what waits."""
    return CountsDocument(
        arrivals_waiting=counts.arrivals_waiting,
        arrivals_quarantined=counts.arrivals_quarantined,
        deliveries_waiting=counts.deliveries_waiting,
        deliveries_dead=counts.deliveries_dead,
        deliveries_unknown=counts.deliveries_unknown,
        oldest_arrival=moment(counts.oldest_arrival),
        oldest_delivery=moment(counts.oldest_delivery),
    )


async def get_health(call: Call) -> Answer:
    """Tell how every part is."""
    services = call.services
    tenants = call.caller.tenants
    parts = visible_parts(services.board.parts, services.owners, tenants)
    return Answer(
        value=HealthDocument(
            status=readiness(services, tenants).status,
            name=services.name,
            version=services.version,
            parts=tuple(part_document(part, health) for part, health in sorted(parts.items())),
            counts=counts_document(await call.counts.read()) if tenants is None else None,
        )
    )


OPERATIONS = (
    Operation(
        name="get_health", method="GET", path="/health", scope="read", tag="gateway",
        summary="Tell how every part is, and what waits", run=get_health, answer=HealthDocument,
    ),
)  # fmt: skip
