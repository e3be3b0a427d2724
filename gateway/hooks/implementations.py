"""What plugins implement, in the order in which they are asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import pluggy

from gateway.hooks import specs
from gateway.hooks.kinds import kinds_of

KINDS = kinds_of(specs)
_NEVER_WAITS = "gateway_never_waits"
F = TypeVar("F", bound=Callable[..., Any])


def never_waits(function: F) -> F:
    """Mark one of the gateway's own coroutine functions that awaits nothing: no deadline is needed."""
    setattr(function, _NEVER_WAITS, True)
    return function


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """A plugin's implementation of a hook.

    Args:
        names: the arguments it takes, in its own order.
        asynchronous: it is a coroutine function.
        immediate: it is one that awaits nothing.
        settings: the plugin's own settings, None if it has no settings type.
    """

    hook: str
    plugin: str
    version: str
    function: Callable[..., Any]
    names: tuple[str, ...]
    asynchronous: bool
    immediate: bool = False
    settings: msgspec.Struct | None = None

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Call it with those of the arguments that it takes."""
        return self.function(
            *(self.settings if name == "settings" else arguments[name] for name in self.names)
        )


def implementations(
    manager: pluggy.PluginManager,
    versions: Mapping[str, str],
    settings: Mapping[str, msgspec.Struct],
) -> dict[str, tuple[Implementation, ...]]:
    """List every hook's implementations in the order in which they are asked.

    pluggy calls what was registered last first; plugins are registered in the reverse of the
    config's order, so that the config's order is what comes out here.
    """
    return {
        hook: tuple(
            Implementation(
                hook=hook,
                plugin=found.plugin_name,
                version=versions.get(found.plugin_name, ""),
                function=found.function,
                names=(*found.argnames, *found.kwargnames),
                asynchronous=inspect.iscoroutinefunction(found.function),
                immediate=hasattr(found.function, _NEVER_WAITS),
                settings=settings.get(found.plugin_name),
            )
            for found in reversed(getattr(manager.hook, hook).get_hookimpls())
        )
        for hook in KINDS
    }
