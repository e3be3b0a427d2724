"""Continuation codes through the API."""

from __future__ import annotations

from gateway.domain.ids import show
from tests.unit.web.client import Client
from tests.unit.web.world import World

API = "/api/v1"


async def test_a_code_is_made_for_a_conversation(client: Client, world: World) -> None:
    """It is shown once, kept out of caches, and leads to its conversation."""
    conversation = show("conv", world.ids["kettle"])
    got = await client.post(f"{API}/conversations/{conversation}/codes", as_="writer")
    assert (201, conversation) == (got.status, got.json["conversation"])
    assert "no-store" == got.headers["cache-control"]
    redeemed = await world.codes("default").redeem(got.json["code"], by=None, use="call")
    assert redeemed is not None
    assert world.ids["kettle"] == redeemed.conversation


async def test_who_may_not_write_gets_no_code(client: Client, world: World) -> None:
    """Readers get none, and another tenant's conversation is not there."""
    path = f"{API}/conversations/{show('conv', world.ids['kettle'])}/codes"
    assert 403 == (await client.post(path, as_="reader")).status
    assert 404 == (await client.post(path, as_="foreign")).status


async def test_too_many_codes_are_refused(client: Client, world: World) -> None:
    """The third of two says what to do."""
    path = f"{API}/conversations/{show('conv', world.ids['kettle'])}/codes"
    for _ in range(2):
        assert 201 == (await client.post(path, as_="writer")).status
    got = await client.post(path, as_="writer")
    assert 409 == got.status
    assert "wait until some run out" in got.json["detail"]
