"""When a person is forgotten, the channel forgets too, and says what has to stay."""

from __future__ import annotations

from gateway import Address, Forgotten
from gateway_sms_voice.fetching import FETCH
from gateway_sms_voice.optout import PREFIX
from tests.unit.sms_voice.world import OURS, THEIRS, phone

OTHER = "+15551230002"


def erasure(*values: str) -> Forgotten:
    """What is asked when somebody wants to be forgotten."""
    addresses = tuple(Address(scheme="tel", value=value) for value in values)
    return Forgotten(
        tenant="default", reason="erasure", conversation="conv_1", whole=True, addresses=addresses
    )


async def test_forgetting_a_person() -> None:
    """Words that still wait for their media go, other people's stay; the wish to get no texts is
    kept and named, and so is what lies at the provider.
    """
    async with phone() as world:
        for sender in (THEIRS, OTHER):
            await world.text("See what I mean", sender=sender, media=(("image/png", b"1"),))
            stop = await world.double.text("STOP", sender=sender, calls=False)
            await world.post("/messages", world.double.webhooks.fields(stop))
        for _ in range(2):  # it may be asked twice
            remains = await world.channel.forget(erasure(THEIRS))
            assert [
                f"texts with {THEIRS} in Twilio's message and call logs",
                f"the wish of {THEIRS} to get no texts from {OURS}, which has to be kept",
            ] == [one.what for one in remains]
            assert {"channel/here"} == {one.where for one in remains}
        [(_, kept)] = await world.around.state.list(FETCH)
        assert OTHER in kept.value["original"]["lane"]
        assert 2 == len(await world.around.state.list(PREFIX))


async def test_retention_keeps_nothing_here() -> None:
    """What goes because its time is over has no person to it, and nothing of it is kept."""
    async with phone() as world:
        await world.text("Hello")
        assert [] == await world.channel.forget(erasure())
