"""Continuation codes in replies: an agent writes the mark, the customer reads six digits."""

from __future__ import annotations

from collections.abc import Callable

from gateway.contracts.continuation import Codes
from gateway.domain.delivery import Delivery
from gateway.errors import Deferred, Refused

MARK = "{{continuation_code}}"


async def with_code(
    codes: Callable[[str], Codes], delivery: Delivery, *texts: str
) -> tuple[str, ...]:
    """Put a code in place of the mark; the same one in every text and at every attempt.

    Raises:
        Deferred: as many codes live as may; the reply waits until there is one.
    """
    if not any(MARK in text for text in texts):
        return texts
    try:
        issued = await codes(delivery.tenant).issue(delivery.conversation, again=delivery.key)
    except Refused as error:
        raise Deferred(str(error), code="no_code") from error
    return tuple(text.replace(MARK, issued.code) for text in texts)
