"""Types and values in the words of the person who writes the config."""

from __future__ import annotations

import datetime as dt
import difflib
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import inspect

from gateway.config.interpolation import Interpolated
from gateway.config.secret import Secret
from gateway.config.server import mask_password

_SHOWN = 60
_PLAIN: dict[Any, str] = {
    bool: "true or false",
    str: "text",
    dt.datetime: "a date and time",
    dt.date: "a date",
    dt.time: "a time of day",
}
_NUMBERS = {int: "a whole number", float: "a number"}
_PLURALS = (
    ("a whole number", "whole numbers"),
    ("a number", "numbers"),
    ("a table", "tables"),
)
_LISTS = (list, tuple, set, frozenset)


def bare(annotation: Any) -> Any:
    """Take the constraints off a type."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def metas(annotation: Any) -> list[msgspec.Meta]:
    """The constraints and descriptions of a type, the outermost last."""
    found: list[msgspec.Meta] = []
    while get_origin(annotation) is Annotated:
        annotation, *extras = get_args(annotation)
        found = [extra for extra in extras if isinstance(extra, msgspec.Meta)] + found
    return found


def members(annotation: Any) -> tuple[Any, ...]:
    """What a union is made of, without None; a type that is no union is its only member."""
    kind = bare(annotation)
    if get_origin(kind) not in (Union, types.UnionType):
        return (annotation,)
    return tuple(part for part in get_args(kind) if part is not type(None))


def is_secret(annotation: Any) -> bool:
    """Whether a value of this type must not be shown."""
    kind = bare(annotation)
    return kind is Secret or any(is_secret(part) for part in get_args(kind))


def min_length(annotation: Any) -> int:
    """Characters that a secret of this type has to have at least."""
    return max((int((meta.extra or {}).get("least", 0)) for meta in metas(annotation)), default=0)


def expected(annotation: Any) -> str:
    """Say what a type wants."""
    for meta in reversed(metas(annotation)):
        if meta.extra and "expects" in meta.extra:
            return str(meta.extra["expects"])
    parts = members(annotation)
    if len(parts) > 1:
        return " or ".join(expected(part) for part in parts)
    kind = bare(parts[0])
    if hasattr(kind, "expects"):
        return str(kind.expects)
    origin = get_origin(kind)
    if origin is Literal:
        return "one of " + ", ".join(_literal(value) for value in get_args(kind))
    if kind in _LISTS or origin in _LISTS:
        return "a list" + _items(kind, metas(annotation))
    if kind in _NUMBERS:
        inner = metas(parts[0]) if parts[0] is not annotation else []
        return _NUMBERS[kind] + _bounds([*inner, *metas(annotation)])
    if kind is str and any(meta.min_length for meta in metas(annotation)):
        return "text that is not empty"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        tag = kind.__struct_config__
        return f"a table with {tag.tag_field} = {_literal(tag.tag)}" if tag.tag_field else "a table"
    return _PLAIN.get(kind, "a table")


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _items(kind: Any, constraints: Iterable[msgspec.Meta]) -> str:
    arguments = [part for part in get_args(kind) if part is not ...]
    least = max((meta.min_length or 0 for meta in constraints), default=0)
    of = ""
    if arguments:
        item = expected(arguments[0])
        starts = (many + item[len(one) :] for one, many in _PLURALS if item.startswith(one))
        plural = next(starts, "texts" if item == "text" else "")
        of = f" of {plural}" if plural else f", each {item}"
    return of + (f", at least {least}" if least else "")


def _bounds(constraints: Iterable[msgspec.Meta]) -> str:
    said: list[str] = []
    for meta in constraints:
        if meta.ge is not None and meta.le is not None:
            said.append(f"from {meta.ge} to {meta.le}")
        elif meta.ge is not None:
            said.append(f"of at least {meta.ge}")
        elif meta.le is not None:
            said.append(f"of at most {meta.le}")
        if meta.gt is not None:
            said.append(f"above {meta.gt}")
        if meta.lt is not None:
            said.append(f"below {meta.lt}")
    return "".join(f" {words}" for words in said)


def found(value: Any, *, secret: bool = False) -> str:
    """Say what stands there; never a secret, and nothing that came from the environment."""
    if isinstance(value, Interpolated):
        return f"the value of {value.source}"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "an empty list" if not value else "a list"
    if secret:
        return {str: "text", bool: "true or false"}.get(type(value), "a number")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = mask_password(value)
        return f'"{text if len(text) <= _SHOWN else text[:_SHOWN] + "…"}"'
    return str(value)


def nearest(word: str, known: Iterable[str]) -> str:
    """Guess what was meant, as a question; empty if nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def describe(field: inspect.Field) -> str:
    """The description of a Struct's field, empty if it has none."""
    kind = field.type
    if isinstance(kind, inspect.Metadata) and kind.extra_json_schema:
        return str(kind.extra_json_schema.get("description", ""))
    return ""
