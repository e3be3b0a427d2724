"""Deliveries that cannot go anywhere: seen, sent by another way, or given up by a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.health import HealthBoard
from gateway.core.watching import Missing
from gateway.domain.answers import ForwardTo
from gateway.domain.conversation import Conversation, Route
from gateway.domain.delivery import Delivery
from gateway.domain.draft import ThreadRef
from gateway.domain.health import Health
from gateway.domain.ids import show
from gateway.domain.message import Message
from gateway.errors import Refused
from tests.unit.core.deliveries import answered, says
from tests.unit.core.test_timers_events_state import Warden, set_timer
from tests.unit.core.workshop import Workshop, letter, until, workshop

NOWHERE, POST = "channel/none", "channel/post"


async def unanswerable(shop: Workshop) -> Delivery:
    """Have an agent answer where the customer has no thread."""
    await shop.take(letter())
    await answered(shop)
    return await shop.delivery(NOWHERE)


async def test_answer_without_a_way_is_told_to_the_agent(shop: Workshop) -> None:
    """Who answered where nobody can be reached reads so in the ticket, and has not answered."""
    dead = await unanswerable(shop)
    assert ("dead", "no_route") == (dead.state, dead.last_code)
    [*_, note] = await shop.messages()
    assert f"The answer could not be sent: {dead.last_error}" == note.text
    [conversation] = await shop.conversations()
    assert "open" == conversation.state


async def test_replay_without_a_way_stays_dead(shop: Workshop) -> None:
    """A letter that has nowhere to go does not vanish into a queue when it is replayed."""
    dead = await unanswerable(shop)
    with pytest.raises(Refused, match="stays dead: this conversation has no thread"):
        await shop.operator.settle_delivery(None, dead.id, "replay", "ada")
    assert dead == await shop.delivery(NOWHERE)


async def test_replay_takes_the_way_that_there_is_by_now(shop: Workshop) -> None:
    """Once the conversation has a thread, merged into it or its own, the answer leaves by that."""
    dead = await unanswerable(shop)
    await says(shop, "It burns still, and the water is gone", "bob")
    one, into = await shop.conversations()
    await shop.operator.merge(None, one.id, into.id, "ada")
    after = await shop.operator.settle_delivery(None, dead.id, "replay", "ada")
    assert (POST, "queued", into.id) == (after.target, after.state, after.conversation)
    shop.send_to(POST)
    await shop.settled(POST, "delivered")
    assert ["Try water"] == [reply.text for reply in shop.post.sent]
    assert "cancelled" == (await shop.delivery(NOWHERE)).state
    [decision] = [one for one in await shop.decisions("state") if one.outcome == "replayed"]
    assert f"ada had it replayed: {show('dlv', after.id)} takes it to {POST}" == decision.reason
    with pytest.raises(Refused, match="is cancelled; only dead and unknown deliveries can be"):
        await shop.operator.settle_delivery(None, dead.id, "replay", "ada")


async def test_queued_answer_is_discarded(shop: Workshop) -> None:
    """What waits for a target that nobody serves can be given up; its author is told."""
    await says(shop, "It burns")
    await answered(shop)
    waiting = await shop.delivery(POST)
    after = await shop.operator.settle_delivery(None, waiting.id, "discard", "ada")
    assert ("cancelled", "cancelled") == (after.state, (await shop.delivery(POST)).state)
    assert ["discarded"] == [one.outcome for one in await shop.decisions("state")]
    [*_, note] = await shop.messages()
    assert ("internal", "The answer was not sent: ada discarded it.") == (note.audience, note.text)
    assert 0 == (await shop.store.counts()).deliveries_waiting.get(POST, 0)


async def test_discarding_does_not_stop_what_is_being_sent(shop: Workshop) -> None:
    """A delivery in a sender's hands is not given up behind its back."""
    await says(shop, "It burns")
    await answered(shop)
    [claimed] = await shop.store.claim_deliveries(
        target=POST, now=shop.clock.now(), limit=1, lease=7, share=None
    )
    with pytest.raises(Refused, match="is leased; only dead, unknown and queued deliveries"):
        await shop.operator.settle_delivery(None, claimed.id, "discard", "ada")


async def test_missing_target_is_named_until_nothing_waits_for_it(shop: Workshop) -> None:
    """A target that is not there is named once while deliveries wait for it, then no more."""
    board = HealthBoard(shop.clock, shop.log)
    missing = Missing(shop.store, board, frozenset({"backend/tickets"}))
    await missing.look()
    assert {} == board.sick
    await says(shop, "It burns")
    await answered(shop)
    await missing.look()
    await missing.look()
    health = board.sick[f"outbox/{POST}"]
    assert ("down", "no_such_target") == (health.state, health.code)
    assert health.reason.startswith(
        "deliveries wait for it (1), but the configuration does not have"
    )
    assert health.reason.endswith(f"gateway deliveries list --state queued --target {POST}")
    assert 1 == [event for event, _ in shop.log.lines].count("health")
    waiting = await shop.delivery(POST)
    await shop.operator.settle_delivery(None, waiting.id, "discard", "ada")
    await missing.look()
    assert {} == board.sick


async def test_missing_target_is_noticed_while_running(shop: Workshop) -> None:
    """It is named as soon as the first delivery to it is committed."""
    board = HealthBoard(shop.clock, shop.log)
    missing = Missing(shop.store, board, frozenset({"backend/tickets"}))
    shop.run(missing.run())
    await says(shop, "It burns")
    await answered(shop)
    for changes in shop.committed:
        missing.notice(changes)

    async def named() -> bool:
        return f"outbox/{POST}" in board.sick

    await until(named)
    assert Health() != board.parts[f"outbox/{POST}"]


class Astray:
    """Routes to what is not there."""

    async def route_conversation(self, conversation: Conversation, message: Message) -> Route:
        return Route(backends=("tickets", "nix"), tier="L3")


async def test_route_to_nowhere_is_refused(database: Path) -> None:
    """A plugin that names a backend that is not there is not heeded, and the decision says so."""
    async with workshop(database, plugins=(Astray(),)) as shop:
        await shop.take(letter())
        refused, routed = await shop.decisions("route")
        assert ("refused", "astray 1") == (refused.outcome, refused.plugin)
        assert "no backend is called 'nix'; the rules decide" == refused.reason
        assert ("tickets", "core 0.1.0") == (routed.outcome, routed.plugin)
        assert {"backend/tickets"} == {one.target for one in await shop.deliveries()}
        [conversation] = await shop.conversations()
        assert "L1" == conversation.tier


async def test_forward_to_nowhere_is_refused(database: Path) -> None:
    """An action that forwards to a backend that is not there does nothing but say so."""
    warden = Warden(overdue=(ForwardTo(backends=("nix",), reason="the second line"),))
    async with workshop(database, plugins=(warden,)) as shop:
        await shop.take(letter(thread=ThreadRef(native_id="ann")))
        [conversation] = await shop.conversations()
        await set_timer(shop, "overdue", 0, conversation.id)
        shop.run(shop.timers.run())

        async def refused() -> bool:
            return "refused" in [one.outcome for one in await shop.decisions("route")]

        await until(refused)
        assert {"backend/tickets"} == {one.target for one in await shop.deliveries()}
