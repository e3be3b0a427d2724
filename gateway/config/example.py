"""The commented config that ``gateway init`` writes."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct

from gateway.config.connectors import (
    BackendSettings,
    ChannelSettings,
    PluginSettings,
    RoutingRule,
    TenantSettings,
)
from gateway.config.secret import Secret
from gateway.config.settings import Settings
from gateway.config.validation import join, rest_field
from gateway.config.words import bare, members, metas

_WIDTH = 96
_HEAD = """\
The configuration of the intake gateway. What stands behind a # is the default, or an example.
In every text ${NAME} stands for an environment variable, and ${NAME:-text} for text if there is
none. A password, token or key may also be "file:PATH". Check with: gateway check"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A channel type, backend type or plugin that the example shows.

    Args:
        name: of the type or plugin.
        summary: one sentence.
        settings: its settings type, None if it has none.
        active: written without # in front; then it has to do without required settings.
    """

    name: str
    summary: str = ""
    settings: type[Struct] | None = None
    active: bool = False


def example(
    *,
    plugins: Sequence[Described] = (),
    channels: Sequence[Described] = (),
    backends: Sequence[Described] = (),
) -> str:
    """Write a config with every setting, its default and what it means.

    Args:
        plugins: those that are installed, in the order in which they are to be asked.
        channels: the known channel types.
        backends: the known backend types.
    """
    lines = [*_comment(_HEAD, keep=True), ""]
    sections = {
        "plugins": _plugins(plugins),
        "channels": _connectors("channels", ChannelSettings, channels),
        "backends": _connectors("backends", BackendSettings, backends),
        "tenants": _table("tenants.default", TenantSettings, "", active=False),
        "routing": _table("[routing]", RoutingRule, "", active=False),
    }
    for field in msgspec.structs.fields(Settings):
        lines += _comment(_description(field), keep=True)
        special = sections.get(field.name)
        if special is not None:
            lines += special
        else:
            lines += _table(field.name, bare(field.type), "", active=True)
    return "\n".join(lines).rstrip() + "\n"


def _plugins(plugins: Sequence[Described]) -> Iterator[str]:
    for plugin in plugins:
        yield from _table(
            f"plugins.{plugin.name}",
            PluginSettings,
            plugin.summary,
            active=plugin.active,
            own=plugin.settings,
            skip=("path",),
        )
    if not plugins:
        yield from _table("plugins.mine", PluginSettings, "", active=False)


def _connectors(section: str, core: type[Struct], kinds: Sequence[Described]) -> Iterator[str]:
    for kind in kinds:
        yield from _table(
            f"{section}.{kind.name}",
            core,
            kind.summary,
            active=kind.active,
            own=kind.settings,
            given={"type": kind.name},
        )
    if not kinds:
        yield ""


def _table(
    header: str,
    kind: type[Struct],
    summary: str,
    *,
    active: bool,
    own: type[Struct] | None = None,
    given: Mapping[str, Any] | None = None,
    skip: Sequence[str] = (),
) -> list[str]:
    """One table with those inside it: what is given stands as it is, all else behind a #."""
    mark = "" if active else "# "
    given = given or {}
    lines = [*_comment(summary, indent="# " if active else "## "), f"{mark}[{header}]"]
    inside: list[str] = []
    for owner in (kind, *([own] if own else [])):
        for field in msgspec.structs.fields(owner):
            table = _table_of(field, header)
            if field.name in (rest_field(owner), *skip):
                continue
            if field.name in given:
                lines.append(f"{mark}{field.encode_name} = {_toml(given[field.name])}")
            elif table is not None:
                inside += _table(*table, _description(field), active=False)
            else:
                lines += _comment(_description(field), indent="# " if active else "## ")
                lines.append(f"# {field.encode_name} = {_toml(_shown(field, header))}")
    return [*lines, "", *inside]


def _table_of(field: msgspec.structs.FieldInfo, header: str) -> tuple[str, type[Struct]] | None:
    """Header and type of a field that cannot stand on one line: a table without an example."""
    if any(meta.examples for meta in metas(field.type)):
        return None
    inner = f"{header.strip('[]')}.{field.encode_name}"
    for part in members(field.type):
        kind = bare(part)
        if _is_struct(kind):
            return inner, kind
        if get_origin(kind) is dict and _is_struct(bare(get_args(kind)[1])):
            return f"{inner}.name", bare(get_args(kind)[1])
        if get_origin(kind) in (list, tuple) and _is_struct(bare(get_args(kind)[0])):
            return f"[{inner}]", bare(get_args(kind)[0])
    return None


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _description(field: msgspec.structs.FieldInfo) -> str:
    for meta in metas(field.type):
        if meta.description:
            return meta.description
    return ""


def _shown(field: msgspec.structs.FieldInfo, header: str) -> Any:
    """The default, or an example where there is none or it would say nothing."""
    examples = [each for meta in metas(field.type) for each in meta.examples or ()]
    if field.default is not NODEFAULT:
        value = field.default
    elif field.default_factory is not NODEFAULT:
        value = field.default_factory()
    else:
        value = None
    empty = value in (None, "", (), {}, []) or isinstance(value, Struct)
    if examples and (empty or field.required):
        return examples[0]
    if value is None or isinstance(value, Secret):
        return _placeholder(field, header)
    return value


def _placeholder(field: msgspec.structs.FieldInfo, header: str) -> Any:
    part = members(field.type)[0]
    kind = bare(part)
    if kind is Secret:
        words = [*header.strip("[]").split(".")[1:], field.encode_name]
        return "${" + "_".join(words).upper().replace("-", "_") + "}"
    if get_origin(kind) in (list, tuple, set, frozenset):
        return []
    if get_origin(kind) is not None and get_args(kind):
        return get_args(kind)[0]
    least = [meta.ge for meta in metas(field.type) if meta.ge is not None]
    return {bool: False, int: least[0] if least else 1, float: 1.0, dict: {}}.get(kind, "…")


def _toml(value: Any) -> str:
    """Write a value as TOML; dicts inline."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{join('', key)} = {_toml(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(str(value), ensure_ascii=False)


def _comment(text: str, *, keep: bool = False, indent: str = "# ") -> list[str]:
    if keep:
        return [f"{indent}{line}" for each in text.splitlines() for line in _wrap(each)]
    return [f"{indent}{line}" for line in _wrap(text)]


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
