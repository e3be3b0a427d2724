"""Promise 2: nothing is lost, nothing is doubled; at any moment the gateway may be killed.

Four customers' mail servers send without a pause, each mail again and again until it was
acknowledged, and now and then an acknowledgement is lost on its way. The ticket system stores what
it gets and then loses one answer in five.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.promises.configs import BASE, QUICK_RETRIES, mailbox, plugins, tickets
from tests.promises.customers import customers
from tests.promises.killing import (
    BooksDiffer,
    kill_again_and_again,
    searchable,
)
from tests.promises.letters import Customer
from tests.promises.mails import mail
from tests.promises.process import Launcher, gateway_process
from tests.promises.senders import send_once
from tests.promises.ticket_system import SearchableSystem, TicketSystem, ticket_system

pytestmark = [pytest.mark.promise]
LOSES = 0.2


def _seed() -> int:
    """A fresh seed, unless one is to be tried again."""
    return int(os.environ.get("PROMISE_SEED", "") or random.SystemRandom().randrange(1 << 32))


@pytest.mark.xdist_group("kill")
@pytest.mark.timeout(400)
async def test_fifty_kills_lose_nothing_and_double_nothing(
    launcher: Launcher, tmp_path: Path
) -> None:
    """Every acknowledged mail is in exactly one entry of a ticket system that knows keys again."""
    seed = _seed()
    system = TicketSystem(loses=LOSES, dice=random.Random(seed))
    print(f"PROMISE_SEED={seed}")
    story = await kill_again_and_again(launcher, tmp_path, seed=seed, rounds=50, system=system)
    print(story.facts())
    story.check()
    assert 50 == story.kills
    assert story.system.answers_lost > 0, "the ticket system lost no answer: nothing was tried"
    assert sum(sender.lost_answers for sender in story.senders) > 0
    assert all(sender.acknowledged for sender in story.senders)


@pytest.mark.xdist_group("kill-more")
@pytest.mark.timeout(200)
async def test_a_ticket_system_that_can_only_be_searched_gets_nothing_twice(
    launcher: Launcher, tmp_path: Path
) -> None:
    """A backend without keys is asked whether it has an entry before one is sent again."""
    seed = _seed()
    system = SearchableSystem(loses=LOSES, fails=LOSES, dice=random.Random(seed))
    print(f"PROMISE_SEED={seed}")
    story = await kill_again_and_again(
        launcher, tmp_path, seed=seed, rounds=10, system=system, backend=searchable
    )
    print(story.facts())
    story.check()
    assert story.system.answers_lost > 0


FAULTS = {
    "acknowledge-before-commit": "lost: token",
    "send-again-without-key": "doubled: token",
    "no-redelivery-key": "doubled: token",
}


@pytest.fixture(params=sorted(FAULTS))
def sabotaged(request: pytest.FixtureRequest) -> Iterator[tuple[Launcher, str]]:
    """Starts gateways that are broken on purpose; and what the books must say of them."""
    launcher = Launcher(request.param)
    yield launcher, FAULTS[request.param]
    launcher.close()


async def test_a_search_that_fails_proves_nothing(launcher: Launcher, tmp_path: Path) -> None:
    """While the ticket system cannot be searched, nothing is sent again that may be there."""
    system = SearchableSystem(loses=1.0, fails=1.0)
    async with ticket_system(system):
        config = BASE + QUICK_RETRIES + plugins("email") + mailbox() + searchable(system)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            raw = mail("ann@example.net", "one\n", message_id="1@example.net")
            await send_once(gateway.lmtp, raw, sender="ann@example.net")
            await system.until(lambda: system.searches >= 4)
            system.loses = 0.0
            system.fails = 0.0
            before = system.searches
            await system.until(lambda: system.searches > before)
            raw = mail(
                "ann@example.net", "two\n", message_id="2@example.net",
                In_Reply_To="<1@example.net>",
            )  # fmt: skip
            await send_once(gateway.lmtp, raw, sender="ann@example.net")
            await system.until(lambda: "two" in system.tokens)
    assert ["one", "two"] == system.tokens


async def test_a_mail_without_an_id_is_answered(launcher: Launcher, tmp_path: Path) -> None:
    """Forms and scripts write without Message-ID: each such mail has its answer, also one that came
    twice, and the customer's answer to that stands in the same ticket.
    """
    async with ticket_system(TicketSystem()) as system, customers() as post:
        config = BASE + plugins("email", "webhook") + mailbox(relay=post.port)
        config += tickets(system.url)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            for token in ("one", "two", "one"):
                raw = mail("ann@example.net", f"{token}\n", message_id="")
                await send_once(gateway.lmtp, raw, sender="ann@example.net")
            found = [await system.ticket_of(token) for token in ("one", "two")]
            answer = EmailMessage()
            for number, ticket in enumerate(found, start=1):
                await system.reply(gateway.url, ticket, f"About {number}.", entry=str(number))
                answer = await post.mail_for("ann@example.net", count=number)
                assert f"About {number}." in answer.get_content()
                assert answer["In-Reply-To"] is None
            ann = Customer(address="ann@example.net", port=gateway.lmtp)
            await ann.write("three", answers=answer)
            assert found[1] == await system.ticket_of("three")
            await system.reply(gateway.url, found[1], "About 3.", entry="3")
            answer = await post.mail_for("ann@example.net", count=3)
            assert "<three@example.net>" == answer["In-Reply-To"]
            dead = await gateway.command("dead-letters", "list")
            assert [] == dead["items"]
    assert ["one", "two", "three"] == system.tokens


@pytest.mark.xdist_group("kill-more")
async def test_the_books_differ_for_a_sabotaged_gateway(
    sabotaged: tuple[Launcher, str], tmp_path: Path
) -> None:
    """The kill test notices each of three gateways that were broken on purpose."""
    launcher, fault = sabotaged
    with pytest.raises(BooksDiffer, match=fault):
        await _short_story(launcher, tmp_path)


@pytest.mark.xdist_group("kill-more")
async def test_the_books_agree_for_the_gateway_as_it_is(launcher: Launcher, tmp_path: Path) -> None:
    """The same short story, with the same seed, passes when nothing was broken."""
    await _short_story(launcher, tmp_path)


async def _short_story(launcher: Launcher, folder: Path) -> None:
    """Kill six times, right after an acknowledgement was heard, with everything losing much."""
    story = await kill_again_and_again(
        launcher, folder, seed=7, rounds=6, after_an_answer=True,
        system=TicketSystem(loses=0.5, dice=random.Random(7)),
    )  # fmt: skip
    print(story.facts())
    story.check()
