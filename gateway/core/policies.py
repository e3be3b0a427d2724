"""The gateway's own policies: ordinary hooks, asked after every plugin's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.config.connectors import TenantSettings
from gateway.config.policies import RedactionSettings
from gateway.core.languages import language_of
from gateway.domain.answers import Hold, Refuse
from gateway.domain.cards import redact_cards
from gateway.domain.message import Message
from gateway.domain.spoken_cards import redact_spoken_cards
from gateway.hooks.implementations import never_waits
from gateway.hooks.specs import Audience, hookimpl

SPOKEN = ("call", "voicemail")  # a transcript has numbers as they were said


def _redact_said(text: str) -> tuple[str, int]:
    written, count = redact_cards(text)
    both, more = redact_spoken_cards(written)
    return both, count + more


def _redacted_within(value: Any, redact: Callable[[str], tuple[str, int]]) -> Any:
    """Redact every text in what a channel keeps of its own, such as the words of a transcript."""
    if isinstance(value, str):
        return redact(value)[0]
    if isinstance(value, dict):
        return {name: _redacted_within(one, redact) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted_within(one, redact) for one in value]
    return value


class CorePolicies:
    """Redaction of card numbers, and detection of the language."""

    def __init__(self, redaction: RedactionSettings, tenants: dict[str, TenantSettings]) -> None:
        self._redaction, self._tenants = redaction, tenants

    @hookimpl
    @never_waits
    async def redact_message(
        self, message: Message, audience: Audience
    ) -> Message | Hold | Refuse | None:
        """Black out payment card numbers where the configuration says so."""
        tenant = self._tenants.get(message.tenant)
        policy = self._redaction
        if tenant is not None and tenant.redaction is not None:
            policy = tenant.redaction
        if audience not in policy.card_numbers:
            return None
        redact = _redact_said if message.kind in SPOKEN else redact_cards
        fields = {
            name: redact(getattr(message, name)) for name in ("subject", "text", "quoted", "html")
        }
        changed: dict[str, Any] = {name: text for name, (text, count) in fields.items() if count}
        extra = _redacted_within(message.extra, redact)
        if extra != message.extra:
            changed["extra"] = extra
        return msgspec.structs.replace(message, **changed) if changed else None

    @hookimpl
    @never_waits
    async def enrich_message(self, message: Message) -> Message | Hold | Refuse | None:
        """Find out the language of what was said."""
        if message.language:
            return None
        tenant = self._tenants.get(message.tenant)
        among = frozenset(tenant.languages) if tenant is not None else frozenset()
        language = language_of(f"{message.subject}\n{message.text}", among)
        return msgspec.structs.replace(message, language=language) if language else None
