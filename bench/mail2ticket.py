"""Mail by LMTP becomes a ticket in the desk: 2,000 plain mails of 5 KiB and 200 of 50 KiB.

Peers read the first mails of the same batch in the same round, and what only their start costs is
taken off. Processor time counts the gateway's whole process and is what other load on the machine
disturbs least.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench import peers as other
from bench.figures import Figure, Options, Series, median
from bench.lmtp import send_all
from bench.mails import mails
from bench.process import free_port, gateway

CONFIG = """
[gateway]
log_level = "warning"
[web]
listen = "127.0.0.1:{web}"
[plugins.email]
[plugins.desk]
[backends.desk]
type = "desk"
[channels.support]
type = "email"
address = "support@example.com"
[channels.support.lmtp]
port = {lmtp}
"""
DELIVERED = 'gateway_delivery_seconds_count{target="backend/desk"}'
PLAIN, WITH_FILES, CONNECTIONS = 2000, 200, 16
PEER_MAILS = 61
GOALS = {"roundup-mailgw": 50.0, "django-helpdesk": 20.0}
SETTLE_SECONDS = 3.0  # the language models are read after the start


class Took(NamedTuple):
    """What a number of mails took.

    Args:
        acknowledged, delivered: seconds until all of them were.
        processor: seconds of one processor that were used.
    """

    mails: int
    acknowledged: float
    delivered: float
    processor: float

    @property
    def cost(self) -> float:
        """Milliseconds of one processor a mail."""
        return self.processor / self.mails * 1000


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Measure, and compare with peers on the same mails if they are asked for."""
    plain: list[Took] = []
    files: list[Took] = []
    peers: dict[str, list[Took]] = {}
    for number in range(1, (options.rounds or 1) + 1):
        batch = mails(options.amount(PLAIN), 5 * 1024, number)
        plain.append(await _measure(batch))
        if options.peers:
            for name, took in (await asyncio.to_thread(other.measure, batch[:PEER_MAILS])).items():
                peers.setdefault(name, []).append(
                    Took(took.mails, took.seconds, took.seconds, took.processor)
                )
        large = mails(options.amount(WITH_FILES), 50 * 1024, 50 + number, html=True)
        files.append(await _measure(large))
    figures = [*_own("plain mails of 5 KiB", plain), *_own("mails of 50 KiB with a file", files)]
    for name, theirs in peers.items():
        figures += _over(name, plain, theirs)
    return figures, []


def _own(name: str, rounds: list[Took]) -> list[Figure]:
    return [
        median(
            f"{name}: to tickets", [one.mails / one.delivered for one in rounds], unit="a second"
        ),
        median(
            f"{name}: acknowledged",
            [one.mails / one.acknowledged for one in rounds],
            unit="a second",
        ),
        median(f"{name}: processor time a mail", [one.cost for one in rounds], unit="ms"),
    ]


def _over(name: str, ours: list[Took], theirs: list[Took]) -> list[Figure]:
    """Compare round by round."""
    pairs = list(zip(ours, theirs, strict=True))
    rates = [(a.mails / a.delivered) / (b.mails / b.delivered) for a, b in pairs]
    return [
        median(f"tickets a second over {name}", rates, goal=GOALS.get(name)),
        median(f"processor time a mail, {name} over ours", [b.cost / a.cost for a, b in pairs]),
        median(f"{name}: to tickets", [b.mails / b.delivered for _, b in pairs], unit="a second"),
        median(f"{name}: processor time a mail", [b.cost for _, b in pairs], unit="ms"),
    ]


async def _measure(batch: list[bytes]) -> Took:
    web, lmtp = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = CONFIG.format(web=web, lmtp=lmtp)
        async with gateway(Path(folder), config, web) as running:
            await asyncio.sleep(SETTLE_SECONDS)
            used, began = running.processor, time.perf_counter()
            await send_all(lmtp, batch, connections=CONNECTIONS)
            acknowledged = time.perf_counter() - began
            await running.reaches(DELIVERED, len(batch))
            return Took(
                mails=len(batch),
                acknowledged=acknowledged,
                delivered=time.perf_counter() - began,
                processor=running.processor - used,
            )
