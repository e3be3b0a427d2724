"""Ids and reply tokens: unique, ordered, readable; not to be forged, guessed or moved elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ids import EPOCH, NODES, IdGenerator, key_hash, made_at, read, show
from gateway.domain.tokens import Keyring, Named

NOW = 1_780_000_000_000
ONE, TWO = b"1" * 32, b"2" * 32
RING = Keyring([ONE])
CONVERSATION = st.integers(min_value=0, max_value=(1 << 63) - 1)


def test_ids_grow_and_do_not_repeat_although_the_clock_steps_back() -> None:
    """Ids of one process grow strictly, whatever its clock does."""
    moments = iter([NOW] * 9000 + [NOW - 60_000] * 3000 + [NOW + 1] * 10)
    generator = IdGenerator(7, lambda: next(moments))
    made = [generator() for _ in range(12_010)]
    assert sorted(set(made)) == made


def test_processes_do_not_collide() -> None:
    """At the same moment no two node numbers make the same id, and the moment can be read again."""
    made = [IdGenerator(node, lambda: NOW)() for node in range(NODES)]
    assert NODES == len(set(made))
    assert {NOW} == {made_at(one) for one in made}
    for node in (-1, NODES):
        with pytest.raises(ValueError, match="0 to 1023"):
            IdGenerator(node, lambda: NOW)
    assert EPOCH <= made_at(IdGenerator(0, lambda: 0)())


@pytest.mark.parametrize(("ahead", "node"), [(0, 9), (0, 2), (1, 9), (400, 2), (86_400_000, 9)])
def test_an_id_that_was_read_is_followed_by_greater_ones(ahead: int, node: int) -> None:
    """Whoever made it, and with a clock that is up to a day ahead."""
    ours, other = IdGenerator(7, lambda: NOW), IdGenerator(node, lambda: NOW + ahead)
    before = ours()
    theirs = [other() for _ in range(3)]
    ours.follow(theirs[-1])
    after = [ours() for _ in range(5000)]
    assert max(before, theirs[-1]) < after[0]
    assert sorted(set(after)) == after
    assert not {*theirs, *(other() for _ in range(5000))} & set(after)


def test_what_is_behind_is_not_followed_nor_a_clock_that_is_wrong() -> None:
    """Our own ids and older ones change nothing; one of next year moves us by a day only."""
    ours = IdGenerator(7, lambda: NOW)
    first = ours()
    for known in (first, first - 1, 0, IdGenerator(9, lambda: NOW - 1)()):
        ours.follow(known)
    assert first + 1 == ours()
    wrong = IdGenerator(9, lambda: NOW + 365 * 86_400_000)()
    for _ in range(3):
        ours.follow(wrong)
    assert NOW + 86_400_001 == made_at(ours())


@given(CONVERSATION)
def test_shown_ids_are_read_back(identifier: int) -> None:
    """What people are shown is read back, also in capitals, and sorts as the number does."""
    text = show("msg", identifier)
    assert identifier == read("msg", text) == read("msg", f"msg_{text[4:].upper()}")
    assert (show("msg", identifier) < show("msg", 1 << 40)) == (identifier < 1 << 40)


@pytest.mark.parametrize(
    "text",
    ["", "msg", "msg_", "conv_0000000000000", "msg_000000000000", "msg_00000000000000",
     "msg_000000000000i", "msg_zzzzzzzzzzzzz", "msg_00000 0000000", "0000000000000", "msg_İ00000000000"],
)  # fmt: skip
def test_what_is_no_id_is_refused_with_a_sentence(text: str) -> None:
    """Anything but an id of the right kind is refused with what was expected."""
    with pytest.raises(ValueError, match=r"is not an id like msg_0123456789abc"):
        read("msg", text)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_keys_of_different_parts_differ(one: list[str], other: list[str]) -> None:
    """No part of a key runs into the next one."""
    assert (one == other) == (key_hash(*one) == key_hash(*other))
    assert 16 == len(key_hash(*one))


@given(CONVERSATION)
def test_token_is_verified_in_any_case(conversation: int) -> None:
    """A token survives systems that change the case of letters."""
    full, short = RING.make("default", conversation), RING.make_short("default", conversation)
    assert (40, 23) == (len(full), len(short))
    assert set(full + short) <= set("abcdefghijklmnopqrstuvwxyz234567")
    for token in (full, full.upper(), full.title()):
        assert Named(conversation, short=False) == RING.verify("default", token)
    assert Named(conversation, short=True) == RING.verify("default", short.upper())


def test_token_is_bound_to_its_tenant() -> None:
    """Another tenant's token names nothing, whatever the tenants are called."""
    token = RING.make("acme", 5)
    assert [None] * 3 == [RING.verify(name, token) for name in ("", "acm", "acme ")]
    assert Named(5, short=False) == RING.verify("acme", token)


def test_keys_are_rotated() -> None:
    """The newest key signs, older ones still verify until they are taken away."""
    before = RING.make("default", 9)
    rotated = Keyring([TWO, ONE])
    assert Named(9, short=False) == rotated.verify("default", before)
    assert None is RING.verify("default", rotated.make("default", 9))
    assert None is Keyring([TWO]).verify("default", before)


@given(
    st.integers(min_value=0, max_value=39),
    st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"),
    st.booleans(),
)
def test_changed_token_names_nothing_else(place: int, letter: str, short: bool) -> None:
    """A token with a letter changed names its own conversation or nothing."""
    token = RING.make_short("default", 77) if short else RING.make("default", 77)
    place = min(place, len(token) - 1)
    changed = token[:place] + letter + token[place + 1 :]
    named = RING.verify("default", changed)
    assert named in (None, Named(77, short=short))
    if not short and changed != token:
        assert None is named


@given(st.text(max_size=60))
def test_nonsense_is_no_token(text: str) -> None:
    """Whatever stands in an address, nothing is raised and nothing is named."""
    assert None is RING.verify("default", text)


def test_guessing_finds_nothing() -> None:
    """Twenty thousand guesses at a conversation's short MAC find none."""
    import base64
    import random

    guess = random.Random(7)
    head = base64.b32decode(RING.make_short("default", 3).upper() + "=")[:9]
    found = 0
    for _ in range(20_000):
        raw = head + guess.randbytes(5)
        found += RING.verify("default", base64.b32encode(raw).decode().rstrip("=")) is not None
    assert 0 == found


def test_short_and_full_macs_are_not_of_one_kind() -> None:
    """A full token cut to the length of a short one is not a short one."""
    import base64

    raw = base64.b32decode(RING.make("default", 3).upper())
    assert None is RING.verify("default", base64.b32encode(raw[:14]).decode().rstrip("="))


@pytest.mark.parametrize(("keys", "words"), [([], "at least one"), ([b"short"], "at least 16")])
def test_weak_keys_are_refused(keys: list[bytes], words: str) -> None:
    """No key, or one that can be guessed, is refused at the start."""
    with pytest.raises(ValueError, match=words):
        Keyring(keys)
