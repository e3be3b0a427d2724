"""Call the ``register_*`` hooks, each plugin for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from gateway.config.connectors import ChannelSettings
from gateway.contracts.backend import Backend
from gateway.contracts.channel import Channel
from gateway.errors import HookFailure
from gateway.hooks.calling import checked
from gateway.hooks.dispatcher import Answered
from gateway.hooks.implementations import KINDS, Implementation

LOOK_UPS = (("send", "find_sent"), ("open_ticket", "find"), ("add_entry", "find_entry"))
_RESERVED = frozenset(ChannelSettings.__struct_fields__) - {"settings"}


class Misregistered(Exception):
    """What a plugin declares cannot be used; the sentence says why."""


class _Declared(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def settings(self) -> type[msgspec.Struct]: ...


D = TypeVar("D", bound=_Declared)


def declare(
    found: Sequence[Implementation], word: str, taken: Mapping[str, tuple[str, D]]
) -> dict[str, D]:
    """Ask one plugin for its channel or backend types.

    Args:
        found: its implementation, or none.
        word: ``channel`` or ``backend``.
        taken: types that other plugins have brought, with the plugin's name.

    Raises:
        Misregistered: if the hook fails, or declares what cannot be used.
    """
    declared: dict[str, D] = {}
    for one in found:
        try:
            kinds: Iterable[D] = checked(KINDS[one.hook], one.call({}))
        except (Exception, SystemExit) as error:
            raise Misregistered(f"{one.hook} raised {type(error).__name__}: {error}") from error
        for kind in kinds:
            if kind.name in taken or kind.name in declared:
                owner = taken[kind.name][0] if kind.name in taken else one.plugin
                raise Misregistered(f"plugin {owner!r} has a {word} type {kind.name!r} already")
            _check_settings(kind.settings, f"the settings of {word} type {kind.name!r}")
            _check_look_up(getattr(kind, "make", None), f"{word} type {kind.name!r}")
            declared[kind.name] = kind
    return declared


def _check_settings(settings: Any, where: str) -> None:
    if not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        raise Misregistered(f"{where} have to be a msgspec.Struct type")
    clash = sorted(_RESERVED.intersection(settings.__struct_encode_fields__))
    if clash:
        raise Misregistered(f"{where} have a field {clash[0]!r}, which is the gateway's own")


def _check_look_up(make: Any, what: str) -> None:
    """Without a look-up, what `repeat = "lookup"` does not find would be sent again and again."""
    if not isinstance(make, type) or not issubclass(make, (Channel, Backend)):
        return
    base: type[Any] = Channel if issubclass(make, Channel) else Backend
    if make.capabilities.repeat != "lookup":
        return
    for does, finds in LOOK_UPS:
        own = getattr(make, does, None) is not getattr(base, does, None)
        if own and getattr(make, finds) is getattr(base, finds):
            raise Misregistered(
                f'{what} says repeat="lookup" but has no {finds}, so that whatever {does} did '
                f"without an answer would be done again: write {finds}, or say another repeat"
            )


def registered(
    found: Sequence[Implementation], on_failure: Callable[[HookFailure], None]
) -> list[Answered[Any]]:
    """Ask every plugin for its commands, routes, pages or checks; a failing one is left out.

    Args:
        found: implementations of one ``register_*`` hook.
        on_failure: told of each failure.
    """
    answers: list[Answered[Any]] = []
    for one in found:
        try:
            each = checked(KINDS[one.hook], one.call({}))
        except (Exception, SystemExit) as error:
            on_failure(HookFailure(one.hook, one.plugin, error))
        else:
            answers += [Answered(value, one.plugin, one.version) for value in each]
    return answers
