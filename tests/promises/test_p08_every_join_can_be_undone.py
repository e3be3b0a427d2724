"""Promise 8: a merge can be taken back; what was said in between goes home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.promises.configs import BASE, mailbox, plugins, tickets
from tests.promises.customers import customers
from tests.promises.letters import Customer
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.ticket_system import TicketSystem, ticket_system

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("promise-8")]

ANN, BOB = "ann@example.net", "bob@example.net"


async def _shown(gateway: GatewayProcess, conversation: str) -> Any:
    """Everything the command line shows of a conversation, but when it was last touched."""
    told = await gateway.command("show", conversation)
    told["conversation"].pop("updated_at")
    # The merge stays on record; a revoked link joins nothing.
    told["conversation"]["links"] = [
        link for link in told["conversation"]["links"] if link.get("revoked_at") is None
    ]
    return told


def _said(told: Any) -> list[str]:
    return [message["text"].split("\n", 1)[0] for message in told["messages"]]


async def _conversations(gateway: GatewayProcess) -> list[str]:
    """The conversations there are, oldest first."""
    listed = await gateway.command("conversations")
    return [one["id"] for one in listed["items"]][::-1]


async def test_merge_and_unmerge_leave_everything_as_it_was(
    launcher: Launcher, tmp_path: Path
) -> None:
    """Ann's and Bob's conversations are merged and parted; answers in between are back with each."""
    async with ticket_system(TicketSystem()) as system, customers() as post:
        config = BASE + plugins("email", "webhook") + mailbox(relay=post.port)
        config += tickets(system.url)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            ann = Customer(address=ANN, port=gateway.lmtp)
            bob = Customer(address=BOB, port=gateway.lmtp)
            await ann.write("ann-1", "The lift is stuck between the second and third floor.")
            ann_ticket = await system.ticket_of("ann-1")
            await bob.write("bob-1", "Nobody can get upstairs in our building.")
            bob_ticket = await system.ticket_of("bob-1")
            for ticket, entry in ((ann_ticket, "1"), (bob_ticket, "2")):
                await system.reply(gateway.url, ticket, "We are on our way.", entry=entry)
            to_ann, to_bob = await post.mail_for(ANN), await post.mail_for(BOB)
            first, second = await _conversations(gateway)
            before = [await _shown(gateway, one) for one in (first, second)]

            await gateway.command("merge", first, second)
            together = await _shown(gateway, second)
            assert {"ann-1", "bob-1"} <= set(_said(together))
            await gateway.command("unmerge", first)
            assert before == [await _shown(gateway, one) for one in (first, second)]

            await gateway.command("merge", first, second)
            await ann.write("ann-2", "It moves again.", answers=to_ann)
            await bob.write("bob-2", "Thank you.", answers=to_bob)
            assert bob_ticket == await system.ticket_of("ann-2")
            assert bob_ticket == await system.ticket_of("bob-2")
            assert {"ann-2", "bob-2"} <= set(_said(await _shown(gateway, second)))

            await gateway.command("unmerge", first)
            hers, his = [await _shown(gateway, one) for one in (first, second)]
            assert ["ann-1", "We are on our way.", "ann-2"] == _said(hers)
            assert ["bob-1", "We are on our way.", "bob-2"] == _said(his)
            assert before[0]["conversation"]["participants"] == hers["conversation"]["participants"]
            assert before[1]["conversation"]["participants"] == his["conversation"]["participants"]

            await ann.write("ann-3", "And it is quiet now.", answers=to_ann)
            assert ann_ticket == await system.ticket_of("ann-3")


async def test_what_cannot_be_undone_is_refused_in_words(
    launcher: Launcher, tmp_path: Path
) -> None:
    """A conversation that was not merged cannot be parted, and none can be merged into itself."""
    async with ticket_system(TicketSystem()) as system:
        config = BASE + plugins("email", "webhook") + mailbox() + tickets(system.url)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            await Customer(address=ANN, port=gateway.lmtp).write("ann-1")
            await system.ticket_of("ann-1")
            [one] = await _conversations(gateway)
            await gateway.words("unmerge", one, code=7)
            await gateway.words("merge", one, one, code=7)
