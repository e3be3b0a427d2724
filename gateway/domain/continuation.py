"""Continuation codes: six digits with which a customer goes on in a conversation by another channel.

One `CodeBook` a tenant holds the live codes, hashed, and the wrong tries of the last hour. What it
answers to a wrong code, a used one, an expired one and a caller who tried too often is the same.
Why six digits are enough stands in docs/why/continuation-codes.md.
"""

from __future__ import annotations

import hmac

import msgspec

MINUTE, HOUR = 60_000, 3_600_000
DIGITS = 6
CODES = 10**DIGITS


class ContinuationPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator can set.

    Args:
        minutes: how long a code lives.
        most_live: codes of one tenant that live at once.
        wrong_per_caller: wrong tries of one caller in an hour; all who hide who they are count as
            one.
        wrong_per_tenant: wrong tries of everybody in an hour.
    """

    minutes: float = 15
    most_live: int = 100
    wrong_per_caller: int = 5
    wrong_per_tenant: int = 60


class LiveCode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A code that was given out.

    Args:
        hash: of the code, under a key.
        use: what used it up, empty while nothing has.
        made_for: what it was made for, hashed; the same may ask for it again.
    """

    hash: str
    conversation: int
    expires_at: int
    use: str = ""
    made_for: str = ""


class WrongTry(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody keyed in what was no live code."""

    at: int
    by: str


class CodeBook(msgspec.Struct, frozen=True, kw_only=True):
    """The codes of one tenant."""

    live: tuple[LiveCode, ...] = ()
    wrong: tuple[WrongTry, ...] = ()


def current(book: CodeBook, now: int) -> CodeBook:
    """The book without what has run out."""
    return CodeBook(
        live=tuple(code for code in book.live if code.expires_at > now),
        wrong=tuple(one for one in book.wrong if now - HOUR < one.at <= now),
    )


def full(book: CodeBook, policy: ContinuationPolicy) -> bool:
    """Whether no further code may be given out."""
    return len(book.live) >= policy.most_live


def issue(book: CodeBook, code: LiveCode) -> CodeBook | None:
    """Write down a code; None if the same six digits live already, made for something else."""
    for other in book.live:
        if not hmac.compare_digest(code.hash, other.hash):
            continue
        mine = code.made_for and (code.made_for, code.conversation) == (
            other.made_for, other.conversation,
        )  # fmt: skip
        if not mine:
            return None
        longer = msgspec.structs.replace(other, expires_at=code.expires_at)
        live = tuple(longer if one is other else one for one in book.live)
        return msgspec.structs.replace(book, live=live)
    return msgspec.structs.replace(book, live=(*book.live, code))


def redeem(
    book: CodeBook, digest: str, *, by: str, use: str, now: int, policy: ContinuationPolicy
) -> tuple[CodeBook, int | None]:
    """Use a code up; the conversation it leads to, or None.

    Every live code is compared, whatever is found. What used a code up may ask again, since a
    request may be repeated.

    Args:
        digest: hash of what was keyed in.
        by: who keyed it in, hashed.
        use: the very act of keying it in, such as a call; not empty.
    """
    allowed = (
        sum(one.by == by for one in book.wrong) < policy.wrong_per_caller
        and len(book.wrong) < policy.wrong_per_tenant
    )
    found: LiveCode | None = None
    for code in book.live:
        same = hmac.compare_digest(code.hash, digest)
        if same and code.use in ("", use):
            found = code
    if found is not None and allowed:
        used = msgspec.structs.replace(found, use=use)
        live = tuple(used if code is found else code for code in book.live)
        return msgspec.structs.replace(book, live=live), found.conversation
    if not allowed:
        return book, None
    return msgspec.structs.replace(book, wrong=(*book.wrong, WrongTry(at=now, by=by))), None
