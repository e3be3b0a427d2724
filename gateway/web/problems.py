"""Problem documents: every error leaves the server in the one form of RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec
from aiohttp import web

from gateway.errors import HookFailure, KeyReused, NotFound, Overloaded, Refused, StoreError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:intake-gateway:problem:"
Code = Literal[
    "malformed", "unauthenticated", "forbidden", "not_found", "method_not_allowed",
    "request_timeout", "refused", "too_large", "unsupported_media_type", "invalid",
    "key_reused", "http_error", "internal", "overloaded", "store_unavailable",
    "redaction_failed", "timeout",
]  # fmt: skip


class Kind(NamedTuple):
    """What all problems of one code share."""

    status: int
    title: str


KINDS: dict[Code, Kind] = {
    "malformed": Kind(400, "The body cannot be read"),
    "unauthenticated": Kind(401, "A token is needed"),
    "forbidden": Kind(403, "The token does not allow this"),
    "not_found": Kind(404, "Nothing is there"),
    "method_not_allowed": Kind(405, "The method is not known here"),
    "request_timeout": Kind(408, "The request took too long to arrive"),
    "refused": Kind(409, "Not possible in the present state"),
    "too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The body is of another type than expected"),
    "invalid": Kind(422, "The request is not what is expected here"),
    "key_reused": Kind(422, "The idempotency key stands for another request"),
    "http_error": Kind(400, "The request cannot be answered"),
    "internal": Kind(500, "The gateway failed"),
    "overloaded": Kind(503, "Too much at once"),
    "store_unavailable": Kind(503, "The database does not answer"),
    "redaction_failed": Kind(503, "Nothing is shown unredacted"),
    "timeout": Kind(503, "The gateway took too long"),
}
_LATER = "Nothing was stored; come back later."
MISSING = "There is nothing here that this token may see."


class FaultDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a request."""

    path: Annotated[
        str,
        msgspec.Meta(description="Where: `body.text`, `query.limit`, `header.idempotency-key`."),
    ]
    reason: Annotated[str, msgspec.Meta(description="What was expected there.")]


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not answered as asked (RFC 9457)."""

    type: Annotated[
        str, msgspec.Meta(description="Stable name of the problem, a URN that ends with its code.")
    ]
    title: Annotated[str, msgspec.Meta(description="The same for all problems of the type.")]
    status: Annotated[int, msgspec.Meta(ge=400, le=599, description="The HTTP status.")]
    detail: Annotated[str, msgspec.Meta(description="What happened here, and what to do.")]
    instance: Annotated[str, msgspec.Meta(description="The path that was asked for.")]
    faults: Annotated[
        tuple[FaultDocument, ...], msgspec.Meta(description="What is wrong with the request.")
    ] = ()


class Problem(Exception):
    """A request that is answered with a problem document.

    Args:
        detail: what happened and what to do; read by whoever called, so never a secret.
        retry_after: seconds after which to come back.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        faults: Sequence[FaultDocument] = (),
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.code, self.detail, self.faults = code, detail, tuple(faults)
        self.status = status or KINDS[code].status
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)

    def answer(self, path: str) -> web.Response:
        """Write the document."""
        document = ProblemDocument(
            type=TYPE_PREFIX + self.code, title=KINDS[self.code].title, status=self.status,
            detail=self.detail, instance=path, faults=self.faults,
        )  # fmt: skip
        return web.Response(
            status=self.status, body=msgspec.json.encode(document), content_type=MEDIA_TYPE,
            headers=self.headers,
        )  # fmt: skip


def codes() -> tuple[Code, ...]:
    """Every code there is."""
    return get_args(Code)


def as_problem(error: Exception) -> Problem | None:
    """The problem an error stands for, or None for one that nobody foresaw."""
    match error:
        case Problem():
            return error
        case NotFound():
            return Problem("not_found", MISSING)
        case KeyReused():
            fault = FaultDocument(
                path="header.idempotency-key", reason="it came before with other content"
            )
            return Problem("key_reused", _sentence(str(error)), faults=[fault])
        case Refused():
            return Problem("refused", _sentence(str(error)))
        case Overloaded():
            return Problem("overloaded", _LATER, retry_after=error.retry_after)
        case StoreError():
            return Problem("store_unavailable", _LATER, retry_after=5)
        case HookFailure():
            detail = f"The plugin {error.plugin!r} failed in {error.hook}; an operator finds more in the log."
            return Problem("redaction_failed", detail, retry_after=30)
        case web.HTTPException() if error.status >= 400:
            return _http_problem(error)
    return None


def _http_problem(error: web.HTTPException) -> Problem:
    """The problem for what the HTTP library refuses by itself."""
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return Problem(
                "method_not_allowed", f"Known here: {allowed}.", headers={"Allow": allowed}
            )
        case web.HTTPNotFound():
            return Problem("not_found", MISSING)
        case _:
            return Problem("http_error", _sentence(error.reason), status=error.status)


def _sentence(text: str) -> str:
    """Write words of ours as a sentence; an id at its beginning stays as it is."""
    first = text.partition(" ")[0]
    text = text if "_" in first else text[:1].upper() + text[1:]
    return text + ("" if text.endswith((".", "!", "?")) else ".")
