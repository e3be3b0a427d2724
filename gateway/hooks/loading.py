"""Load the plugins that the config enables; one that is broken never hides the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pluggy

from gateway.config.connectors import PluginSettings
from gateway.config.validation import validate
from gateway.config.words import nearest
from gateway.contracts.backend import BackendType
from gateway.contracts.channel import ChannelType
from gateway.errors import Fault, PluginRefused
from gateway.hooks import specs
from gateway.hooks.checking import check_plugin
from gateway.hooks.implementations import Implementation, implementations
from gateway.hooks.kinds import PROJECT
from gateway.hooks.registering import Misregistered, declare
from gateway.hooks.sources import Source, Unloadable, from_file, installed


class PluginInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin as ``gateway plugins`` shows it.

    Args:
        version: of its distribution; empty for a plugin file.
        enabled: the config names it and does not switch it off.
        hooks: the hooks it implements.
        fault: why it was refused; empty if it was not.
        module: what was or would be imported.
        channel_types, backend_types: names of what it brings.
    """

    name: str
    version: str = ""
    distribution: str = ""
    enabled: bool = False
    hooks: tuple[str, ...] = ()
    fault: str = ""
    module: str = ""
    channel_types: tuple[str, ...] = ()
    backend_types: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LoadedPlugins:
    """What came of loading.

    Args:
        plugins: every installed or configured plugin; the enabled ones first, in their order.
        implementations: of every hook, in the order in which they are asked.
        settings: each plugin's own settings, for those with a settings type.
        settings_types: of each loaded plugin that has one.
        faults: what is wrong with the ``[plugins]`` section.
        undeclared: plugins that could not say what they bring because of such a fault.
        required: those that the config says the gateway must not start without.
    """

    plugins: tuple[PluginInfo, ...]
    manager: pluggy.PluginManager
    channel_types: dict[str, ChannelType]
    backend_types: dict[str, BackendType]
    implementations: dict[str, tuple[Implementation, ...]]
    settings: dict[str, msgspec.Struct] = field(default_factory=dict)
    settings_types: dict[str, type[msgspec.Struct]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    undeclared: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()

    @property
    def refused(self) -> tuple[PluginInfo, ...]:
        """The plugins that were to be loaded and could not."""
        return tuple(plugin for plugin in self.plugins if plugin.fault and plugin.enabled)

    def require(self) -> None:
        """Refuse to go on without the plugins that are required.

        Raises:
            PluginRefused: naming the first one that could not be loaded.
        """
        for plugin in self.refused:
            if plugin.name in self.required:
                raise PluginRefused(plugin.name, plugin.fault)


def load_plugins(
    configured: Mapping[str, PluginSettings],
    *,
    folder: Path,
    defaults: Sequence[Source] = (),
    available: Mapping[str, Source] | None = None,
) -> LoadedPlugins:
    """Load the enabled plugins in the order of the config, the gateway's own defaults last.

    Args:
        configured: the config's ``[plugins]``.
        folder: where the paths of plugin files start.
        defaults: the gateway's own policies, asked after all others.
        available: what is installed; found out by default.

    Returns:
        What was loaded and what was refused; `LoadedPlugins.require` stops the start if need be.
    """
    found = installed() if available is None else available
    loader = _Loader(folder)
    infos: list[PluginInfo] = []
    for name, entry in configured.items():
        source = from_file(name, folder / entry.path) if entry.path else found.get(name)
        if not entry.enabled:
            infos.append(_listed(source) if source else PluginInfo(name=name))
        elif source is None:
            loader.faults.append(_not_installed(name, found))
            loader.undeclared.add(name)
        else:
            infos.append(loader.load(source, entry))
    infos += [loader.load(source, PluginSettings()) for source in defaults]
    infos += [_listed(source) for name, source in found.items() if name not in configured]
    needed = {name for name, entry in configured.items() if entry.required}
    return loader.finish(infos, needed | {source.name for source in defaults})


def _listed(source: Source) -> PluginInfo:
    return PluginInfo(
        name=source.name,
        version=source.version,
        distribution=source.distribution,
        module=source.module,
    )


def _not_installed(name: str, found: Mapping[str, Source]) -> Fault:
    names = ", ".join(sorted(found)) or "none"
    guess = nearest(name, found) or f"installed are: {names}; for a file give its path"
    return Fault(
        path=f"plugins.{name}", expected="an installed plugin", found=repr(name), hint=guess
    )


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(specs)
    return manager


class _Loader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._accepted: list[tuple[Source, Any]] = []
        self._settings: dict[str, msgspec.Struct] = {}
        self._types: dict[str, type[msgspec.Struct]] = {}
        self._channels: dict[str, tuple[str, ChannelType]] = {}
        self._backends: dict[str, tuple[str, BackendType]] = {}
        self.faults: list[Fault] = []
        self.undeclared: set[str] = set()

    def load(self, source: Source, entry: PluginSettings) -> PluginInfo:
        info = msgspec.structs.replace(_listed(source), enabled=True)
        if source.fault:
            return msgspec.structs.replace(info, fault=source.fault)
        try:
            return self._accept(source, entry, info)
        except (Unloadable, Misregistered, pluggy.PluginValidationError) as error:
            return msgspec.structs.replace(info, fault=str(error))
        except Exception as error:  # one broken plugin never hides the others
            fault = f"loading it raised {type(error).__name__}: {error}"
            return msgspec.structs.replace(info, fault=fault)

    def _accept(self, source: Source, entry: PluginSettings, info: PluginInfo) -> PluginInfo:
        plugin = source.load()
        manager = _manager()
        mistakes = check_plugin(manager, plugin)
        if mistakes:
            raise Unloadable("; ".join(mistakes))
        if any(plugin is other for _, other in self._accepted):
            raise Unloadable("it is the same module as another enabled plugin")
        manager.register(plugin, source.name)
        settings = self._read_settings(source.name, plugin, entry)
        calls = implementations(manager, {source.name: source.version}, settings)
        channels: dict[str, ChannelType] = {}
        backends: dict[str, BackendType] = {}
        if source.name in self._types and not settings:
            self.undeclared.add(source.name)  # it cannot be asked without its settings
        else:
            channels = declare(calls["register_channels"], "channel", self._channels)
            backends = declare(calls["register_backends"], "backend", self._backends)
        self._channels |= {name: (source.name, kind) for name, kind in channels.items()}
        self._backends |= {name: (source.name, kind) for name, kind in backends.items()}
        self._accepted.append((source, plugin))
        self._settings |= settings
        return msgspec.structs.replace(
            info,
            hooks=tuple(hook for hook, found in calls.items() if found),
            channel_types=tuple(channels),
            backend_types=tuple(backends),
        )

    def _read_settings(
        self, name: str, plugin: Any, entry: PluginSettings
    ) -> dict[str, msgspec.Struct]:
        path = f"plugins.{name}"
        kind = getattr(plugin, "SETTINGS", None)
        core = tuple(field for field in PluginSettings.__struct_fields__ if field != "settings")
        if kind is None:
            kind = _NoSettings
        else:
            self._types[name] = kind
        settings, faults = validate(
            kind, entry.settings, path, folder=self._folder, also_known=core
        )
        self.faults += faults
        return {} if settings is None or kind is _NoSettings else {name: settings}

    def finish(self, infos: list[PluginInfo], required: set[str]) -> LoadedPlugins:
        manager = _manager()
        for source, plugin in reversed(self._accepted):
            manager.register(plugin, source.name)
        versions = {source.name: source.version for source, _ in self._accepted}
        return LoadedPlugins(
            plugins=tuple(infos),
            manager=manager,
            channel_types={name: kind for name, (_, kind) in self._channels.items()},
            backend_types={name: kind for name, (_, kind) in self._backends.items()},
            implementations=implementations(manager, versions, self._settings),
            settings=self._settings,
            settings_types=self._types,
            faults=self.faults,
            undeclared=frozenset(self.undeclared),
            required=frozenset(required),
        )


class _NoSettings(msgspec.Struct):
    """The settings of a plugin that has none."""
