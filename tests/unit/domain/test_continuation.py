"""Continuation codes: what a book of them answers, and how much can be guessed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.config.policies import ContinuationSettings
from gateway.domain.continuation import (
    CODES,
    HOUR,
    MINUTE,
    CodeBook,
    ContinuationPolicy,
    LiveCode,
    current,
    full,
    issue,
    redeem,
)

NOW = 1_700_000_000_000
POLICY = ContinuationPolicy(wrong_per_caller=3, wrong_per_tenant=5, most_live=2)
BOOK = CodeBook(live=(LiveCode(hash="aa", conversation=7, expires_at=NOW + 15 * MINUTE),))


def tried(
    book: CodeBook, digest: str, by: str = "ann", use: str = "call-1"
) -> tuple[CodeBook, int | None]:
    """Try a code."""
    return redeem(book, digest, by=by, use=use, now=NOW, policy=POLICY)


def test_a_code_is_good_once() -> None:
    """The call that used it may ask again, since a request may be repeated; no other may."""
    book, first = tried(BOOK, "aa")
    assert 7 == first
    assert 7 == tried(book, "aa")[1]
    assert None is tried(book, "aa", use="call-2")[1]
    assert None is tried(book, "aa", by="bob", use="call-3")[1]


def test_a_code_runs_out() -> None:
    """At its last moment it is gone from the book, and so are wrong tries after an hour."""
    book, _ = tried(BOOK, "bb")
    assert 1 == len(current(book, NOW + 15 * MINUTE - 1).live)
    later = current(book, NOW + 15 * MINUTE)
    assert () == later.live
    assert 1 == len(later.wrong)
    assert CodeBook() == current(book, NOW + HOUR)


def test_who_tries_too_often_is_wrong_whatever_they_try() -> None:
    """After three wrong tries the right code counts as wrong, and is not used up by it."""
    book = BOOK
    for _ in range(3):
        book, found = tried(book, "bb")
        assert None is found
    book, found = tried(book, "aa")
    assert None is found
    assert 7 == tried(book, "aa", by="bob")[1]


def test_everybody_together_has_a_budget() -> None:
    """Five wrong tries by five callers, and nobody is let in for the rest of the hour."""
    book = BOOK
    for number in range(5):
        book, _ = tried(book, "bb", by=f"caller-{number}")
    assert None is tried(book, "aa", by="ann")[1]
    assert 5 == len(tried(book, "cc", by="zoe")[0].wrong)  # the book does not grow with the attack


def test_the_same_digits_do_not_live_twice() -> None:
    """A code that lives already is not given out again, and only so many live at once."""
    twin = LiveCode(hash="aa", conversation=8, expires_at=NOW + MINUTE)
    assert None is issue(BOOK, twin)
    book = issue(BOOK, LiveCode(hash="bb", conversation=8, expires_at=NOW + MINUTE))
    assert book is not None
    assert full(book, POLICY)
    assert not full(BOOK, POLICY)


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(("aa", "bb", "cc"))), max_size=40)
)
def test_a_book_stays_small(tries: list[tuple[str, str]]) -> None:
    """Whatever is tried, by whomever, the budgets hold and no code leads anywhere twice."""
    book, led = BOOK, 0
    for number, (by, digest) in enumerate(tries):
        book, found = tried(book, digest, by=by, use=f"call-{number}")
        led += found is not None
    assert led <= 1
    assert len(book.wrong) <= 5
    assert all(sum(one.by == by for one in book.wrong) <= 3 for by in "abcd")


def test_the_defaults_are_hard_to_guess() -> None:
    """Who tries all year at the full rate, with all codes live, is right about once a week.

    docs/why/continuation-codes.md and docs/threat-model.md say so.
    """
    settings = ContinuationSettings()
    hits_an_hour = settings.wrong_per_tenant_hour * settings.most_live / CODES
    assert 0.006 == hits_an_hour
    assert 166 < 1 / hits_an_hour < 167  # hours until the first one
    one_code = settings.wrong_per_tenant_hour / CODES  # all tries of an hour within its life
    assert one_code <= 6e-5
