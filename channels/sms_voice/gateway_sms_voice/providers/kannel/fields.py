"""What Kannel posts: the text as the body, and what it knows of it in headers.

`X-Kannel-From` is there with ``send-sender = true`` only. The body is UTF-8, or the charset that its type
names, for GSM texts, UTF-16 for UCS-2, and 8-bit data as they are. The id in the query is the same for every
attempt at one message (Kannel user guide, 6.5 "Kannel POST").
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote_to_bytes

import msgspec
import phonenumbers

from gateway import WebRequest
from gateway_sms_voice.numbers import Endpoint, endpoint
from gateway_sms_voice.providers.contract import Unusable

HEADERS = (
    "x-kannel-from", "x-kannel-to", "x-kannel-time", "x-kannel-smsc", "x-kannel-coding",
    "x-kannel-udh", "x-kannel-mclass", "x-kannel-service", "x-kannel-meta-data",
)  # fmt: skip
Plain = Literal["keep", "international", "national"]
SHORT_CODE, LONGEST = 6, 64
# What Kannel and alt-charset may name; Python knows other codecs, some of which raise or are slow.
_CHARSETS = re.compile(
    r"utf-?8|utf-?16(be|le)?|us-ascii|iso-8859-([1-9]|1[0134-6])|windows-125[0-8]|koi8-[ru]"
)
_SPACING = re.compile(r"[\s().\-/]")


class Notation(msgspec.Struct, frozen=True, kw_only=True):
    """How the SMS centre writes numbers.

    A number without its plus sign may be a national or an international one, and often both exist:
    whoever guesses answers a stranger. Unless the operator's habit is known it is kept as it is, and
    the SMS centre that wrote it takes it back.

    Args:
        region: country whose national numbers are meant.
        plain: what is meant by a number that begins with neither ``+`` nor ``0``.
    """

    region: str = ""
    plain: Plain = "keep"

    def read(self, number: str) -> Endpoint:
        """Read one end of a message."""
        digits = _SPACING.sub("", number)
        if not (digits.isascii() and digits.isdigit()) or len(digits) <= SHORT_CODE:
            return endpoint(number, self.region)
        if digits.startswith("00"):
            return endpoint(f"+{digits[2:]}")
        if digits.startswith("0") or self.plain == "national":
            return endpoint(digits, self.region)
        whole = f"+{digits}"
        if self.plain == "international" and _is_possible(whole):
            return endpoint(whole)
        return Endpoint(value=digits[:LONGEST])


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a long text it is, where Kannel did not put it together."""

    reference: int
    number: int
    of: int


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """One SMS as Kannel knows it."""

    ours: Endpoint
    theirs: Endpoint
    coding: str = ""
    smsc: str = ""
    sent_at: int | None = None
    part: Part | None = None


def id_of(request: WebRequest) -> str:
    """Give the message's id.

    Raises:
        Unusable: there is none, or no sender, with what to change in Kannel's configuration.
    """
    identifier = dict(request.query).get("id", "")
    if not identifier or len(identifier) > 100:
        raise Unusable("there is no id: let Kannel's post-url end with ?id=%I")
    if "x-kannel-from" not in request.headers:
        raise Unusable("there is no X-Kannel-From: set send-sender = true in group sms-service")
    return identifier


def incoming(headers: Mapping[str, str], notation: Notation) -> Incoming:
    """Read the headers that were kept."""
    return Incoming(
        ours=notation.read(headers.get("x-kannel-to", "")),
        theirs=notation.read(headers.get("x-kannel-from", "")),
        coding=headers.get("x-kannel-coding", ""),
        smsc=headers.get("x-kannel-smsc", ""),
        sent_at=_moment(headers.get("x-kannel-time", "")),
        part=_part(headers.get("x-kannel-udh", "")),
    )


def text_of(body: bytes, content_type: str, coding: str) -> str | None:
    """Read the words; None for data that are none.

    What an operator passes on as 8-bit may be a text all the same, and is one if it is UTF-8 and
    nothing but letters.
    """
    kind, _, parameters = content_type.partition(";")
    if coding == "1" or kind.strip().lower() == "application/octet-stream":
        try:
            found = body.decode("utf-8")
        except UnicodeDecodeError:
            return None
        return found if all(one.isprintable() or one in "\r\n\t" for one in found) else None
    charset = "utf-16-be" if coding == "2" else "utf-8"
    name, _, value = parameters.partition("=")
    named = value.strip().strip('"').lower()
    if name.strip().lower() == "charset" and _CHARSETS.fullmatch(named):
        charset = named
    return body.decode(charset, "replace")


def _is_possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _moment(text: str) -> int | None:
    try:
        moment = dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return int(moment.timestamp() * 1000)


def _part(header: str) -> Part | None:
    """Read the part's number from a user data header (3GPP TS 23.040, 9.2.3.24.1 and .8)."""
    data = unquote_to_bytes(header.replace("+", " "))
    place = 1
    while place + 2 <= len(data):
        kind, size = data[place], data[place + 1]
        value = data[place + 2 : place + 2 + size]
        if (kind, len(value)) in ((0, 3), (8, 4)):
            return Part(reference=int.from_bytes(value[:-2], "big"), number=value[-1], of=value[-2])
        place += 2 + size
    return None
