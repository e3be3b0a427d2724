"""Several processes under load: what one takes in another does, whatever happens to them."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.pair import pair
from tests.integration.cluster.audit import audited
from tests.integration.cluster.town import Town, town, until, until_async
from tests.promises.killing import NAMES, Story
from tests.promises.mails import mail
from tests.promises.process import Launcher
from tests.promises.senders import Sender, send_once
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import start_postgres
from tests.servers.skipping import require

pytestmark = [pytest.mark.server("postgresql"), pytest.mark.xdist_group("cluster")]


@asynccontextmanager
async def written_to(here: Town, *, pause: float = 0.01) -> AsyncIterator[Story]:
    """Have four customers write around a block; afterwards everything is done, and booked."""
    dice = random.Random(7)
    senders = [
        Sender(name=name, port=here.lmtp, dice=random.Random(dice.random()), pause=pause)
        for name in NAMES
    ]
    story = Story(seed=7, senders=senders, system=here.tickets)
    async with asyncio.TaskGroup() as group:
        for sender in senders:
            group.create_task(sender.run())
        try:
            yield story
        finally:
            for sender in senders:
                sender.finish()
    sent = {token for sender in senders for token in sender.acknowledged}
    await until(
        lambda: sent <= set(here.tickets.tokens),
        why=lambda: f"{len(sent - set(here.tickets.tokens))} missing; {story.facts()}",
    )
    assert [] == story.faults(), story.facts()


def heard(story: Story) -> int:
    """How many mails were acknowledged so far."""
    return sum(len(sender.acknowledged) for sender in story.senders)


async def goes_on(story: Story, many: int = 20) -> None:
    """Wait until so many more mails were acknowledged."""
    before = heard(story)
    await until(lambda: heard(story) >= before + many, why=story.facts)


async def test_a_burst_from_one_sender_is_one_conversation_in_order(here: Town) -> None:
    """Mails of one sender that several processes take in at once are one ticket, in their order."""
    here.start("all", "--workers", "2")
    await here.balanced(2)
    first = "first@ann.example.net"
    tokens = [f"token-ann-{number:02d}" for number in range(40)]
    for number, token in enumerate(tokens):
        message_id = first if number == 0 else f"{token}@ann.example.net"
        headers = {} if number == 0 else {"In_Reply_To": f"<{first}>", "References": f"<{first}>"}
        raw = mail("ann@ann.example.net", f"{token}\n", message_id=message_id, **headers)
        answer = await send_once(here.lmtp, raw, sender="ann@ann.example.net")
        assert answer.startswith("250"), answer
    await here.tickets.until(lambda: len(here.tickets.entries) == 40, 60)
    assert tokens == here.tickets.tokens
    assert 1 == len({entry.ticket for entry in here.tickets.entries})
    for worker in (1, 2):  # both had their part in it
        _, metrics = await here.probe(worker, "/metrics")
        assert 'gateway_arrivals_accepted_total{source="support"}' in metrics


async def test_a_killed_worker_is_taken_over(here: Town) -> None:
    """Nothing acknowledged is lost or doubled when workers are killed under load."""
    here.start("all", "--workers", "3")
    await here.balanced(3)
    dice = random.Random(11)
    async with written_to(here) as story:
        for _ in range(3):
            await goes_on(story)
            ended = here.said("all", "worker.ended")
            gone = {one["pid"] for one in ended}
            started = [one["pid"] for one in here.said("all", "worker.started")]
            os.kill(dice.choice([pid for pid in started if pid not in gone]), signal.SIGKILL)
            await here.says("all", "worker.ended", len(ended) + 1)
        await goes_on(story)


async def test_a_paused_process_writes_nothing_when_it_wakes(here: Town) -> None:
    """Stopped for longer than its lease, under load, it writes for no partition of another's."""
    here.configure(probes=False)
    for name in ("one", "two"):
        here.start(name)
        await here.ready(name)
    async with audited(here.url) as audit:
        async with written_to(here) as story:
            for name, other in (("one", "two"), ("two", "one")):
                await goes_on(story)
                taken, lost = here.takeovers(other), len(here.said(name, "membership.lost"))
                os.kill(here.gateways[name].pid, signal.SIGSTOP)
                await here.takes_over(other, taken)
                os.kill(here.gateways[name].pid, signal.SIGCONT)
                await here.says(name, "membership.lost", lost + 1)
            await goes_on(story)
        assert [] == await audit.stale()
        assert {str(one.pid) for one in here.gateways.values()} == await audit.writers()
        assert await audit.writes() > 100


async def test_a_server_that_stops_under_load_costs_nothing(
    launcher: Launcher, tmp_path: Path, template_cache: Path
) -> None:
    """PostgreSQL is stopped as by a power cut: nothing false is acknowledged, and all goes on."""
    require("postgresql")
    with start_postgres(template_cache) as server:
        async with town(launcher, tmp_path, server.create_database()) as here:
            here.start("all", "--workers", "2")
            await here.balanced(2)
            async with written_to(here) as story:
                for _ in range(1):
                    await goes_on(story)
                    await asyncio.to_thread(server.crash)

                    async def unready() -> bool:
                        return all([(await here.probe(n, "/readyz"))[0] == 503 for n in (1, 2)])

                    await until_async(unready)
                    await asyncio.to_thread(server.start)

                    async def ready() -> bool:
                        return all([(await here.probe(n, "/readyz"))[0] == 200 for n in (1, 2)])

                    await until_async(ready)
                await goes_on(story)


async def test_a_standby_that_takes_over_costs_nothing(
    launcher: Launcher, tmp_path: Path, template_cache: Path
) -> None:
    """The server dies and its synchronous standby takes its place, twice, under load."""
    require("postgresql")
    async with (
        pair(template_cache) as servers,
        town(launcher, tmp_path, servers.create_database()) as here,
    ):
        here.start("all", "--workers", "2")
        await here.balanced(2)
        async with written_to(here) as story:
            for _ in range(2):
                await goes_on(story)
                await servers.fail_over()
            await goes_on(story)


IMAP = """
[channels.mailbox]
type = "email"
address = "ann@example.com"
trusted_authserv_ids = ["mx.example.com"]
imap = {{ host = "127.0.0.1", port = {port}, tls = "none", user = "{user}", password = "secret" }}
"""


@pytest.mark.server("dovecot")
async def test_a_mailbox_is_read_by_one_and_taken_over(
    here: Town, dovecot: Dovecot, mail_domain: str
) -> None:
    """One process reads it; when that is killed the other one goes on where it was."""
    user = f"box-{mail_domain.partition('.')[0]}"
    here.configure(IMAP.format(port=dovecot.imap_port, user=user), probes=False)
    for name in ("one", "two"):
        here.start(name)
    await here.ready("one", "two")

    async def arrives(token: str) -> None:
        raw = mail("ann@ann.example.net", f"{token}\n", message_id=f"{token}@ann.example.net")
        await asyncio.to_thread(dovecot.append, user, raw)
        await here.tickets.ticket_of(token, 60)

    def reader() -> str:
        """Who lives and has the mailbox."""
        having = []
        for name, one in here.gateways.items():
            gained, lost = (
                [said for said in here.said(name, event) if said["part"] == "channel/mailbox"]
                for event in ("ownership.gained", "ownership.lost")
            )
            having += [name] if one.pid and len(gained) > len(lost) else []
        [name] = having
        return name

    await arrives("token-one")
    here.gateways[reader()].kill()
    await arrives("token-two")
    assert here.gateways[reader()].pid
    assert ["token-one", "token-two"] == here.tickets.tokens
