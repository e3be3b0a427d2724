"""`gateway run --workers N`: processes that share the addresses, the work and their end."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress

import pytest

from tests.integration.cluster.town import Town, until, until_async

pytestmark = [pytest.mark.server("postgresql"), pytest.mark.xdist_group("cluster")]


def runs(pid: int) -> bool:
    """Whether a process is there."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def test_workers_share_the_work_and_one_that_dies_is_replaced(here: Town) -> None:
    """Each says who it is and holds a fair share; the killed one's goes on, and it comes back."""
    here.start("all", "--workers", "3")
    await here.balanced(3)
    told = [json.loads((await here.probe(n, "/readyz"))[1]) for n in (1, 2, 3)]
    assert [1, 2, 3] == [one["worker"] for one in told]
    assert 3 == len({one["process"] for one in told})
    victim = here.said("all", "worker.started")[1]["pid"]
    os.kill(victim, signal.SIGKILL)
    await until(lambda: here.said("all", "worker.ended"))
    await until(lambda: len(here.said("all", "worker.started")) == 4)
    await here.balanced(3)
    began = time.monotonic()
    assert 0 == await here.gateways["all"].stop(20)
    assert time.monotonic() - began < 10


async def test_no_worker_is_left_behind(here: Town) -> None:
    """When the process that started them is killed, the workers end by themselves."""
    first = here.start("all", "--workers", "2")
    await until(lambda: len(here.said("all", "gateway.ready")) == 2, why=lambda: here.tail("all"))
    pids = [one["pid"] for one in here.said("all", "worker.started")]
    os.kill(first.pid, signal.SIGKILL)
    await until(lambda: not any(runs(pid) for pid in pids))


async def test_they_stop_within_ten_seconds_though_one_hangs(here: Town) -> None:
    """A worker that does not stop is killed."""
    first = here.start("all", "--workers", "2")
    await until(lambda: len(here.said("all", "gateway.ready")) == 2, why=lambda: here.tail("all"))
    hanging = here.said("all", "worker.started")[0]["pid"]
    os.kill(hanging, signal.SIGSTOP)
    began = time.monotonic()
    assert 0 == await first.stop(25)
    assert time.monotonic() - began < 12
    assert [1] == here.said("all", "worker.killed")[0]["workers"]


async def test_processes_of_their_own_share_as_well(here: Town) -> None:
    """Separate `gateway run` on one config listen on the same addresses."""
    here.configure(probes=False)
    for name in ("one", "two"):
        here.start(name)
    await here.ready("one", "two")
    told: set[str] = set()

    async def both() -> bool:
        _, answer = await here.gateways["one"].get("/readyz")
        told.add(answer["process"])
        return len(told) == 2

    await until_async(both)


async def test_workers_need_postgresql(here: Town) -> None:
    """On an embedded database several processes are refused, with what to do."""
    config = here.folder / "gateway.toml"
    config.write_text(config.read_text().replace(here.url, "sqlite:///g.db"))
    gateway = here.start("all", "--workers", "2")
    assert 7 == await gateway.wait(30)
    assert "--workers needs PostgreSQL" in here.tail("all")
    config.write_text(
        config.read_text()
        .replace("sqlite:///g.db", here.url)
        .replace(f'listen = "127.0.0.1:{here.port}"', 'listen = "127.0.0.1:0"')
    )
    gateway = here.start("all", "--workers", "2")
    assert 7 == await gateway.wait(30)
    assert "needs a port that all of them share" in here.tail("all")
