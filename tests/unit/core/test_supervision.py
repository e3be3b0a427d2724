"""Parts that fall are started again and say how they are; what must run once runs once."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core import supervision
from gateway.core.health import HealthBoard
from gateway.core.supervision import Supervisor
from gateway.domain.health import Health
from gateway.errors import AuthenticationFailed, StoreBroken, Unreachable
from gateway.testing.clock import FakeClock
from tests.unit.core.workshop import ListLog, until


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pauses short enough for tests."""
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.005)
    monkeypatch.setattr(supervision, "WELL_AGAIN_SECONDS", 0.02)


class Stage:
    """A supervisor with its board and what it said."""

    def __init__(self) -> None:
        self.log = ListLog()
        self.board = HealthBoard(FakeClock(), self.log)
        self.broken: list[BaseException] = []
        self.runs = 0
        self.supervisor = Supervisor(
            board=self.board, log=self.log, random=lambda: 0.5, on_broken=self.broken.append
        )

    def pauses(self) -> list[float]:
        """The pauses it announced."""
        return [facts["again_in"] for event, facts in self.log.lines if event == "part.failed"]


@pytest.fixture
async def stage() -> Stage:
    """A stage with nobody on it."""
    return Stage()


async def test_falls_are_followed_by_longer_and_longer_pauses(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that keeps falling is started again with back-off, up to a limit."""
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(supervision, "LONGEST_PAUSE", 0.2)

    async def run() -> None:
        stage.runs += 1
        raise RuntimeError("ouch")

    stage.supervisor.start("part", run)

    async def often() -> bool:
        return stage.runs >= 4

    await until(often)
    await stage.supervisor.stop()
    assert [0.1, 0.2, 0.2] == stage.pauses()[:3]
    assert ("down", "failed", "RuntimeError: ouch") == (
        stage.board.sick["part"].state, stage.board.sick["part"].code, stage.board.sick["part"].reason,
    )  # fmt: skip


async def test_part_that_runs_again_is_well_again(stage: Stage) -> None:
    """A part that fell once is not called sick for ever."""

    async def run() -> None:
        stage.runs += 1
        if stage.runs == 1:
            raise Unreachable("the server is away", code="refused")
        await asyncio.Event().wait()

    stage.supervisor.start("part", run)

    async def sick() -> bool:
        return "part" in stage.board.sick

    async def well() -> bool:
        return stage.runs == 2 and not stage.board.sick

    await until(sick)
    assert ("refused", "the server is away") == (
        stage.board.sick["part"].code, stage.board.sick["part"].reason,
    )  # fmt: skip
    await until(well)
    await stage.supervisor.stop()


async def test_what_a_part_says_itself_stands(stage: Stage) -> None:
    """A part that came up and says that it is degraded is not overruled."""

    async def run() -> None:
        stage.runs += 1
        if stage.runs == 1:
            raise RuntimeError("ouch")
        stage.board.report("part", Health(state="degraded", code="slow"))
        await asyncio.sleep(0.05)
        stage.runs = 10
        await asyncio.Event().wait()

    stage.supervisor.start("part", run)

    async def up() -> bool:
        return stage.runs == 10

    await until(up)
    assert "slow" == stage.board.sick["part"].code
    await stage.supervisor.stop()


async def test_refused_credentials_are_not_hammered(stage: Stage) -> None:
    """Wrong credentials are tried again after a minute at the earliest."""

    async def run() -> None:
        raise AuthenticationFailed("the password was refused")

    stage.supervisor.start("part", run)

    async def fell() -> bool:
        return bool(stage.pauses())

    await until(fell)
    await stage.supervisor.stop()
    assert [60.0] == stage.pauses()
    assert "authentication_failed" == stage.board.sick["part"].code


async def test_broken_store_ends_everything(stage: Stage) -> None:
    """A broken store is reported once, and the part is not started again."""
    error = StoreBroken("fsync failed")

    async def run() -> None:
        stage.runs += 1
        raise error

    stage.supervisor.start("part", run)

    async def told() -> bool:
        return bool(stage.broken)

    await until(told)
    assert ([error], 1) == (stage.broken, stage.runs)
    await stage.supervisor.stop()


async def test_one_part_falls_alone(stage: Stage) -> None:
    """Others go on, and stopping waits until each has cleaned up."""
    ended = []

    async def falls() -> None:
        raise RuntimeError("ouch")

    async def goes_on() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("tidy")

    stage.supervisor.start("weak", falls)
    stage.supervisor.start("strong", goes_on)

    async def fell() -> bool:
        return bool(stage.pauses())

    await until(fell)
    await stage.supervisor.stop(["strong", "never started"])
    assert ["tidy"] == ended
    await stage.supervisor.stop()


async def test_stubborn_part_is_named_when_stopping(stage: Stage) -> None:
    """Stopping ends in time although a part will not."""
    gate = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await gate.wait()

    stage.supervisor.start("part", stubborn)
    await asyncio.sleep(0)
    await stage.supervisor.stop(seconds=0.01)
    assert ("stop.late", {"part": "part"}) in stage.log.lines
    gate.set()
    await asyncio.sleep(0)
