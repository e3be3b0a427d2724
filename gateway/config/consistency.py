"""Faults that show only when sections are seen together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.config.database import url_faults
from gateway.config.interpolation import Interpolated
from gateway.config.retention import TenantRetention
from gateway.config.secret import Secret
from gateway.config.server import ApiSettings, StoreSettings
from gateway.config.settings import Settings
from gateway.config.validation import join
from gateway.config.words import found, nearest
from gateway.errors import Fault

_PATTERN = frozenset("*?[")
_REPEATED = 5  # RFC 5321, 4.5.4.1: a sender gives up after four or five days


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
    for kind in ("channels", "backends"):
        for name, instance in _tables(tree, kind):
            tenant = instance.get("tenant", "default")
            if isinstance(tenant, str):
                uses.append((f"{join(kind, name)}.tenant", "tenant", tenant, tenants))
    for name, token in _tables(tree.get("api"), "tokens"):
        path = f"{join('api.tokens', name)}.tenants"
        named = token.get("tenants")
        uses += [
            (f"{path}[{n}]", "tenant", tenant, tenants | {"*"})
            for n, tenant in enumerate(named if isinstance(named, list) else ["default"])
            if isinstance(tenant, str)
        ]
    uses += _routing(settings, tenants, channels, backends)
    return (
        faults
        + _undefined(uses)
        + _tokens(settings.api)
        + _store(settings.store)
        + _crossed(settings)
        + _retention(settings)
    )


def _crossed(settings: Settings) -> list[Fault]:
    """Check that what is the least does not lie above what is the most."""
    matching, outbox = settings.matching, settings.outbox
    pairs = (
        ("matching.suggest_threshold", matching.suggest_threshold,
         "matching.repeat_threshold", matching.repeat_threshold),
        ("outbox.retry_after_floor", outbox.retry_after_floor,
         "outbox.retry_after_cap", outbox.retry_after_cap),
        ("outbox.breaker_seconds", outbox.breaker_seconds,
         "outbox.breaker_cap", outbox.breaker_cap),
    )  # fmt: skip
    return [
        _fault(path, f"at most {most:.4g}", least, f"{other} is the upper one of the two")
        for path, least, other, most in pairs
        if least > most
    ]


def _tokens(api: ApiSettings) -> list[Fault]:
    """Check that a token says who sends it."""
    first: dict[Secret, str] = {}
    faults = []
    for name, each in api.tokens.items():
        other = first.setdefault(each.token, name)
        if other != name:
            faults.append(
                Fault(
                    path=f"{join('api.tokens', name)}.token", expected="a token of its own",
                    found=f"that of {join('api.tokens', other)}",
                    hint="one token would have the rights of two; make another: openssl rand -hex 24",
                )
            )  # fmt: skip
    return faults


def _store(store: StoreSettings) -> list[Fault]:
    faults = url_faults(store.url)
    if store.api_role and store.url.startswith("sqlite"):
        hint = "leave it out, or use PostgreSQL"
        expected, found = "no role, as SQLite has none", repr(store.api_role)
        faults.append(Fault(path="store.api_role", expected=expected, found=found, hint=hint))
    return faults


def _retention(settings: Settings) -> list[Fault]:
    """Check that nothing is removed that is needed still."""
    asked: dict[str, TenantRetention] = {"retention": settings.retention}
    for name, tenant in settings.tenants.items():
        if tenant.retention is not None:
            asked[f"{join('tenants', name)}.retention"] = tenant.retention
    tried = sum(settings.outbox.schedule) / 86400
    outbox = "for so long deliveries are tried (outbox.schedule)"
    reopen = "for so long an answer reopens its conversation (matching.reopen_days)"
    faults = []
    for path, kept in asked.items():
        least = {
            "raw_days": (tried, outbox),
            "attachment_days": (tried, outbox),
            "delivery_days": (tried, outbox),
            "conversation_days": max((tried, outbox), (settings.matching.reopen_days, reopen)),
        }
        for name, (needed, why) in least.items():
            days = getattr(kept, name)
            if days is not None and days < needed:
                faults.append(_fault(f"{path}.{name}", f"at least {needed:.4g} days", days, why))
        most = kept.conversation_days
        for name in ("raw_days", "attachment_days"):
            days = getattr(kept, name)
            if most is not None and days is not None and days > most:
                why = "it goes with its conversation at the latest (conversation_days)"
                faults.append(_fault(f"{path}.{name}", f"at most {most:.4g} days", days, why))
    days = settings.retention.recognition_days
    if days is not None and days < _REPEATED:
        why = (
            "mail servers hand a mail in again for five days; what comes after that comes in twice"
        )
        faults.append(_fault("retention.recognition_days", f"at least {_REPEATED} days", days, why))
    return faults


def _fault(path: str, expected: str, given: float, why: str) -> Fault:
    return Fault(path=path, expected=expected, found=f"{given:.4g}", hint=why)


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
            found=found(name) if isinstance(name, Interpolated) else repr(name),
            hint=nearest(name, known) or f"add [{word}s.{name}]",
        )
        for path, word, name, known in uses
        if name not in known
    ]


def _tables(tree: Any, section: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The tables of a section by name, however faulty what is in them."""
    within = tree.get(section) if isinstance(tree, Mapping) else None
    pairs = within.items() if isinstance(within, Mapping) else ()
    return [(name, each) for name, each in pairs if isinstance(each, Mapping)]


def _names(tree: Mapping[str, Any], section: str) -> set[str]:
    found = tree.get(section)
    return set(found) if isinstance(found, Mapping) else set()
