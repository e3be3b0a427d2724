"""Receipts move one way, and a proof is as good as it is."""

from __future__ import annotations

import itertools

import pytest

from gateway.domain.contact import Proof, at_least, identity_hash
from gateway.domain.delivery import later_receipt
from gateway.domain.draft import ReceiptState
from gateway.domain.message import Address

STATES: tuple[ReceiptState, ...] = ("accepted", "sent", "failed", "delivered", "read")


@pytest.mark.parametrize("told", list(itertools.permutations(STATES, 3)))
def test_order_of_receipts_does_not_matter(told: tuple[ReceiptState, ...]) -> None:
    """Whatever the order in which receipts come, the furthest one stands."""
    known: ReceiptState | None = None
    for state in told:
        known = later_receipt(known, state)
    assert max(told, key=STATES.index) == known


def test_receipt_told_twice_changes_nothing() -> None:
    """The same receipt again leaves everything as it is."""
    for known, state in itertools.product(STATES, STATES):
        once = later_receipt(known, state)
        assert once == later_receipt(once, state)
        assert STATES.index(once) >= STATES.index(known)


def test_proofs_are_ordered() -> None:
    """Proven is better than asserted, asserted better than claimed."""
    order: tuple[Proof, ...] = ("claimed", "asserted", "proven")
    for (n, proof), (m, floor) in itertools.product(enumerate(order), enumerate(order)):
        assert (n >= m) == at_least(proof, floor)


def test_identities_are_kept_apart_by_everything_but_the_name() -> None:
    """Tenant, scheme, scope and value make an identity; a display name never does."""
    ann = Address(scheme="email", value="ann@example.net", name="Ann")
    others = [
        ("acme", ann),
        ("default", Address(scheme="tel", value=ann.value)),
        ("default", Address(scheme="email", value=ann.value, scope="unauthenticated")),
        ("default", Address(scheme="email", value="bob@example.net", name="Ann")),
    ]
    hashes = {identity_hash(tenant, address) for tenant, address in others}
    assert 4 == len(hashes)
    assert identity_hash("default", ann) not in hashes
    assert identity_hash("default", ann) == identity_hash(
        "default", Address(scheme="email", value="ann@example.net", name="The King")
    )
