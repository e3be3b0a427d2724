"""Promise 10: for every message the gateway tells what it decided, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.promises.configs import BASE, mailbox, plugins, tickets
from tests.promises.letters import Customer
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.ticket_system import TicketSystem, ticket_system

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("promise-10")]

ROUTING = """\
[[routing]]
name = "invoices"
when = { words = ["invoice"] }
backends = ["tickets"]
queue = "Accounts"
priority = "high"
"""


def _reasons(told: Any, kind: str) -> str:
    return " | ".join(
        f"{one['outcome']}: {one['reason']}" for one in told["decisions"] if one["kind"] == kind
    )


async def _message(gateway: GatewayProcess, token: str) -> str:
    """The id of the message that begins with a token."""
    _, listed = await gateway.get("/api/v1/conversations")
    for one in listed["items"]:
        _, said = await gateway.get(f"/api/v1/conversations/{one['id']}/messages")
        for message in said["items"]:
            if message["text"].startswith(token):
                return str(message["id"])
    raise AssertionError(f"there is no message {token}")


async def test_why_prints_the_chain_of_decisions(launcher: Launcher, tmp_path: Path) -> None:
    """Who wrote, where it went, by which rule, what it joined, what came of it: all with reasons."""
    async with ticket_system(TicketSystem()) as system:
        config = BASE + ROUTING + plugins("email", "webhook") + mailbox() + tickets(system.url)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            ann = Customer(address="ann@example.net", port=gateway.lmtp)
            eve = Customer(address="eve@evil.example", port=gateway.lmtp)
            await ann.write("first", "My invoice number 4711 is wrong, the amount is too high.")
            await system.ticket_of("first")
            await ann.write("first", "My invoice number 4711 is wrong, the amount is too high.")
            await ann.write("second", "It is still wrong.", References="<first@example.net>")
            await eve.write("third", "Mine too.", References="<first@example.net>")
            for token in ("second", "third"):
                await system.ticket_of(token)

            first = await gateway.command("why", await _message(gateway, "first"))
            assert "new sender email:ann@example.net" in _reasons(first, "identity")
            assert "invoices: queue Accounts" in _reasons(first, "route")
            assert "priority high" in _reasons(first, "route")
            assert "new conversation" in _reasons(first, "match")
            assert "redelivery" in _reasons(first, "duplicate")
            assert 2 == len(first["arrivals"])
            assert ["delivered"] == [one["state"] for one in first["deliveries"]]
            assert all(one["plugin"] and one["reason"] for one in first["decisions"])

            second = await gateway.command("why", await _message(gateway, "second"))
            assert "joined by reference" in _reasons(second, "match")
            assert "its sender takes part" in _reasons(second, "match")

            third = await gateway.command("why", await _message(gateway, "third"))
            assert "its sender does not take part in it" in _reasons(third, "match")
            assert "related: shown beside conv_" in _reasons(third, "link")

            words = await gateway.words("why", await _message(gateway, "third"))
            for said in ("Decisions", "its sender does not take part in it", "core"):
                assert said in words
            status, told = await gateway.get(f"/api/v1/messages/{third['message']['id']}/why")
            assert (200, third["decisions"]) == (status, told["decisions"])


async def test_why_tells_what_became_of_an_arrival_that_made_no_message(
    launcher: Launcher, tmp_path: Path
) -> None:
    """A mail that was handed in a second time is explained by its own arrival as well."""
    async with ticket_system(TicketSystem()) as system:
        config = BASE + plugins("email", "webhook") + mailbox() + tickets(system.url)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            ann = Customer(address="ann@example.net", port=gateway.lmtp)
            await ann.write("once")
            await system.ticket_of("once")
            await ann.write("once")
            await ann.write("later")
            await system.ticket_of("later")
            told = await gateway.command("why", await _message(gateway, "once"))
            again = max(one["id"] for one in told["arrivals"])
            told = await gateway.command("why", again)
            assert "handed in the same bytes under the same key before" in _reasons(
                told, "duplicate"
            )
            words = await gateway.words("why", "arr_0000000000000", code=6)
            assert "no such" in words or words == ""
