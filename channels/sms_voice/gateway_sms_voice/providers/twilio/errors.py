"""Twilio's errors: what each means in words, and what follows from it.

Codes: https://www.twilio.com/docs/api/errors.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway import (
    AuthenticationFailed,
    ConnectorError,
    Deferred,
    Rejected,
    Suspended,
    TargetBroken,
    Throttled,
)

Follows = Literal["rejected", "opted_out", "throttled", "later", "login", "suspended", "broken"]
PAUSES: dict[Follows, float] = {"throttled": 1.0, "later": 60.0}


class Explained(msgspec.Struct, frozen=True):
    """What an error code means.

    Args:
        words: for the operator or agent who reads it.
        number_is_gone: the receiver's number cannot be written to at all.
    """

    words: str
    follows: Follows = "rejected"
    number_is_gone: bool = False

    @property
    def passing(self) -> bool:
        """Whether the same text may get through later."""
        return self.follows in ("throttled", "later", "broken")


def _table() -> dict[str, Explained]:
    gone = {
        "21211": "the receiver's number is not valid",
        "21214": "the receiver's number cannot be reached",
        "21217": "the receiver's number does not look like one",
        "21614": "the receiver's number is not a mobile one",
        "21635": "the receiver's number is a landline",
        "30005": "the receiver's number is unknown or no longer there",
        "30006": "the receiver's number is a landline, or its carrier cannot be reached",
        "63003": "no WhatsApp user was found for that number",
        "63024": "WhatsApp says that the receiver is not valid",
    }
    rejected = {
        "20404": "the provider knows no such resource; check account_sid",
        "21212": "our sending number is not valid",
        "21408": "sending to that country is not enabled for the account (Messaging geo permissions)",
        "21601": "our number cannot send texts",
        "21602": "the text is empty",
        "21603": "no sending number was named",
        "21604": "no receiver was named",
        "21606": "our number is not the account's, or cannot send to that receiver",
        "21608": "a trial account may write to verified numbers only",
        "21609": "public_url is not an address that the provider can call",
        "21612": "that receiver cannot be reached from our number",
        "21617": "the text is too long",
        "21619": "neither a text nor a medium was given",
        "21620": "the address of a medium is not valid",
        "21623": "there are too many media",
        "21655": "the template's Content SID is not valid",
        "21656": "the template's variables do not fit it",
        "21659": "our number is not one of the provider's",
        "21660": "our number belongs to another account",
        "21703": "the messaging service has no number",
        "21705": "the messaging service's SID is not valid",
        "30004": "the receiver's side blocks it",
        "30007": "a carrier filtered it as unwanted",
        "30010": "it costs more than the highest price that was allowed",
        "30018": "the receiver's carrier wants the sender registered beforehand",
        "30019": "a medium is too large for the receiver's carrier",
        "30032": "the toll-free number is not verified yet",
        "30034": "the number is not registered for application-to-person texts (10DLC)",
        "30035": "the number is still being registered (10DLC)",
        "30036": "it could not be delivered before its validity ended",
        "63005": "WhatsApp did not accept the content",
        "63007": "the account has no WhatsApp sender of that number",
        "63013": "it is against WhatsApp's policy",
        "63016": "more than 24 hours have passed since the customer wrote, so WhatsApp takes only a "
        "template; configure one in templates, or answer by other means",
        "63021": "WhatsApp says that the content is not valid",
        "63027": "WhatsApp knows no template of that name and language",
        "63028": "the template wants another number of variables",
        "63032": "WhatsApp does not deliver it to that user",
        "63033": "the receiver has blocked us",
        "63041": "WhatsApp has paused the template for its quality",
        "63042": "WhatsApp has disabled the template for its quality",
        "63049": "WhatsApp chose not to deliver it",
    }
    throttled = {
        "20429": "too many requests at once",
        "21611": "the number's queue at the provider is full (more than ten hours of texts)",
        "30001": "the provider's queue for the number overflowed",
        "63018": "WhatsApp's rate limit for the sender is reached",
    }
    later = {
        "30003": "the receiver's phone is off or out of reach",
        "30008": "the receiver's carrier gave no reason",
        "30017": "the receiver's carrier is congested",
        "30022": "the carrier's rate limit for the registered campaign is reached",
        "30023": "the carrier's daily limit for the registered brand is reached",
        "63038": "the sender's daily limit of texts is reached",
    }
    broken = {
        "20500": "the provider failed",
        "63010": "the provider failed inside",
        "63012": "WhatsApp failed inside",
    }
    return {
        "20003": Explained("the account and its token, or the API key and its secret, do not fit "
                           "together, or the key may not do this", "login"),
        "20005": Explained("the account is not active", "suspended"),
        "30002": Explained("the account is suspended", "suspended"),
        "63051": Explained("the WhatsApp business account is locked", "suspended"),
        "21610": Explained("the receiver has opted out of texts from our number", "opted_out"),
        **{code: Explained(words, number_is_gone=True) for code, words in gone.items()},
        **{code: Explained(words) for code, words in rejected.items()},
        **{code: Explained(words, "throttled") for code, words in throttled.items()},
        **{code: Explained(words, "later") for code, words in later.items()},
        **{code: Explained(words, "broken") for code, words in broken.items()},
    }  # fmt: skip


TABLE = _table()


def explained(code: str) -> Explained | None:
    """Say what a code means; None for one that is not known."""
    return TABLE.get(code)


def refusal(
    status: int, code: str, message: str, retry_after: float | None = None
) -> ConnectorError:
    """Make the error of an answer that is no success.

    Args:
        status: HTTP's.
        code: Twilio's own, empty if the answer had none.
        message: Twilio's own words, which may name the number but hold no secret.
    """
    known = explained(code)
    reason = f"twilio_{code}" if code else f"http_{status}"
    words = f"{known.words} (Twilio {code})" if known else f"Twilio answers {status}: {message}"
    words = words if known or not code else f"{words} (error {code})"
    follows = known.follows if known else _by_status(status)
    if follows == "login":
        return AuthenticationFailed(words, code="wrong_key")
    if follows == "suspended":
        return Suspended(words, code="account_suspended")
    if follows == "throttled":
        wait = retry_after or PAUSES["throttled"] * (60 if code in ("21611", "30001") else 1)
        return Throttled(words, code=reason, retry_after=wait)
    if follows == "later":
        return Deferred(words, code=reason, retry_after=retry_after or PAUSES["later"])
    if follows == "broken":
        return TargetBroken(words, code=reason, retry_after=retry_after)
    return Rejected(words, code="opted_out" if follows == "opted_out" else reason)


def _by_status(status: int) -> Follows:
    if status == 429:
        return "throttled"
    if status in (401, 403):
        return "login"
    return "broken" if status >= 500 else "rejected"
