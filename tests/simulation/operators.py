"""Operators: they merge and take it back, and in the end look after what waits for a person."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from gateway.core.operating import Operator
from gateway.domain.conversation import Conversation
from gateway.domain.delivery import Delivery
from gateway.domain.ids import show
from gateway.errors import GatewayError, StoreError
from gateway.store.operations import ConversationFilter, ConversationView, Cursor, DeliveryFilter
from tests.simulation.plan import HOUR
from tests.simulation.process import Gone

if TYPE_CHECKING:
    from tests.simulation.world import World

ALL = Cursor(limit=500)


class Operators:
    """What people do in the console."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def _do(self, act: Callable[[Operator], Awaitable[Any]]) -> Any:
        """Do something in a process that is ready, as often as it takes."""
        while True:
            process = self._world.ready()
            if process is not None and process.gateway is not None:
                try:
                    return await process.do(_coroutine(act, process.gateway.parts.operator))
                except (Gone, StoreError):
                    pass
            await asyncio.sleep(5)

    async def merge(self, moment: float) -> None:
        """Merge two conversations at a moment, and take it back some time later."""
        world = self._world
        await asyncio.sleep(moment)
        found = await self._all()
        standing = [one for one in found if one.merged_into is None]
        if len(standing) < 2:
            return
        one, into = world.dice.sample(standing, 2)
        before = [await self._view(each.id) for each in (one, into)]
        world.oracle.merged(show("conv", one.id), show("conv", into.id))
        world.trace("operator", f"merges {show('conv', one.id)} into {show('conv', into.id)}")
        await self._tried(lambda o: o.merge(None, one.id, into.id, "operator"))
        merged = (await self._view(one.id)).conversation.version
        as_seen = merged == before[0].conversation.version + 1  # else it was changed just before
        await asyncio.sleep(world.dice.choice((1.0, 600.0, 8 * HOUR)))
        for _ in range(50):
            if (await self._view(one.id)).conversation.merged_into is None:
                break
            await self._tried(lambda o: o.unmerge(None, one.id, "operator"))
        after = [await self._view(each.id) for each in (one, into)]
        if after[0].conversation.merged_into is not None or not as_seen:
            return  # what it was merged into was merged on, which is undone first
        guests = {each.id for each in found if each.merged_into == one.id}
        if guests <= {each.id for each in await self._all() if each.merged_into == one.id}:
            self._compare(
                before[0], after[0]
            )  # else some went home, and took along what was theirs
        if after[1].conversation.merged_into is not None:
            return  # it was merged on since, and its threads with it
        moved = {one.id for one in before[0].threads}
        said = await self._do(lambda o: o.store.messages(None, into.id, after_seq=0, limit=500))
        for message in said:
            if message.conversation == into.id and message.thread in moved:
                world.broken("undo", f"{show('msg', message.id)} did not go home with its thread")

    async def _all(self) -> list[Conversation]:
        return await self._do(  # type: ignore[no-any-return]
            lambda o: o.store.conversations(None, ConversationFilter(), ALL)
        )

    async def _view(self, conversation: int) -> ConversationView:
        return await self._do(lambda o: o.store.conversation(None, conversation))  # type: ignore[no-any-return]

    async def _tried(self, act: Callable[[Operator], Awaitable[Any]]) -> None:
        try:
            await self._do(act)
        except GatewayError as error:
            self._world.trace("operator", f"was refused: {error}")

    def _compare(self, before: ConversationView, after: ConversationView) -> None:
        """Whether what was there before a merge is there again."""
        for what, old, new in (
            ("threads", {one.id for one in before.threads}, {one.id for one in after.threads}),
            ("participants", _people(before), _people(after)),
        ):
            if lost := old - new:
                self._world.broken(
                    "undo", f"{show('conv', before.conversation.id)} lost {what} {lost} by a merge"
                )

    async def close(self) -> None:
        """Look after what waits for a person, once nothing new goes wrong any more."""
        world = self._world
        await asyncio.sleep((world.plan.hours - 13) * HOUR)
        for delivery in await self._waiting():
            action: Literal["replay", "discard"] = "discard" if self._there(delivery) else "replay"
            world.trace("operator", f"has {show('dlv', delivery.id)} {action}ed")
            world.oracle.released.add(delivery.key)
            await self._tried(partial(_settle, delivery.id, action))
        await asyncio.sleep(HOUR)
        for one in await self._do(lambda o: o.store.quarantine(None, ALL)):
            if one.reason.code == "unknown_ticket":
                await self._tried(partial(_replay, one.arrival.id))

    async def _waiting(self) -> list[Delivery]:
        wanted = DeliveryFilter(states=("dead", "unknown"))
        found = await self._do(lambda o: o.store.deliveries(None, wanted, ALL))
        return [one for one in found if one.next_at > 1 << 61]

    def _there(self, delivery: Delivery) -> bool:
        """Whether the target has it, as a person sees who looks there."""
        kind, _, name = delivery.target.partition("/")
        place = self._world.desks[name] if kind == "backend" else self._world.providers[name]
        return place.holds(delivery.key)

    async def look(self) -> None:
        """Judge what is left when everything has come to rest."""
        world, oracle = self._world, self._world.oracle
        deliveries = await self._do(lambda o: o.store.deliveries(None, DeliveryFilter(), ALL))
        quarantined = await self._do(lambda o: o.store.quarantine(None, ALL))
        counts = await self._do(lambda o: o.store.counts())
        unread = {one.arrival.key for one in quarantined}
        if counts.arrivals_waiting:
            world.broken("lost", f"{counts.arrivals_waiting} arrivals wait still")
        states = Counter((one.target, one.state) for one in deliveries)
        for (target, state), number in states.items():
            if state not in ("delivered", "cancelled"):
                world.broken("lost", f"{number} deliveries to {target} are {state} still")
        for said in oracle.truth.values():
            if oracle.committed(said) is None:
                continue
            if said.poison != (said.marker in unread) and not (
                said.person == "agent" and said.places[0].startswith("blunt/")
            ):
                world.broken(
                    "poison", f"{said.marker}: poison {said.poison}, but in quarantine {unread}"
                )
            if said.poison or said.marker in unread:
                continue
            self._arrived(said)

    def _arrived(self, said: Any) -> None:
        world, effects = self._world, self._world.oracle.effects
        if said.person == "agent":
            if said.routed and not any(
                (f"channel/{name}", said.marker) in effects for name in world.providers
            ):
                world.broken("lost", f"the answer {said.marker} never reached its customer")
            return
        missing = [name for name in said.routed if (f"backend/{name}", said.marker) not in effects]
        if missing and not (world.plan.merges and len(missing) < len(world.desks)):
            world.broken("lost", f"{said.marker} never reached {missing}")


def _people(view: ConversationView) -> set[int]:
    return {one.identity for one in view.participants}


async def _settle(delivery: int, action: Literal["replay", "discard"], operator: Operator) -> None:
    await operator.settle_delivery(None, delivery, action, "operator")


async def _replay(arrival: int, operator: Operator) -> None:
    await operator.replay_arrival(None, arrival, release=False, who="operator")


async def _coroutine(act: Callable[[Operator], Awaitable[Any]], operator: Operator) -> Any:
    return await act(operator)
