"""Decisions: what was decided about a message, by whom, and why."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

DecisionKind = Literal[
    "received", "parse", "duplicate", "identity", "match", "repeat", "route", "hold", "refuse",
    "redact", "enrich", "acknowledge", "answer", "receipt", "quarantine", "link", "merge", "reply",
    "state", "ignore", "retention", "erasure",
]  # fmt: skip
# What tells of contents that are gone has to outlive them.
AUDITS: tuple[DecisionKind, ...] = ("retention", "erasure")


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the chain that ``gateway why`` prints.

    Args:
        message: the message it is about, None while there is only an arrival.
        plugin: who decided, with its version: ``core 0.1.0``.
        outcome: the answer in a word or two.
        reason: why, in a sentence a person understands.
        facts: what it rested on: scores, versions read, answers from outside.
    """

    id: int
    tenant: str
    arrival: int | None = None
    message: int | None = None
    conversation: int | None = None
    kind: DecisionKind
    plugin: str
    outcome: str
    reason: str
    facts: dict[str, Any] = {}
    at: int = 0
