"""Dates are read to the second, or not at all."""

from __future__ import annotations

import pytest

from gateway_email.reading.dates import read_date, received_date

_NOON = 1_748_858_400_000  # 2025-06-02 10:00 UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 02 Jun 2025 12:00:00 +0200", _NOON),
        ("Mon, 2 Jun 2025 12:00:00 +0200 (CEST)", _NOON),
        ("2 Jun 2025 10:00:00", _NOON),
        ("2 Jun 25 10:00 GMT", _NOON),
        ("Mon, 02 Jun 2025 12.00.00 +0200", _NOON),
        ("2025-06-02T12:00:00+02:00", _NOON),
        ("Mon, 02 Jun 2025 10:00:00 -0000", _NOON),
        ("", None),
        ("yesterday", None),
        ("Mon, 1 Jan 99999999 00:00:00 +0000", None),
        ("Mon, 31 Feb 2025 99:99:99 +0000", None),
        ("Mon, 02 Jun 1890 10:00:00 +0000", None),
        ("Mon, 02 Jun 2025 10:00:00 +99999999", _NOON),
        ("(" * 5_000, None),
    ],
)
def test_dates_are_read_or_none(text: str, expected: int | None) -> None:
    """Real dates are read, impossible ones give None, nothing raises (F7)."""
    assert expected == read_date(text)


def test_a_date_in_the_future_is_the_moment_of_receipt() -> None:
    """A sender's clock may be wrong by a day, not by more (F7)."""
    received = received_date("from a by b for <c@d>; Mon, 02 Jun 2025 10:00:00 +0000")
    assert received == _NOON
    assert read_date("Mon, 02 Jun 2031 10:00:00 +0000", received) == _NOON
    assert read_date("Mon, 02 Jun 2025 11:00:00 +0000", received) == _NOON + 3_600_000
