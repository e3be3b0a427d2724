"""Media are fetched after the acknowledgement, within bounds, and what cannot be had loses no message."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from gateway import Draft, NewArrival, StoreUnavailable
from gateway_sms_voice.completing import Medium, completed, original_of
from gateway_sms_voice.fetching import PAUSES_MS
from gateway_sms_voice.providers.twilio.provider import TwilioProvider
from tests.unit.sms_voice.world import World, phone, twilio_settings

JPEG, OGG = ("image/jpeg", b"\xff\xd8\xff a picture"), ("audio/ogg", b"OggS a voice")


async def arrived(world: World, *media: tuple[str, bytes], **more: Any) -> NewArrival:
    """Take in a message with media; its arrival."""
    await world.text("See", media=media, **more)
    return world.around.intake.accepted[-1]


async def fetch(world: World) -> Draft | None:
    """Work off what is due; the message with its media, if it came."""
    before = len(world.around.intake.accepted)
    await world.channel._fetching.work_off(world.around.intake)
    new = world.around.intake.accepted[before:]
    return world.draft(new[0]) if new else None


def shown(draft: Draft | None) -> list[tuple[str, bytes | None]]:
    """State and bytes of a draft's attachments."""
    assert draft is not None
    return [(one.state, one.data) for one in draft.attachments]


async def test_media_follow() -> None:
    """They come as a revision of the message, with its text and all its media, once."""
    async with phone() as world:
        first = await arrived(world, JPEG, OGG)
        draft = await fetch(world)
        assert draft is not None
        assert ("See", first.key) == (draft.text, draft.revises)
        assert [("stored", JPEG[1]), ("stored", OGG[1])] == shown(draft)
        assert ["image-1.jpg", "audio-2.ogg"] == [one.name for one in draft.attachments]
        assert None is await fetch(world)
        assert not [key for key in world.around.state.rows if key.startswith("fetch/")]


async def test_a_crash_in_between_loses_nothing() -> None:
    """What was acknowledged is fetched by the next process."""
    async with phone() as world:
        await arrived(world, JPEG)
        world.restart()
        assert [("stored", JPEG[1])] == shown(await fetch(world))


async def test_a_store_that_is_down_is_waited_for() -> None:
    """What was fetched but could not be stored is fetched again."""
    async with phone() as world:
        await arrived(world, JPEG)
        world.around.intake.fails = StoreUnavailable("no disk")
        assert None is await fetch(world)
        world.around.intake.fails = None
        assert [("stored", JPEG[1])] == shown(await fetch(world))


async def test_what_is_not_there_yet_is_asked_for_again() -> None:
    """A medium that appears late is had; meanwhile the message is told once, without it."""
    async with phone() as world:
        first = await arrived(world, JPEG, OGG)
        assert world.draft(first).quiet
        medium = world.double.account.messages[0].media[0]
        medium.gone = True
        draft = await fetch(world)
        assert [("pending", None), ("stored", OGG[1])] == shown(draft)
        assert draft is not None
        assert not draft.quiet
        assert None is await fetch(world)
        world.around.clock.advance(PAUSES_MS[1] / 1000)
        assert None is await fetch(world)
        medium.gone = False
        world.around.clock.advance(PAUSES_MS[2] / 1000)
        assert [("stored", JPEG[1]), ("stored", OGG[1])] == shown(await fetch(world))
        assert 3 == len(world.around.intake.accepted)


async def test_what_never_comes_is_unavailable() -> None:
    """After the last try the message says so; the others of its media are there."""
    async with phone() as world:
        await arrived(world, JPEG, OGG)
        world.double.account.messages[0].media[0].gone = True
        drafts = []
        for pause in PAUSES_MS:
            world.around.clock.advance(pause / 1000)
            drafts.append(await fetch(world))
        assert [("pending", None), ("stored", OGG[1])] == shown(drafts[0])
        assert [None] * (len(PAUSES_MS) - 2) == drafts[1:-1]
        assert [("unavailable", None), ("stored", OGG[1])] == shown(drafts[-1])
        assert drafts[-1] is not None
        assert ("a medium was not to be had: it is not there",) == drafts[-1].reasons
        assert not [key for key in world.around.state.rows if key.startswith("fetch/")]


async def test_what_hangs_is_left() -> None:
    """All media of a message have to be there in time; what hangs holds nothing else up."""
    async with phone(media_seconds=0.2) as world:
        await arrived(world, JPEG, OGG)
        async with asyncio.timeout(20):
            world.double.account.messages[0].media[0].hangs = True
            assert [("pending", None), ("pending", None)] == shown(await fetch(world))
            world.double.account.messages[0].media[0].release.set()


async def test_sizes_are_bounded() -> None:
    """One that is too large is not kept, nor are many that are so together."""
    async with phone(media_bytes=10) as world:
        await arrived(world, ("image/png", b"x" * 11), ("image/png", b"x" * 10))
        assert [("too_large", None), ("stored", b"x" * 10)] == shown(await fetch(world))
        await arrived(world, *[("image/png", b"x" * 10)] * 3)
        assert ["stored", "stored", "too_large"] == [
            state for state, _ in shown(await fetch(world))
        ]


@dataclass
class Elsewhere:
    """Another server that keeps what it was asked."""

    url: str
    requests: list[dict[str, str]]


async def elsewhere(**answer: Any) -> tuple[web.AppRunner, Elsewhere]:
    """Run a server that answers all requests alike."""
    asked: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append({name.lower(): value for name, value in request.headers.items()})
        return web.Response(**answer)

    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, Elsewhere(f"http://127.0.0.1:{runner.addresses[0][1]}/file", asked)


async def test_credentials_stay_at_home() -> None:
    """The provider's own host gets them; where it redirects to does not."""
    runner, other = await elsewhere(body=b"from storage", content_type="image/png")
    try:
        async with phone() as world:
            await arrived(world, JPEG)
            world.double.account.messages[0].media[0].leads_to = other.url
            assert [("stored", b"from storage")] == shown(await fetch(world))
            [request] = other.requests
            assert "authorization" not in request
    finally:
        await runner.cleanup()


async def test_no_endless_redirects() -> None:
    """A chain that does not end is given up."""
    async with phone() as world:
        await arrived(world, JPEG)
        message = world.double.account.messages[0]
        runner, loop = await elsewhere(status=302, headers={"Location": "/again"})
        try:
            message.media[0].leads_to = loop.url
            assert [("unavailable", None)] == shown(await fetch(world))
            assert 3 > len(loop.requests)
        finally:
            await runner.cleanup()


async def test_foreign_hosts_are_not_asked() -> None:
    """A medium at a host that is none of the provider's is blocked, whoever named it."""
    async with phone() as world:
        runner, other = await elsewhere(body=b"evil")
        try:
            await arrived(world, JPEG, extra={"MediaUrl0": other.url})
            assert [("blocked", None)] == shown(await fetch(world))
            assert [] == other.requests
        finally:
            await runner.cleanup()


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1", True),
        ("https://mcs.us1.twilio.com/v1/x", True),
        ("https://media.twiliocdn.com/x", True),
        ("https://API.TWILIO.COM:443/x", True),
        ("http://api.twilio.com/x", False),
        ("https://api.twilio.com:8443/x", False),
        ("https://api.twilio.com.evil.example/x", False),
        ("https://evil.example/api.twilio.com", False),
        ("https://api.twilio.com@evil.example/x", False),
        ("https://user:pass@api.twilio.com/x", False),
        ("https://eviltwilio.com/x", False),
        ("https://[::1/x", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
async def test_hosts(url: str, known: bool) -> None:
    """Only encrypted addresses at the provider's own hosts get the account's credentials."""
    async with phone() as world:
        provider = TwilioProvider(twilio_settings(), world.channel.context)
        assert known == (provider.media_request(url) is not None)


def test_what_was_fetched_is_kept_with_what_it_belongs_to() -> None:
    """The same media make the same bytes, so that a repetition is recognised as one."""
    arrival = NewArrival(key="MM1", kind="message", body=b"MessageSid=MM1")
    one = completed(original_of(arrival), [Medium(data=b"1")], 1)
    assert one == completed(original_of(arrival), [Medium(data=b"1")], 1)
    assert ("MM1/media/1", "media") == (one.key, one.kind)
