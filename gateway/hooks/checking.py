"""Check a plugin when it is loaded: each mistake gets one clear sentence."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pluggy

from gateway.config.words import nearest
from gateway.hooks.implementations import KINDS
from gateway.hooks.kinds import Kind

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def check_plugin(manager: pluggy.PluginManager, plugin: object) -> list[str]:
    """Say everything that is wrong with a plugin; empty if it may be registered.

    Args:
        manager: knows pluggy's marks.
        plugin: a module, or any object with hook implementations.
    """
    mistakes = list(_settings(plugin))
    hooks = 0
    for name, function, options in _marked(manager, plugin):
        hook = options.get("specname") or name
        if options.get("wrapper") or options.get("hookwrapper"):
            mistakes.append(
                f"{name} is a hook wrapper, which the gateway does not call: "
                "write it as a plain implementation"
            )
        elif hook in KINDS:
            hooks += 1
            mistakes += _implementation(hook, KINDS[hook], function)
            mistakes += _wants_settings(hook, function, plugin)
        elif not options.get("optionalhook"):
            guess = nearest(hook, KINDS) or f"the hooks are {', '.join(sorted(KINDS))}"
            mistakes.append(f"there is no hook {hook!r}: {guess}")
    mistakes += _unmarked(manager, plugin)
    if not mistakes and not hooks:
        mistakes.append("it implements no hook: put @hookimpl above its hook functions")
    return mistakes


def _marked(
    manager: pluggy.PluginManager, plugin: object
) -> Iterator[tuple[str, Callable[..., Any], Any]]:
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is not None:
            yield name, getattr(plugin, name), options


def _unmarked(manager: pluggy.PluginManager, plugin: object) -> Iterator[str]:
    """A function that is named like a hook but has lost its mark is never called, silently."""
    for hook in KINDS:
        function = getattr(plugin, hook, None)
        own = getattr(function, "__module__", "") == getattr(plugin, "__name__", None)
        if inspect.isfunction(function) and own and not manager.parse_hookimpl_opts(plugin, hook):
            yield f"{hook} is not marked: put @hookimpl above it, above every other decorator"


def _settings(plugin: object) -> Iterator[str]:
    settings = getattr(plugin, "SETTINGS", None)
    if settings is not None and not (
        isinstance(settings, type) and issubclass(settings, msgspec.Struct)
    ):
        yield f"SETTINGS has to be a msgspec.Struct type, not {type(settings).__name__}"


def _wants_settings(hook: str, function: Callable[..., Any], plugin: object) -> Iterator[str]:
    if "settings" in inspect.signature(function).parameters and not hasattr(plugin, "SETTINGS"):
        yield f"{hook} asks for settings, but the plugin has no SETTINGS type"


def _implementation(hook: str, kind: Kind, function: Callable[..., Any]) -> Iterator[str]:
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            yield f"{hook} takes *{name}: name the arguments it needs"
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            yield f"{hook} takes **{name}: name the arguments it needs"
        elif name not in kind.arguments:
            guess = nearest(name, kind.arguments) or f"it has {', '.join(kind.arguments)}"
            yield f"{hook} has no argument {name!r}: {guess}"
        elif parameter.kind not in _POSITIONAL:
            yield f"{hook} takes {name!r} by keyword only: remove the * before it"
    yield from _colour(hook, kind, function)


def _colour(hook: str, kind: Kind, function: Callable[..., Any]) -> Iterator[str]:
    asynchronous = inspect.iscoroutinefunction(function)
    asynchronous_generator = inspect.isasyncgenfunction(function)
    if kind.how == "LIFESPAN":
        if asynchronous or asynchronous_generator or inspect.isgeneratorfunction(function):
            yield f"{hook} has to be an async context manager: put @asynccontextmanager below @hookimpl"
    elif kind.how == "REGISTER" and (asynchronous or asynchronous_generator):
        yield f"{hook} is async, but it is called before there is an event loop: use a plain def"
    elif asynchronous_generator:
        yield f"{hook} is an async generator: return {'a list' if kind.many else 'one answer'}"
    elif inspect.isgeneratorfunction(function) and not kind.many:
        yield f"{hook} yields, but it gives one answer: return it"
