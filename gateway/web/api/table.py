"""Every operation of the API."""

from __future__ import annotations

from typing import Any

from gateway.web.api import (
    codes,
    conversations,
    deliveries,
    erasures,
    health,
    messages,
    quarantine,
    writing,
)
from gateway.web.api.openapi import describe
from gateway.web.api.operation import Answer, Call, Operation


async def get_openapi(call: Call) -> Answer:
    """Describe the API."""
    services = call.services
    return Answer(value=describe(OPERATIONS, title=services.name, version=services.version))


OPERATIONS: tuple[Operation, ...] = (
    *conversations.OPERATIONS,
    *writing.OPERATIONS,
    *codes.OPERATIONS,
    *messages.OPERATIONS,
    *deliveries.OPERATIONS,
    *quarantine.OPERATIONS,
    *erasures.OPERATIONS,
    *health.OPERATIONS,
    Operation(
        name="get_openapi", method="GET", path="/openapi.json", scope=None, tag="gateway",
        summary="Describe this API (OpenAPI 3.1)", run=get_openapi, answer=dict[str, Any],
    ),
)  # fmt: skip
