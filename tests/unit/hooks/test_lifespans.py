from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import HookFailure
from gateway.hooks.lifespans import lifespans
from tests.unit.hooks.doubles import load

SPAN = """
    from contextlib import asynccontextmanager
    @hookimpl
    @asynccontextmanager
    async def lifespan(gateway):
        log.append("open " + gateway)
        {opening}
        try:
            yield
        finally:
            {closing}
            log.append("close " + gateway)
"""


async def run(
    log: list[str], plugins: dict[str, str], *, body: str = "body", deadline: float = 5.0
) -> list[HookFailure]:
    """Open the lifespans of plugins around a block that notes its name."""
    loaded = load(plugins, log=log)
    assert [] == [plugin.fault for plugin in loaded.refused]
    failures: list[HookFailure] = []
    context_of: Any = str
    async with lifespans(
        loaded.implementations["lifespan"],
        context_of,
        on_failure=failures.append,
        deadline=deadline,
    ) as opened:
        log.append(f"{body} {' '.join(opened)}")
        if body == "raise":
            raise RuntimeError("the gateway fails")
    return failures


def span(opening: str = "pass", closing: str = "pass") -> str:
    """A plugin with a lifespan."""
    return SPAN.format(opening=opening, closing=closing)


async def test_they_open_in_order_and_close_in_reverse() -> None:
    """Each plugin has its own services while the gateway runs."""
    log: list[str] = []
    assert [] == await run(log, {"a": span(), "b": span()})
    assert ["open a", "open b", "body a b", "close b", "close a"] == log


async def test_one_that_cannot_open_is_left_out() -> None:
    """It is reported and the others run."""
    log: list[str] = []
    failures = await run(log, {"a": span(opening="raise ValueError('no')"), "b": span()})
    assert ["open a", "open b", "body b", "close b"] == log
    assert ["plugin 'a', hook lifespan: ValueError('no')"] == [str(each) for each in failures]


async def test_one_that_cannot_close_does_not_keep_the_others_open() -> None:
    """Every other plugin is closed, and the failure is reported."""
    log: list[str] = []
    failures = await run(log, {"a": span(), "b": span(closing="raise ValueError('no')")})
    assert ["open a", "open b", "body a b", "close a"] == log
    assert ["b"] == [each.plugin for each in failures]


async def test_both_ends_have_a_deadline() -> None:
    """A plugin that hangs in opening or closing is cancelled."""
    hang = "await asyncio.Event().wait()"
    log: list[str] = []
    failures = await run(
        log, {"a": span(opening=hang), "b": span(closing=hang), "c": span()}, deadline=0.02
    )
    assert ["open a", "open b", "open c", "body b c", "close c"] == log
    assert [
        "plugin 'a', hook lifespan: ran past its deadline",
        "plugin 'b', hook lifespan: ran past its deadline",
    ] == [str(each) for each in failures]


async def test_a_plugins_own_timeout_is_told_as_such() -> None:
    """It is not taken for the deadline."""
    failures = await run([], {"a": span(opening="raise TimeoutError('CRM is slow')")})
    assert ["plugin 'a', hook lifespan: OwnTimeout('CRM is slow')"] == [str(f) for f in failures]


async def test_they_close_when_the_gateway_fails() -> None:
    """The gateway's own error goes on, after everything was closed."""
    log: list[str] = []
    with pytest.raises(RuntimeError, match="the gateway fails"):
        await run(log, {"a": span(closing="raise ValueError('no')"), "b": span()}, body="raise")
    assert ["open a", "open b", "raise a b", "close b"] == log


async def test_what_is_no_context_manager_is_reported() -> None:
    """A plain function that gives nothing is fine, one that gives nonsense is reported."""
    failures = await run(
        [],
        {
            "none": "@hookimpl\ndef lifespan(gateway): return None",
            "odd": "@hookimpl\ndef lifespan(gateway): return 7",
        },
    )
    assert [
        (
            "plugin 'odd', hook lifespan: "
            "WrongAnswer('answered int, expected AbstractAsyncContextManager or None')"
        )
    ] == [str(each) for each in failures]
