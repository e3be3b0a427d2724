"""Who is at the other end: phone numbers in normal form, and what is no number."""

from __future__ import annotations

import re
from typing import Literal

import msgspec
import phonenumbers

from gateway import Address

Line = Literal["sms", "whatsapp", "rcs", "client", "sip"]
_LINES: dict[str, Line] = {"whatsapp": "whatsapp", "rcs": "rcs", "client": "client", "sip": "sip"}
_BUSINESS_SCOPED = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}\Z")
_NAME = re.compile(r"[A-Za-z0-9 &._+-]{1,11}\Z")
# What networks write in place of a withheld number: letters on a keypad (ANONYMOUS, RESTRICTED,
# UNKNOWN, UNAVAILABLE), or words.
_WITHHELD = frozenset({
    "+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "anonymous", "restricted",
    "unknown", "unavailable", "withheld", "",
})  # fmt: skip


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a text or a call.

    Args:
        line: which network it is on; a WhatsApp number is no SMS number, though the same person's.
        value: E.164 with its plus sign, a short code's digits, a name of up to eleven letters, a
            business-scoped id (``US.1a2b``), a SIP address, or empty for a withheld number.
    """

    line: Line = "sms"
    value: str

    @property
    def withheld(self) -> bool:
        """Whether the other side did not say who it is."""
        return not self.value

    @property
    def dialable(self) -> bool:
        """Whether it is a number that a text can be sent to."""
        return self.value.startswith("+") and self.line in ("sms", "whatsapp", "rcs")

    @property
    def reachable(self) -> bool:
        """Whether a text can be sent to it, by number, short code or business-scoped id."""
        return self.dialable or self.short or self.scoped

    @property
    def scoped(self) -> bool:
        """Whether it is a business-scoped id, which means somebody to us alone."""
        return self.line == "whatsapp" and bool(_BUSINESS_SCOPED.match(self.value))

    def __str__(self) -> str:
        return self.value if self.line == "sms" else f"{self.line}:{self.value}"

    @property
    def short(self) -> bool:
        """Whether it is a short code, which means somebody in its country only."""
        return self.line == "sms" and self.value.isascii() and self.value.isdigit()

    @property
    def country(self) -> str:
        """Two letters of the country a number is of, empty if that cannot be told."""
        if not self.value.startswith("+"):
            return ""
        try:
            number = phonenumbers.parse(self.value)
        except phonenumbers.NumberParseException:
            return ""
        return phonenumbers.region_code_for_number(number) or ""

    def address(self, name: str = "", country: str = "") -> Address | None:
        """The identity it stands for, None for a withheld number.

        A number is one person's on SMS and WhatsApp alike.

        Args:
            country: within which a short code means somebody.
        """
        if self.withheld:
            return None
        if self.scoped:
            return Address(scheme="whatsapp", value=self.value, name=name)
        if self.line in ("client", "sip"):
            return Address(scheme=self.line, value=self.value, name=name)
        if self.short:
            return Address(scheme="tel", value=self.value, name=name, scope=country)
        scheme = "tel" if self.value.startswith("+") else "sender"
        return Address(scheme=scheme, value=self.value, name=name)


def endpoint(text: str, region: str = "") -> Endpoint:
    """Read what a provider or the configuration calls one end.

    Args:
        region: two letters of the country whose national numbers are meant, such as ``DE``.
    """
    scheme, colon, rest = text.strip().partition(":")
    line = _LINES.get(scheme.lower()) if colon else None
    if line in ("client", "sip"):
        return Endpoint(line=line, value=rest.strip()[:255])
    value = (rest if line else text).strip()
    if value.lower() in _WITHHELD:
        return Endpoint(line=line or "sms", value="")
    if line == "whatsapp" and _BUSINESS_SCOPED.match(value):
        return Endpoint(line=line, value=value)
    return Endpoint(line=line or "sms", value=_normal(value, region))


def is_name(endpoint: Endpoint) -> bool:
    """Whether it is an alphanumeric sender, which nobody can answer to."""
    return not endpoint.reachable and bool(_NAME.match(endpoint.value))


def _normal(value: str, region: str) -> str:
    """E.164 where it is a number; a short code and a name stay what they are."""
    digits = re.sub(r"[\s().\-/]", "", value)
    if digits.isdigit() and len(digits) <= 6 and digits.isascii():
        return digits  # a short code means something in its country only
    try:
        number = phonenumbers.parse(value, region or None)
    except phonenumbers.NumberParseException:
        return value[:64]
    if not phonenumbers.is_possible_number(number):
        return value[:64]
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
