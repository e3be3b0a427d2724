"""The gateway's own policies: ordinary hooks, asked after every plugin's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.config.connectors import TenantSettings
from gateway.config.policies import RedactionSettings
from gateway.core.languages import language_of
from gateway.domain.answers import Hold, Refuse
from gateway.domain.cards import redact_cards, redact_cards_in_name
from gateway.domain.html_cards import redact_cards_in_html
from gateway.domain.message import Address, Message
from gateway.domain.outgoing import Forward, Person
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
        shown = redact(value)[0]
        return redact_cards_in_name(shown) if "@" in shown else shown
    if isinstance(value, dict):
        return {name: _redacted_within(one, redact) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted_within(one, redact) for one in value]
    return value


def _named_without_cards(address: Address | None) -> Address | None:
    if address is None:
        return None
    return msgspec.structs.replace(address, name=redact_cards_in_name(address.name))


def _without_cards(person: Person) -> Person:
    address = msgspec.structs.replace(
        person.address, name=redact_cards_in_name(person.address.name)
    )
    return msgspec.structs.replace(person, address=address)


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
        if audience not in self._policy(message.tenant).card_numbers:
            return None
        redact = _redact_said if message.kind in SPOKEN else redact_cards
        changed: dict[str, Any] = {
            name: redact(getattr(message, name))[0] for name in ("subject", "text", "quoted")
        }
        changed["html"] = redact_cards_in_html(redact(message.html)[0])[0]
        author = message.author
        changed["author"] = msgspec.structs.replace(
            author,
            name=redact_cards_in_name(author.name),
            address=_named_without_cards(author.address),
        )
        changed["attachments"] = tuple(
            msgspec.structs.replace(one, name=redact_cards_in_name(one.name))
            for one in message.attachments
        )
        changed["remarks"] = tuple(redact_cards_in_name(one) for one in message.remarks)
        changed["extra"] = _redacted_within(message.extra, redact)
        differing = {name: new for name, new in changed.items() if new != getattr(message, name)}
        return msgspec.structs.replace(message, **differing) if differing else None

    @hookimpl
    @never_waits
    async def prepare_forward(self, forward: Forward) -> Forward | Hold | Refuse | None:
        """Black out card numbers in the names of people, which are no part of the message."""
        if "forward" not in self._policy(forward.tenant).card_numbers:
            return None
        names = (forward.author, forward.requester, *forward.others)
        people = [one.address if isinstance(one, Person) else one for one in names if one]
        if not any(redact_cards_in_name(one.name) != one.name for one in people):
            return None
        return msgspec.structs.replace(
            forward,
            author=_named_without_cards(forward.author),
            requester=_without_cards(forward.requester) if forward.requester else None,
            others=tuple(_without_cards(one) for one in forward.others),
        )

    def _policy(self, tenant: str) -> RedactionSettings:
        own = self._tenants.get(tenant)
        return own.redaction if own is not None and own.redaction is not None else self._redaction

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
