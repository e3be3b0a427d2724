"""The probe tells what is wrong: account, key, number, webhook, public URL."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway import Health, Secret
from gateway_sms_voice.channel import PhoneChannel
from tests.unit.sms_voice.world import OURS, PUBLIC, World, phone

HOOK = f"{PUBLIC}/in/here/messages"


async def look(world: World, **twilio: Any) -> Health:
    """Probe with other settings of the account."""
    assert world.settings.twilio is not None
    changed = msgspec.structs.replace(world.settings.twilio, **twilio)
    world.settings = msgspec.structs.replace(world.settings, twilio=changed)
    return await world.restart().probe()


async def test_all_is_well() -> None:
    """Once a webhook was proven there is nothing to do."""
    async with phone() as world:
        world.double.account.hook(HOOK)
        assert "webhook_unverified" == (await look(world)).code
        await world.text("Hello")
        assert Health() == await look(world)
        world.double.account.hook(f"{HOOK}#rc=3&rp=all")
        assert Health() == await look(world)


async def test_a_wrong_key() -> None:
    """Neither a wrong token nor a wrong key gets in, and that is what is said."""
    async with phone() as world:
        for change in (
            {"auth_token": Secret("wrong")},
            {"api_key": "SK" + "1" * 32, "api_secret": Secret("wrong")},
        ):
            health = await look(world, **change)
            assert ("down", "wrong_key") == (health.state, health.code)
            assert "wrong" not in health.reason


async def test_a_wrong_account() -> None:
    """A key that is good, but for another account, is told apart from a wrong one."""
    async with phone() as world:
        key = "SK" + "2" * 32
        world.double.account.strange_keys[key] = "its secret"
        health = await look(world, api_key=key, api_secret=Secret("its secret"))
        assert ("down", "wrong_account") == (health.state, health.code)
        assert world.double.sid in health.reason


async def test_a_good_key() -> None:
    """An API key signs in without the token."""
    async with phone() as world:
        world.double.account.keys["SK1"] = "its secret"
        world.double.account.hook(HOOK)
        await world.text("Hello")
        assert Health() == await look(world, api_key="SK1", api_secret=Secret("its secret"))


async def test_a_suspended_account() -> None:
    """An account that is suspended is the operator's to see to."""
    async with phone() as world:
        world.double.account.status = "suspended"
        assert "account_suspended" == (await look(world)).code


@pytest.mark.parametrize("url", ["", "https://elsewhere.example/in/here/messages", PUBLIC])
async def test_a_wrong_public_url(url: str) -> None:
    """A number whose webhook leads elsewhere is named, with both addresses."""
    async with phone() as world:
        world.double.account.hook(url)
        health = await look(world)
        assert ("degraded", "webhook_elsewhere") == (health.state, health.code)
        assert f"messages to {OURS} go to {url or 'nowhere'}" in health.reason
        assert HOOK in health.reason


async def test_no_public_url() -> None:
    """Without one no webhook can be proven."""
    async with phone() as world:
        world.double.account.hook(HOOK)
        context = world.around.context(world.settings)
        assert "no_public_url" == (await PhoneChannel(context).probe()).code


async def test_an_unknown_number() -> None:
    """A number that is not the account's is named."""
    async with phone(numbers=("+15005550009",)) as world:
        health = await look(world)
        assert ("down", "unknown_number") == (health.state, health.code)
        assert "+15005550009" in health.reason


async def test_refused_webhooks() -> None:
    """Signed requests that do not fit are told; those of scanners, without a signature, are not."""
    async with phone() as world:
        world.double.account.hook(HOOK)
        await world.text("Hello")
        fields = {"MessageSid": "SM1", "To": OURS, "From": "+15551230001"}
        world.around.clock.advance(1)
        assert 403 == await world.post("/messages", fields, headers={})
        assert Health() == await world.channel.probe()
        assert 403 == await world.post("/messages", fields, body=b"another=1")
        health = await world.channel.probe()
        assert ("degraded", "webhook_refused") == (health.state, health.code)
        assert "public URL" in health.reason
        world.around.clock.advance(1)
        assert 200 == await world.post("/messages", fields)
        assert Health() == await look(world)


async def test_away() -> None:
    """A provider that cannot be reached is told as such."""
    async with phone() as world:
        world.around.http.down = True
        assert ("down", "unreachable") == ((h := await look(world)).state, h.code)
