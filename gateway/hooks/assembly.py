"""From a config file to settings, plugins and connectors, with every fault at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from gateway.config.connectors import BackendSettings, ChannelSettings
from gateway.config.loading import Reading, read_file
from gateway.config.settings import Settings
from gateway.config.validation import join, validate
from gateway.config.words import nearest
from gateway.contracts.backend import BackendType
from gateway.contracts.channel import ChannelType
from gateway.contracts.footprint import Footprint
from gateway.errors import ConfigError, Fault
from gateway.hooks.footprints import compare
from gateway.hooks.loading import LoadedPlugins, load_plugins
from gateway.hooks.sources import Source

K_co = TypeVar("K_co", covariant=True)


class _Kind(Protocol):
    @property
    def settings(self) -> type[msgspec.Struct]: ...


K = TypeVar("K", bound=_Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured(Generic[K_co]):
    """A channel or backend that is ready to be made.

    Args:
        kind: its type, as its plugin registered it.
        settings: the type's own settings, validated.
    """

    name: str
    tenant: str
    kind: K_co
    settings: msgspec.Struct


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """Everything the gateway needs to know before it starts.

    Args:
        channels, backends: the enabled ones that can be made, by name.
        unavailable: why others cannot be made, by ``channel/NAME`` or ``backend/NAME``: the plugin
            that brings their type was refused.
        doubts: what works but is hardly meant, by the setting it is about.
        source: what the config file is called.
    """

    settings: Settings
    plugins: LoadedPlugins
    channels: dict[str, Configured[ChannelType]] = field(default_factory=dict)
    backends: dict[str, Configured[BackendType]] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    source: str = ""

    @property
    def targets(self) -> frozenset[str]:
        """Every ``channel/NAME`` and ``backend/NAME`` that is enabled, made or not."""
        channels = {f"channel/{name}" for name in self.channels}
        return frozenset(
            {*channels, *(f"backend/{name}" for name in self.backends), *self.unavailable}
        )

    @property
    def plugins_of(self) -> dict[tuple[str, str], str]:
        """Which plugin brought each channel and backend, by (kind, name)."""
        brought = {
            (word, kind): plugin.name
            for plugin in self.plugins.plugins
            for word, kinds in (
                ("channel", plugin.channel_types), ("backend", plugin.backend_types),
            )
            for kind in kinds
        }  # fmt: skip
        return {
            (word, name): brought.get((word, one.kind.name), "")
            for word, made in (("channel", self.channels), ("backend", self.backends))
            for name, one in made.items()
        }


def assemble_file(
    path: Path,
    *,
    environment: Mapping[str, str] | None = None,
    defaults: Sequence[Source] = (),
    available: Mapping[str, Source] | None = None,
) -> Assembly:
    """Read a config file, load its plugins and validate its connectors.

    Raises:
        ConfigError: with every fault of the file.
        PluginRefused: if a plugin with ``required = true`` cannot be loaded.
    """
    return assemble(read_file(path, environment), defaults=defaults, available=available)


def assemble(
    reading: Reading,
    *,
    defaults: Sequence[Source] = (),
    available: Mapping[str, Source] | None = None,
) -> Assembly:
    """Load the plugins of a config that was read, and validate its connectors.

    Args:
        reading: the config, with the faults found so far.
        defaults: the gateway's own policies, asked after all plugins.
        available: the installed plugins; found out by default.

    Raises:
        ConfigError: with every fault, those of the reading included.
        PluginRefused: if a plugin with ``required = true`` cannot be loaded.
    """
    plugins = load_plugins(
        reading.settings.plugins, folder=reading.folder, defaults=defaults, available=available
    )
    resolver = _Resolver(reading.folder, plugins)
    channels = resolver.resolve("channel", reading.settings.channels, plugins.channel_types)
    backends = resolver.resolve("backend", reading.settings.backends, plugins.backend_types)
    clashes, doubts = compare(reading.settings.web, _footprints(channels))
    faults = [*reading.faults, *plugins.faults, *resolver.faults, *clashes]
    if faults:
        raise ConfigError([*faults, *_required(plugins)], reading.source)
    plugins.require()
    return Assembly(
        settings=reading.settings,
        plugins=plugins,
        channels=channels,
        backends=backends,
        unavailable=resolver.unavailable,
        doubts=_doubts(reading.settings, doubts),
        source=reading.source,
    )


def _footprints(channels: Mapping[str, Configured[ChannelType]]) -> dict[str, Footprint]:
    return {
        join("channels", name): one.kind.footprint(one.settings)
        for name, one in channels.items()
        if one.kind.footprint is not None
    }


def _doubts(settings: Settings, found: dict[str, str]) -> dict[str, str]:
    if settings.channels and not any(one.enabled for one in settings.backends.values()):
        nowhere = "there is none: what customers write is kept, and becomes no ticket"
        return {**found, "backends": nowhere}
    return found


def _required(plugins: LoadedPlugins) -> list[Fault]:
    return [
        Fault(path=f"plugins.{plugin.name}", expected="a plugin that loads", found=plugin.fault)
        for plugin in plugins.refused
        if plugin.name in plugins.required
    ]


class _Resolver:
    def __init__(self, folder: Path, plugins: LoadedPlugins) -> None:
        self._folder, self._plugins = folder, plugins
        self.faults: list[Fault] = []
        self.unavailable: dict[str, str] = {}

    def resolve(
        self,
        word: str,
        instances: Mapping[str, ChannelSettings] | Mapping[str, BackendSettings],
        kinds: Mapping[str, K],
    ) -> dict[str, Configured[K]]:
        resolved: dict[str, Configured[K]] = {}
        for name, instance in instances.items():
            path = join(f"{word}s", name)
            kind = kinds.get(instance.type)
            if kind is None:
                self._untyped(word, name, instance, sorted(kinds))
                continue
            settings, faults = validate(
                kind.settings,
                instance.settings,
                path,
                folder=self._folder,
                also_known=("type", "tenant", "enabled"),
            )
            self.faults += faults
            if settings is not None and instance.enabled:
                resolved[name] = Configured(
                    name=name, tenant=instance.tenant, kind=kind, settings=settings
                )
        return resolved

    def _untyped(
        self, word: str, name: str, instance: ChannelSettings | BackendSettings, known: list[str]
    ) -> None:
        kind = instance.type
        if self._plugins.undeclared:
            return  # the plugin's own fault says what is to be mended
        if self._plugins.refused:
            reasons = "; ".join(
                f"plugin {plugin.name!r} was refused: {plugin.fault}"
                for plugin in self._plugins.refused
            )
            if instance.enabled:
                self.unavailable[f"{word}/{name}"] = f"{word} type {kind!r} is missing: {reasons}"
            return
        idle = {plugin.name for plugin in self._plugins.plugins if not plugin.enabled}
        if kind in idle:
            hint = f"plugin {kind!r} is installed but not enabled: add [plugins.{kind}]"
        else:
            names = ", ".join(known) or "none; enable a plugin with [plugins.NAME]"
            hint = nearest(kind, known) or f"known types: {names}"
        self.faults.append(
            Fault(
                path=f"{join(f'{word}s', name)}.type",
                expected=f"a {word} type of an enabled plugin",
                found=repr(kind),
                hint=hint,
            )
        )
