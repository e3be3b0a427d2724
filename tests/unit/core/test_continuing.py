"""Going on by another channel: codes are given out, used up, and join what is the sender's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.core.continuation import ContinuationCodes
from gateway.domain.answers import Refuse
from gateway.domain.continuation import ContinuationPolicy
from gateway.domain.conversation import Conversation
from gateway.domain.draft import Draft, DraftParticipant, ThreadRef
from gateway.domain.message import Address, Message
from gateway.domain.outgoing import Reply
from gateway.domain.tokens import Keyring
from gateway.errors import Refused, Unreachable
from gateway.testing import CapturingLog, FakeClock, MemoryState
from tests.unit.core.workshop import KEY, Workshop, letter, until, workshop

BY_PHONE = Address(scheme="tel", value="+4930123456")
STRANGER = Address(scheme="tel", value="+4940999999")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Workshop]:
    """A workshop in which Ann has written a letter."""
    async with workshop(tmp_path / "gateway.db") as shop:
        await shop.take(letter("ann", external_ids=("letter-1",)))
        yield shop


def call(part: str, by: Address | None = BY_PHONE, *, name: str = "call-1", **more: Any) -> Draft:
    """One part of a call; the channel puts them together."""
    return Draft(
        **{
            "author": by, "proof": "asserted", "text": part, "kind": "call",
            "revises": name, "external_ids": (name,), "thread": ThreadRef(native_id=name),
            "quiet": True, "extra": {"part": part}, **more,
        }
    )  # fmt: skip


def called_in(text: str, by: Address, continues: str) -> Draft:
    """What somebody says with a proof."""
    return Draft(author=by, proof="asserted", text=text, continues=continues)


async def written(shop: Workshop) -> Conversation:
    """The conversation that was begun by letter."""
    return (await shop.conversations())[0]


async def proof(shop: Workshop, by: Address | None = BY_PHONE, use: str = "call-1") -> str:
    """What a right code gives."""
    issued = await shop.codes.issue((await written(shop)).id)
    redeemed = await shop.codes.redeem(issued.code, by=by, use=use)
    assert redeemed is not None
    return redeemed.proof


async def test_a_code_joins_what_is_said_with_it(shop: Workshop) -> None:
    """Somebody whom nobody knows is in the conversation with the proof, and takes part from then on."""
    await shop.take(called_in("It is me", BY_PHONE, await proof(shop)))
    [conversation] = await shop.conversations()
    said = await shop.messages()
    assert ["The printer is on fire again", "It is me"] == [one.text for one in said]
    view = await shop.store.conversation(None, conversation.id)
    assert {"email", "tel"} == {one.scheme for one in view.identities}
    assert 2 == len({one.contact for one in view.identities})  # a code makes nobody somebody else
    assert {"asserted"} == {one.proof for one in view.identities}
    [match] = [one for one in await shop.decisions("match") if one.message == said[1].id]
    assert "joined by code" == match.outcome
    assert "its sender keyed in a continuation code of it" == match.reason


async def test_a_proof_is_good_for_its_bearer_only(shop: Workshop) -> None:
    """Who holds somebody else's proof gets a conversation of their own."""
    await shop.take(called_in("Me, too", STRANGER, await proof(shop)), key="theirs")
    assert 2 == len(await shop.conversations())
    assert ["code refused"] == [
        one.outcome for one in await shop.decisions("match") if one.outcome == "code refused"
    ]


async def test_a_call_that_rings_is_merged_once_its_code_is_right(shop: Workshop) -> None:
    """The call's own conversation, which has no ticket, goes into the one that gave the code."""
    await shop.take(call("rings"), key="1")
    first, second = await shop.conversations()
    assert ("open", "resolved", ()) == (first.state, second.state, second.route.backends)
    await shop.take(call("says", quiet=False, continues=await proof(shop)), key="2")
    first, second = await shop.conversations()
    assert (None, first.id) == (first.merged_into, second.merged_into)
    said = await shop.messages(first.id)
    assert ["The printer is on fire again", "rings says"] == [one.text for one in said]
    told = await shop.deliveries("backend/tickets")
    assert [first.id, first.id] == [one.conversation for one in told]
    await shop.take(call("ends", quiet=False), key="3")
    assert {first.id} == {one.conversation for one in await shop.deliveries("backend/tickets")}
    await shop.operator.unmerge(None, second.id, "Gil")
    [stands, again] = await shop.conversations()
    assert (None, None) == (stands.merged_into, again.merged_into)


async def test_what_others_take_part_in_is_not_merged(shop: Workshop) -> None:
    """A code of Ann's does not open her conversation to whoever else takes part in the other one."""
    other = DraftParticipant(address=STRANGER)
    await shop.take(call("rings", participants=(other,)), key="1")
    await shop.take(call("says", continues=await proof(shop)), key="2")
    assert [None, None] == [one.merged_into for one in await shop.conversations()]
    [decision] = [one for one in await shop.decisions("match") if one.outcome == "not merged"]
    assert "others take part in this conversation" in decision.reason


async def test_a_call_within_another_matter_goes_alone(shop: Workshop) -> None:
    """Ann texted about something else before; her call goes to the code's conversation, and the
    texts stay where they are. What comes of the call later follows it.
    """
    thread = ThreadRef(native_id="between the two numbers")
    text = Draft(author=BY_PHONE, proof="asserted", text="Where is my bill?", thread=thread)
    await shop.take(text)
    await shop.take(call("rings", thread=thread), key="1")
    written, texted = await shop.conversations()
    assert ["Where is my bill?", "rings"] == [m.text for m in await shop.messages(texted.id)]
    await shop.take(call("says", thread=thread, quiet=False, continues=await proof(shop)), key="2")
    await shop.take(call("tells", thread=thread, quiet=False), key="3")
    assert [None, None] == [one.merged_into for one in await shop.conversations()]
    assert ["Where is my bill?"] == [m.text for m in await shop.messages(texted.id)]
    said = await shop.messages(written.id)
    assert ["The printer is on fire again", "rings says tells"] == [m.text for m in said]
    told = [one for one in await shop.deliveries("backend/tickets") if one.message == said[1].id]
    assert {written.id} == {one.conversation for one in told}
    view = await shop.store.conversation(None, written.id)
    assert {("email", "requester"), ("tel", "cc")} == {
        (identity.scheme, part.role)
        for identity in view.identities
        for part in view.participants
        if part.identity == identity.id
    }
    assert said[1].thread in {one.id for one in view.threads}
    await shop.take(Draft(author=BY_PHONE, proof="asserted", text="And my bill?", thread=thread))
    assert 2 == len(await shop.messages(texted.id))


async def test_nothing_goes_on_in_what_ended_long_ago(shop: Workshop) -> None:
    """A code of a conversation that ended over two weeks ago gives a follow-up of it."""
    conversation = await written(shop)
    await shop.operator.set_state(None, conversation.id, "closed", "Gil")
    await shop.later(15 * 86_400)
    await shop.take(call("rings"), key="1")
    await shop.take(call("says", continues=await proof(shop)), key="2")
    assert [None, None] == [one.merged_into for one in await shop.conversations()]


async def test_parts_in_any_order_give_the_same_message(shop: Workshop) -> None:
    """The channel puts parts together; what is quiet opens no ticket and is not forwarded."""
    for number, part in enumerate(("b", "c", "a", "c")):
        await shop.take(call(part, name="call-9"), key=str(number))
    conversation = (await shop.conversations())[1]
    [said] = await shop.messages(conversation.id)
    assert ("a b c", 3, True) == (said.text, said.revision, said.quiet)
    assert 4 == len(said.arrivals)
    assert [] == [one for one in await shop.deliveries() if one.message == said.id]
    await shop.take(call("d", name="call-9", quiet=False), key="5")
    conversation = (await shop.conversations())[1]
    assert ("open", ("tickets",)) == (conversation.state, conversation.route.backends)
    await shop.take(call("d", name="call-9", quiet=False), key="6")  # says nothing new
    assert 1 == len([one for one in await shop.deliveries() if one.message == said.id])


class Censor:
    """Blacks a word out of texts, and refuses another."""

    async def redact_message(self, message: Message, audience: str) -> Message | Refuse | None:
        if "x y" in message.text:
            return Refuse(reason="xy")
        return msgspec.structs.replace(message, text=message.text.replace("owls", "[…]"))


async def test_what_is_put_together_is_redacted_as_a_whole(tmp_path: Path) -> None:
    """What was blacked out of a part does not come back with the next one, and a refusal counts."""
    async with workshop(tmp_path / "gateway.db", plugins=(Censor(),)) as shop:
        await shop.take(call("owls", quiet=False), key="1")
        await shop.take(call("parliament", quiet=False), key="2")
        [said] = await shop.messages()
        assert "[…] parliament" == said.text
        await shop.take(call("x", quiet=False), key="3")
        await shop.take(call("y", quiet=False), key="4")
        [aside] = await shop.quarantine()
        assert ("refused", "xy") == (aside.reason.code, aside.reason.error)


def codes(
    clock: FakeClock, *digits: int, tenant: str = "default", **policy: Any
) -> ContinuationCodes:
    """Codes with digits that are known."""
    left = list(digits)
    return ContinuationCodes(
        tenant=tenant, state=MemoryState(), keyring=Keyring([KEY]), clock=clock,
        policy=ContinuationPolicy(**policy), choose=lambda below: left.pop(0), log=CapturingLog(),
    )  # fmt: skip


async def test_a_code_has_six_digits_and_is_stored_hashed() -> None:
    """A small number is filled up; neither code nor caller can be read in the database."""
    clock = FakeClock()
    ours = codes(clock, 42)
    issued = await ours.issue(7)
    assert ("000042", clock.now() + 15 * 60_000) == (issued.code, issued.expires_at)
    await ours.redeem("999999", by=BY_PHONE, use="call")
    stored = repr(ours._state.rows)  # type: ignore[attr-defined]
    assert "000042" not in stored
    assert BY_PHONE.value not in stored


async def test_wrong_used_and_expired_codes_get_one_answer() -> None:
    """Whatever is wrong, the answer is None after one read and one write, as for a right one."""
    clock = FakeClock()
    ours = codes(clock, 1, 2, 3)
    used, expires, right = [(await ours.issue(7)).code for _ in range(3)]
    await ours.redeem(used, by=STRANGER, use="other")
    state: Any = ours._state
    for code in ("no digits", "", "9" * 5000, used):
        state.calls.clear()
        assert None is await ours.redeem(code, by=BY_PHONE, use="call")
        assert ["get", "put"] == state.calls
    state.calls.clear()
    redeemed = await ours.redeem(right, by=STRANGER, use="call")
    assert redeemed is not None
    assert ["get", "put"] == state.calls
    clock.advance(15 * 60)
    assert None is await ours.redeem(expires, by=STRANGER, use="call")


async def test_digits_that_live_are_drawn_again() -> None:
    """Two conversations never have the same code at once; beyond the limit there is none."""
    clock = FakeClock()
    ours = codes(clock, 5, 5, 6, most_live=2)
    assert ["000005", "000006"] == [(await ours.issue(n)).code for n in (1, 2)]
    with pytest.raises(Refused, match="2 continuation codes live"):
        await ours.issue(3)


async def test_callers_without_a_number_count_as_one() -> None:
    """Hiding the number gives nobody more tries."""
    clock = FakeClock()
    ours = codes(clock, 1, wrong_per_caller=2)
    issued = await ours.issue(7)
    for number in range(2):
        assert None is await ours.redeem("999999", by=None, use=f"call-{number}")
    assert None is await ours.redeem(issued.code, by=None, use="call-9")
    assert await ours.redeem(issued.code, by=BY_PHONE, use="call-9")


async def test_what_may_be_told_of_matters(shop: Workshop) -> None:
    """Only open ones of an address that is proven well enough, by the tickets' own numbers."""
    shop.send_to("backend/tickets")
    await shop.settled("backend/tickets", "delivered")
    matters = shop.channels["post"].context.matters
    ann = (await shop.messages())[0].author.address
    assert ann is not None
    assert () == await matters.open_for(ann)
    [matter] = await matters.open_for(ann, least="asserted")
    assert ("1",) == matter.references
    assert matter == await matters.get(matter.conversation)
    assert None is await matters.get(12345)
    await shop.operator.set_state(None, matter.conversation, "resolved", "Gil")
    assert () == await matters.open_for(ann, least="asserted")


async def test_an_agent_gives_a_code_by_a_mark(shop: Workshop) -> None:
    """The customer reads six digits where the agent wrote the mark: the same at every attempt."""
    shop.send_to("channel/post")
    await shop.take(letter("bob", thread=ThreadRef(native_id="bob"), external_ids=("l-2",)))
    conversation = (await shop.conversations())[1]
    shop.post.script.then(Unreachable("away"))
    text = "Call us and key in {{continuation_code}}."
    await shop.operator.reply(None, conversation.id, text=text, internal=False, author="Gil")
    await until(lambda: _true(shop.post.script.calls == 1))
    await shop.later(6)
    [sent] = await until_sent(shop)
    code = sent.text.removeprefix("Call us and key in ").removesuffix(".")
    assert (6, True) == (len(code), code.isdigit())
    assert "{{continuation_code}}" in (await shop.messages(conversation.id))[1].text
    redeemed = await shop.codes.redeem(code, by=BY_PHONE, use="call")
    assert redeemed is not None
    assert conversation.id == redeemed.conversation


async def test_a_mark_waits_for_a_code(shop: Workshop) -> None:
    """While no further code may live, the reply waits, and goes out when one has run out."""
    shop.send_to("channel/post")
    await shop.take(letter("bob", thread=ThreadRef(native_id="bob"), external_ids=("l-2",)))
    conversation = (await shop.conversations())[1]
    for _ in range(ContinuationPolicy().most_live):
        await shop.codes.issue(conversation.id)
    text = "{{continuation_code}}"
    await shop.operator.reply(None, conversation.id, text=text, internal=False, author="Gil")

    async def waits() -> bool:
        found = await shop.deliveries("channel/post")
        return [one.last_code for one in found] == ["no_code"]

    await until(waits)
    await shop.later(15 * 60)
    await until_sent(shop)


async def test_who_asks_again_gets_the_same_digits() -> None:
    """The same purpose has one live code, which then lives longer; another purpose has another."""
    clock = FakeClock()
    ours = codes(clock, most_live=2)
    first = await ours.issue(7, again="dlv-1")
    clock.advance(60)
    second = await ours.issue(7, again="dlv-1")
    assert (first.code, first.expires_at + 60_000) == (second.code, second.expires_at)
    assert first.code != (await ours.issue(7, again="dlv-2")).code
    assert first.code == (await ours.issue(7, again="dlv-1")).code  # though no other may live


async def _true(value: bool) -> bool:
    return value


async def until_sent(shop: Workshop) -> list[Reply]:
    """Wait until something has gone out."""
    await until(lambda: _true(bool(shop.post.sent)))
    return shop.post.sent
