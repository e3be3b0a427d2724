"""Moments as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeAlias, overload

from msgspec import Meta

Moment: TypeAlias = Annotated[datetime, Meta(tz=True, description="RFC 3339, in UTC.")]
FIRST, EPOCH = datetime(1, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@overload
def moment(milliseconds: int) -> datetime: ...
@overload
def moment(milliseconds: int | None) -> datetime | None: ...


def moment(milliseconds: int | None) -> datetime | None:
    """Read milliseconds since the Unix epoch; what no calendar holds becomes its nearest end."""
    if milliseconds is None:
        return None
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return LAST if milliseconds > 0 else FIRST
