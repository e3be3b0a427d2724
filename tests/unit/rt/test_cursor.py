"""The cursor over RT's entries: nothing twice, nothing missed, nothing from before the gateway."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway_rt.hearing import OVERLAP, Cursor


def test_entries_from_before_are_known() -> None:
    """What was written before the gateway came is not heard."""
    cursor = Cursor(first=100, last=100)
    assert cursor.knows(99)
    assert cursor.knows(100)
    assert not cursor.knows(101)


def test_a_lower_id_may_come_late() -> None:
    """RT gives ids before it commits: a lower one that shows up after a higher is still heard."""
    cursor = Cursor(first=100, last=100).after(105)
    assert not cursor.knows(103)
    assert cursor.after(103).knows(103)
    assert 105 == cursor.after(103).last


@given(st.lists(st.integers(101, 400), unique=True))
def test_memory_is_bounded(entries: list[int]) -> None:
    """What is remembered reaches no further back than what is asked for again, and survives JSON."""
    cursor = Cursor(first=100, last=100)
    for entry in entries:
        cursor = cursor.after(entry)
    assert len(cursor.recent) <= OVERLAP
    assert all(cursor.knows(one) for one in entries if one > cursor.last - OVERLAP)
    assert cursor == msgspec.convert(msgspec.to_builtins(cursor), Cursor)
