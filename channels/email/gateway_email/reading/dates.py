"""Read the date of a mail (RFC 5322 §3.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_tz

_MAX_LENGTH = 200
_DAY_MS = 86_400_000
_EARLIEST = 0
_LATEST = 4_102_444_800_000  # the year 2100
_COMMENT = re.compile(r"\([^()]*\)?")
_DOTTED_TIME = re.compile(r"\b(\d{1,2})\.(\d{2})\.(\d{2})\b(?!\.)")
_LONGEST_ZONE = 86_400


def read_date(text: str, received: int | None = None) -> int | None:
    """Return the moment in ``text`` in milliseconds since 1970 UTC, or None when it cannot be read.

    A date without a zone counts as UTC. A date more than a day after ``received`` is taken for a
    wrong clock and becomes ``received``. Never raises.
    """
    moment = _parse(text) if text else None
    if moment is None or not _EARLIEST <= moment <= _LATEST:
        return None
    if received is not None and moment > received + _DAY_MS:
        return received
    return moment


def received_date(text: str) -> int | None:
    """Return when a server took the mail: the date after the last ``;`` of a Received field."""
    return read_date(text[-_MAX_LENGTH:].rpartition(";")[2].strip())


def _parse(text: str) -> int | None:
    text = " ".join(_COMMENT.sub(" ", text[:_MAX_LENGTH]).split())
    for mended in (False, True):
        try:
            parts = parsedate_tz(_DOTTED_TIME.sub(r"\1:\2:\3", text) if mended else text)
            if parts is not None:
                year, month, day, hour, minute, second = parts[:6]
                moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
                zone = parts[9] or 0
                zone = zone if abs(zone) <= _LONGEST_ZONE else 0
                return (int(moment.timestamp()) - zone) * 1000
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 1000
    except (ValueError, OverflowError):
        return None
