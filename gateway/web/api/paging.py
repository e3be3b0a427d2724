"""Pages of listings: opaque cursors, and one row more than asked to see whether more follows."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias, TypeVar

from msgspec import Meta

from gateway.web.problems import FaultDocument, Problem

T = TypeVar("T")
Listing = Literal["conversations", "messages", "deliveries", "quarantine"]
_WIDTH = 8
Limit: TypeAlias = Annotated[int, Meta(ge=1, le=200, description="How many, 1 to 200.")]
PageCursor: TypeAlias = Annotated[
    str, Meta(max_length=64, pattern="^[A-Za-z0-9_-]*$", description="`next` of the page before.")
]


def write_cursor(listing: Listing, last: int) -> str:
    """Write the cursor that follows a row."""
    data = listing[:1].encode() + last.to_bytes(_WIDTH, "big")
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read_cursor(listing: Listing, parameter: str, cursor: str) -> int | None:
    """Read a cursor.

    Raises:
        Problem: 422 for what this listing never gave.
    """
    if not cursor:
        return None
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        data = b""
    number = int.from_bytes(data[1:], "big")
    if len(data) != _WIDTH + 1 or data[:1] != listing[:1].encode() or number >= 1 << 63:
        fault = FaultDocument(
            path=f"query.{parameter}", reason="it has to be `next` of a page of this listing"
        )
        raise Problem("invalid", f"{parameter} is no cursor of this listing.", faults=[fault])
    return number


def cut(rows: Sequence[T], limit: int) -> tuple[Sequence[T], T | None]:
    """Cut the row that was read too many; the second is the last row if more follow."""
    return (rows[:limit], rows[limit - 1]) if len(rows) > limit else (rows, None)
