"""Routing by rules: the first rule that fits decides, unless it says to go on."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from gateway.domain.conversation import Priority, Route, Tier


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rule asks for; every field that is given must fit, empty ones do not narrow.

    Args:
        channel, recipient, sender: patterns with ``*`` and ``?``, case-insensitive.
        language: two-letter codes.
        words: any of them in subject or text, case-insensitive.
    """

    tenant: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    recipient: tuple[str, ...] = ()
    sender: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One routing rule.

    Args:
        goon: later rules may fill in what this one left empty.
    """

    name: str = ""
    when: When = When()
    backends: tuple[str, ...] = ()
    queue: str = ""
    tier: Tier | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()
    goon: bool = False


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What rules look at."""

    tenant: str
    channel: str
    recipients: tuple[str, ...] = ()
    sender: str = ""
    language: str = ""
    subject: str = ""
    text: str = ""


def unknown(backends: Sequence[str], targets: frozenset[str]) -> str:
    """Say which of some backends are none of the targets there are; empty if all are."""
    missing = [name for name in backends if f"backend/{name}" not in targets]
    return f"no backend is called {' or '.join(map(repr, missing))}" if missing else ""


def _any(patterns: Sequence[str], values: Sequence[str]) -> bool:
    return not patterns or any(
        fnmatchcase(value.casefold(), pattern.casefold())
        for value in values
        for pattern in patterns
    )


def fits(when: When, facts: Facts) -> bool:
    """Whether a message fits a rule's condition."""
    if not (
        _any(when.tenant, (facts.tenant,))
        and _any(when.channel, (facts.channel,))
        and _any(when.recipient, facts.recipients)
        and _any(when.sender, (facts.sender,))
        and _any(when.language, (facts.language,))
    ):
        return False
    if not when.words:
        return True
    said = f"{facts.subject}\n{facts.text}".casefold()
    return any(word.casefold() in said for word in when.words)


def route(rules: Sequence[Rule], facts: Facts, default: Sequence[str]) -> Route:
    """Decide where a new conversation goes.

    Args:
        default: backends for what no rule sends anywhere.
    """
    backends: tuple[str, ...] = ()
    queue, names = "", []
    tags: tuple[str, ...] = ()
    tier: Tier | None = None
    priority: Priority | None = None
    for number, rule in enumerate(rules, 1):
        if not fits(rule.when, facts):
            continue
        names.append(rule.name or f"rule {number}")
        backends = backends or rule.backends
        queue = queue or rule.queue
        tier, priority = tier or rule.tier, priority or rule.priority
        tags = (*tags, *(tag for tag in rule.tags if tag not in tags))
        if not rule.goon:
            break
    return Route(
        backends=backends or tuple(default),
        queue=queue,
        tier=tier or "L1",
        priority=priority or "normal",
        tags=tags,
        rule=", ".join(names) or "default",
    )
