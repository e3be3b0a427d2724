"""How each hook is called, and what it may answer."""

from __future__ import annotations

import collections.abc
import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import pluggy

PROJECT = "gateway"
How = Literal["REGISTER", "LIFESPAN", "PIPE", "FIRST", "COLLECT", "NOTIFY"]
F = TypeVar("F", bound=Callable[..., Any])
_SPEC = pluggy.HookspecMarker(PROJECT)
_KIND = "gateway_kind"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a hook is called.

    Args:
        how: REGISTER (once, when the plugin is loaded or its part is built), LIFESPAN (around the
            running life), PIPE (the value goes through every plugin), FIRST (the first answer
            counts), COLLECT (every plugin's answers), NOTIFY (afterwards, nothing is answered).
        closed: a failing plugin stops what is being done instead of being skipped.
        arguments: their names, in the order of the specification.
        subject: the argument that goes through a pipe.
        kept: its fields that no plugin may change.
        answers: the types an answer may have; empty if nothing is answered.
        many: the answer is an iterable of such values.
    """

    how: How
    closed: bool
    subject: str
    kept: tuple[str, ...]
    arguments: tuple[str, ...]
    answers: tuple[type, ...]
    many: bool

    @property
    def wanted(self) -> str:
        """What an answer has to be, in words."""
        names = " or ".join(sorted(kind.__name__ for kind in self.answers))
        return f"an iterable of {names}" if self.many else f"{names} or None"


def hookspec(
    how: How, *, closed: bool = False, subject: str = "", kept: tuple[str, ...] = ()
) -> Callable[[F], F]:
    """Declare a hook and how it is called."""

    def declare(function: F) -> F:
        setattr(function, _KIND, (how, closed, subject, kept))
        return _SPEC(function)

    return declare


def kinds_of(module: types.ModuleType) -> dict[str, Kind]:
    """Read how the hooks of a module of specifications are called, from their signatures."""
    return {
        name: _kind(function) for name, function in vars(module).items() if hasattr(function, _KIND)
    }


def _kind(function: Callable[..., Any]) -> Kind:
    how, closed, subject, kept = getattr(function, _KIND)
    parts = _parts(get_type_hints(function).get("return", type(None)))
    many = any(get_origin(part) is collections.abc.Iterable for part in parts)
    if many:
        parts = tuple(each for part in parts for each in _parts(get_args(part)[0]))
    return Kind(
        how=how,
        closed=closed,
        subject=subject,
        kept=kept,
        arguments=tuple(inspect.signature(function).parameters),
        answers=tuple(get_origin(part) or part for part in parts),
        many=many,
    )


def _parts(annotation: Any) -> tuple[Any, ...]:
    """The members of a union without None, or the one type there is."""
    if get_origin(annotation) in (Union, types.UnionType):
        parts = get_args(annotation)
    else:
        parts = (annotation,)
    return tuple(part for part in parts if part is not type(None))
