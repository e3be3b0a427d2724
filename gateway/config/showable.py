"""Settings types as a JSON Schema can show them: without defaults that JSON cannot say."""

from __future__ import annotations

import functools
import operator
import types
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

Struct = type[msgspec.Struct]


def showable(kind: Struct, known: dict[Struct, Struct]) -> Struct:
    """Give the type itself, or a like one in which a default such as a `Secret` is left out.

    Args:
        kind: a settings type; those inside it are replaced where they have to be.
        known: what was replaced so far.
    """
    if kind in known:
        return known[kind]
    known[kind] = kind  # for a type that holds itself
    fields = msgspec.structs.fields(kind)
    changed = [(field, _replaced(field.type, known)) for field in fields]
    if all(field.type is new and _is_plain(field.default) for field, new in changed):
        return kind
    shape = kind.__struct_config__
    known[kind] = msgspec.defstruct(
        kind.__name__,
        [(field.name, new, _field(field)) for field, new in changed],
        kw_only=True,
        tag=shape.tag,
        tag_field=shape.tag_field,
        forbid_unknown_fields=shape.forbid_unknown_fields,
        module=kind.__module__,
        namespace={"__doc__": kind.__doc__},
    )
    return known[kind]


def _field(field: msgspec.structs.FieldInfo) -> Any:
    if field.required:
        return msgspec.field(name=field.encode_name)
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(name=field.encode_name, default_factory=field.default_factory)
    if _is_plain(field.default):
        return msgspec.field(name=field.encode_name, default=field.default)
    return msgspec.field(name=field.encode_name, default_factory=object)


def _replaced(annotation: Any, known: dict[Struct, Struct]) -> Any:
    """The annotation with every settings type in it replaced; itself if there is none to be."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return showable(annotation, known)
    arguments = get_args(annotation)
    new = tuple(_replaced(each, known) for each in arguments)
    if all(one is other for one, other in zip(arguments, new, strict=True)):
        return annotation
    origin = get_origin(annotation)
    if origin is Annotated:
        return Annotated[new]
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, new)
    return origin[new]


def _is_plain(value: Any) -> bool:
    if value is msgspec.NODEFAULT:
        return True
    try:
        msgspec.to_builtins(value, str_keys=True)
    except TypeError:
        return False
    return True
