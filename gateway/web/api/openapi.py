"""The OpenAPI 3.1 document, made from the table of operations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from gateway.web.api.operation import ID_PARTS, NUMBER, PREFIX, Operation
from gateway.web.api.reading import KEY, KEY_PATTERN
from gateway.web.problems import KINDS, MEDIA_TYPE, Code, ProblemDocument

REF = "#/components/schemas/{name}"
Document = dict[str, Any]
_ID = "^{}_[0-9a-hj-km-np-tv-z]{{13}}$"
_NOT_EMPTY: Document = {"type": "string", "minLength": 1}


def describe(operations: Sequence[Operation], *, title: str, version: str) -> Document:
    """Describe operations (OpenAPI 3.1.1)."""
    types = _types(operations)
    _, schemas = msgspec.json.schema_components(types, ref_template=REF)
    paths: Document = {}
    for operation in operations:
        path = paths.setdefault(PREFIX + operation.path, {})
        path[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "description": "Conversations, messages, deliveries, quarantine and dead letters of "
            "an intake gateway. Times are RFC 3339 in UTC; errors are problem documents "
            "(RFC 9457); what belongs to another tenant answers like what does not exist.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {name: _clean(schema) for name, schema in schemas.items()},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the configuration: [api.tokens.NAME].",
                }
            },
        },
    }


def _types(operations: Sequence[Operation]) -> list[Any]:
    found: list[Any] = [ProblemDocument]
    for operation in operations:
        found += [kind for kind in (operation.body, operation.answer) if _is_struct(kind)]
    return list(dict.fromkeys(found))


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _operation(operation: Operation) -> Document:
    described: Document = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
    }
    scope = "" if operation.scope is None else f"Needs the scope `{operation.scope}`."
    text = " ".join(filter(None, (operation.description, scope)))
    if text:
        described["description"] = text
    described["security"] = [{"token": []}] if operation.scope else []
    if parameters := [*_path(operation), *_query(operation), *_key(operation)]:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = {
            "required": operation.body_needed,
            "content": {"application/json": {"schema": _reference(operation.body)}},
        }
    described["responses"] = {str(operation.status): _success(operation), **_failures(operation)}
    return described


def _path(operation: Operation) -> list[Document]:
    return [
        {
            "name": part,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 1, "maximum": 999_999}
            if part == NUMBER
            else {"type": "string", "pattern": _ID.format(ID_PARTS[part])},
        }
        for part in operation.parts
    ]


def _query(operation: Operation) -> list[Document]:
    if operation.query is None:
        return []
    _, schemas = msgspec.json.schema_components((operation.query,), ref_template=REF)
    parameters = []
    for name, schema in schemas[operation.query.__name__]["properties"].items():
        plain = dict(schema)
        described = {"name": name, "in": "query", "required": False}
        if text := plain.pop("description", ""):
            described["description"] = text
        parameters.append({**described, "schema": plain})
    return parameters


def _key(operation: Operation) -> list[Document]:
    if not operation.takes_key:
        return []
    return [
        {
            "name": KEY,
            "in": "header",
            "required": False,
            "description": "Makes repeating the call harmless.",
            "schema": {"type": "string", "pattern": KEY_PATTERN},
        }
    ]


def _success(operation: Operation) -> Document:
    if operation.answer is bytes:
        content: Document = {"application/octet-stream": {"schema": {"type": "string"}}}
        headers: Document = {"Content-Disposition": {"required": True, "schema": _NOT_EMPTY}}
    else:
        content = {"application/json": {"schema": _reference(operation.answer)}}
        headers = {}
    if operation.takes_key:
        headers = {"Location": {"required": True, "schema": _NOT_EMPTY}}
    described: Document = {"description": operation.summary, "content": content}
    return {**described, "headers": headers} if headers else described


def _failures(operation: Operation) -> Document:
    """The problems it may answer with, one response a status."""

    def status(code: Code) -> int:
        return KINDS[code].status

    found: Document = {}
    for number, codes in groupby(sorted(operation.may_answer(), key=status), key=status):
        named = [f"`{code}`: {KINDS[code].title}." for code in codes]
        response: Document = {
            "description": " ".join(named),
            "content": {MEDIA_TYPE: {"schema": _reference(ProblemDocument)}},
        }
        header = {401: "WWW-Authenticate", 503: "Retry-After"}.get(number)
        if header:
            response["headers"] = {header: {"required": True, "schema": _NOT_EMPTY}}
        found[str(number)] = response
    return found


def _reference(kind: Any) -> Document:
    if not _is_struct(kind):
        return {"type": "object"}
    return {"$ref": REF.format(name=kind.__name__)}


def _clean(schema: Document) -> Document:
    """Take the sections of docstrings out of descriptions."""
    if "description" in schema:
        schema["description"] = re.split(r"\n\s*\n", schema["description"])[0]
    return schema
