"""Reading what a call brings: ids of the path, the query, the body, the idempotency key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from gateway.domain.ids import read
from gateway.errors import NotFound
from gateway.web.api.faulting import faults_of
from gateway.web.api.operation import ID_PARTS, NUMBER, Operation
from gateway.web.bodies import Bodies
from gateway.web.problems import FaultDocument, Problem

T = TypeVar("T", bound=msgspec.Struct)
KEY = "Idempotency-Key"
KEY_PATTERN = "^[!-~]{1,200}$"
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


def read_ids(operation: Operation, given: Mapping[str, str]) -> dict[str, int]:
    """Read the ids of a path; what is none is answered like one that does not exist.

    Raises:
        NotFound: it is no id of the kind that belongs there.
    """
    found: dict[str, int] = {}
    for part in operation.parts:
        text = given[part]
        if part == NUMBER:
            if not _NUMBER.fullmatch(text):
                raise NotFound(text)
            found[part] = int(text)
            continue
        try:
            found[part] = read(ID_PARTS[part], text)
        except ValueError as error:
            raise NotFound(text) from error
    return found


def read_query(kind: type[T], request: web.Request) -> T:
    """Read the query.

    Raises:
        Problem: 422 for an unknown or repeated parameter, or one that is not as declared.
    """
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given:
            raise _invalid(FaultDocument(path=f"query.{name}", reason="it is given twice"))
        given[name] = value
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(*faults_of("query", kind, given, error, strict=False)) from None


async def read_body(operation: Operation, request: web.Request, bodies: Bodies) -> Any:
    """Read the body.

    Raises:
        Problem: 400 if it is no JSON, 413 over the limit, 415 for another media type, 422 if it
            is not what the operation takes.
    """
    data = await bodies.read(request)
    if operation.body is None:
        if data:
            raise _invalid(FaultDocument(path="body", reason="this operation takes no body"))
        return None
    if not data and not operation.body_needed:
        return operation.body()
    coding = request.headers.get("Content-Encoding", "identity").lower()
    if request.content_type != "application/json" or coding != "identity":
        raise Problem(
            "unsupported_media_type",
            "Send JSON, not compressed, with Content-Type: application/json.",
        )
    try:
        return msgspec.json.decode(data, type=operation.body)
    except msgspec.ValidationError as error:
        faults = faults_of("body", operation.body, _plain(data), error, strict=True)
        raise _invalid(*faults) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        detail = "The body is empty." if not data else f"The body is not JSON: {error}."
        raise Problem("malformed", detail) from None
    except RecursionError:
        raise Problem("malformed", "The body is nested too deeply.") from None


def read_key(request: web.Request) -> str:
    """Read the idempotency key, empty if there is none.

    Raises:
        Problem: 422 if it cannot be one.
    """
    given = request.headers.getall(KEY, [])
    if not given:
        return ""
    if len(given) > 1 or not re.fullmatch(KEY_PATTERN, given[0]):
        reason = "one key of 1 to 200 visible ASCII characters"
        raise _invalid(FaultDocument(path=f"header.{KEY.lower()}", reason=reason))
    return given[0]


def _plain(data: bytes) -> Any:
    """Read JSON whose beginning is sound; None if the rest is not."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _invalid(*faults: FaultDocument) -> Problem:
    detail = " ".join(f"{fault.path}: {fault.reason}." for fault in faults)
    return Problem("invalid", detail, faults=faults)
