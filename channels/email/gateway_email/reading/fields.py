"""The header of a mail or of one of its parts, as raw fields."""

from __future__ import annotations

import re
from collections.abc import KeysView

from gateway_email.reading.limits import Limits, OverLimitError

_BLANK_LINE = re.compile(rb"\n\r?\n")
_FOLDED_FIELD = re.compile(rb"([!-9;-~]{1,200}+)[ \t]*+:[ \t]*+([^\n]*+(?:\n[ \t][^\n]*+)*+)\n")
_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:[ \t]*(.*)", re.DOTALL)
_KNOWN_FIELD = re.compile(
    rb"(?:from|to|cc|bcc|subject|date|sender|reply-to|message-id|in-reply-to|references|received"
    rb"|return-path|mime-version|content-[a-z-]+|delivered-to|envelope-to|importance|priority|user-agent"
    rb"|list-[a-z-]+|precedence|auto-submitted|dkim-signature|authentication-results|arc-[a-z-]+|thread-[a-z]+"
    rb"|x-[a-z0-9_-]+)[ \t]*:",
    re.IGNORECASE,
)


class Fields:
    """Header fields in their order; names are looked up without regard to case."""

    __slots__ = ("_index", "charset", "items", "mended")

    def __init__(self, items: list[tuple[str, bytes]], *, mended: bool = False) -> None:
        """Hold ``items`` (name as written, raw folded value)."""
        self.items = items
        self.mended = mended
        self.charset = ""
        index: dict[str, list[bytes]] = {}
        for name, value in items:
            index.setdefault(name.lower(), []).append(value)
        self._index = index

    def first(self, name: str) -> bytes:
        """Return the raw value of the first field called ``name`` (lower case), or nothing."""
        values = self._index.get(name)
        return values[0] if values else b""

    def every(self, name: str) -> list[bytes]:
        """Return the raw values of all fields called ``name`` (lower case)."""
        return self._index.get(name, [])

    @property
    def names(self) -> KeysView[str]:
        """The names that there are, in lower case."""
        return self._index.keys()

    def __contains__(self, name: str) -> bool:
        return name in self._index


def read_fields(raw: bytes, start: int, end: int, limits: Limits) -> tuple[Fields, int]:
    """Return the header that begins at ``start``, and where the body begins.

    Lines that are neither a field nor a fold do not end the header when known fields follow them
    before the first blank line: such a line is taken for a fold that lost its blank.

    Raises:
        OverLimitError: the header is longer, or has more fields, than ``limits`` allow.
    """
    if raw.startswith((b"\n", b"\r\n"), start, end):
        return Fields([]), start + (1 if raw[start] == 0x0A else 2)
    found = _BLANK_LINE.search(raw, start, min(end, start + limits.header_bytes + 2))
    if found is None and end - start > limits.header_bytes:
        if _FIELD.match(raw, start, min(end, start + 1_000)) is None:
            return Fields([]), start
        raise OverLimitError(f"the header is longer than {limits.header_bytes} bytes")
    stop = found.start() + 1 if found else end
    after = found.end() if found else end
    items = _regular(raw, start, stop)
    if items is not None and len(items) <= limits.fields:
        return Fields(items), after
    return _split(raw, start, stop, after, limits)


def _regular(raw: bytes, start: int, stop: int) -> list[tuple[str, bytes]] | None:
    """Return the fields of a header that has only fields and their folds, None of any other."""
    items: list[tuple[str, bytes]] = []
    at = start
    while at < stop:
        match = _FOLDED_FIELD.match(raw, at, stop)
        if match is None:
            return None
        items.append((match.group(1).decode("ascii"), match.group(2).rstrip()))
        at = match.end()
    return items


def _split(raw: bytes, start: int, stop: int, after: int, limits: Limits) -> tuple[Fields, int]:
    items: list[tuple[str, list[bytes]]] = []
    stray: list[bytes] = []  # lines that fit nowhere, since the last good field
    at = body = start
    mended = False
    for line in raw[start:stop].split(b"\n"):
        folded = line[:1] in (b" ", b"\t")
        match = None if folded else _FIELD.fullmatch(line)
        if match is not None and (not stray or _KNOWN_FIELD.match(line)):
            if stray:
                mended = True
                items[-1][1].extend(stray)
                stray.clear()
            items.append((match.group(1).decode("ascii"), [match.group(2)]))
            if len(items) > limits.fields:
                raise OverLimitError(f"the header has more than {limits.fields} fields")
        elif folded and items and not stray:
            items[-1][1].append(line)
        elif line.strip() or not items:
            if not items:
                return Fields([]), start
            body = body if stray else at
            stray.append(line)
        at += len(line) + 1
    if stray and len(stray) == 1 and items[-1][1][-1].rstrip().endswith(b","):
        items[-1][1].extend(stray)  # an address list whose fold lost its blank
        return Fields(_joined(items), mended=True), after
    return Fields(_joined(items), mended=mended or bool(stray)), body if stray else after


def _joined(items: list[tuple[str, list[bytes]]]) -> list[tuple[str, bytes]]:
    return [
        (name, (pieces[0] if len(pieces) == 1 else b"\n ".join(pieces)).rstrip())
        for name, pieces in items
    ]
