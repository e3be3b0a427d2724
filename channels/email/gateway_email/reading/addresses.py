"""Read address fields (RFC 5322 §3.4) as people and programs really write them."""

from __future__ import annotations

import re

from gateway_email.reading.encoded_words import decode_words
from gateway_email.reading.mail import Address
from gateway_email.reading.safe_text import clean_line

_SPECIAL = re.compile(r'["(),:;<>\\]|=\?[^?\s]{1,60}\?[BbQq]\?[^?]{0,1000}\?=')
_ROUTE = re.compile(r"^(?:@[^:@,]{1,255},?)+:")
_BARE_ADDRESS = re.compile(r"(?<![^\s<>()\"',;:@])[^\s<>()\"',;:@]{1,255}@[^\s<>()\"',;:@]{1,255}")
# The form of nine in ten fields: one address, with a simple name or an encoded one before it.
_USUAL = re.compile(
    r"\s*(?:([\w .'-]{1,100}|=\?[\w-]{1,40}\?[BbQq]\?[^?\s,]{1,300}\?=)\s+)?"
    r"<([\w.+=~-]{1,64})@([A-Za-z0-9.-]{1,250}[A-Za-z0-9])>\s*"
)
_QUOTED_PAIR = re.compile(r"\\(.)")
_TRIM = " \t'\"<>`,;"
_MAX_ADDRESS = 320
_MAX_NAME = 500


class _Item:
    """One address while it is being read: words outside, in comments and in angle brackets."""

    __slots__ = ("angle", "comments", "words")

    def __init__(self) -> None:
        self.words: list[str] = []
        self.comments: list[str] = []
        self.angle: str | None = None


def read_addresses(text: str, limit: int = 500) -> tuple[Address, ...]:
    """Return the addresses in ``text``, at most ``limit`` of them.

    Takes names in comments, addresses in comments, ``Smith, John <a@b>`` without quotes, missing
    brackets, commas inside encoded words, groups, routes and names without ``@``. Runs in linear
    time and without recursion. Never raises.

    Args:
        text: the unfolded value with its encoded words still in it.
        limit: how many to read; what follows is left out.
    """
    usual = _USUAL.fullmatch(text)
    if usual is not None:
        addr = f"{usual.group(2)}@{usual.group(3).lower()}"
        name = _shown(usual.group(1) or "")
        return (Address(name="" if name.lower() == addr.lower() else name, addr=addr),)
    if not text.strip():
        return ()
    items, balanced = _scan(text, limit, quotes=True, comments=True)
    if not balanced:
        items, balanced = _scan(text, limit, quotes=text.count('"') % 2 == 0, comments=False)
    out: list[Address] = []
    pending = ""  # words that had no address of their own: `Smith, John <a@b>`
    for item in items:
        address = _resolve(item)
        if item.angle is None and not item.comments and "@" not in address.addr:
            _add(out, pending)
            pending = address.addr or address.name
            continue
        if pending and item.angle is not None and address.name:
            address = Address(name=f"{pending}, {address.name}", addr=address.addr)
        else:
            _add(out, pending)
        pending = ""
        if address.addr:
            out.append(address)
    _add(out, pending)
    return tuple(out[:limit])


def _add(out: list[Address], word: str) -> None:
    """Add a bare word such as MAILER-DAEMON; several words without an address are none."""
    if word and " " not in word:
        out.append(Address(addr=word))


class _Scan:
    """The state of one pass over an address list."""

    __slots__ = ("at", "depth", "item", "items", "mode", "parts")

    def __init__(self) -> None:
        self.items: list[_Item] = []
        self.item = _Item()
        self.parts: list[str] = []
        self.mode = ""  # '' outside, '"' in a quoted string, '(' in a comment, '<' in brackets
        self.depth = 0
        self.at = 0

    def close_words(self) -> None:
        if not self.parts:
            return
        text = "".join(self.parts)
        self.parts.clear()
        if text.strip():
            self.item.words.append(text)

    def close_item(self) -> None:
        self.close_words()
        if self.item.words or self.item.comments or self.item.angle is not None:
            self.items.append(self.item)
            self.item = _Item()


def _scan(text: str, limit: int, *, quotes: bool, comments: bool) -> tuple[list[_Item], bool]:
    """Split ``text`` into items; the second value is false when a quote or comment never ended."""
    scan = _Scan()
    escaped_at = -1
    for found in _SPECIAL.finditer(text):
        sign = found.group()
        if found.start() < scan.at or found.start() == escaped_at:
            continue
        if found.start() > scan.at:
            scan.parts.append(text[scan.at : found.start()])
        scan.at = found.end()
        if sign == "\\":
            scan.parts.append(sign)
            escaped_at = found.end()
        elif scan.mode:
            _inside(scan, sign)
        elif (sign == '"' and quotes) or (sign == "(" and comments):
            _open(scan, sign)
        elif sign != '"':
            _outside(scan, sign)
        if len(scan.items) > limit + 1:
            return scan.items, True
    balanced = scan.mode not in ('"', "(")
    scan.parts.append(text[scan.at :])
    if scan.mode == "<":
        scan.item.angle = "".join(scan.parts)
        scan.parts.clear()
    scan.close_item()
    return scan.items, balanced


def _open(scan: _Scan, sign: str) -> None:
    if sign == "(":
        scan.close_words()
        scan.depth = 1
    scan.mode = sign


def _inside(scan: _Scan, sign: str) -> None:
    if scan.mode == '"':
        if sign == '"':
            scan.mode = ""
        else:
            scan.parts.append(sign)
    elif scan.mode == "(":
        scan.depth += (sign == "(") - (sign == ")")
        if scan.depth:
            scan.parts.append(sign)
        else:
            scan.item.comments.append("".join(scan.parts))
            scan.parts.clear()
            scan.mode = ""
    elif sign == ">":
        scan.item.angle = "".join(scan.parts)
        scan.parts.clear()
        scan.mode = ""
    elif sign != "<":
        scan.parts.append(sign)


def _outside(scan: _Scan, sign: str) -> None:
    if sign == "<":
        if scan.item.angle is not None:
            scan.close_item()
        scan.close_words()
        scan.mode = "<"
    elif sign in ",;":
        scan.close_item()
    elif sign == ":":
        if scan.parts and scan.parts[-1].strip().lower() == "mailto":
            scan.parts.clear()
        elif "@" not in "".join(scan.parts[-8:]) and scan.item.angle is None:
            scan.parts.clear()  # the name of a group
            scan.item = _Item()
        else:
            scan.parts.append(sign)
    elif sign not in ">)":
        scan.parts.append(sign)


def _shown(text: str) -> str:
    text = clean_line(decode_words(text))
    if "\\" in text:
        text = _QUOTED_PAIR.sub(r"\1", text)
    return text.strip(" '\"\t")[:_MAX_NAME].rstrip()


def _resolve(item: _Item) -> Address:
    name = _shown(" ".join(item.words)) if item.words else ""
    comment = _shown(item.comments[0]) if item.comments else ""
    if item.angle is not None:
        addr = _address(item.angle)
        if "@" not in addr and "@" in name and (found := _BARE_ADDRESS.search(name)):
            return Address(name=_shown(item.angle), addr=_address(found.group()))
        shown = name or comment
        return Address(name="" if shown.lower() == addr.lower() else shown, addr=addr)
    if "@" in name:
        found = _BARE_ADDRESS.search(name)
        if found is None:
            return Address(name=comment, addr=_address(name))
        rest = (name[: found.start()] + name[found.end() :]).strip(_TRIM)
        return Address(name=rest or comment, addr=_address(found.group()))
    if "@" in comment and (found := _BARE_ADDRESS.search(comment)):
        return Address(name=name, addr=_address(found.group()))
    if " " in name:
        return Address(name=name, addr="")
    return Address(name=comment, addr=_address(name))


def _address(text: str) -> str:
    """Return the bare address in ``text``: no route, no blanks, domain in lower case."""
    text = clean_line(decode_words(text) if "=?" in text else text)
    if text.startswith("@"):
        text = _ROUTE.sub("", text)
    if not text.startswith('"'):
        text = "".join(text.split())
    if text[:7].lower() == "mailto:":
        text = text[7:]
    if not text.startswith('"'):
        text = text.strip(_TRIM)
    local, at, domain = text.rpartition("@")
    if len(text) > _MAX_ADDRESS:
        return ""
    return f"{local}@{domain.rstrip('.').lower()}" if at else text
