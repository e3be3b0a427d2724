"""The kit's checks on the phone channel, against the double."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.testing import Surroundings, check_channel
from gateway.testing.clock import EPOCH
from gateway_sms_voice import register_channels
from gateway_sms_voice.completing import Medium, completed, original_of
from tests.unit.sms_voice.world import a_reply, phone


async def test_the_channel_keeps_its_contract() -> None:
    """Pure parser, lost answers looked up, nothing sent twice, no secret shown, a probe that tells."""
    async with phone() as world:
        for body, more in (
            ("Hello", {}),
            ("Grüße 🔥", {"media": (("image/jpeg", b"\xff\xd8\xff"),)}),
        ):
            await world.text(body, **more)
        await world.post(
            "/status/dlv_0000000000001/1/1", {"MessageSid": "SM1", "MessageStatus": "delivered"}
        )
        arrivals = list(world.around.intake.accepted)
        arrivals.append(completed(original_of(arrivals[1]), [Medium(data=b"\xff\xd8\xff")], 1))
        world.around.intake.accepted.clear()
        at = datetime.fromtimestamp(EPOCH / 1000 - 60, tz=UTC)
        await world.double.text("missed", calls=False, at=at)
        await world.channel.reconcile(world.around.intake)
        arrivals += world.around.intake.accepted

        async def count() -> int:
            return len(world.double.sent)

        [kind] = register_channels()
        await check_channel(
            kind, world.settings, arrivals=arrivals, count=count, surroundings=Surroundings(),
            replies=[a_reply("One"), a_reply("Ünother 🔥"), a_reply("One")],
        )  # fmt: skip
