"""Health and metrics as machines read them."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.domain.counts import Counts
from gateway.domain.health import Health, HealthState
from gateway.errors import StoreUnavailable
from gateway.web.probes import CountsReader
from tests.unit.web.client import Client
from tests.unit.web.world import World, serving


async def test_alive(client: Client) -> None:
    """The process says that it lives."""
    got = await client.get("/livez")
    assert (got.status, got.body) == (200, b"alive\n")


async def test_ready(client: Client) -> None:
    """A gateway whose parts are well is ready."""
    got = await client.get("/readyz")
    assert (got.status, got.json) == (
        200,
        {"process": "", "worker": 1, "status": "ready", "sick": []},
    )


async def test_sick_part_is_named_and_the_gateway_stays_ready(world: World) -> None:
    """A sick channel is named with its code and reason while the gateway goes on taking in."""
    services = world.services()
    health = Health(
        state="down", code="authentication_failed", reason="the password was refused: renew it"
    )
    services.board.report("channel/support", health)
    services.board.report("backend/desk", Health())
    async with serving(services) as client:
        got = await client.get("/readyz")
    assert (got.status, got.json) == (
        200,
        {
            "process": "",
            "worker": 1,
            "status": "degraded",
            "sick": [
                {
                    "part": "channel/support", "state": "down", "code": "authentication_failed",
                    "reason": "the password was refused: renew it",
                    "since": "2026-05-28T20:26:40Z",
                }
            ],
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "status", "word"),
    [
        ("down", 503, "unavailable"), ("stopped", 503, "unavailable"),
        ("degraded", 200, "degraded"), ("ok", 200, "ready"),
    ],
)  # fmt: skip
async def test_store_decides(world: World, state: HealthState, status: int, word: str) -> None:
    """Only a store that takes nothing in makes the gateway unavailable."""
    services = world.services()
    services.board.report("store", Health(state=state, code="disk_full", reason="the disk is full"))
    async with serving(services) as client:
        got = await client.get("/readyz")
    assert (got.status, got.json["status"]) == (status, word)


async def test_not_ready_until_started(world: World) -> None:
    """Until the start has finished the gateway is alive but not ready, and says so."""
    started = False
    async with serving(world.services(ready=lambda: started)) as client:
        before = await client.get("/readyz")
        assert (await client.get("/livez")).status == 200
        started = True
        after = await client.get("/readyz")
    assert (before.status, before.json["sick"][0]["reason"]) == (
        503, "the gateway is starting or stopping",
    )  # fmt: skip
    assert after.status == 200


async def test_gateway_names_itself_once(world: World) -> None:
    """A gateway that reported why it is not ready is named with that reason, and only once."""
    services = world.services(ready=lambda: False)
    services.board.report("gateway", Health(state="stopped", code="stopping", reason="draining"))
    async with serving(services) as client:
        got = await client.get("/readyz")
    assert (got.status, got.json["status"]) == (503, "unavailable")
    assert [(one["part"], one["reason"]) for one in got.json["sick"]] == [("gateway", "draining")]


async def test_metrics_hold_what_waits(world: World) -> None:
    """Metrics are Prometheus text, with gauges read from the store and the health board."""
    services = world.services()
    services.board.report("backend/rt", Health(state="down"))
    services.metrics.arrivals.labels("support").inc(3)
    async with serving(services) as client:
        got = await client.get("/metrics")
    assert got.headers["content-type"].startswith("text/plain; version=")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(got.text)
        for sample in family.samples
    }
    assert found["gateway_arrivals_accepted_total", "support"] == 3
    assert found["gateway_quarantine",] == 3
    assert found["gateway_deliveries", "backend/rt", "dead"] == 3
    assert found["gateway_part_up", "backend/rt"] == 0


async def test_counts_are_asked_at_most_every_two_seconds() -> None:
    """Many readers at once cost one question to the store."""
    asked = 0

    async def read() -> Counts:
        nonlocal asked
        asked += 1
        return Counts(arrivals_waiting=asked)

    reader = CountsReader(read)
    assert [1, 1, 1] == [(await reader.read()).arrivals_waiting for _ in range(3)]


async def test_metrics_without_a_store(world: World) -> None:
    """When the store does not answer, what was counted is still there."""
    services = world.services()
    services.metrics.conversations.inc(5)
    await world.store.close()
    async with serving(services) as client:
        got = await client.get("/metrics")
    assert got.status == 200
    assert "gateway_conversations_opened_total 5.0" in got.text


async def test_failing_store_is_noticed_again() -> None:
    """A failure is not remembered as an answer."""
    answers: list[Counts | Exception] = [StoreUnavailable("gone"), Counts(arrivals_waiting=4)]

    async def read() -> Counts:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    reader = CountsReader(read)
    with pytest.raises(StoreUnavailable):
        await reader.read()
    assert (await reader.read()).arrivals_waiting == 4


async def test_probes_are_logged_only_when_they_fail(world: World) -> None:
    """What is asked every few seconds fills the log only when something is wrong."""
    services = world.services()
    async with serving(services) as client:
        for path in ("/livez", "/readyz", "/metrics"):
            await client.get(path)
        assert world.log.lines == []
        services.board.report("store", Health(state="down", code="disk_full", reason="full"))
        await client.get("/readyz")
    assert [("health", 0), ("request", 503)] == [
        (event, facts.get("status", 0)) for _, event, facts in world.log.lines
    ]
