"""Pages of listings: opaque cursors, and one row more than asked to see whether more follows."""

from __future__ import annotations

import base64
import string
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias, TypeVar

from msgspec import Meta

from gateway.web.problems import FaultDocument, Problem

T = TypeVar("T")
Listing = Literal["conversations", "messages", "deliveries", "quarantine"]
_WIDTH = 8
Limit: TypeAlias = Annotated[int, Meta(ge=1, le=200, description="How many, 1 to 200.")]


def _cursor(listing: Listing) -> Meta:
    """Describe a listing's cursors; `read_cursor` judges them, and in better words."""
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    first = listing.encode()[0]
    second = letters[(first & 3) * 16 : (first & 3) * 16 + 8]
    pattern = f"^({letters[first >> 2]}[{second}][A-Za-z0-9_-]{{10}})?$"
    return Meta(
        max_length=64,
        description="`next` of the page before.",
        extra_json_schema={"pattern": pattern},
    )


ConversationCursor: TypeAlias = Annotated[str, _cursor("conversations")]
MessageCursor: TypeAlias = Annotated[str, _cursor("messages")]
DeliveryCursor: TypeAlias = Annotated[str, _cursor("deliveries")]
QuarantineCursor: TypeAlias = Annotated[str, _cursor("quarantine")]


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
    except ValueError:  # binascii.Error is one, and so is text that is not ASCII
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
