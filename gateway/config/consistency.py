"""Faults that show only when sections are seen together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.config.settings import Settings
from gateway.config.validation import join
from gateway.config.words import nearest
from gateway.errors import Fault

_PATTERN = frozenset("*?[")


def check(settings: Settings, tree: Mapping[str, Any]) -> list[Fault]:
    """Check that every name used is defined, and that no name is used twice.

    Args:
        settings: what could be read.
        tree: the plain data, so that a section with a fault of its own is not called missing.
    """
    tenants = _names(tree, "tenants") or {"default"}
    channels, backends = _names(tree, "channels"), _names(tree, "backends")
    faults = [
        Fault(
            path=f"backends.{name}",
            expected="a name that no channel has",
            found=repr(name),
            hint="both would answer below /in/NAME; rename one",
        )
        for name in sorted(channels & backends)
    ]
    uses: list[tuple[str, str, str, set[str]]] = []
    for kind, instances in (("channels", settings.channels), ("backends", settings.backends)):
        uses += [
            (f"{kind}.{name}.tenant", "tenant", instance.tenant, tenants)
            for name, instance in instances.items()
        ]
    for name, token in settings.api.tokens.items():
        path = join("api.tokens", name)
        uses += [
            (f"{path}.tenants[{n}]", "tenant", tenant, tenants | {"*"})
            for n, tenant in enumerate(token.tenants)
        ]
    uses += _routing(settings, tenants, channels, backends)
    return faults + _undefined(uses)


def _routing(
    settings: Settings, tenants: set[str], channels: set[str], backends: set[str]
) -> list[tuple[str, str, str, set[str]]]:
    uses: list[tuple[str, str, str, set[str]]] = []
    for index, rule in enumerate(settings.routing):
        path = f"routing[{index}]"
        for word, names, known in (
            ("channel", rule.when.channel, channels),
            ("tenant", rule.when.tenant, tenants),
        ):
            uses += [
                (f"{path}.when.{word}[{n}]", word, name, known)
                for n, name in enumerate(names)
                if not _PATTERN.intersection(name)
            ]
        uses += [
            (f"{path}.backends[{n}]", "backend", name, backends)
            for n, name in enumerate(rule.backends)
        ]
    return uses


def _undefined(uses: Iterable[tuple[str, str, str, set[str]]]) -> list[Fault]:
    return [
        Fault(
            path=path,
            expected=f"the name of a {word} in this config",
            found=repr(name),
            hint=nearest(name, known) or f"add [{word}s.{name}]",
        )
        for path, word, name, known in uses
        if name not in known
    ]


def _names(tree: Mapping[str, Any], section: str) -> set[str]:
    found = tree.get(section)
    return set(found) if isinstance(found, Mapping) else set()
