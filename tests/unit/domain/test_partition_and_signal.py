"""How work is divided, and what processes tell one another."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.domain.ids import IdGenerator
from gateway.domain.partition import (
    PARTITIONS,
    Share,
    fair_share,
    mask,
    of_conversation,
    of_part,
)
from gateway.domain.signal import EVERYTHING, MOST_TARGETS, SILENCE, Signal


@pytest.mark.parametrize("processes", [1, 2, 3, 5, 7, 63, 64, 65, 200])
def test_shares_are_fair_and_leave_nothing(processes: int) -> None:
    """Everything is given out, and nobody has more than one above anybody else."""
    shares = [fair_share(processes, position) for position in range(processes)]
    assert PARTITIONS == sum(shares)
    assert max(shares) - min(shares) <= 1


def test_conversations_spread_over_all_partitions() -> None:
    """Whether they are opened in one burst or one now and then, by one process or by several."""
    moment = 1_800_000_000_000
    burst = IdGenerator(3, lambda: moment)
    assert PARTITIONS == len({of_conversation(burst()) for _ in range(1000)})
    moments = iter(range(moment, moment + 6400))
    one = IdGenerator(3, lambda: next(moments))
    slow = Counter(of_conversation(one()) for _ in range(6400))
    assert {100} == set(slow.values())


def test_a_share_is_given_as_the_bits_of_a_signed_number() -> None:
    """The databases have no other numbers of 64 bits."""
    everything = Share(process=1, partitions=frozenset(range(PARTITIONS)))
    assert (-1, -1) == (mask(None), mask(everything))
    last = Share(process=1, partitions=frozenset({PARTITIONS - 1}))
    assert -(1 << 63) == mask(last)
    assert 0b101 == mask(Share(process=1, partitions=frozenset({0, 2})))


def test_a_part_stays_where_it_is() -> None:
    """All processes agree where a mailbox belongs, today and tomorrow."""
    assert (of_part("channel/support"), of_part("poll/rt")) == (
        of_part("channel/support"),
        of_part("poll/rt"),
    )
    assert len({of_part(f"channel/{n}") for n in range(500)}) > 60


def test_signals_add_up() -> None:
    """Several are told as one."""
    both = Signal(arrivals=1, targets=frozenset({"a"})) | Signal(arrivals=4, timers=True)
    assert Signal(arrivals=5, targets=frozenset({"a"}), timers=True) == both
    assert not SILENCE
    assert both
    assert both | SILENCE == both


def test_many_targets_are_all_of_them() -> None:
    """What is told has to fit into a notification."""
    many = SILENCE
    for number in range(MOST_TARGETS + 1):
        many |= Signal(targets=frozenset({f"backend/{number}"}))
    assert frozenset({"*"}) == many.targets
    assert many.concerns("channel/other")
    assert EVERYTHING.concerns("backend/1")
    assert not Signal(targets=frozenset({"backend/1"})).concerns("backend/2")
