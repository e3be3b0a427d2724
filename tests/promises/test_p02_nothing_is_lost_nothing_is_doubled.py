"""Promise 2: nothing is lost, nothing is doubled; at any moment the gateway may be killed.

Four customers' mail servers send without a pause, each mail again and again until it was
acknowledged, and now and then an acknowledgement is lost on its way. The ticket system stores what
it gets and then loses one answer in five.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises.killing import (
    SEARCHABLE,
    WEBHOOK,
    BooksDiffer,
    kill_again_and_again,
)
from tests.promises.process import Launcher
from tests.promises.sabotage.builds import BUILDS
from tests.promises.ticket_system import SearchableSystem, TicketSystem

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
    system = SearchableSystem(loses=LOSES, dice=random.Random(seed))
    print(f"PROMISE_SEED={seed}")
    story = await kill_again_and_again(
        launcher, tmp_path, seed=seed, rounds=10, system=system, backend=SEARCHABLE
    )
    print(story.facts())
    story.check()
    assert story.system.answers_lost > 0


@pytest.fixture(params=sorted(BUILDS))
def sabotaged(request: pytest.FixtureRequest) -> Iterator[Launcher]:
    """Starts gateways that are broken on purpose."""
    launcher = Launcher(request.param)
    yield launcher
    launcher.close()


@pytest.mark.xdist_group("kill-more")
async def test_the_books_differ_for_a_sabotaged_gateway(
    sabotaged: Launcher, tmp_path: Path
) -> None:
    """The kill test notices each of three gateways that were broken on purpose."""
    with pytest.raises(BooksDiffer, match=sabotaged.fault):
        await _short_story(sabotaged, tmp_path)


@pytest.mark.xdist_group("kill-more")
async def test_the_books_agree_for_the_gateway_as_it_is(
    launcher: Launcher, tmp_path: Path
) -> None:
    """The same short story, with the same seed, passes when nothing was broken."""
    await _short_story(launcher, tmp_path)


async def _short_story(launcher: Launcher, folder: Path) -> None:
    """Kill six times, right after an acknowledgement was heard, with everything losing much."""
    story = await kill_again_and_again(
        launcher, folder, seed=7, rounds=6, backend=WEBHOOK, after_an_answer=True,
        system=TicketSystem(loses=0.5, dice=random.Random(7)),
    )  # fmt: skip
    print(story.facts())
    story.check()
