"""Poison, plugins that stop or fail, agents' words about unknown tickets, and replays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.core.partitions import Tenure
from gateway.core.pipeline.restraint import AcknowledgePolicy
from gateway.domain.answers import Answer, Duplicate, Hold, Match, Refuse
from gateway.domain.arrival import Arrival, NewArrival
from gateway.domain.contact import Contact
from gateway.domain.conversation import Conversation
from gateway.domain.draft import AgentReply, Draft, Ignored, TicketChange
from gateway.domain.known import RecentText
from gateway.domain.message import Message, Trust
from gateway.errors import NotFound, Refused
from gateway.hooks.specs import Audience
from tests.unit.core.deliveries import says
from tests.unit.core.workshop import Workshop, letter, until, workshop


async def poison(shop: Workshop, **about: Any) -> int:
    """Hand in what no parser can read."""
    [arrival] = await shop.door().accept([NewArrival(key="bad", body=b"\xff{", **about)])
    await shop.quiet()
    return arrival


async def test_poison_is_put_aside_and_the_rest_goes_on(shop: Workshop) -> None:
    """An unreadable arrival rests in quarantine with its reason, and its lane goes on behind it."""
    await shop.hand_in(letter(text="one thing that I have to say"), lane="x")
    arrival = await poison(shop, lane="x")
    await shop.take(letter("bob"), lane="x")
    [aside] = await shop.quarantine()
    assert (arrival, "parse", "unreadable") == (
        aside.arrival.id, aside.reason.stage, aside.reason.code,
    )  # fmt: skip
    assert "the pigeon carries nonsense" in aside.reason.error
    assert 2 == len(await shop.conversations())
    stored = await shop.store.arrival(None, arrival)
    assert b"\xff{" == stored.arrival.body


async def test_poison_replayed_after_a_fix_becomes_a_message(shop: Workshop) -> None:
    """What was put aside becomes an ordinary message once its parser can read it."""
    arrival = await poison(shop)
    shop.post.__class__ = type(
        "Mended", (type(shop.post),), {"parser": property(lambda _: lambda _: [letter()])}
    )
    await shop.operator.replay_arrival(None, arrival, release=False, who="ada")
    await shop.quiet()
    assert [] == await shop.quarantine()
    assert ["The printer is on fire again"] == [m.text for m in await shop.messages()]
    why = await shop.operator.why(None, message=None, arrival=arrival)
    assert why.message is not None
    assert {"unreadable", "replayed", "new conversation"} <= {d.outcome for d in why.decisions}


async def test_poison_replayed_without_a_fix_is_put_aside_again(shop: Workshop) -> None:
    """A replay that fails again loses nothing."""
    arrival = await poison(shop)
    await shop.operator.replay_arrival(None, arrival, release=False, who="ada")
    await shop.quiet()
    assert [arrival] == [one.arrival.id for one in await shop.quarantine()]


async def test_discarded_arrival_stays_visible(shop: Workshop) -> None:
    """A discarded arrival is gone from the quarantine, but can still be looked at."""
    arrival = await poison(shop)
    await shop.operator.discard_arrival(None, arrival, "ada")
    assert [] == await shop.quarantine()
    assert "discarded" == (await shop.store.arrival(None, arrival)).state


async def test_only_what_is_quarantined_can_be_released(shop: Workshop) -> None:
    """Releasing what is done is refused, and leaves no mark that a later hold would fall for."""
    arrival = await shop.take(letter())
    with pytest.raises(Refused, match="not quarantined"):
        await shop.operator.replay_arrival(None, arrival, release=True, who="ada")
    outcomes = [d.outcome for d in await shop.store.decisions(None, arrival=arrival)]
    assert "released" not in outcomes


async def test_other_tenants_arrivals_are_not_there(shop: Workshop) -> None:
    """Quarantine is bounded to the tenants a person may see, as if the rest did not exist."""
    arrival = await poison(shop)
    acme = frozenset({"acme"})
    for attempt in (
        shop.operator.replay_arrival(acme, arrival, release=True, who="eve"),
        shop.operator.discard_arrival(acme, arrival, "eve"),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert [] == await shop.store.quarantine(acme, _page())


def _page() -> Any:
    from gateway.store.operations import Cursor

    return Cursor()


async def test_channel_that_was_taken_away(shop: Workshop) -> None:
    """An arrival of a channel that is no longer configured waits in quarantine, with what to do."""
    await shop.take(letter(), source="gone")
    [aside] = await shop.quarantine()
    assert "no channel is called 'gone' any more" in aside.reason.error


async def test_parser_with_a_bug_is_put_aside(shop: Workshop) -> None:
    """An exception out of a parser is the arrival's, not the gateway's."""

    def broken(arrival: Arrival) -> list[Draft]:
        raise KeyError("from")

    shop.post.__class__ = type("Broken", (type(shop.post),), {"parser": property(lambda _: broken)})
    await shop.take(letter())
    [aside] = await shop.quarantine()
    assert "KeyError: 'from'" == aside.reason.error


class Doorkeeper:
    """Stops what comes in."""

    def __init__(self, word: Hold | Refuse) -> None:
        self.word = word

    async def normalise_message(
        self, arrival: Arrival, draft: Draft
    ) -> Draft | Hold | Refuse | None:
        return self.word


@pytest.mark.parametrize(
    ("word", "code"), [(Hold(reason="a scam?"), "held"), (Refuse(reason="a scam"), "refused")]
)
async def test_stopped_message_waits_for_a_person(
    database: Path, word: Hold | Refuse, code: str
) -> None:
    """A plugin's Hold or Refuse puts the arrival aside; a release lets it pass, a replay does not."""
    async with workshop(database, plugins=(Doorkeeper(word),)) as shop:
        arrival = await shop.take(letter())
        [aside] = await shop.quarantine()
        assert (code, word.reason, "doorkeeper 1") == (
            aside.reason.code, aside.reason.error, aside.reason.plugin,
        )  # fmt: skip
        await shop.operator.replay_arrival(None, arrival, release=False, who="ada")
        await shop.quiet()
        assert 1 == len(await shop.quarantine())
        await shop.operator.replay_arrival(None, arrival, release=True, who="ada")
        await shop.quiet()
        assert [] == await shop.quarantine()
        assert 1 == len(await shop.messages())


class Moody:
    """A CLOSED hook that fails for a while."""

    def __init__(self) -> None:
        self.calls = 0

    async def redact_message(
        self, message: Message, audience: Audience
    ) -> Message | Hold | Refuse | None:
        self.calls += 1
        if self.calls == 1:
            raise RuntimeError("the scanner is away")
        return None


async def test_closed_hook_that_fails_makes_the_message_wait(database: Path) -> None:
    """A message waits for a CLOSED hook that fails, and is taken in once it works."""
    moody = Moody()
    async with workshop(database, plugins=(moody,)) as shop:
        await shop.hand_in(letter())

        async def failed() -> bool:
            return moody.calls == 1

        await until(failed)
        assert [] == await shop.conversations()
        await shop.quiet()
        assert (2, 1) == (moody.calls, len(await shop.messages()))
        assert [] == await shop.quarantine()


class Broken:
    """An open hook that always fails."""

    async def enrich_message(self, message: Message) -> Message | Hold | Refuse | None:
        raise RuntimeError("no such table")

    async def match_conversation(
        self, message: Message, contact: Contact, open_: list[Conversation]
    ) -> Match | None:
        raise RuntimeError("no such table")


async def test_open_hook_that_fails_is_skipped(database: Path) -> None:
    """A failing open hook costs nothing but its own contribution."""
    async with workshop(database, plugins=(Broken(),)) as shop:
        await shop.take(letter())
        assert 1 == len(await shop.messages())


class Meddler:
    """Claims that everything belongs to the first conversation there is."""

    def __init__(self) -> None:
        self.target = 0

    async def match_conversation(
        self, message: Message, contact: Contact, open_: list[Conversation]
    ) -> Match | None:
        return Match(conversation=self.target, reason="I say so") if self.target else None

    async def find_duplicate(self, message: Message, recent: list[RecentText]) -> Duplicate | None:
        return Duplicate(of=self.target, reason="I say so") if self.target else None


async def test_plugin_cannot_let_a_stranger_in(database: Path) -> None:
    """What a plugin matches holds only where the sender takes part."""
    meddler = Meddler()
    async with workshop(database, plugins=(meddler,)) as shop:
        await shop.take(letter(external_ids=("<a@x>",)))
        [first] = await shop.conversations()
        meddler.target = first.id
        await shop.take(letter("eve", references=("<a@x>",)))
        await shop.take(letter(trust=Trust(dmarc="fail"), proof="claimed", references=("<a@x>",)))
        assert 1 == len(await shop.messages(first.id))
        await shop.take(
            letter(text="a very different matter", proof="claimed", references=("<a@x>",))
        )
        assert 2 == len(await shop.messages(first.id))


class Oracle:
    """Answers everything by itself."""

    async def answer_message(self, conversation: Conversation, message: Message) -> Answer | None:
        return Answer(text="Have you tried water?", confidence=0.9, mode="send")


async def test_level_0_answer_is_marked_as_automatic(database: Path) -> None:
    """What no person wrote leaves under loop protection."""
    async with workshop(database, plugins=(Oracle(),)) as shop:
        shop.send_to("channel/post")
        await shop.take(letter())
        await shop.settled("channel/post", "delivered", 1)
        [reply] = shop.post.sent
        assert ("Have you tried water?", "notice") == (reply.text, reply.automatic)


async def test_level_0_answers_obey_the_limits_of_acknowledgements(database: Path) -> None:
    """One automatic answer to a sender in a day, so many an hour from a mailbox, none to who is not
    verified or must not be answered: what is over that is suggested to the agent, and the decision says why.
    """
    policy = AcknowledgePolicy(enabled=True, per_channel_hour=2)
    async with workshop(database, plugins=(Oracle(),), acknowledge=policy) as shop:
        await shop.take(letter(text="The first of my many questions"))
        for n in range(20):  # an autoresponder that answers to each with a thread of its own
            await shop.take(letter(text=f"Thank you, we read {n}{n} of your letters"))
        await shop.take(letter("bob", proof="claimed"))
        await shop.take(letter("cid", answerable=False, reasons=("it is from a list",)))
        await shop.take(letter("dan"))
        await shop.take(letter("eve"))
        to = [d.recipients for d in await shop.deliveries("channel/post")]
        assert 2 == len(to) == len(set(to))
        reasons = [d.reason.partition(": ")[2] for d in await shop.decisions("answer")]
        assert "" == reasons[0]
        assert ["the sender had one within 24 hours"] * 20 == reasons[1:21]
        assert [
            "the sender is not verified", "it is from a list", "",
            "the channel sent 2 within this hour, which is its limit",
        ] == reasons[21:]  # fmt: skip
        suggested = [
            message.text
            for one in await shop.conversations()
            for message in await shop.messages(one.id)
            if message.direction == "internal"
        ]
        assert ["Suggested answer:\nHave you tried water?"] * 23 == suggested
        told = {d.reason for d in await shop.decisions("acknowledge") if d.outcome == "not sent"}
        assert "the sender gets an automatic answer already" in told


async def test_level_0_answer_to_a_forged_sender_is_only_suggested(database: Path) -> None:
    """No automatic answer goes to an address that failed authentication."""
    async with workshop(database, plugins=(Oracle(),)) as shop:
        await shop.take(letter(trust=Trust(dmarc="fail"), proof="claimed"))
        assert [] == await shop.deliveries("channel/post")
        said = await shop.messages()
        assert ["in", "internal"] == [message.direction for message in said]


def agent_says(ticket: str = "1", text: str = "Try water") -> AgentReply:
    """What an agent writes in a ticket."""
    return AgentReply(ticket=ticket, entry="7", audience="customer", author="Bob", text=text)


async def test_unknown_ticket_waits_and_is_replayed(shop: Workshop) -> None:
    """An agent's answer that is faster than our record of its ticket is kept, and replayed."""
    arrival = await shop.take(agent_says(), source="tickets", kind="backend")
    [aside] = await shop.quarantine()
    assert "unknown_ticket" == aside.reason.code
    assert "ticket '1', which no conversation knows" in aside.reason.error
    shop.send_to("backend/tickets")
    await says(shop, "It burns")
    await shop.settled("backend/tickets", "delivered", 1)
    await shop.operator.replay_arrival(None, arrival, release=False, who="ada")
    await shop.quiet()
    assert [] == await shop.quarantine()
    assert ["in", "out"] == [message.direction for message in await shop.messages()]


async def test_known_part_behind_an_unknown_one_is_not_lost(shop: Workshop) -> None:
    """Of an arrival that speaks of two tickets the known one is served, the other put aside."""
    shop.send_to("backend/tickets")
    await says(shop, "It burns")
    await shop.settled("backend/tickets", "delivered", 1)
    arrival = await shop.take(
        agent_says("99", "to whom?"), agent_says(), source="tickets", kind="backend"
    )

    async def answered() -> bool:
        return len(await shop.messages()) == 2

    await until(answered)
    assert [arrival] == [one.arrival.id for one in await shop.quarantine()]
    await shop.operator.replay_arrival(None, arrival, release=False, who="ada")

    async def aside_again() -> bool:
        return len([d for d in await shop.decisions() if d.outcome == "unknown_ticket"]) == 2

    await until(aside_again)
    assert ["in", "out"] == [message.direction for message in await shop.messages()]


async def test_agent_answering_where_nobody_can_be_reached(shop: Workshop) -> None:
    """An answer without any thread to go to becomes a dead letter that somebody sees."""
    await shop.take(letter())
    [conversation] = await shop.conversations()
    await shop.operator.reply(None, conversation.id, text="hm", internal=False, author="Bob")
    await shop.quiet()
    [dead] = await shop.deliveries(states=("dead",))
    assert "no_route" == dead.last_code


async def test_note_stays_inside(shop: Workshop) -> None:
    """An internal note reaches the ticket system, never the customer."""
    await shop.take(letter())
    [conversation] = await shop.conversations()
    await shop.operator.reply(None, conversation.id, text="He is cross", internal=True, author="B")
    await shop.quiet()
    assert {"backend/tickets"} == {delivery.target for delivery in await shop.deliveries()}
    assert ["customer", "internal"] == [m.audience for m in await shop.messages()]


async def test_ticket_state_moves_the_conversation(shop: Workshop) -> None:
    """Resolving a ticket resolves its conversation; an unknown native state changes nothing."""
    shop.send_to("backend/tickets")
    await shop.take(letter())
    await shop.settled("backend/tickets", "delivered", 1)
    for change in (
        TicketChange(ticket="1", state="resolved", native_state="done"),
        TicketChange(ticket="1", native_state="archived"),
    ):
        await shop.take(change, source="tickets", kind="backend")
        assert ["resolved"] == [one.state for one in await shop.conversations()]
    [conversation] = await shop.conversations()
    view = await shop.store.conversation(None, conversation.id)
    assert [("open", "archived")] == [(t.state, t.native_state) for t in view.tickets]


async def test_ignored_and_empty_arrivals_are_explained(shop: Workshop) -> None:
    """What says nothing to anybody is done, with a reason."""
    for parsed in ((Ignored(reason="a keep-alive"),), ()):
        arrival = await shop.take(*parsed)
        [decision] = await shop.store.decisions(None, arrival=arrival)
        assert "ignore" == decision.kind
        assert (parsed[0].reason if parsed else "it holds nothing") == decision.reason


async def test_arrival_finished_by_somebody_else_is_left_alone(shop: Workshop) -> None:
    """An arrival that is done already when its turn comes is neither put aside nor done twice."""
    arrival = await shop.take(letter())
    stored = (await shop.store.arrival(None, arrival)).arrival
    shop.pipeline._held[arrival] = "lane", Tenure()
    await shop.pipeline._work(stored)
    assert [] == [line for line in shop.log.lines if line[0] != "health"]
    assert 1 == len(await shop.messages())
    assert [] == await shop.quarantine()


async def test_same_idempotency_key_is_one_reply(shop: Workshop) -> None:
    """A reply given twice under one key is written once."""
    await shop.take(letter())
    [conversation] = await shop.conversations()
    for _ in range(2):
        await shop.operator.reply(
            None, conversation.id, text="hm", internal=True, author="B", key="once"
        )
    await shop.quiet()
    assert 2 == len(await shop.messages())
    with pytest.raises(Refused, match="needs a text"):
        await shop.operator.reply(None, conversation.id, text="  ", internal=True, author="B")
