"""Promise 11: an arrival that is run again makes the same message; a change shows before it counts."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.promises.configs import BASE, PLUGINS, mailbox, plugins, tickets
from tests.promises.letters import Customer
from tests.promises.mails import INBOX, words
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.senders import Lmtp, Refused
from tests.promises.ticket_system import TicketSystem, ticket_system
from tests.unit.email.hostile import SMALL

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("promise-11")]


async def _replay(gateway: GatewayProcess, *options: str) -> list[Any]:
    found: list[Any] = await gateway.command("replay", "--since", "2h", "--diff", *options)
    return found


async def test_what_is_stored_is_run_again_with_the_same_result(
    launcher: Launcher, tmp_path: Path
) -> None:
    """Honest and hostile mails give the same messages again, also in a process of its own."""
    dice = random.Random(11)
    async with ticket_system(TicketSystem()) as system:
        config = BASE + plugins("email", "webhook") + mailbox() + tickets(system.url)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            ann = Customer(address="ann@example.net", port=gateway.lmtp)
            for number in range(6):
                lead = "<mail-0@example.net>" if number else "<nothing@example.net>"
                await ann.write(f"mail-{number}", words(dice), References=lead)
            taken = await _hostile(gateway, sorted(SMALL)[::6])
            await ann.write("last")
            await system.ticket_of("last", 60)
            await _worked_off(gateway)
            found = await _replay(gateway)
            outcomes = {one["outcome"] for one in found}
            assert len(found) >= 7 + taken
            assert outcomes <= {"same", "left", "unreadable"}, [
                one for one in found if one["outcome"] not in ("same", "left", "unreadable")
            ]
            assert sum(one["outcome"] == "same" for one in found) >= 7
            await gateway.stop()
            assert found == await gateway.cold_command("replay", "--since", "2h", "--diff")


async def _hostile(gateway: GatewayProcess, names: list[str]) -> int:
    taken = 0
    connection = await Lmtp.connect(gateway.lmtp)
    for name in names:
        try:
            raw = SMALL[name].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            await connection.send("eve@example.org", INBOX, raw)
            taken += 1
        except Refused:
            continue
    await connection.close()
    return taken


async def _worked_off(gateway: GatewayProcess) -> None:
    """Wait until nothing waits to be processed for the first time."""
    while any("for the first time" in one["reason"] for one in await _replay(gateway)):
        assert not gateway.ended()


async def test_a_change_is_shown_before_it_is_applied(launcher: Launcher, tmp_path: Path) -> None:
    """With another plugin the difference is shown and nothing written; --apply makes a revision."""
    async with ticket_system(TicketSystem()) as system:
        config = BASE + plugins("email", "webhook") + mailbox() + tickets(system.url)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            ann = Customer(address="ann@example.net", port=gateway.lmtp)
            await ann.write("one", subject="the door")
            await ann.write("two", words(random.Random(1)), subject="the window")
            for token in ("one", "two"):
                await system.ticket_of(token)
            assert ["same", "same"] == [one["outcome"] for one in await _replay(gateway)]

            await gateway.stop()
            path = tmp_path / "gateway.toml"
            path.write_text(path.read_text() + plugins(files=[PLUGINS / "shouting.py"]))
            await gateway.start()
            found = await _replay(gateway)
            assert ["changed", "changed"] == [one["outcome"] for one in found]
            assert found == await _replay(gateway), "looking changed something"
            [difference] = found[0]["differences"]
            assert ("subject", "the door", "THE DOOR") == (
                difference["field"], difference["before"], difference["after"],
            )  # fmt: skip

            applied = await _replay(gateway, "--apply")
            assert ["revised", "revised"] == [one["applied"] for one in applied]
            assert ["same", "same"] == [one["outcome"] for one in await _replay(gateway)]
            told = await gateway.command("why", found[0]["message"])
            assert "THE DOOR" == told["message"]["subject"]
            assert 1 == told["message"]["revision"]
