"""An operation of the API: declared once, for its route and for the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from gateway.config.server import Scope
from gateway.domain.ids import Prefix
from gateway.web.api.callers import Caller
from gateway.web.probes import CountsReader
from gateway.web.problems import Code
from gateway.web.services import Services

PREFIX = "/api/v1"
NUMBER = "number"
ID_PARTS: dict[str, Prefix] = {
    "conversation": "conv", "message": "msg", "arrival": "arr", "delivery": "dlv",
}  # fmt: skip
_PART = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an operation, checked and read.

    Args:
        ids: what the path names, as numbers.
        query: of the operation's query type.
        body: of the operation's body type.
        key: the idempotency key, empty if there is none.
    """

    services: Services
    counts: CountsReader
    caller: Caller
    ids: Mapping[str, int] = field(default_factory=dict)
    query: Any = None
    body: Any = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a call.

    Args:
        value: of the operation's answer type; bytes for a download.
        headers: besides the media type.
    """

    value: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    Args:
        name: unique, for generated clients: ``list_conversations``.
        path: below ``/api/v1``; parts in braces are ids of the kind they are called.
        scope: what the token has to have; None for what needs no token.
        run: does it.
        answer: a Struct, bytes for a download, or dict for a document of another standard.
        query: a Struct whose fields are the query's parameters.
        body: a Struct; None if the operation takes no body.
        body_needed: a body has to be there; else its defaults count without one.
        takes_key: an ``Idempotency-Key`` makes repeating it harmless.
        problems: codes besides those that any operation may answer with.
    """

    name: str
    method: Literal["GET", "POST", "PATCH"]
    path: str
    scope: Scope | None
    tag: str
    summary: str
    run: Callable[[Call], Awaitable[Answer]]
    answer: type[msgspec.Struct | bytes | dict[str, Any]]
    status: int = 200
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    body_needed: bool = True
    takes_key: bool = False
    problems: tuple[Code, ...] = ()
    description: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path that are ids or numbers."""
        return tuple(_PART.findall(self.path))

    def may_answer(self) -> tuple[Code, ...]:
        """Every problem it may answer with."""
        found: list[Code] = [
            *self.problems,
            "store_unavailable",
            "overloaded",
            "timeout",
            "internal",
        ]
        if self.scope is not None:
            found += ["unauthenticated", "forbidden"]
        if self.parts:
            found.append("not_found")
        if self.query or self.body or self.takes_key or self.method != "GET":
            found.append("invalid")
        if self.body:
            found += ["malformed", "unsupported_media_type"]
        if self.method != "GET":
            found += ["too_large", "request_timeout"]
        return tuple(dict.fromkeys(found))
