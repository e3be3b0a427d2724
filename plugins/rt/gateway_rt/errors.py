"""What can go wrong between this plugin and a Request Tracker."""

from __future__ import annotations


class RtError(Exception):
    """A request to a Request Tracker failed.

    ``status`` is the HTTP status of the answer, where there was one; ``retry_after`` the seconds
    after which the server asks to be tried again, where it said so.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class RtUnreachable(RtError):  # names a condition of the other side
    """Nothing was done, as no connection came about, or, for a mere question, no answer."""


class RtUnknown(RtError):
    """The request may have been carried out: it was sent, and no valid answer came back."""


class RtBusy(RtError):
    """The server did nothing and asks to be tried later (429, 503; any 5xx to a question)."""


class RtUnauthorized(RtError):
    """The token is not valid (401)."""


class RtForbidden(RtError):
    """The token's user may not do this (403); also what an unknown queue is answered with."""


class RtNotFound(RtError):
    """There is no such ticket, queue or entry (404)."""


class RtRefused(RtError):
    """The request is wrong and stays wrong: a 4xx, or a success that carries an error text."""
