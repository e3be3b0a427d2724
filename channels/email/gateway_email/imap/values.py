"""What a mailbox tells about itself and its mails."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

_SIZE = re.compile(rb"RFC822\.SIZE (\d+)", re.IGNORECASE)
_UID = re.compile(rb"\bUID (\d+)", re.IGNORECASE)
_WHEN = re.compile(rb'INTERNALDATE "([^"]{1,40})"', re.IGNORECASE)
_FETCH = re.compile(rb"\d+ FETCH \(", re.IGNORECASE)
_QUOTED_BODY = re.compile(rb'BODY\[[A-Z.]*\] "((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_EMPTY_BODY = re.compile(rb"BODY\[[A-Z.]*\] NIL", re.IGNORECASE)


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    r"""A selected mailbox as the server described it (RFC 3501 section 6.3.1).

    Args:
        uidvalidity: The epoch of its UIDs; another value means that every UID known before is void.
        uidnext: The UID the next mail will get; 0 when the server does not say.
        exists: How many mails it holds.
        flags: Flags that can be stored for good, lower case; `\*` allows new keywords.
        writable: False when it was opened for reading only.
    """

    uidvalidity: int
    uidnext: int = 0
    exists: int = 0
    flags: frozenset[str] = frozenset()
    writable: bool = True

    def keeps(self, flag: str) -> bool:
        """Return whether the server keeps a flag or keyword."""
        return flag.lower() in self.flags or (not flag.startswith("\\") and "\\*" in self.flags)


class MailFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a mail before it is fetched.

    Args:
        size: Octets (RFC822.SIZE).
        received: Milliseconds since 1970 at which the server took it (INTERNALDATE); None when it does not say.
    """

    size: int
    received: int | None = None


def mailbox_of(lines: Iterable[bytes], closing: bytes) -> Mailbox | None:
    """Read the answer to SELECT; None when the server names no UIDVALIDITY."""
    text = b"\n".join(bytes(line) for line in lines)
    validity = _number(rb"\[UIDVALIDITY (\d+)", text)
    if validity is None:
        return None
    flags = re.search(rb"\[PERMANENTFLAGS \(([^)]*)\)", text, re.IGNORECASE)
    return Mailbox(
        uidvalidity=validity,
        uidnext=_number(rb"\[UIDNEXT (\d+)", text) or 0,
        exists=_number(rb"(?:^|\n)(\d+) EXISTS", text) or 0,
        flags=frozenset(flags[1].decode("ascii", "replace").lower().split() if flags else ()),
        writable=b"[READ-ONLY]" not in closing.upper(),
    )


def facts_of(lines: Iterable[bytes | bytearray]) -> dict[int, MailFacts]:
    """Read sizes and dates by UID from the lines of a FETCH answer; what names no UID or size is skipped."""
    facts: dict[int, MailFacts] = {}
    for line in lines:
        uid, size = _UID.search(line), _SIZE.search(line)
        if uid and size and _FETCH.match(line):
            when = _WHEN.search(line)
            received = _internal_date(when[1].decode("ascii", "replace")) if when else None
            facts[int(uid[1])] = MailFacts(size=int(size[1]), received=received)
    return facts


def body_of(lines: Sequence[bytes | bytearray], uid: int) -> bytes | None:
    """Read one mail from the lines of a FETCH answer: a literal, a quoted string or NIL; None when it is gone.

    FETCH answers of other mails may stand between (flags that changed just then); they are passed over.
    """
    record: list[bytes | bytearray] = []
    for line in [*lines, b"0 FETCH ("]:
        if not isinstance(line, bytearray) and _FETCH.match(line):
            found = _body_of_record(record, uid)
            if found is not None:
                return found
            record = []
        record.append(line)
    return None


def _body_of_record(record: list[bytes | bytearray], uid: int) -> bytes | None:
    words = b" ".join(line for line in record if not isinstance(line, bytearray))
    named = _UID.search(words)
    if named is None or int(named[1]) != uid:
        return None
    literals = [line for line in record if isinstance(line, bytearray)]
    if literals:
        return bytes(literals[0])
    quoted = _QUOTED_BODY.search(words)
    if quoted:
        return re.sub(rb"\\(.)", rb"\1", quoted[1])
    return b"" if _EMPTY_BODY.search(words) else None


def uid_set(uids: Iterable[int]) -> str:
    """Return UIDs as an IMAP sequence set with runs joined: `1:3,7`."""
    runs: list[list[int]] = []
    for uid in sorted(set(uids)):
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in runs)


def _number(pattern: bytes, text: bytes) -> int | None:
    found = re.search(pattern, text, re.IGNORECASE)
    return int(found[1]) if found else None


def _internal_date(text: str) -> int | None:
    try:
        return int(datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z").timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
