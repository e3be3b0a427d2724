"""What a failure of the Request Tracker means, in the gateway's words."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from gateway import (
    AuthenticationFailed,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unreachable,
)
from gateway_rt.errors import (
    RtBusy,
    RtError,
    RtForbidden,
    RtNotFound,
    RtRefused,
    RtUnauthorized,
    RtUnknown,
    RtUnreachable,
)


@contextmanager
def told() -> Generator[None]:
    """Raise what the client raises as the outbox and the supervisor know it."""
    try:
        yield
    except RtError as error:
        raise connector_error(error) from error


def connector_error(error: RtError) -> ConnectorError:
    """Return what an error of the client means."""
    text, wait = str(error), error.retry_after
    match error:
        case RtUnknown():
            return OutcomeUnknown(text, retry_after=wait)
        case RtUnreachable():
            return Unreachable(text)
        case RtBusy():
            return Throttled(text, retry_after=wait)
        case RtUnauthorized():
            return AuthenticationFailed(f"{text}; make a new token in RT and set it as token")
        case RtForbidden():
            return Rejected(
                f"{text}; give the token's user the rights that the README lists", code="forbidden"
            )
        case RtNotFound():
            return Rejected(text, code="not_found")
        case RtRefused():
            return Rejected(text, code="refused")
        case _:
            return OutcomeUnknown(text)
