"""What is wrong with a query or a body: every field that is, in words instead of patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec
from msgspec import UnsetType

from gateway.config.words import bare, expected, members, nearest
from gateway.web.problems import FaultDocument

MOST, LONGEST = 20, 64  # faults of one kind that are told, letters of a name that is guessed at
_WHERE = re.compile(r" - at `(?:key in )?\$(.*)`$")
_NAMED = re.compile(r"(unknown|required) field `(.*?)`")
_STEP = re.compile(r"\[[^\]]*\]|[^.\[\]]+")
_CODED = ("Expected `str` matching regex", "Invalid enum value")
"""How msgspec begins what tells of a pattern, or does not tell what may stand there."""


def faults_of(
    root: str,
    kind: type[msgspec.Struct],
    given: Any,
    error: msgspec.ValidationError,
    *,
    strict: bool,
) -> list[FaultDocument]:
    """Find what is wrong with each field.

    Args:
        root: ``query`` or ``body``.
        given: what was sent, as plain data.
        error: what reading all of it raised.
        strict: whether a number in a text is none.
    """
    found: list[FaultDocument] = []
    if isinstance(given, Mapping):
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        unknown = [name for name in given if name not in fields]
        found += [_unknown(root, name, fields) for name in unknown[:MOST]]
        for name, field in fields.items():
            path = f"{root}.{name}"
            if name not in given:
                if field.required:
                    found.append(FaultDocument(path=path, reason="it is missing"))
                continue
            try:
                msgspec.convert(given[name], field.type, strict=strict)
            except msgspec.ValidationError as failure:
                found.append(_fault(path, field.type, failure))
    return found or [_fault(root, kind, error)]


def _unknown(root: str, name: str, known: Iterable[str]) -> FaultDocument:
    hint = nearest(name, known) if len(name) <= LONGEST else ""
    reason = "it is not known here" + (f" ({hint})" if hint else "")
    return FaultDocument(path=f"{root}.{name}", reason=reason)


def _fault(path: str, annotation: Any, error: msgspec.ValidationError) -> FaultDocument:
    """Say where below a path and what, from what msgspec says."""
    text = str(error)
    where = _WHERE.search(text)
    below = where[1] if where else ""
    if text.startswith(_CODED):
        wanted = _expected(_at(annotation, below))
        return FaultDocument(path=path + below, reason=f"expected {wanted}")
    reason = _WHERE.sub("", text).replace("`", "")
    if named := _NAMED.search(text):
        below = f"{below}.{named[2]}"
        reason = "it is not known here" if named[1] == "unknown" else "it is missing"
    return FaultDocument(path=path + below, reason=reason[:1].lower() + reason[1:])


def _at(annotation: Any, below: str) -> Any:
    """Find the type of what stands below a place, as in ``[0].name``."""
    for step in _STEP.findall(below):
        kind = bare(annotation)
        if step.startswith("["):
            annotation = get_args(kind)[0]
        else:
            fields = msgspec.structs.fields(kind)
            annotation = next(one.type for one in fields if one.encode_name == step)
    return annotation


def _expected(annotation: Any) -> str:
    parts = [part for part in members(annotation) if part is not UnsetType]
    return " or ".join(expected(part) for part in parts)
