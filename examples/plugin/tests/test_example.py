"""The example keeps the contract of channels and backends, and works in a running gateway."""

from __future__ import annotations

import aiohttp
import msgspec
import pytest
from gateway_example import (
    ExampleChat,
    ServiceSettings,
    read_chat,
    register_backends,
    register_channels,
    signature,
)
from services import KEY, serving

from gateway import Address, ConnectorError, Forward, NewArrival, Person, Reply, Thread
from gateway.testing import Surroundings, as_stored, check_backend, check_channel, serve_routes

CHAT = {"id": "1", "room": "kitchen", "sender": "ann", "text": "The tap drips."}
ARRIVAL = NewArrival(key="1", lane="kitchen", body=msgspec.json.encode(CHAT))
THREAD = Thread(id=1, tenant="default", conversation=2, channel="here", native_id="kitchen")


def reply(key: str) -> Reply:
    """Make a reply."""
    return Reply(
        key=key, delivery="dlv_1", tenant="default", conversation="conv_2", message="msg_3",
        thread=THREAD, recipients=(Person(address=Address(scheme="example-chat", value="ann")),),
        text="A plumber is on his way.",
    )  # fmt: skip


def forward(key: str) -> Forward:
    """Make a forward."""
    return Forward(
        key=key, tenant="default", conversation="conv_2", message=key, channel="here", text="Hello"
    )


async def test_the_channel_keeps_its_contract() -> None:
    """It withstands hostile input, sends once whatever gets lost, and keeps its secret."""
    [kind] = register_channels()
    async with serving() as services:
        settings = ServiceSettings(url=services.url, key=KEY)
        await check_channel(
            kind, settings, arrivals=[ARRIVAL], replies=[reply("a"), reply("b")],
            count=services.spoken,
        )  # fmt: skip


async def test_the_backend_keeps_its_contract() -> None:
    """It opens a ticket and adds entries once, whatever gets lost, and keeps its secret."""
    [kind] = register_backends()
    async with serving() as services:
        settings = ServiceSettings(url=services.url, key=KEY)
        forwards = [forward("a"), forward("b"), forward("c")]
        await check_backend(kind, settings, forwards=forwards, count=services.made)


async def test_only_what_is_signed_comes_in() -> None:
    """A webhook without the right signature is refused before anybody reads it."""
    around = Surroundings()
    channel = ExampleChat(around.context(ServiceSettings(url="http://127.0.0.1:1", key=KEY)))
    async with serve_routes(channel.routes(around.intake)) as url, aiohttp.ClientSession() as http:
        for signed, status in (("", 401), ("ü", 401), (signature(KEY, ARRIVAL.body), 202)):
            headers = {"x-signature": signed}
            async with http.post(f"{url}/messages", data=ARRIVAL.body, headers=headers) as answer:
                assert status == answer.status
    assert [ARRIVAL] == around.intake.accepted


def test_a_chat_message_is_read() -> None:
    """The author is the sender, the room is the thread."""
    [draft] = read_chat(as_stored(ARRIVAL))
    assert draft.author == Address(scheme="example-chat", value="ann")
    assert draft.thread is not None
    assert ("kitchen", "The tap drips.") == (draft.thread.native_id, draft.text)


async def test_a_wrong_key_is_named() -> None:
    """The operator is told what to compare; the key itself is not told."""
    async with serving() as services:
        wrong = ServiceSettings(url=services.url, key=type(KEY)("another key altogether"))
        channel = ExampleChat(Surroundings().context(wrong))
        with pytest.raises(ConnectorError, match="does not accept our key") as caught:
            await channel.send(reply("a"))
        assert "another key" not in str(caught.value)
        assert "authentication_failed" == (await channel.probe()).code
