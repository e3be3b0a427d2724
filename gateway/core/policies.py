"""The gateway's own policies: ordinary hooks, asked after every plugin's."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import msgspec

from gateway.config.connectors import TenantSettings
from gateway.config.policies import RedactionSettings
from gateway.domain.answers import Hold, Refuse
from gateway.domain.cards import redact_cards
from gateway.domain.message import Message
from gateway.domain.spoken_cards import redact_spoken_cards
from gateway.hooks.implementations import never_waits
from gateway.hooks.specs import Audience, hookimpl

if TYPE_CHECKING:
    from lingua import LanguageDetector

# A sample costs as much as it is long, so more is looked at only where a little leaves a doubt.
LEAST_LETTERS, GLANCE, LOOKED_AT, SURE, CERTAIN = 20, 60, 120, 0.5, 0.8
SPOKEN = ("call", "voicemail")  # a transcript has numbers as they were said
LANGUAGES = [
    "AR",
    "BG",
    "CA",
    "CS",
    "DA",
    "DE",
    "EL",
    "EN",
    "ES",
    "ET",
    "FA",
    "FI",
    "FR",
    "HE",
    "HI",
    "HR",
    "HU",
    "ID",
    "IT",
    "JA",
    "KO",
    "LT",
    "LV",
    "NB",
    "NL",
    "PL",
    "PT",
    "RO",
    "RU",
    "SK",
    "SL",
    "SV",
    "TH",
    "TR",
    "UK",
    "VI",
    "ZH",
]


@cache
def detector() -> LanguageDetector:
    """The language detector; its models take half a second to load the first time."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code) for code in LANGUAGES]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_low_accuracy_mode().build()


def warm_up() -> None:
    """Load what is slow the first time; call it in a thread."""
    language_of("a sentence that is long enough to be looked at")


def language_of(text: str, among: frozenset[str] = frozenset()) -> str:
    """The language of a text as a two-letter code, empty if it cannot be told.

    Args:
        among: codes that are expected; one of them is preferred when the text leaves a doubt.
    """
    sample = text[:LOOKED_AT]
    if sum(letter.isalpha() for letter in sample) < LEAST_LETTERS:
        return ""
    found = detector().compute_language_confidence_values(sample[:GLANCE])[:5]
    if not found or (found[0].value < CERTAIN and len(sample) > GLANCE):
        found = detector().compute_language_confidence_values(sample)[:5]
    if not found:
        return ""
    for one in found:
        code = one.language.iso_code_639_1.name.lower()
        if code in among and one.value > 0.15:
            return code
    best = found[0]
    return best.language.iso_code_639_1.name.lower() if best.value >= SURE else ""


def _redact_said(text: str) -> tuple[str, int]:
    written, count = redact_cards(text)
    both, more = redact_spoken_cards(written)
    return both, count + more


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
        changed = {name: text for name, (text, count) in fields.items() if count}
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
