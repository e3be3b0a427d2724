"""Lines of deliveries, on both engines: leases, order, fencing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.domain.changes import Changes, Conflict
from gateway.domain.delivery import Attempt, Delivery
from gateway.store.operations import Cursor, DeliveryFilter, Store
from tests.unit.store.values import NOW, TARGET, TENANT, Opened, delivery, new_id


async def claim(store: Store, *, now: int = NOW, limit: int = 10, lease: int = 1) -> list[Delivery]:
    """Claim what is due at the one target."""
    return await store.claim_deliveries(target=TARGET, now=now, limit=limit, lease=lease)


async def settle(store: Store, one: Delivery, state: str, **fields: Any) -> Conflict | None:
    """Settle a delivery in a state; gives the conflict if there is one."""
    after = msgspec.structs.replace(one, state=state, **fields)
    [conflict] = await store.commit([Changes(tenant=TENANT, settled=(after,))])
    return conflict


async def open_with(store: Store, deliveries: int) -> Opened:
    """Commit a new conversation with so many deliveries in line."""
    opened = Opened(deliveries=deliveries)
    assert [None] == await store.commit([opened.changes()])
    return opened


async def test_only_the_head_of_a_line_is_claimed(store: Store) -> None:
    """A line leaves one by one in its order; other conversations do not wait for it."""
    long, short = await open_with(store, 3), await open_with(store, 1)
    claimed = await claim(store)
    assert [long.deliveries[0].id, short.deliveries[0].id] == [one.id for one in claimed]
    assert [] == await claim(store, lease=2)
    assert None is await settle(store, claimed[0], "delivered")
    [second] = await claim(store, lease=2)
    assert long.deliveries[1].id == second.id


async def test_a_claim_keeps_the_state_it_found(store: Store) -> None:
    """The value carries the new lease; whether it was unknown before can be seen."""
    await open_with(store, 1)
    [one] = await claim(store, lease=7)
    assert ("queued", 7) == (one.state, one.lease)
    assert "leased" == (await store.delivery(None, one.id)).state
    await settle(store, one, "unknown", next_at=NOW + 5)
    [again] = await claim(store, now=NOW + 5, lease=8)
    assert ("unknown", 8) == (again.state, again.lease)


async def test_a_retry_waits_and_holds_its_line(store: Store) -> None:
    """A head that failed is due later, and what is behind it waits as long."""
    opened = await open_with(store, 2)
    [head] = await claim(store)
    await settle(store, head, "queued", next_at=NOW + 100, attempts=1, last_error="busy")
    assert [] == await claim(store, now=NOW + 99)
    assert NOW + 100 == await store.next_moment(targets=[TARGET])
    [again] = await claim(store, now=NOW + 100)
    assert (opened.deliveries[0].id, 1, "busy") == (again.id, again.attempts, again.last_error)


async def test_a_stuck_head_may_be_passed(store: Store) -> None:
    """A head that no longer blocks lets the next one by, and is still tried itself."""
    opened = await open_with(store, 3)
    [head] = await claim(store)
    await settle(store, head, "queued", next_at=NOW + 100, blocks=False)
    [second] = await claim(store)
    assert opened.deliveries[1].id == second.id
    await settle(store, second, "dead", blocks=False)
    claimed = await claim(store, now=NOW + 100)
    assert [opened.deliveries[2].id, head.id] == [one.id for one in claimed]


async def test_a_dead_letter_that_holds_its_line(store: Store) -> None:
    """A dead head that blocks keeps the rest back until it is replayed or given up."""
    opened = await open_with(store, 2)
    [head] = await claim(store)
    await settle(store, head, "dead")
    assert [] == await claim(store)
    dead = await store.delivery(None, head.id)
    await settle(store, dead, "cancelled")
    [second] = await claim(store)
    assert opened.deliveries[1].id == second.id


async def test_a_replayed_dead_letter_takes_its_turn_from_later_ones(store: Store) -> None:
    """Once it blocks again, what is younger waits for it again."""
    opened = await open_with(store, 2)
    [head] = await claim(store)
    await settle(store, head, "dead", blocks=False)
    dead = await store.delivery(None, head.id)
    await settle(store, dead, "queued", blocks=True)
    [first] = await claim(store)
    assert head.id == first.id
    await settle(store, first, "delivered")
    [second] = await claim(store)
    assert opened.deliveries[1].id == second.id


async def test_who_lost_the_lease_cannot_settle(store: Store) -> None:
    """A worker that was paused until its lease ran out changes nothing any more."""
    await open_with(store, 1)
    [paused] = await claim(store, lease=1)
    assert 0 == await store.recover_deliveries(now=NOW, but=[paused.id])
    assert 1 == await store.recover_deliveries(now=NOW)
    [taken] = await claim(store, lease=2)
    assert "unknown" == taken.state
    conflict = await settle(store, paused, "delivered")
    assert conflict is not None
    assert "lease" == conflict.on
    assert None is await settle(store, taken, "delivered")


async def test_recovery_can_take_back_everything(store: Store) -> None:
    """At the start of the only process every lease is its own dead predecessor's."""
    for _ in range(3):
        await open_with(store, 2)
    assert 3 == len(await claim(store))
    assert 3 == await store.recover_deliveries(now=NOW)
    assert ["unknown"] * 3 == [one.state for one in await claim(store, lease=2)]


async def test_settling_twice_is_a_conflict(store: Store) -> None:
    """The lease is spent once it settled; what was delivered is not undone without one."""
    await open_with(store, 1)
    [one] = await claim(store)
    assert None is await settle(store, one, "delivered", external_ids=("x1",))
    conflict = await settle(store, one, "queued")
    assert conflict is not None
    assert "lease" == conflict.on
    stored = await store.delivery(None, one.id)
    assert ("delivered", 0, False, ("x1",)) == (
        stored.state, stored.lease, stored.blocks, stored.external_ids,
    )  # fmt: skip
    conflict = await settle(store, stored, "queued")
    assert conflict is not None
    assert "lease" == conflict.on


async def test_receipts_only_move_on(store: Store) -> None:
    """A receipt is kept if it says more, with its attempts; nothing else changes."""
    await open_with(store, 1)
    [one] = await claim(store)
    await settle(store, one, "delivered", receipt="sent")
    stored = await store.delivery(None, one.id)
    attempt = Attempt(at=NOW, outcome="delivered")
    for receipt in ("read", "delivered"):
        told = msgspec.structs.replace(stored, receipt=receipt, state="dead", history=(attempt,))
        assert [None] == await store.commit([Changes(tenant=TENANT, receipts=(told,))])
    stored = await store.delivery(None, one.id)
    assert ("read", "delivered", (attempt,)) == (stored.receipt, stored.state, stored.history)


async def test_a_receipt_that_comes_before_the_settling_stays(store: Store) -> None:
    """A provider's webhook may be quicker than its answer; settling does not move it back."""
    await open_with(store, 1)
    [one] = await claim(store)
    told = msgspec.structs.replace(one, receipt="delivered")
    await store.commit([Changes(tenant=TENANT, receipts=(told,))])
    assert None is await settle(store, one, "delivered", receipt="sent")
    assert "delivered" == (await store.delivery(None, one.id)).receipt


PROOF = Attempt(at=NOW, outcome="found", code="receipt")


async def tell(store: Store, one: Delivery, *history: Attempt) -> None:
    """Commit a receipt."""
    told = msgspec.structs.replace(one, receipt="sent", history=history)
    assert [None] == await store.commit([Changes(tenant=TENANT, receipts=(told,))])


async def is_over(store: Store, one: Delivery, following: Delivery) -> None:
    """See that a delivery counts as made, and that the one behind it may go."""
    known = await store.delivery(None, one.id)
    assert ("delivered", "sent", NOW) == (known.state, known.receipt, known.settled_at)
    [claimed] = await claim(store, lease=2)
    assert following.id == claimed.id


@pytest.mark.parametrize("state", ["unknown", "dead", "queued"])
async def test_a_proof_is_quicker_than_the_failure(store: Store, state: str) -> None:
    """What a receipt has shown to be sent is neither tried again nor given up."""
    opened = await open_with(store, 2)
    [one] = await claim(store)
    await tell(store, one, PROOF)
    attempt = Attempt(at=NOW, outcome=state)
    assert None is await settle(store, one, state, next_at=NOW, blocks=True, history=(attempt,))
    await is_over(store, one, opened.deliveries[1])


async def test_a_proof_ends_an_unknown_outcome(store: Store) -> None:
    """What waited for a person waits no more once a receipt has shown that it was sent."""
    opened = await open_with(store, 2)
    [one] = await claim(store)
    attempt = Attempt(at=NOW, outcome="unknown")
    await settle(store, one, "unknown", next_at=NOW + 9, blocks=True, history=(attempt,))
    await tell(store, await store.delivery(None, one.id), attempt, PROOF)
    await is_over(store, one, opened.deliveries[1])


async def test_claims_are_limited_and_oldest_first(store: Store) -> None:
    """What is due first leaves first, as many as asked for, of one target only."""
    opened = Opened()
    late = delivery(opened.message, next_at=NOW, target=TARGET)
    other = Opened()
    early = delivery(other.message, next_at=NOW - 50)
    third = Opened()
    mail = delivery(third.message, target="channel/support")
    await store.commit([
        opened.changes(deliveries=(late,)),
        other.changes(deliveries=(early,)),
        third.changes(deliveries=(mail,)),
    ])  # fmt: skip
    assert [early.id] == [one.id for one in await claim(store, limit=1)]
    assert [late.id] == [one.id for one in await claim(store, limit=9)]
    assert NOW == await store.next_moment(targets=["channel/support"])
    assert None is await store.next_moment(targets=[TARGET])


async def test_targets_of_one_conversation_are_lines_of_their_own(store: Store) -> None:
    """A backend that is stuck does not keep the customer's channel waiting."""
    opened = Opened()
    forward = delivery(opened.message)
    reply = delivery(opened.message, target="channel/support", operation="reply")
    await store.commit([opened.changes(deliveries=(forward, reply))])
    await claim(store)
    found = await store.claim_deliveries(target="channel/support", now=NOW, limit=5, lease=3)
    assert [reply.id] == [one.id for one in found]


async def test_deliveries_are_listed_by_what_is_asked(store: Store) -> None:
    """State, target, conversation and message each narrow the list; newest come first."""
    opened = await open_with(store, 2)
    other = await open_with(store, 1)
    [head, _] = await claim(store)
    await settle(store, head, "dead", blocks=True)

    async def ids(**wanted: Any) -> list[int]:
        found = await store.deliveries(
            frozenset({TENANT}), DeliveryFilter(**wanted), Cursor(limit=10)
        )
        return [one.id for one in found]

    first, second = opened.deliveries
    assert [other.deliveries[0].id, second.id, first.id] == await ids()
    assert [first.id] == await ids(states=("dead",))
    assert [second.id, first.id] == await ids(conversation=opened.conversation.id)
    assert [other.deliveries[0].id] == await ids(message=other.message.id)
    assert [] == await ids(target="channel/none")
    assert [] == await store.deliveries(frozenset({"x"}), DeliveryFilter(), Cursor(limit=5))


async def test_a_missing_delivery_is_a_conflict(store: Store) -> None:
    """Settling or receipting what is not there writes nothing."""
    ghost = delivery(Opened().message, id=new_id())
    for changes in (
        Changes(tenant=TENANT, settled=(ghost,)),
        Changes(tenant=TENANT, receipts=(ghost,)),
    ):
        [conflict] = await store.commit([changes])
        assert conflict is not None
