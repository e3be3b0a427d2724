"""Find the addresses a bounce is about in its words, where it has no machine-readable part."""

from __future__ import annotations

import re
from email import message_from_string

from flufl.bounce import scan_message

from gateway_email.reading.mail import BouncedRecipient

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}[A-Za-z0-9]")
_LINE_ADDRESS = re.compile(r"^[\s>*-]{0,8}(?:to:\s{0,4}|recipient(?: address)?:\s{0,4}|the following recipient[^:\n]{0,40}:\s{0,4})?<?(?:mailto:)?([^\s<>()\[\],;:\"]{1,64}@[A-Za-z0-9.-]{3,253})>?\s{0,4}[:,.(]?", re.IGNORECASE)  # fmt: skip
_REASON = re.compile(
    r"(?:(?<!\d)[45]\d\d[ -]|[45]\.\d\.\d|unknown|no such|not found|does not exist|doesn't exist|rejected|unavailable|full|denied|refused|unrouteable|over quota|disabled|timed out|undeliverable|invalid)",
    re.IGNORECASE,
)
_RETURNED_BELOW = re.compile(
    r"^[-\s=>]{0,10}(?:below this line is a copy of the message|this is a copy of (?:the|your) message|original message|returned message|copy of your message|original message headers|"
    r"message header follows|unsent message below|the header of the original message|diagnostic information for administrators?:? *original)",
    re.IGNORECASE | re.MULTILINE,
)
_AS_MAIL = "From: MAILER-DAEMON@localhost\nSubject: failure notice\n\n"
_MAX_TEXT = 20_000
_MAX_LINES = 400
_MAX_LIBRARY_LINES = 80  # its many patterns are tried on every line
_REASON_LINES = 6
_MAX_REASON = 500


def recipients_in_words(text: str, named: list[str]) -> list[BouncedRecipient]:
    """Return the recipients the text speaks of, each with the words beside it.

    Args:
        text: the text of the bounce; only what stands above the returned mail is read.
        named: addresses already known from the header; then only their words are looked for.
    """
    below = _RETURNED_BELOW.search(text)
    lines = text[: min(below.start() if below else _MAX_TEXT, _MAX_TEXT)].split("\n")[:_MAX_LINES]
    found: dict[str, str] = {}
    for at, line in enumerate(lines):
        match = _LINE_ADDRESS.match(line[:500])
        if match is None:
            continue
        address = match.group(1).rstrip(".")
        if address.lower() not in found:
            found[address.lower()] = _reason(lines, at, match.end())
    if named:
        return [
            BouncedRecipient(address=one, diagnostic=found.get(one.lower(), "")) for one in named
        ]
    told = {address: reason for address, reason in found.items() if _REASON.search(reason)}
    addresses = told or found or _by_library("\n".join(lines[:_MAX_LIBRARY_LINES]))
    return [BouncedRecipient(address=one, diagnostic=why) for one, why in addresses.items()]


def _reason(lines: list[str], at: int, after: int) -> str:
    """Join the words that follow an address, up to the next address or two blank lines."""
    words = [lines[at][after:].strip(" :,.()>")]
    for line in lines[at + 1 : at + 1 + _REASON_LINES]:
        if _LINE_ADDRESS.match(line[:500]) or (not line.strip() and any(words)):
            break
        words.append(line.strip())
    return " ".join(word for word in words if word)[:_MAX_REASON]


def _by_library(text: str) -> dict[str, str]:
    """Ask flufl.bounce, which knows the formats of many old servers."""
    message = message_from_string(_AS_MAIL + text)
    try:
        found = scan_message(message)
    except Exception:  # its detectors meet text they were not made for
        return {}
    return {
        address.decode("ascii", "replace"): "" for address in sorted(found) if _ADDRESS.fullmatch(address.decode("ascii", "replace"))
    }  # fmt: skip
