"""``gateway plugins``: what is installed, enabled and wrong."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.options import Group
from gateway.cli.session import Session
from gateway.cli.terminal import plain, table
from gateway.cli.wording import facts
from gateway.errors import ConfigError, NotFound, PluginRefused

if TYPE_CHECKING:
    from gateway.hooks.loading import LoadedPlugins, PluginInfo


@click.group(
    cls=Group,
    invoke_without_command=True,
    examples=("gateway plugins", "gateway plugins doctor email"),
)
@click.pass_context
def command(context: click.Context) -> None:
    """List plugins: installed, enabled, hooks, faults."""
    if context.invoked_subcommand is None:
        context.invoke(list_plugins)


@command.command("list")
@click.pass_obj
def list_plugins(session: Session) -> None:
    """List plugins: installed, enabled, hooks, faults."""
    loaded = _loaded(session)
    rows = [
        (
            plugin.name,
            plugin.version,
            _state(plugin),
            ", ".join((*plugin.channel_types, *plugin.backend_types)),
            ", ".join(plugin.hooks) if not plugin.fault else plugin.fault,
        )
        for plugin in loaded.plugins
    ]
    heads = ("Plugin", "Version", "State", "Types", "Hooks or fault")
    text = table(heads, rows) if rows else "No plugin is installed."
    if any(not plugin.enabled for plugin in loaded.plugins):
        text += "\nWhat is installed is enabled by [plugins.NAME] in the config."
    session.print([_document(plugin) for plugin in loaded.plugins], text)


@command.command()
@click.argument("name")
@click.pass_obj
def doctor(session: Session, name: str) -> None:
    """Examine one plugin: where from, what it does, what uses it, what is wrong."""
    loaded = _loaded(session)
    found = next((plugin for plugin in loaded.plugins if plugin.name == name), None)
    if found is None:
        names = ", ".join(plugin.name for plugin in loaded.plugins) or "none"
        raise NotFound(f"no plugin is called {name!r}; there is {names}")
    faults = [str(fault) for fault in loaded.faults if _is_of(fault.path, name)]
    uses = _uses(session, found)
    kinds = _kinds(loaded, found)
    document = {**_document(found), "kinds": kinds, "used_by": uses, "config_faults": faults}
    text = facts(
        [
            ("State", _state(found)),
            ("Version", found.version),
            ("Distribution", found.distribution),
            ("Module", found.module),
            ("Channel types", ", ".join(found.channel_types)),
            ("Backend types", ", ".join(found.backend_types)),
            ("Used by", ", ".join(uses)),
            *((f"Hook {hook}", kind) for hook, kind in kinds.items()),
            ("Fault", found.fault),
            *(("Config", fault) for fault in faults),
        ]
    )
    session.print(document, f"{plain(name)}\n{text}")
    if found.fault:
        raise PluginRefused(name, found.fault)
    if faults:
        raise PluginRefused(name, "; ".join(faults))


def _loaded(session: Session) -> LoadedPlugins:
    """Load what the config enables; without a config file, only list what is installed."""
    from pathlib import Path

    from gateway.hooks.loading import load_plugins

    if session.config is None and not session.path.exists():
        return load_plugins({}, folder=Path())
    reading = session.reading  # says if there is no config to read
    with suppress(ConfigError, PluginRefused):  # what is wrong stands in the list
        return session.assembly.plugins
    return load_plugins(reading.settings.plugins, folder=reading.folder)


def _state(plugin: PluginInfo) -> str:
    if plugin.enabled:
        return "refused" if plugin.fault else "enabled"
    return "installed" if plugin.module else "switched off"


def _document(plugin: PluginInfo) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "distribution": plugin.distribution,
        "module": plugin.module,
        "state": _state(plugin),
        "enabled": plugin.enabled,
        "hooks": plugin.hooks,
        "channel_types": plugin.channel_types,
        "backend_types": plugin.backend_types,
        "fault": plugin.fault,
    }


def _kinds(loaded: LoadedPlugins, plugin: PluginInfo) -> dict[str, str]:
    """How each of its hooks is called, and its place among those who are asked."""
    from gateway.hooks.implementations import KINDS

    told = {}
    for hook in plugin.hooks:
        asked = [one.plugin for one in loaded.implementations[hook]]
        kind = KINDS[hook]
        what = f"{kind.how}, closed" if kind.closed else kind.how
        told[hook] = f"{what}, asked as {asked.index(plugin.name) + 1} of {len(asked)}"
    return told


def _uses(session: Session, plugin: PluginInfo) -> list[str]:
    if session.config is None and not session.path.exists():
        return []
    settings = session.reading.settings
    return [
        *(
            f"channels.{n}"
            for n, one in settings.channels.items()
            if one.type in plugin.channel_types
        ),
        *(
            f"backends.{n}"
            for n, one in settings.backends.items()
            if one.type in plugin.backend_types
        ),
    ]


def _is_of(path: str, name: str) -> bool:
    return path == f"plugins.{name}" or path.startswith(f"plugins.{name}.")
