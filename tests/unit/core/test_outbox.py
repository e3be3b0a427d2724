"""Deliveries over the real store: order, retries, unknown outcomes, dead letters and lost leases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.outbox.settling import PARKED
from gateway.domain.answers import Hold, Refuse
from gateway.domain.conversation import Conversation
from gateway.domain.delivery import Delivery
from gateway.domain.draft import AgentReply, TicketChange
from gateway.domain.message import Message
from gateway.domain.outgoing import Forward, Reply
from gateway.domain.retrying import BreakerPolicy, RetryPolicy
from gateway.errors import (
    AuthenticationFailed,
    OutcomeUnknown,
    Refused,
    Rejected,
    TargetBroken,
    Throttled,
    Unreachable,
)
from gateway.hooks.specs import Audience
from tests.unit.core.workshop import Workshop, letter, until, workshop

BACKEND = "backend/tickets"


@pytest.fixture
async def office(database: Path) -> AsyncIterator[Workshop]:
    """A workshop whose outbox to the ticket system runs."""
    async with workshop(database) as opened:
        opened.send_to(BACKEND)
        yield opened


async def says(shop: Workshop, text: str, author: str = "ann") -> None:
    """Let somebody write into their one native thread."""
    from gateway.domain.draft import ThreadRef

    thread = ThreadRef(native_id=f"thread of {author}", admits_sender=True)
    await shop.take(letter(author, text=text, thread=thread))


async def reaches(shop: Workshop, state: str, target: str = BACKEND) -> Delivery:
    """Wait until the first delivery of a target is in a state."""

    async def there() -> bool:
        return (await shop.deliveries(target))[0].state == state

    await until(there)
    return (await shop.deliveries(target))[0]


async def tried(shop: Workshop, attempts: int, target: str = BACKEND) -> Delivery:
    """Wait until so many attempts at the first delivery are on record."""

    async def there() -> bool:
        return len((await shop.deliveries(target))[0].history) >= attempts

    await until(there)
    return (await shop.deliveries(target))[0]


async def test_first_opens_a_ticket_and_the_rest_are_entries(office: Workshop) -> None:
    """A conversation is one ticket, with its messages as entries in their order."""
    for n in range(5):
        await says(office, f"part {n}")
    await office.settled(BACKEND, "delivered", 5)
    assert [f"part {n}" for n in range(5)] == [e.text for e in office.tickets.tickets["1"]]
    assert {"1"} == set(office.tickets.tickets)


async def test_order_holds_within_a_conversation_and_others_pass(office: Workshop) -> None:
    """While one conversation's head waits for a retry, its rest waits and other people's go on."""
    office.tickets.script.then(Unreachable("the ticket system is away"))
    await says(office, "first")
    await tried(office, 1)
    await says(office, "second")
    await says(office, "hello", author="bob")
    await office.settled(BACKEND, "delivered", 1)
    assert ["hello"] == [entry.text for entry in office.tickets.entries]
    await office.later(5)
    await office.settled(BACKEND, "delivered", 3)
    assert ["hello", "first", "second"] == [entry.text for entry in office.tickets.entries]


async def test_conversations_are_sent_side_by_side_up_to_the_limit(database: Path) -> None:
    """As many requests are under way at once as the target can take, and no more."""
    gate = asyncio.Event()
    async with workshop(database, backend={"concurrency": 3}) as shop:
        shop.tickets.script.then(*[gate.wait] * 8)
        for n in range(8):
            await shop.hand_in(letter(f"p{n}"), lane=str(n))
        await shop.quiet()
        shop.send_to(BACKEND)

        async def full() -> bool:
            return shop.tickets.script.running == 3

        await until(full)
        gate.set()
        await shop.settled(BACKEND, "delivered", 8)
        assert 3 == shop.tickets.script.most_running


async def test_retry_schedule_ends_in_a_dead_letter(office: Workshop) -> None:
    """A failing delivery is tried at the scheduled moments and then rests as a visible dead letter."""
    office.tickets.script.then(*[TargetBroken("no")] * 4)
    await says(office, "help")
    waits = []
    for attempt, pause in enumerate((5, 30, 120), 1):
        delivery = await tried(office, attempt)
        waits.append((delivery.next_at - office.clock.now()) // 1000)
        assert "queued" == delivery.state
        await office.later(pause)
    dead = await reaches(office, "dead")
    assert [5, 30, 120] == waits
    assert ("target_broken", 4, PARKED) == (dead.last_code, dead.attempts, dead.next_at)
    kinds = [event.kind for changes in office.committed for event in changes.events]
    assert 1 == kinds.count("delivery.dead")


async def test_replayed_dead_letter_is_sent_and_its_line_goes_on(office: Workshop) -> None:
    """A rejected head holds its line; replayed after a fix, everything leaves in order."""
    office.tickets.script.then(Rejected("the queue does not exist"))
    await says(office, "first")
    dead = await reaches(office, "dead")
    await says(office, "second")
    assert 1 == office.tickets.script.calls
    await office.operator.settle_delivery(None, dead.id, "replay", "ada")
    await office.settled(BACKEND, "delivered", 2)
    assert ["first", "second"] == [entry.text for entry in office.tickets.entries]


async def test_discarded_dead_letter_lets_the_next_pass(office: Workshop) -> None:
    """Discarding a head that cannot be sent frees its line."""
    office.tickets.script.then(Rejected("too long"))
    await says(office, "first")
    dead = await reaches(office, "dead")
    await says(office, "second")
    await office.operator.settle_delivery(None, dead.id, "discard", "ada")
    await office.settled(BACKEND, "delivered", 1)
    assert ["second"] == [entry.text for entry in office.tickets.entries]
    with pytest.raises(Refused, match="only dead and unknown"):
        await office.operator.settle_delivery(None, dead.id, "replay", "ada")


async def test_skipping_target_passes_a_dead_head(database: Path) -> None:
    """Where the target says so, what comes behind a dead letter leaves without it."""
    async with workshop(database, backend={"stuck_head": "skip"}) as shop:
        shop.send_to(BACKEND)
        shop.tickets.script.then(Rejected("no"))
        await says(shop, "first")
        await reaches(shop, "dead")
        await says(shop, "second")
        await shop.settled(BACKEND, "delivered", 1)
        assert ["second"] == [entry.text for entry in shop.tickets.entries]


async def test_retry_after_is_honoured_for_the_whole_target(office: Workshop) -> None:
    """A target that asks for ten minutes gets them, from every conversation."""
    office.tickets.script.then(Throttled("slow down", retry_after=600))
    await says(office, "first")
    delivery = await tried(office, 1)
    assert 600_000 == delivery.next_at - office.clock.now()
    await says(office, "hello", author="bob")
    await office.later(599)
    assert 1 == office.tickets.script.calls
    await office.later(1.1)
    await office.settled(BACKEND, "delivered", 2)
    assert 3 == office.tickets.script.calls


async def test_breaker_lets_one_probe_through(database: Path) -> None:
    """A target that failed again and again is left alone, then asked by one request alone."""
    breaker = BreakerPolicy(threshold=3, pause=60, longest=600)
    retry = RetryPolicy(schedule=(0, 1, 1, 1, 1, 1, 1, 1, 1), jitter=0)
    async with workshop(database, breaker=breaker, retry=retry) as shop:
        script = shop.tickets.script
        script.then(*[Unreachable("down")] * 4)
        for n in range(3):
            await shop.hand_in(letter(f"p{n}"), lane=str(n))
        await shop.quiet()
        shop.send_to(BACKEND)

        async def failed() -> bool:
            return BACKEND in shop.health and script.running == 0

        await until(failed)
        assert (3, "unreachable") == (script.calls, shop.health[BACKEND].code)
        await shop.later(59)
        assert 3 == script.calls
        await shop.later(2)

        async def probed() -> bool:
            return script.calls == 4 and script.running == 0

        await until(probed)
        await shop.later(60)  # the probe failed: the pause has doubled
        assert 4 == script.calls
        script.most_running = 0
        gate = asyncio.Event()
        script.then(gate.wait)
        await shop.later(61)

        async def asked() -> bool:
            return script.calls == 5

        await until(asked)
        assert 1 == script.most_running
        gate.set()
        await shop.settled(BACKEND, "delivered", 3)
        assert shop.health[BACKEND].well


async def test_wrong_password_uses_up_no_attempts(office: Workshop) -> None:
    """Credentials that expired are the operator's to renew: deliveries wait however long it takes."""
    office.tickets.script.then(*[AuthenticationFailed("the password was refused")] * 10)
    await says(office, "help")
    for attempt in range(1, 11):
        delivery = await tried(office, attempt)
        assert ("queued", 0) == (delivery.state, delivery.attempts)
        assert "authentication_failed" == office.health[BACKEND].code
        await office.later(301)
    await office.settled(BACKEND, "delivered", 1)


async def test_unknown_outcome_that_happened_is_found(office: Workshop) -> None:
    """A ticket whose answer was lost is found by search, and not opened twice."""
    office.tickets.script.then(OutcomeUnknown("the answer was lost"), stores=True)
    await says(office, "help")
    await reaches(office, "unknown")
    await office.later(5)
    [done] = await office.settled(BACKEND, "delivered", 1)
    assert 1 == len(office.tickets.entries)
    assert ["unknown", "found"] == [attempt.outcome for attempt in done.history]
    view = await office.store.conversation(None, done.conversation)
    assert ["1"] == [ticket.external_id for ticket in view.tickets]


async def test_unknown_outcome_that_did_not_happen_is_sent_again(office: Workshop) -> None:
    """What the search does not find is sent again."""
    office.tickets.script.then(OutcomeUnknown("the answer was lost"))
    await says(office, "help")
    await reaches(office, "unknown")
    await office.later(5)
    await office.settled(BACKEND, "delivered", 1)
    assert (1, 1) == (office.tickets.search.calls, len(office.tickets.entries))


async def test_unknown_stays_unknown_while_the_search_fails(office: Workshop) -> None:
    """A search that fails settles nothing: the next attempt searches again and does not just send."""
    office.tickets.script.then(OutcomeUnknown("the answer was lost"), stores=True)
    office.tickets.search.then(Unreachable("away"), TargetBroken("broken"))
    await says(office, "help")
    for attempt, pause in enumerate((5, 30, 120), 1):
        assert "unknown" == (await tried(office, attempt)).state
        await office.later(pause)
    await office.settled(BACKEND, "delivered", 1)
    assert 1 == len(office.tickets.entries)


async def test_unknown_entry_is_looked_up_in_its_ticket(office: Workshop) -> None:
    """What may have been added to a ticket is looked for there."""
    await says(office, "first")
    await office.settled(BACKEND, "delivered", 1)
    office.tickets.script.then(OutcomeUnknown("lost"), stores=True)
    await says(office, "second")

    async def unknown() -> bool:
        return (await office.deliveries(BACKEND))[1].state == "unknown"

    await until(unknown)
    await office.later(5)
    await office.settled(BACKEND, "delivered", 2)
    assert ["first", "second"] == [entry.text for entry in office.tickets.entries]


async def test_timeout_counts_as_unknown(database: Path) -> None:
    """A target that takes the request and never answers leaves an unknown outcome behind."""
    async with workshop(database, deadline=0.5) as shop:
        shop.send_to(BACKEND)
        shop.tickets.script.then(asyncio.Event().wait, stores=True)
        await says(shop, "help")
        delivery = await reaches(shop, "unknown")
        assert "timeout" == delivery.last_code
        await shop.later(5)
        await shop.settled(BACKEND, "delivered", 1)
        assert 1 == len(shop.tickets.entries)


async def test_hanging_target_beside_a_healthy_one(database: Path) -> None:
    """A ticket system that never answers does not hold up another one."""
    from gateway.domain.routing import Rule

    rule = Rule(backends=("tickets", "other"))
    async with workshop(database, rules=(rule,), deadline=60) as shop:
        shop.tickets.script.then(*[asyncio.Event().wait] * 4)
        shop.send_to(BACKEND)
        shop.send_to("backend/other")
        for n in range(6):
            await shop.take(letter(f"p{n}"), lane=str(n))
        await shop.settled("backend/other", "delivered", 6)
        assert 4 == shop.tickets.script.running
        assert 6 == len(shop.backends["other"].tickets)


async def answered(shop: Workshop) -> None:
    """Have an agent answer the only conversation."""
    [conversation] = await shop.conversations()
    await shop.operator.reply(None, conversation.id, text="Try water", internal=False, author="Bob")
    await shop.quiet()


async def test_send_that_must_not_be_repeated_is_parked(database: Path) -> None:
    """Where a second copy would reach a person, an unknown outcome waits for somebody to look."""
    async with workshop(database, channel={"repeat": "never"}) as shop:
        shop.post.script.then(OutcomeUnknown("lost"), stores=True)
        shop.send_to("channel/post")
        await says(shop, "help")
        await answered(shop)
        parked = await reaches(shop, "unknown", "channel/post")
        assert PARKED == parked.next_at
        await shop.later(86_400)
        assert 1 == len(shop.post.sent)
        kinds = [event.kind for changes in shop.committed for event in changes.events]
        assert "delivery.unknown" in kinds
        await shop.operator.settle_delivery(None, parked.id, "discard", "ada")
        assert "cancelled" == (await shop.delivery("channel/post")).state


async def test_agent_is_told_of_an_answer_that_is_given_up(office: Workshop) -> None:
    """What the channel refuses for good is noted in the conversation and its ticket, and is work
    again for whoever answered.
    """
    office.post.script.then(Rejected("they want no more texts", code="opted_out"))
    office.send_to("channel/post")
    await says(office, "help")
    await answered(office)
    await reaches(office, "dead", "channel/post")
    note = (await office.messages())[-1]
    assert ("internal", "activity", "The answer could not be sent: they want no more texts") == (
        note.direction, note.kind, note.text,
    )  # fmt: skip
    [conversation] = await office.conversations()
    assert "open" == conversation.state
    assert note.id in [one.message for one in await office.deliveries(BACKEND)]


async def test_tolerable_send_is_repeated_with_the_same_key(office: Workshop) -> None:
    """A mail whose outcome is unknown goes out again under the same key."""
    office.post.script.then(OutcomeUnknown("lost"), stores=True)
    office.send_to("channel/post")
    await says(office, "help")
    await answered(office)
    await reaches(office, "unknown", "channel/post")
    await office.later(5)
    await office.settled("channel/post", "delivered", 1)
    first, second = office.post.sent
    assert (first.key, first.made_at) == (second.key, second.made_at)
    assert 0 == office.post.lookups


async def test_killed_between_send_and_record(database: Path) -> None:
    """A gateway killed after a ticket was opened, before it knew: the next one finds the ticket."""
    async with workshop(database) as killed:
        killed.send_to(BACKEND)
        killed.tickets.script.then(asyncio.Event().wait, stores=True)
        await says(killed, "help")

        async def under_way() -> bool:
            return killed.tickets.script.running == 1

        await until(under_way)
        shelf, clock = killed.tickets.tickets, killed.clock
        assert "leased" == (await killed.delivery(BACKEND)).state
    async with workshop(database, clock=clock, node=2) as fresh:
        fresh.tickets.tickets = shelf
        assert 1 == await fresh.store.recover_deliveries(now=clock.now())
        fresh.send_to(BACKEND)
        [done] = await fresh.settled(BACKEND, "delivered", 1)
        assert ["found"] == [attempt.outcome for attempt in done.history]
        assert 1 == len(fresh.tickets.entries)


async def test_killed_while_sending_what_must_not_be_repeated(database: Path) -> None:
    """After a kill in the middle of such a send, the next gateway parks it and shows why."""
    never: dict[str, Any] = {"channel": {"repeat": "never"}}
    async with workshop(database, **never) as killed:
        await says(killed, "help")
        await answered(killed)
        killed.post.script.then(asyncio.Event().wait, stores=True)
        killed.send_to("channel/post")

        async def under_way() -> bool:
            return killed.post.script.running == 1

        await until(under_way)
    async with workshop(database, node=2, **never) as fresh:
        await fresh.store.recover_deliveries(now=fresh.clock.now())
        fresh.send_to("channel/post")
        parked = await tried(fresh, 1, "channel/post")
        assert ("unknown", "interrupted", 0) == (
            parked.state,
            parked.last_code,
            len(fresh.post.sent),
        )


async def test_dead_process_is_noticed_by_one_that_lives(database: Path) -> None:
    """What a killed process had leased comes back to the next one, which knows nothing of it."""
    async with workshop(database) as killed:
        killed.tickets.script.then(asyncio.Event().wait)
        await says(killed, "help")
        killed.send_to(BACKEND)
        await reaches(killed, "leased")
        clock = killed.clock
    async with workshop(database, clock=clock, node=2) as living:
        living.send_to(BACKEND)
        await living.settled(BACKEND, "delivered", 1)


async def test_paused_process_writes_nothing_after_its_lease(database: Path) -> None:
    """A process that was paused past its lease cannot overwrite what the next owner settled."""
    gate = asyncio.Event()
    async with workshop(database, deadline=600) as paused:
        paused.tickets.script.then(gate.wait)
        await says(paused, "help")
        paused.send_to(BACKEND)
        await reaches(paused, "leased")
        paused.clock.advance(10_000)
        async with workshop(database, clock=paused.clock, node=2, pipeline=False) as other:
            other.send_to(BACKEND)
            [done] = await other.settled(BACKEND, "delivered", 1)
            gate.set()

            async def noticed() -> bool:
                return "delivery.lease_lost" in [event for event, _ in paused.log.lines]

            await until(noticed)
            assert done == await paused.delivery(BACKEND)


class Censor:
    """Holds back or refuses what goes to the ticket system."""

    def __init__(self, word: Hold | Refuse) -> None:
        self.word, self.asked = word, 0

    async def prepare_forward(
        self, forward: Forward, backend: str
    ) -> Forward | Hold | Refuse | None:
        self.asked += 1
        return self.word


async def test_held_delivery_stays_released_over_retries(database: Path) -> None:
    """What a person let go is sent, also when the first try after that fails."""
    censor = Censor(Hold(reason="it looks like a password"))
    async with workshop(database, plugins=(censor,)) as shop:
        shop.send_to(BACKEND)
        await says(shop, "help")
        held = await reaches(shop, "dead")
        assert ("held", 0) == (held.last_code, len(shop.tickets.entries))
        assert "it looks like a password" in held.last_error
        shop.tickets.script.then(Unreachable("away"))
        await shop.operator.settle_delivery(None, held.id, "replay", "ada")
        await tried(shop, 3)
        await shop.later(5)
        await shop.settled(BACKEND, "delivered", 1)
        assert ["help"] == [entry.text for entry in shop.tickets.entries]


async def test_replaying_what_was_never_held_releases_nothing(database: Path) -> None:
    """A dead letter of another reason still has to pass the plugins when it is replayed."""
    censor = Censor(Refuse(reason="no card numbers"))
    async with workshop(database, plugins=(censor,)) as shop:
        shop.send_to(BACKEND)
        censor.word = None  # type: ignore[assignment]
        shop.tickets.script.then(Rejected("no"))
        await says(shop, "help")
        dead = await reaches(shop, "dead")
        censor.word = Refuse(reason="no card numbers")
        await shop.operator.settle_delivery(None, dead.id, "replay", "ada")

        async def refused() -> bool:
            return (await shop.delivery(BACKEND)).last_code == "refused"

        await until(refused)
        assert [] == shop.tickets.entries


class Moody:
    """A CLOSED hook that fails for a while."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def redact_message(
        self, message: Message, audience: Audience
    ) -> Message | Hold | Refuse | None:
        if audience == "forward" and self.failures:
            self.failures -= 1
            raise RuntimeError("the scanner is away")
        return None


async def test_closed_hook_that_fails_makes_the_delivery_wait(database: Path) -> None:
    """Nothing leaves past a CLOSED hook that fails; it leaves once the hook works again."""
    async with workshop(database, plugins=(Moody(1),)) as shop:
        shop.send_to(BACKEND)
        await says(shop, "help")
        waiting = await tried(shop, 1)
        assert ("queued", "hook_failed", 0) == (
            waiting.state, waiting.last_code, len(shop.tickets.entries),
        )  # fmt: skip
        assert BACKEND not in shop.health
        await shop.later(5)
        await shop.settled(BACKEND, "delivered", 1)


async def test_closed_ticket_is_followed_up(office: Workshop) -> None:
    """When a backend has closed a ticket for good, the message opens the next one."""
    await says(office, "first")
    await office.settled(BACKEND, "delivered", 1)
    office.tickets.script.then(Rejected("closed", code="ticket_closed"))
    await says(office, "second")
    await office.settled(BACKEND, "delivered", 2)
    [conversation] = await office.conversations()
    view = await office.store.conversation(None, conversation.id)
    assert [("1", "closed"), ("2", "open")] == [(t.external_id, t.state) for t in view.tickets]


@pytest.mark.parametrize("repeat", ["lookup", "idempotent"])
async def test_entry_made_before_its_ticket_was_closed_is_found(
    database: Path, repeat: str
) -> None:
    """What got through unseen before its ticket was closed is not sent again into a follow-up."""
    async with workshop(database, backend={"repeat": repeat}) as shop:
        shop.send_to(BACKEND)
        await says(shop, "first")
        await shop.settled(BACKEND, "delivered", 1)
        shop.tickets.script.then(OutcomeUnknown("the answer got lost"), stores=True)
        await says(shop, "second")
        await shop.settled(BACKEND, "unknown", 1)
        closed = TicketChange(ticket="1", state="closed", native_state="closed")
        await shop.take(closed, source="tickets", kind="backend")
        await shop.later(5)
        await shop.settled(BACKEND, "delivered", 2)
        assert {"1": 2} == {n: len(entries) for n, entries in shop.tickets.tickets.items()}


async def test_old_ticket_reopened_beside_its_follow_up(office: Workshop) -> None:
    """A closed ticket that an agent reopens beside its follow-up harms nothing."""
    await test_closed_ticket_is_followed_up(office)
    change = TicketChange(ticket="1", state="open", native_state="open")
    await office.take(change, source="tickets", kind="backend")
    [conversation] = await office.conversations()
    view = await office.store.conversation(None, conversation.id)
    assert [("1", "closed"), ("2", "open")] == [(t.external_id, t.state) for t in view.tickets]
    assert [] == await office.quarantine()


async def test_ticket_of_another_conversation_does_not_send_twice(office: Workshop) -> None:
    """A backend that answers with a ticket we know from elsewhere is not asked for ever."""
    await says(office, "first")
    await office.settled(BACKEND, "delivered", 1)

    async def same(forward: Forward) -> Any:
        from gateway.domain.outgoing import TicketRef

        office.tickets.script.calls += 1
        return TicketRef(external_id="1")

    office.tickets.open_ticket = same  # type: ignore[method-assign]
    await says(office, "hello", author="bob")
    await office.settled(BACKEND, "delivered", 2)
    assert 2 == office.tickets.script.calls
    assert "delivery.unlinked" in [event for event, _ in office.log.lines]


async def test_conversation_subject_is_redacted_with_the_message(database: Path) -> None:
    """A card number in the conversation's subject does not travel with a later note."""
    from gateway.config.policies import RedactionSettings
    from gateway.core.policies import CorePolicies

    policies = CorePolicies(RedactionSettings(), {})
    async with workshop(database, plugins=(policies,)) as shop:
        shop.send_to(BACKEND)
        await shop.take(letter(subject="My card 4111 1111 1111 1111"))
        [conversation] = await shop.conversations()
        await shop.operator.reply(None, conversation.id, text="hm", internal=True, author="Bob")
        await shop.settled(BACKEND, "delivered", 2)
        assert ["My card [card …1111]"] * 2 == [entry.subject for entry in shop.tickets.entries]


class Guest:
    """Looks at replies before they leave."""

    def __init__(self) -> None:
        self.seen: list[Reply] = []

    async def prepare_reply(
        self, reply: Reply, conversation: Conversation
    ) -> Reply | Hold | Refuse | None:
        self.seen.append(reply)
        return None


async def test_requester_gets_the_answer_although_somebody_else_wrote_last(database: Path) -> None:
    """Who asked stays among the receivers when a person in Cc writes in the same thread."""
    from gateway.domain.draft import DraftParticipant, ThreadRef
    from tests.unit.core.workshop import address

    thread = ThreadRef(native_id="<a@x>")
    guest = Guest()
    async with workshop(database, plugins=(guest,)) as shop:
        shop.send_to("channel/post")
        brought = (DraftParticipant(address=address("bob")),)
        await shop.take(letter(thread=thread, participants=brought, external_ids=("<a@x>",)))
        await shop.take(
            letter("bob", text="Me too, by the way", thread=thread, references=("<a@x>",))
        )
        await answered(shop)
        await shop.settled("channel/post", "delivered", 1)
        [reply] = guest.seen
        assert ["bob@example.net", "ann@example.net"] == [p.address.value for p in reply.recipients]
        assert "" == reply.automatic


async def test_agents_reply_goes_out_and_not_back_to_its_ticket(office: Workshop) -> None:
    """What an agent wrote in the ticket reaches the customer, and is not echoed into the ticket."""
    office.send_to("channel/post")
    await says(office, "help")
    await office.settled(BACKEND, "delivered", 1)
    reply = AgentReply(ticket="1", entry="7", audience="customer", author="Bob", text="Try water")
    await office.take(reply, source="tickets", kind="backend", key="7")
    await office.take(reply, source="tickets", kind="backend", key="7")
    await office.settled("channel/post", "delivered", 1)
    assert ["Try water"] == [one.text for one in office.post.sent]
    assert ["help"] == [entry.text for entry in office.tickets.entries]
    [conversation] = await office.conversations()
    assert "waiting" == conversation.state
