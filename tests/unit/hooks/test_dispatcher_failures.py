"""Plugins that fail, hang or are called in threads: what it costs them, and nobody else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from gateway.domain.answers import Hold
from gateway.errors import HookFailure
from tests.unit.hooks.doubles import (
    CONTACT,
    EVENT,
    MESSAGE,
    calls,
)


async def test_an_async_hook_has_a_deadline() -> None:
    """A hook that waits too long is cancelled and told of."""
    made = calls(
        {"slow": "@hookimpl\nasync def enrich_message(message): await asyncio.Event().wait()"},
        deadline=0.02,
    )
    assert (await made.hooks.enrich_message(MESSAGE)).value is MESSAGE
    assert ["plugin 'slow', hook enrich_message: ran past its deadline"] == made.told


async def test_a_plugins_own_timeout_is_not_taken_for_the_deadline() -> None:
    """A CRM that does not answer is told as such, from either colour."""
    made = calls(
        {
            "async": "@hookimpl\nasync def enrich_contact(contact): raise TimeoutError('CRM is slow')",
            "sync": "@hookimpl\ndef enrich_contact(contact): raise TimeoutError",
        }
    )
    await made.hooks.enrich_contact(CONTACT)
    assert [
        "plugin 'async', hook enrich_contact: OwnTimeout('CRM is slow')",
        "plugin 'sync', hook enrich_contact: OwnTimeout('something it waited for took too long')",
    ] == made.told


async def test_synchronous_hooks_run_in_a_thread() -> None:
    """The event loop goes on while a plain function works."""
    seen: list[str] = []
    release = threading.Event()
    made = calls(
        {
            "sync": """
                import threading
                @hookimpl
                def enrich_message(message):
                    release.wait(10)
                    seen.append(threading.current_thread().name)
            """
        },
        seen=seen,
        release=release,
    )
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(made.hooks.enrich_message(MESSAGE))
        await asyncio.sleep(0)
        release.set()  # only reached because the loop is free
    assert ["hook-1"] == seen
    made.dispatcher.close()


async def test_a_hanging_thread_is_abandoned_counted_and_its_plugin_suspended() -> None:
    """The gateway goes on without the plugin until the thread returns, and names it."""
    release = threading.Event()
    made = calls(
        {
            "hangs": """
                @hookimpl
                def enrich_message(message): release.wait(30)
            """,
            "well": """
                import msgspec
                @hookimpl
                def enrich_message(message):
                    return msgspec.structs.replace(message, language="en")
            """,
        },
        deadline=0.05,
        release=release,
    )
    assert "en" == (await made.hooks.enrich_message(MESSAGE)).value.language
    assert ["plugin 'hangs', hook enrich_message: ran past its deadline"] == made.told
    assert 1 == made.dispatcher.abandoned
    assert ["hangs"] == [suspension.plugin for suspension in made.suspensions]
    health = made.dispatcher.health()["hangs"]
    assert "plugin_suspended" == health.code
    assert health.reason.startswith("plugin 'hangs' is suspended: it hangs: hook enrich_message")

    made.clock.move(100_000)  # long after the suspension it is still not asked: it still hangs
    assert "en" == (await made.hooks.enrich_message(MESSAGE)).value.language
    assert 1 == made.dispatcher.abandoned

    release.set()
    limit = time.monotonic() + 10
    while made.dispatcher.abandoned and time.monotonic() < limit:  # noqa: ASYNC110 - the thread ends whenever it ends
        await asyncio.sleep(0.001)
    assert 0 == made.dispatcher.abandoned
    assert {} == made.dispatcher.health()
    made.dispatcher.close()


async def test_a_closed_hook_of_a_hanging_plugin_fails_at_once() -> None:
    """The message waits, and no further thread is given to the plugin."""
    release = threading.Event()
    made = calls(
        {"hangs": "@hookimpl\ndef redact_message(message): release.wait(30)"},
        deadline=0.05,
        release=release,
    )
    for _ in range(3):
        with pytest.raises(HookFailure):
            await made.hooks.redact_message(MESSAGE, "log")
    assert 1 == made.dispatcher.abandoned
    assert 1 == len(made.failures)
    release.set()


async def test_a_task_that_ignores_its_cancellation_is_given_up() -> None:
    """An except that is too broad cannot hold up the gateway either."""
    stop = asyncio.Event()
    made = calls(
        {
            "stubborn": """
                @hookimpl
                async def enrich_message(message):
                    while not stop.is_set():
                        try:
                            await stop.wait()
                        except BaseException:
                            pass
            """
        },
        deadline=0.02,
        stop=stop,
    )
    async with asyncio.timeout(5):
        await made.hooks.enrich_message(MESSAGE)
    assert ["plugin 'stubborn', hook enrich_message: ran past its deadline"] == made.told
    assert ["stubborn"] == list(made.dispatcher.health())
    stop.set()


async def test_repeated_failures_suspend_an_open_hook() -> None:
    """After five in a row it is left alone for 60 s, then tried once, then for twice as long."""
    counted: list[int] = []
    made = calls(
        {
            "broken": """
                @hookimpl
                async def enrich_message(message):
                    counted.append(1)
                    raise ValueError("down")
            """
        },
        counted=counted,
    )

    async def ask(times: int) -> int:
        counted.clear()
        for _ in range(times):
            await made.hooks.enrich_message(MESSAGE)
        return len(counted)

    assert 5 == await ask(8)
    (suspension,) = made.suspensions
    assert made.clock.moment + 60_000 == suspension.until
    assert "5 failures in a row: hook enrich_message ValueError('down')" == suspension.reason
    pauses = []
    for _ in range(8):
        made.clock.move((made.suspensions[-1].until - made.clock.moment) / 1000)
        assert 1 == await ask(3)
        pauses.append((made.suspensions[-1].until - made.clock.moment) // 1000)
    assert [120, 240, 480, 960, 1920, 3600, 3600, 3600] == pauses


async def test_a_success_ends_the_count() -> None:
    """Failures that are not in a row never suspend; after a recovery all is forgotten."""
    moods: list[bool] = []
    made = calls(
        {
            "moody": """
                @hookimpl
                async def enrich_message(message):
                    if not moods.pop(0):
                        raise ValueError("down")
            """
        },
        moods=moods,
    )
    moods += [False, False, False, False, True] * 3
    for _ in range(15):
        await made.hooks.enrich_message(MESSAGE)
    assert [] == made.suspensions
    moods += [False] * 5 + [True] + [False] * 4
    for _ in range(5):
        await made.hooks.enrich_message(MESSAGE)
    made.clock.move(60)
    for _ in range(5):
        await made.hooks.enrich_message(MESSAGE)
    assert 1 == len(made.suspensions)
    assert {} == made.dispatcher.health()


async def test_a_suspended_plugins_closed_hooks_are_still_called() -> None:
    """What must not be skipped is not skipped: the plugin may have recovered."""
    made = calls(
        {
            "half": """
                @hookimpl
                async def enrich_message(message): raise ValueError("down")
                @hookimpl
                async def redact_message(message, audience): return Hold(reason="seen")
            """
        }
    )
    for _ in range(5):
        await made.hooks.enrich_message(MESSAGE)
    assert 1 == len(made.suspensions)
    piped = await made.hooks.redact_message(MESSAGE, "log")
    assert piped.ended is not None
    assert Hold(reason="seen") == piped.ended.value


async def test_a_suspended_subscriber_is_to_be_told_again() -> None:
    """It is not called, and its place in the order of events does not move on."""
    made = calls({"broken": "@hookimpl\nasync def on_event(event): raise ValueError('x')"})
    for _ in range(5):
        await made.hooks.on_event(EVENT)
    with pytest.raises(HookFailure, match="PluginSuspended"):
        await made.hooks.tell("broken", EVENT)
    assert 5 == len(made.failures)


def test_a_hanging_hook_does_not_hold_up_the_exit() -> None:
    """A gateway that was told to stop stops, whatever a plugin's thread is doing."""
    program = """
        import asyncio
        from tests.unit.hooks.doubles import MESSAGE, calls
        async def main():
            made = calls(
                {"hangs": "@hookimpl\\ndef enrich_message(): import time; time.sleep(1000)"},
                deadline=0.01,
            )
            await made.hooks.enrich_message(MESSAGE)
            print(made.dispatcher.abandoned)
        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert (0, "1\n", "") == (done.returncode, done.stdout, done.stderr)
