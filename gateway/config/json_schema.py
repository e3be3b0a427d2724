"""The JSON Schema of the whole config, with the settings that plugins bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.config.connectors import BackendSettings, ChannelSettings, PluginSettings
from gateway.config.settings import Settings
from gateway.config.showable import showable
from gateway.config.validation import rest_field

Types = Mapping[str, type[msgspec.Struct]]
_CORE = (PluginSettings, ChannelSettings, BackendSettings)
_PREFIX = "#/$defs/"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(
    *, plugins: Types | None = None, channels: Types | None = None, backends: Types | None = None
) -> dict[str, Any]:
    """Make the JSON Schema of a config file, for editors and for checks.

    Args:
        plugins: settings types of the loaded plugins, by plugin.
        channels: settings types of the known channel types, by type.
        backends: settings types of the known backend types, by type.
    """
    plugins, channels, backends = plugins or {}, channels or {}, backends or {}
    own = (*plugins.values(), *channels.values(), *backends.values())
    schema = _components((Settings, *_CORE, *own))
    top = schema.of(Settings)
    properties = top["properties"]
    for section, core, kinds in (
        ("channels", ChannelSettings, channels),
        ("backends", BackendSettings, backends),
    ):
        each = [_merged(schema, core, kind, name=name) for name, kind in kinds.items()]
        properties[section]["additionalProperties"] = {"oneOf": each} if each else False
    properties["plugins"]["properties"] = {
        name: _merged(schema, PluginSettings, kind) for name, kind in plugins.items()
    }
    properties["plugins"]["additionalProperties"] = _merged(schema, PluginSettings, None)
    for kind in (Settings, *_CORE):
        del schema.components[schema.names[kind]]
    return {"$schema": _DRAFT, **top, "$defs": schema.components}


@dataclass(frozen=True, slots=True)
class _Schema:
    names: dict[type[msgspec.Struct], str]
    components: dict[str, Any]

    def of(self, kind: type[msgspec.Struct]) -> dict[str, Any]:
        found: dict[str, Any] = self.components[self.names[kind]]
        return found


def _components(kinds: Iterable[type[msgspec.Struct]]) -> _Schema:
    known: dict[type[msgspec.Struct], type[msgspec.Struct]] = {}
    shown = {kind: showable(kind, known) for kind in kinds}
    schemas, components = msgspec.json.schema_components(
        tuple(shown.values()), schema_hook=_schema_of, ref_template=_PREFIX + "{name}"
    )
    names = {
        kind: schema["$ref"].removeprefix(_PREFIX)
        for kind, schema in zip(shown, schemas, strict=True)
    }
    return _Schema(names, components)


def _schema_of(kind: type) -> dict[str, Any]:
    return dict(getattr(kind, "json_schema", {"type": "string"}))


def _merged(
    schema: _Schema,
    core: type[msgspec.Struct],
    own: type[msgspec.Struct] | None,
    *,
    name: str = "",
) -> dict[str, Any]:
    """What the gateway and a plugin together allow in one table."""
    common = schema.of(core)
    more = schema.of(own) if own else {}
    properties = {
        key: value for key, value in common["properties"].items() if key != rest_field(core)
    }
    if name:
        properties["type"] = {**properties["type"], "const": name}
    return {
        "type": "object",
        "properties": {**properties, **more.get("properties", {})},
        "required": [*common.get("required", []), *more.get("required", [])],
        "additionalProperties": False,
    }
